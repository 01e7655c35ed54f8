//! Coreset: greedy k-centre (Sener and Savarese 2018). The next text is always the one farthest from all that
//! are labeled or picked. The classifier is not asked, so this can choose the initial set. See the crate's
//! README for choices and departures.

#![forbid(unsafe_code)]

use alhost_plugin_api::prelude::*;
use alhost_plugin_api::services::KernelGreedy;
use alhost_plugin_kit::ranking;
use alhost_plugin_kit::vectors::{Encoder, Pool, embeddings};

#[derive(Params)]
pub struct CoresetParams {
    /// Encoder whose vectors are compared: as it was before any training, or as trained in this round.
    #[param(default = "pretrained")]
    encoder: Encoder,
    /// Vector of a text: the mean over its tokens, or the state of [CLS].
    #[param(default = "mean")]
    pool: Pool,
    /// Divide each vector by its length, so that only directions count.
    #[param(default = true)]
    normalize: bool,
}

pub struct Coreset {
    params: CoresetParams,
}

impl Strategy for Coreset {
    type Params = CoresetParams;

    fn new(params: CoresetParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let CoresetParams { encoder, pool, normalize } = self.params;
        let unlabeled = embeddings(ctx, ctx.pool(), encoder, pool)?;
        let labeled = embeddings(ctx, ctx.labeled().ids(), encoder, pool)?;
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let found = farthest(ctx, unlabeled, labeled, n, normalize)?;
        ctx.info(&format!("every text is within {:.4} of a labeled one", found.coverage.sqrt()));
        Ok(ranking::scored(ctx, found.picks, found.gains))
    }
}

/// The `n` rows that are farthest, one after the other, from `labeled` and the rows before.
fn farthest<'a>(
    ctx: &'a Context<'_>,
    unlabeled: Matrix<'_>,
    labeled: Matrix<'_>,
    n: usize,
    normalize: bool,
) -> Result<KernelGreedy<'a>> {
    let options = KernelGreedyOptions { k: n, rule: GreedyRule::Farthest, normalize };
    ctx.kernel_greedy(unlabeled, labeled, None, &options)
}

export_strategy!(
    Coreset,
    id = "coreset",
    summary = "texts farthest from all that are labeled",
    citation = "Sener and Savarese, ICLR 2018",
    needs = [EMBEDDING, KERNEL_GREEDY],
);

#[cfg(test)]
mod tests;
