//! BALD: Bayesian active learning by disagreement (Houlsby et al. 2011), for many labels.
//!
//! The classifier is asked several times, each time with other parts of its head dropped out. Where each pass is
//! sure and they contradict each other, a label would tell which of them is right; where all of them are unsure,
//! it would not. See the crate's README for the formula, choices and departures.

#![forbid(unsafe_code)]

pub mod entropies;

use alhost_plugin_api::features::MC_PROBABILITIES;
use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::rows::check_finite;
use rayon::prelude::*;

use entropies::Entropies;

/// Texts that are scored before the user is asked whether to go on: about a tenth of a second.
const BLOCK: usize = 4096;
/// Information below this is rounding, and counts as 0.
const NONE: f64 = 1e-12;

#[derive(Params)]
pub struct BaldParams {
    /// Passes through the classifier's head with dropout.
    #[param(default = 10, min = 2)]
    passes: u32,
}

pub struct Bald {
    passes: u32,
    entropies: Entropies,
}

impl Strategy for Bald {
    type Params = BaldParams;

    fn new(params: BaldParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { passes: params.passes, entropies: Entropies::new() })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let passes = ctx.mc_probabilities(ctx.pool(), self.passes)?; // [pool, passes * labels]
        check_finite(passes, "probabilities under dropout", ctx.pool())?;
        let mut scores = Vec::with_capacity(passes.n_rows());
        while scores.len() < passes.n_rows() {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            let block = scores.len()..passes.n_rows().min(scores.len() + BLOCK);
            let of = |text| information(passes.row(text), ctx.n_labels(), &self.entropies);
            scores.par_extend(block.into_par_iter().map(of));
            ctx.progress(scores.len() as u64, passes.n_rows() as u64);
        }
        Ok(Selection::highest(ctx.pool(), scores, n))
    }
}

/// What the labels of a text would tell of the passes, in bits: the sum over labels of the entropy of the mean
/// probability minus the mean entropy. `passes` has the probabilities of all labels, pass after pass.
pub fn information(passes: &[f32], n_labels: usize, entropies: &Entropies) -> f64 {
    let n_passes = passes.len().checked_div(n_labels).unwrap_or(0) as f64;
    // Of each label the sums over passes of probability and entropy. Passes are read as they lie in memory.
    let mut sums = vec![(0.0, 0.0); n_labels];
    for pass in passes.chunks_exact(n_labels.max(1)) {
        for ((sum, entropy), &p) in sums.iter_mut().zip(pass) {
            *sum += f64::from(p);
            *entropy += entropies.of(f64::from(p));
        }
    }
    // Label by label, since the difference of two large sums would not be 0 for passes that agree.
    let of = |(sum, entropy): (f64, f64)| entropies.of(sum / n_passes) - entropy / n_passes;
    let information: f64 = sums.into_iter().map(of).sum();
    if information < NONE { 0.0 } else { information }
}

export_strategy!(
    Bald,
    id = "bald",
    summary = "texts on whose labels passes with dropout disagree",
    citation = "Houlsby, Huszar, Ghahramani and Lengyel, arXiv:1112.5745, 2011",
    // The passes are drawn by the host.
    needs = [MC_PROBABILITIES],
);

#[cfg(test)]
mod tests;
