//! `ProbCover` (Yehuda et al. 2022): every text covers those within a radius, and the next text is the one that
//! covers most that no labeled one does. The classifier is not asked, so this can choose the initial set. See
//! the crate's README for choices and departures.
//!
//! 1. [`radius`]: the radius, where none is given;
//! 2. the host's greedy cover.

#![forbid(unsafe_code)]

pub mod radius;

use alhost_plugin_api::prelude::*;
use alhost_plugin_api::services::KernelGreedy;
use alhost_plugin_kit::ranking;
use alhost_plugin_kit::vectors::{Encoder, Pool, embeddings};

#[derive(Params)]
pub struct ProbcoverParams {
    /// Encoder whose vectors are compared: as it was before any training, or as trained in this round.
    #[param(default = "pretrained")]
    encoder: Encoder,
    /// Vector of a text: the mean over its tokens, or the state of [CLS].
    #[param(default = "mean")]
    pool: Pool,
    /// Radius of a ball around a text; vectors have length 1. If it is not given, the largest radius whose
    /// balls are pure.
    #[param(min = 0.001, max = 2)]
    delta: Option<f64>,
    /// Share of balls whose texts must be of one cluster, where the radius is not given.
    #[param(default = 0.95, min = 0.5, max = 1)]
    purity: f64,
}

pub struct Probcover {
    params: ProbcoverParams,
}

impl Strategy for Probcover {
    type Params = ProbcoverParams;

    fn new(params: ProbcoverParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let ProbcoverParams { encoder, pool, delta, purity } = self.params;
        let unlabeled = embeddings(ctx, ctx.pool(), encoder, pool)?;
        let labeled = embeddings(ctx, ctx.labeled().ids(), encoder, pool)?;
        let delta = match delta {
            Some(delta) => delta,
            None => radius::largest_pure(ctx, unlabeled, labeled, n, purity)?,
        };
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let found = cover(ctx, unlabeled, labeled, n, delta)?;
        let share = 100.0 * found.coverage;
        ctx.info(&format!("{share:.1}% of texts are within {delta:.2} of a labeled one"));
        Ok(ranking::scored(ctx, found.picks, found.gains))
    }
}

/// The `n` rows whose balls hold, one after the other, most rows that are in no ball of `labeled` or a row
/// before.
fn cover<'a>(
    ctx: &'a Context<'_>,
    unlabeled: Matrix<'_>,
    labeled: Matrix<'_>,
    n: usize,
    delta: f64,
) -> Result<KernelGreedy<'a>> {
    let rule = GreedyRule::Ball { delta };
    let options = KernelGreedyOptions { k: n, rule, normalize: true };
    ctx.kernel_greedy(unlabeled, labeled, None, &options)
}

export_strategy!(
    Probcover,
    id = "probcover",
    summary = "texts within whose radius most are that no labeled text is near to",
    citation = "Yehuda et al., NeurIPS 2022",
    needs = [EMBEDDING, KERNEL_GREEDY, KMEANS, NEAREST],
    // Clusters, and with them the radius, follow from the seed.
    stochastic = true,
);

#[cfg(test)]
mod tests;
