//! BESRA: Beta scoring in active learning for many labels (Tan et al. 2024).
//!
//! An ensemble that knew the label of a text would weight its members anew, and predict other texts
//! otherwise. What that is expected to be worth, at some other texts, is a vector for each text. The better
//! half of the texts is clustered by these vectors, and one text of each cluster is labeled, so that a batch
//! tells about different texts. The arithmetic is in the kit (`lookahead`, `beta_score`); see the crate's
//! README for formulas, choices and departures.

#![forbid(unsafe_code)]

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::beta_score::BetaScore;
use alhost_plugin_kit::lookahead::{Form, Lookahead, draw_references};
use alhost_plugin_kit::{clusters, ranking, rows};

#[derive(Params)]
pub struct BesraParams {
    /// What is summed: the expected gain of the mean prediction, or the loss against each member, as published.
    #[param(default = "gain")]
    form: Form,
    /// First parameter of the Beta score: the smaller, the more small probabilities count.
    #[param(default = 0.1, min = 0.05, max = 5)]
    alpha: f64,
    /// Second parameter of the Beta score, a whole number.
    #[param(default = 1, min = 1, max = 10)]
    beta: u32,
    /// Texts at which the predictions are looked at, drawn anew in each round.
    #[param(default = 100, min = 1)]
    references: usize,
    /// Passes with dropout: the members of the ensemble.
    #[param(default = 5, min = 2)]
    passes: u32,
    /// Runs of k-means; the one of least inertia counts.
    #[param(default = 10, min = 1)]
    restarts: u32,
}

pub struct Besra {
    params: BesraParams,
    score: BetaScore,
}

impl Strategy for Besra {
    type Params = BesraParams;

    fn new(params: BesraParams, _env: &Env<'_>) -> Result<Self> {
        let score = BetaScore::new(params.alpha, params.beta);
        Ok(Self { params, score })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let pool = ctx.pool();
        let n = n.min(pool.len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let members = ctx.mc_probabilities(pool, self.params.passes)?;
        rows::check_finite(members, "probabilities under dropout", pool)?;
        let look = Lookahead {
            members,
            n_passes: self.params.passes as usize,
            references: &draw_references(ctx, pool.len(), self.params.references),
            score: &self.score,
            form: self.params.form,
            weights: &vec![1.0; ctx.n_labels()],
        };
        let texts: Vec<u32> = (0..pool.len() as u32).collect();
        let gains = look.of(ctx, &texts)?;
        let picks = gains.batch(&shortlist(&gains.scores, n), n, |rows| {
            clusters::centers(ctx, rows, n, self.params.restarts)
        })?;
        Ok(gains.selection(pool, &picks))
    }
}

/// The better half of the texts, and at least `n` of them: their positions, ascending.
fn shortlist(scores: &[f64], n: usize) -> Vec<u32> {
    let mut shortlist = ranking::highest(scores, n.max(scores.len().div_ceil(2)));
    shortlist.sort_unstable();
    shortlist
}

export_strategy!(
    Besra,
    id = "besra",
    summary = "labels expected to improve predictions elsewhere, one text of each kind",
    citation = "Tan, Nguyen, Du and Buntine, AAAI 2024",
    needs = [MC_PROBABILITIES, KMEANS],
    stochastic = true,
);

#[cfg(test)]
mod tests;
