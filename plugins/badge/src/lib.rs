//! BADGE: batch active learning by diverse gradient embeddings (Ash et al. 2020), for many labels.
//!
//! Every text has the gradient that it would give the last layer, if what is predicted of it were right: long
//! where the classifier doubts, and alike for texts that teach the same. The seeding of k-means++ picks long
//! ones that lie apart. See the crate's README for choices and departures.
//!
//! 1. [`gradients`]: lengths of the gradients and distances between them, without building one;
//! 2. [`seeding`]: the picks.

#![forbid(unsafe_code)]

pub mod gradients;
pub mod seeding;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::{labels, ranking, rows};

use gradients::Gradients;
use seeding::Seeding;

/// Nothing to set.
#[derive(Params)]
pub struct BadgeParams;

pub struct Badge;

impl Strategy for Badge {
    type Params = BadgeParams;

    fn new(_params: BadgeParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self)
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let (pool, n) = (ctx.pool(), n.min(ctx.pool().len()));
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let threshold = labels::threshold(ctx)?;
        let probabilities = ctx.probabilities(pool)?;
        let features = ctx.features(pool)?;
        rows::check_finite(probabilities, "probabilities", pool)?;
        rows::check_finite(features, "features", pool)?;

        let gradients = Gradients::new(probabilities, features, threshold);
        let mut seeding = Seeding::new(&gradients);
        let mut uniforms = ctx.rng("picks");
        let mut picks = Vec::with_capacity(n);
        while picks.len() < n {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            picks.push(seeding.pick(uniforms.f64()));
            ctx.progress(picks.len() as u64, n as u64);
        }
        Ok(ranking::selection(ctx, picks))
    }
}

export_strategy!(
    Badge,
    id = "badge",
    summary = "long and different gradients of the last layer",
    citation = "Ash et al., ICLR 2020",
    needs = [PROBABILITIES, FEATURES],
    stochastic = true,
);

#[cfg(test)]
mod tests;
