//! `TypiClust` (Hacohen et al. 2022): texts are clustered, and from each cluster, those without labeled texts
//! first, the text is taken that has the nearest neighbors. The classifier is not asked, so this can choose the
//! initial set. See the crate's README for choices and departures.
//!
//! 1. the host's k-means;
//! 2. [`clusters`]: the order in which clusters are visited;
//! 3. [`typicality`]: the text that a visit takes.

#![forbid(unsafe_code)]

pub mod clusters;
pub mod typicality;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::ranking;
use alhost_plugin_kit::rows::UnitRows;
use alhost_plugin_kit::vectors::{Encoder, Pool, embeddings};

use clusters::Visits;
use typicality::most_typical;

#[derive(Params)]
pub struct TypiclustParams {
    /// Encoder whose vectors are clustered: as it was before any training, or as trained in this round.
    #[param(default = "pretrained")]
    encoder: Encoder,
    /// Vector of a text: the mean over its tokens, or the state of [CLS].
    #[param(default = "mean")]
    pool: Pool,
    /// Clusters at most; as many as there are texts labeled and wanted, if these are fewer.
    #[param(default = 500, min = 1)]
    max_clusters: u32,
    /// Neighbors at most that say how typical a text is.
    #[param(default = 20, min = 1)]
    neighbors: u32,
}

pub struct Typiclust {
    params: TypiclustParams,
}

impl Strategy for Typiclust {
    type Params = TypiclustParams;

    fn new(params: TypiclustParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let TypiclustParams { encoder, pool, max_clusters, neighbors } = self.params;
        let unlabeled = UnitRows::new(embeddings(ctx, ctx.pool(), encoder, pool)?);
        let labeled = UnitRows::new(embeddings(ctx, ctx.labeled().ids(), encoder, pool)?);
        let clusters = {
            let n_rows = unlabeled.len() + labeled.len();
            let k = (max_clusters as usize).min(labeled.len() + n).min(n_rows);
            let mut rows = unlabeled.to_f32();
            rows.extend(labeled.to_f32());
            let rows = Matrix::new(&rows, n_rows, unlabeled.n_cols());
            alhost_plugin_kit::clusters::labels(ctx, rows, k)?
        };
        pick(ctx, &unlabeled, clusters, n, neighbors as usize)
    }
}

/// Takes `n` texts, a visit each. `clusters` is of the unlabeled rows, then of the labeled ones.
fn pick(
    ctx: &Context<'_>,
    unlabeled: &UnitRows<'_>,
    clusters: &[u32],
    n: usize,
    neighbors: usize,
) -> Result<Selection> {
    let mut visits = Visits::new(clusters, unlabeled.len());
    let (mut picks, mut scores) = (Vec::with_capacity(n), Vec::with_capacity(n));
    while picks.len() < n {
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let free = visits.next_cluster();
        let (place, typicality) = most_typical(ctx, unlabeled, free, neighbors)?;
        picks.push(free.remove(place));
        scores.push(typicality);
        ctx.progress(picks.len() as u64, n as u64);
    }
    let ids = picks.iter().map(|&row| row as u32).collect::<Vec<_>>();
    Ok(ranking::scored(ctx, &ids, &scores))
}

export_strategy!(
    Typiclust,
    id = "typiclust",
    summary = "a typical text of each cluster that has no labeled one",
    citation = "Hacohen, Dekel and Weinshall, ICML 2022",
    needs = [EMBEDDING, KMEANS, NEAREST],
    stochastic = true,
);

#[cfg(test)]
mod tests;
