//! FALCUN: a simple and efficient deep active learning strategy (Gilhuber et al. 2024), for many labels.
//!
//! Texts are drawn one after the other, the sooner the more their labels are in doubt and the farther their
//! probabilities lie from those of the texts drawn before. See the crate's README for choices and departures.

#![forbid(unsafe_code)]

pub mod drawing;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::doubt::{Aggregate, Measure};
use alhost_plugin_kit::{ranking, rows};
use rayon::prelude::*;

use drawing::Drawing;

#[derive(Params)]
pub struct FalcunParams {
    /// Labels whose doubt counts: the largest of a text.
    #[param(default = 10, min = 1)]
    top: usize,
    /// Power of doubt plus distance that a text is drawn in proportion to; 0 draws all alike.
    #[param(default = 10, min = 0, max = 100)]
    gamma: f64,
}

pub struct Falcun {
    params: FalcunParams,
}

impl Strategy for Falcun {
    type Params = FalcunParams;

    fn new(params: FalcunParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let (pool, n) = (ctx.pool(), n.min(ctx.pool().len()));
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let probabilities = ctx.probabilities(pool)?;
        rows::check_finite(probabilities, "probabilities", pool)?;

        let doubts = doubts(probabilities, self.params.top);
        let mut drawing = Drawing::new(probabilities, &doubts, self.params.gamma);
        let mut uniforms = ctx.rng("picks");
        let mut picks = Vec::with_capacity(n);
        while picks.len() < n {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            picks.push(drawing.pick(uniforms.f64()));
            ctx.progress(picks.len() as u64, n as u64);
        }
        Ok(ranking::selection(ctx, picks))
    }
}

/// The doubt about each text: the mean of the `top` largest margins 1 - |2p - 1| of its labels.
pub fn doubts(probabilities: Matrix<'_>, top: usize) -> Vec<f64> {
    let doubt = |text| Aggregate::TopUncertain.of(Measure::Margin, probabilities.row(text), top);
    (0..probabilities.n_rows()).into_par_iter().with_min_len(256).map(doubt).collect()
}

export_strategy!(
    Falcun,
    id = "falcun",
    summary = "doubtful texts, drawn apart from each other",
    citation = "Gilhuber et al., ECML PKDD 2024",
    needs = [PROBABILITIES],
    stochastic = true,
);

#[cfg(test)]
mod tests;
