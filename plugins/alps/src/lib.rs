//! ALPS: active learning by processing surprisal (Yuan, Lin and Boyd-Graber 2020).
//!
//! A masked language model is asked how surprised it is by 15% of a text's tokens. Texts whose
//! surprises lie alike form clusters, and one text of each is labeled. The classifier is not asked,
//! so this can choose the initial set. See the crate's README for choices and departures.
//!
//! 1. [`embeddings`]: the losses of a text as a vector of length 1, a column for each position;
//! 2. [`clustering`]: k-means with as many clusters as texts are wanted;
//! 3. [`picks`]: the text nearest to each centre, none twice.

#![forbid(unsafe_code)]

pub mod clustering;
pub mod embeddings;
pub mod picks;

use alhost_plugin_api::prelude::*;

use clustering::{By, Lloyd};
use embeddings::Embeddings;
use picks::{Filler, Neighbors};

#[derive(Params)]
pub struct AlpsParams {
    /// Probability of a token to be sampled, each independently.
    #[param(default = 0.15, min = 0.001, max = 1)]
    probability: f64,
    /// Leave short texts without a sampled token, as the reference does, rather than sample one.
    #[param(default = false)]
    strict: bool,
    /// Language model to ask: as it was before any training, or with the encoder of this round.
    #[param(default = "pretrained")]
    lm: Lm,
    /// Who clusters: the host on its device, or the linfa library inside the plugin.
    #[param(default = "host")]
    clustering: By,
    /// Runs of k-means; the one of least inertia counts.
    #[param(default = 10, min = 1)]
    restarts: u32,
    /// Iterations of a run at most.
    #[param(default = 300, min = 1)]
    max_iterations: u32,
    /// A run ends when the centres move, squared, by this times the mean variance of a column.
    #[param(default = 1e-4, min = 0)]
    tolerance: f64,
    /// What to take where two centres share their nearest text: the nearest free one, or any.
    #[param(default = "greedy")]
    filler: Filler,
}

/// The language model to ask.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lm {
    Pretrained,
    Current,
}

pub struct Alps {
    params: AlpsParams,
}

impl Strategy for Alps {
    type Params = AlpsParams;

    fn new(params: AlpsParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let options = SurprisalOptions {
            probability: self.params.probability,
            strict: self.params.strict,
            model: match self.params.lm {
                Lm::Pretrained => Model::Pretrained,
                Lm::Current => Model::Current,
            },
        };
        let embeddings = Embeddings::new(&ctx.surprisal(ctx.pool(), &options)?);
        let mut chosen = self.choose(ctx, &embeddings, n)?;

        // Texts without a sampled token say nothing: they only fill up what is left, in any order.
        let mut rest = embeddings.without_tokens.clone();
        ctx.rng("texts without tokens").shuffle(&mut rest);
        rest.truncate(n - chosen.len());
        chosen.extend(rest);
        Ok(Selection::ranked(chosen.into_iter().map(|i| ctx.pool()[i as usize]).collect()))
    }
}

impl Alps {
    /// Positions in the pool of at most `n` texts with an embedding.
    fn choose(&self, ctx: &Context<'_>, embeddings: &Embeddings, n: usize) -> Result<Vec<u32>> {
        if embeddings.texts.len() <= n || n == 0 {
            return Ok(if n == 0 { Vec::new() } else { embeddings.texts.clone() });
        }
        // More centres than distinct rows would leave clusters empty.
        let k = embeddings.n_distinct(n);
        let rows = embeddings.matrix();
        let lloyd = Lloyd {
            k,
            restarts: self.params.restarts,
            max_iterations: self.params.max_iterations,
            tolerance: self.params.tolerance,
        };
        let centers = clustering::centers(ctx, rows, &lloyd, self.params.clustering)?;
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let centers = Matrix::new(&centers, k, rows.n_cols());
        let mut neighbors = Neighbors::find(ctx, rows, centers)?;
        let picks = match self.params.filler {
            Filler::Greedy => picks::greedy(&mut neighbors, n),
            Filler::Reference => picks::reference(&mut neighbors, n, &mut ctx.rng("filler")),
        };
        Ok(picks.into_iter().map(|row| embeddings.texts[row as usize]).collect())
    }
}

export_strategy!(
    Alps,
    id = "alps",
    summary = "one text of each cluster of surprisal embeddings",
    citation = "Yuan, Lin and Boyd-Graber, EMNLP 2020",
    needs = [MLM_SURPRISAL, KMEANS, NEAREST],
    stochastic = true,
);

#[cfg(test)]
mod tests;
