//! Label-seeking: texts that probably carry labels of which few examples are labeled.
//!
//! A label is worth the more, the fewer labeled texts carry it. A text is worth what its labels are expected to
//! be, and once it is picked, its labels count as seen with their probabilities: so a batch does not fetch the
//! same rare label a hundred times. See the crate's README for the formula, choices and departures.

#![forbid(unsafe_code)]

pub mod seeking;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::labels;
use alhost_plugin_kit::rows::check_finite;

use seeking::{Seeking, Unseen};

#[derive(Params)]
pub struct LabelSeekingParams {
    /// Worth of a label that no labeled text carries.
    #[param(default = "zero")]
    unseen: Unseen,
}

pub struct LabelSeeking {
    params: LabelSeekingParams,
}

impl Strategy for LabelSeeking {
    type Params = LabelSeekingParams;

    fn new(params: LabelSeekingParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        labels::need_labeled(ctx, "label-seeking looks for labels of few labeled texts")?;
        let probabilities = ctx.probabilities(ctx.pool())?; // [pool, labels]
        check_finite(probabilities, "probabilities", ctx.pool())?;
        let n = n.min(ctx.pool().len());
        let mut seeking = Seeking::new(probabilities, &labels::counts(ctx), self.params.unseen);
        let mut picked = Selection::scored(Vec::with_capacity(n), Vec::with_capacity(n));
        while picked.ids.len() < n {
            if ctx.cancelled() {
                return Err(Error::cancelled());
            }
            let (position, worth) = seeking.pick().expect("fewer are picked than the pool has");
            picked.ids.push(ctx.pool()[position as usize]);
            picked.scores.get_or_insert_default().push(worth);
            ctx.progress(picked.ids.len() as u64, n as u64);
        }
        Ok(picked)
    }
}

export_strategy!(
    LabelSeeking,
    id = "label-seeking",
    summary = "texts that probably carry labels of few labeled texts",
    citation = "after Zhang, Shao, Verma and Nowak (TAILOR), NeurIPS 2023",
    needs = [PROBABILITIES],
);

#[cfg(test)]
mod tests;
