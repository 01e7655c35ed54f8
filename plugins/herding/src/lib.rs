//! `MaxHerding` (Bae et al. 2024): the next text is the one that raises most how near all texts are to a labeled
//! one, by a Gaussian kernel. The classifier is not asked, so this can choose the initial set; `uherding`
//! weighs texts by the classifier's doubt. See the crate's README for choices and departures.

#![forbid(unsafe_code)]

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::ranking;
use alhost_plugin_kit::vectors::{Encoder, Pool, embeddings};

#[derive(Params)]
pub struct HerdingParams {
    /// Encoder whose vectors are compared: as it was before any training, or as trained in this round.
    #[param(default = "pretrained")]
    encoder: Encoder,
    /// Vector of a text: the mean over its tokens, or the state of [CLS].
    #[param(default = "mean")]
    pool: Pool,
    /// Width of the kernel: the distance at which it is 1/e. Vectors have length 1.
    #[param(default = 1.0, min = 0.001, max = 100)]
    width: f64,
}

pub struct Herding {
    params: HerdingParams,
}

impl Strategy for Herding {
    type Params = HerdingParams;

    fn new(params: HerdingParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let HerdingParams { encoder, pool, width } = self.params;
        let unlabeled = embeddings(ctx, ctx.pool(), encoder, pool)?;
        let labeled = embeddings(ctx, ctx.labeled().ids(), encoder, pool)?;
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let rule = GreedyRule::Gaussian { width };
        let options = KernelGreedyOptions { k: n, rule, normalize: true };
        let found = ctx.kernel_greedy(unlabeled, labeled, None, &options)?;
        ctx.info(&format!("mean kernel with the nearest labeled text: {:.4}", found.coverage));
        Ok(ranking::scored(ctx, found.picks, found.gains))
    }
}

export_strategy!(
    Herding,
    id = "herding",
    summary = "texts that bring all others nearest to a labeled one",
    citation = "Bae et al., ECCV 2024",
    needs = [EMBEDDING, KERNEL_GREEDY],
);

#[cfg(test)]
mod tests;
