//! CAL: contrastive active learning (Margatina et al. 2021), for many labels.
//!
//! A text is labeled if the classifier judges it otherwise than the labeled texts next to it. See the crate's
//! README for choices and departures.
//!
//! 1. [`neighbors`]: the labeled texts nearest to each text;
//! 2. [`divergence`]: how much their probabilities differ from its own.

#![forbid(unsafe_code)]

pub mod divergence;
pub mod neighbors;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::labels;
use alhost_plugin_kit::rows::{UnitRows, check_finite};
use alhost_plugin_kit::vectors::Representation;
use rayon::prelude::*;

use divergence::Divergence;
use neighbors::Search;

/// Texts between two questions whether the user wants to stop.
const TEXTS: usize = 2048;

#[derive(Params)]
pub struct CalParams {
    /// Labeled texts that a text is compared with: the nearest, or all where there are fewer.
    #[param(default = 10, min = 1)]
    neighbors: usize,
    /// What decides which labeled texts are near.
    #[param(default = "features")]
    representation: Representation,
}

pub struct Cal {
    params: CalParams,
}

impl Strategy for Cal {
    type Params = CalParams;

    fn new(params: CalParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        if n == 0 || ctx.pool().is_empty() {
            return Ok(Selection::ranked(Vec::new()));
        }
        labels::need_labeled(ctx, "CAL compares texts with labeled ones")?;
        let probabilities = fetch(ctx, |ids| ctx.probabilities(ids), "probabilities")?;
        let vectors = fetch(ctx, |ids| self.params.representation.of(ctx, ids), "vectors")?;
        let (pool, labeled) = (UnitRows::new(vectors.pool), UnitRows::new(vectors.labeled));
        let search = Search::new(&labeled, self.params.neighbors);
        let divergence = Divergence::new(probabilities.labeled);

        let mut scores = Vec::with_capacity(pool.len());
        while scores.len() < pool.len() {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            let texts = scores.len()..(scores.len() + TEXTS).min(pool.len());
            let nearest = search.nearest(&pool, texts.clone());
            let score = |(text, nearest): (usize, &[u32])| {
                divergence.mean_from(probabilities.pool.row(text), nearest)
            };
            let nearest = nearest.par_chunks(search.k());
            scores.par_extend(texts.into_par_iter().zip(nearest).map(score));
            ctx.progress(scores.len() as u64, pool.len() as u64);
        }
        Ok(Selection::highest(ctx.pool(), scores, n))
    }
}

/// A feature of all texts.
struct Fetched<'a> {
    pool: Matrix<'a>,
    labeled: Matrix<'a>,
}

/// Fetches a feature of all texts, and refuses numbers that are not finite.
fn fetch<'a>(
    ctx: &Context<'_>,
    feature: impl Fn(&[DocId]) -> Result<Matrix<'a>>,
    what: &str,
) -> Result<Fetched<'a>> {
    let checked = |ids: &[DocId]| {
        let matrix = feature(ids)?;
        check_finite(matrix, what, ids).map(|()| matrix)
    };
    Ok(Fetched { pool: checked(ctx.pool())?, labeled: checked(ctx.labeled().ids())? })
}

export_strategy!(
    Cal,
    id = "cal",
    summary = "texts judged otherwise than the labeled texts next to them",
    citation = "Margatina et al., EMNLP 2021",
    needs = [PROBABILITIES, FEATURES, EMBEDDING],
    stochastic = false,
);

#[cfg(test)]
mod tests;
