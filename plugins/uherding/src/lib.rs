//! `UHerding` (Bae et al. 2025): `MaxHerding`, where each text counts as much as the classifier doubts its labels.
//! The kernel is as narrow as the nearest two labeled texts are. See the crate's README for choices and
//! departures.
//!
//! 1. [`weights`]: the doubt about each text, and the width of the kernel;
//! 2. the host's greedy cover.

#![forbid(unsafe_code)]

pub mod weights;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::ranking;
use alhost_plugin_kit::rows::UnitRows;
use alhost_plugin_kit::vectors::{Encoder, Pool, embeddings};

#[derive(Params)]
pub struct UherdingParams {
    /// Encoder whose vectors are compared: as it was before any training, or as trained in this round.
    #[param(default = "pretrained")]
    encoder: Encoder,
    /// Vector of a text: the mean over its tokens, or the state of [CLS].
    #[param(default = "mean")]
    pool: Pool,
    /// Width of the kernel: the distance at which it is 1/e. Vectors have length 1. If it is not given, the
    /// least distance between two labeled texts that are not copies.
    #[param(min = 0.001, max = 100)]
    width: Option<f64>,
    /// Labels whose doubts are averaged: those of a text that are doubted most.
    #[param(default = 10, min = 1)]
    top: u32,
}

pub struct Uherding {
    params: UherdingParams,
}

impl Strategy for Uherding {
    type Params = UherdingParams;

    fn new(params: UherdingParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let UherdingParams { encoder, pool, width, top } = self.params;
        let doubts = weights::doubts(ctx, top as usize)?;
        let unlabeled = embeddings(ctx, ctx.pool(), encoder, pool)?;
        let labeled = embeddings(ctx, ctx.labeled().ids(), encoder, pool)?;
        let width = width.unwrap_or_else(|| weights::bandwidth(&UnitRows::new(labeled)));
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        ctx.info(&format!("width of the kernel: {width:.6}"));
        let rule = GreedyRule::Gaussian { width };
        let options = KernelGreedyOptions { k: n, rule, normalize: true };
        let found = ctx.kernel_greedy(unlabeled, labeled, Some(&doubts), &options)?;
        Ok(ranking::scored(ctx, found.picks, found.gains))
    }
}

export_strategy!(
    Uherding,
    id = "uherding",
    summary = "texts near many that the classifier doubts and no labeled one is near to",
    citation = "Bae et al., ICLR 2025",
    needs = [PROBABILITIES, EMBEDDING, KERNEL_GREEDY],
);

#[cfg(test)]
mod tests;
