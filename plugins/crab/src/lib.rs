//! CRAB: correlation-aware active learning with Beta scores (Qi et al. 2025).
//!
//! 1. Candidates are drawn from strata of the pool: some texts of each predicted label, some whose
//!    predictions contradict what is labeled, some without a prediction (the kit's `strata`).
//! 2. Each candidate is scored by what its labels are expected to tell about other texts (the kit's
//!    `lookahead`), where a label that follows from many others weighs more ([`mixing`]).
//! 3. The better half is clustered by what it tells, and one text of each cluster is labeled.
//!
//! See the crate's README for formulas, choices and departures.

#![forbid(unsafe_code)]

pub mod mixing;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::beta_score::BetaScore;
use alhost_plugin_kit::cooccurrence::Cooccurrence;
use alhost_plugin_kit::lookahead::{Form, Gains, Lookahead, draw_references};
use alhost_plugin_kit::rows::{UnitRows, check_finite};
use alhost_plugin_kit::strata::{Pairs, Quotas, Strata, empty_quota, random_key};
use alhost_plugin_kit::{clusters, labels, ranking};

/// The published share of the pool at whose texts predictions are looked at.
const SHARE: f64 = 0.0939;
/// The share of a large pool is cut to this: the work would grow with the square of the pool.
const MOST_REFERENCES: f64 = 1000.0;
/// Texts whose probabilities are looked at together.
const ROWS: usize = 1024;

#[derive(Params)]
pub struct CrabParams {
    /// First parameter of the Beta score: the smaller, the more small probabilities count.
    #[param(default = 0.1, min = 0.05, max = 5)]
    alpha: f64,
    /// Second parameter of the Beta score, a whole number.
    #[param(default = 3, min = 1, max = 10)]
    beta: u32,
    /// Texts at which predictions are looked at, drawn anew in each round; where not given, 9.39% of the pool, at
    /// most 1000.
    #[param(min = 1)]
    references: Option<usize>,
    /// Passes with dropout: the members of the ensemble.
    #[param(default = 5, min = 2)]
    passes: u32,
    /// Candidates of each predicted label, at most; as many as texts are wanted where not given.
    #[param(min = 1)]
    quota: Option<usize>,
    /// Candidates without a predicted label, at most, in the first query; twice the texts wanted where not given.
    #[param(min = 0)]
    empty_quota: Option<usize>,
    /// Queries planned, over which candidates without a predicted label become fewer; where not given, they do not.
    #[param(min = 1)]
    queries: Option<u32>,
    /// Labeled texts that a label has to be in for another one to contradict it.
    #[param(default = 1, min = 1)]
    min_count: u32,
    /// Runs of k-means; the one of least inertia counts.
    #[param(default = 1, min = 1)]
    restarts: u32,
}

pub struct Crab {
    params: CrabParams,
    score: BetaScore,
}

impl Strategy for Crab {
    type Params = CrabParams;

    fn new(params: CrabParams, _env: &Env<'_>) -> Result<Self> {
        let score = BetaScore::new(params.alpha, params.beta);
        Ok(Self { params, score })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let n = n.min(ctx.pool().len());
        if n == 0 {
            return Ok(Selection::ranked(Vec::new()));
        }
        let labeled: Vec<&[u32]> =
            (0..ctx.labeled().len()).map(|i| ctx.labeled().labels(i)).collect();
        let labeled = Cooccurrence::of(&labeled, ctx.n_labels());
        let candidates = self.candidates(ctx, n, &labeled)?;
        let scored = scored(&candidates, n, ctx.pool().len());
        let gains = self.gains(ctx, &scored, &mixing::weights(&labeled))?;
        let places = pick(&gains, &scored, &candidates, n, |rows| {
            clusters::centers(ctx, rows, n, self.params.restarts)
        })?;
        let ids: Vec<DocId> = scored.iter().map(|&i| ctx.pool()[i as usize]).collect();
        Ok(gains.selection(&ids, &places))
    }
}

impl Crab {
    /// Positions in the pool, ascending.
    fn candidates(&self, ctx: &Context<'_>, n: usize, labeled: &Cooccurrence) -> Result<Vec<u32>> {
        let predicted = predicted(ctx)?;
        let strata = Strata::of(&predicted, &Pairs::of(labeled, self.params.min_count));
        let base = self.params.empty_quota.unwrap_or(2 * n);
        let quotas = Quotas {
            stratum: self.params.quota.unwrap_or(n),
            empty: empty_quota(base, ctx.round(), self.params.queries),
        };
        let seed = ctx.rng("strata").next_u64();
        let key =
            |stratum: u32, position: u32| random_key(seed, stratum, ctx.pool()[position as usize]);
        let candidates = strata.candidates(quotas, &key);
        let planned = self.params.queries.map(|planned| format!(" of {planned}"));
        ctx.info(&format!(
            "query {}{}: {} of {} texts are candidates; at most {} of a predicted label, {} without one",
            ctx.round(),
            planned.unwrap_or_default(),
            candidates.len(),
            predicted.len(),
            quotas.stratum,
            quotas.empty
        ));
        Ok(candidates)
    }

    /// Scores of the texts at some positions.
    fn gains(&self, ctx: &Context<'_>, scored: &[u32], weights: &[f64]) -> Result<Gains> {
        let pool = ctx.pool();
        let n_references = self.params.references.unwrap_or_else(|| share(pool.len()));
        let references = draw_references(ctx, pool.len(), n_references);
        // One request for both: a pass has to be the same member for a text and for a reference.
        let mut asked = [scored, &references].concat();
        asked.sort_unstable();
        asked.dedup();
        let ids: Vec<DocId> = asked.iter().map(|&position| pool[position as usize]).collect();
        let members = ctx.mc_probabilities(&ids, self.params.passes)?;
        check_finite(members, "probabilities under dropout", &ids)?;
        let row = |position: &u32| asked.partition_point(|other| other < position) as u32;
        let rows_of = |positions: &[u32]| positions.iter().map(row).collect::<Vec<u32>>();
        let look = Lookahead {
            members,
            n_passes: self.params.passes as usize,
            references: &rows_of(&references),
            score: &self.score,
            form: Form::Gain,
            weights,
        };
        look.of(ctx, &rows_of(scored))
    }
}

/// Texts at which predictions are looked at unless told otherwise.
fn share(n_pool: usize) -> usize {
    (SHARE * n_pool as f64).round().clamp(1.0, MOST_REFERENCES) as usize
}

/// The predicted labels of each text of the pool.
fn predicted(ctx: &Context<'_>) -> Result<Vec<Vec<u32>>> {
    let threshold = labels::threshold(ctx)?;
    let mut predicted = Vec::with_capacity(ctx.pool().len());
    ctx.stream(PROBABILITIES, ctx.pool(), ROWS, |first, block| {
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        check_finite(block, "probabilities", &ctx.pool()[first..])?;
        predicted.extend(block.rows().map(|row| labels::predicted(row, threshold).collect()));
        Ok(())
    })?;
    Ok(predicted)
}

/// The positions of the texts to score: the candidates, or the whole pool where they are fewer than `n`.
fn scored(candidates: &[u32], n: usize, n_pool: usize) -> Vec<u32> {
    if candidates.len() < n { (0..n_pool as u32).collect() } else { candidates.to_vec() }
}

/// `n` texts, as places in `scored`. With fewer candidates it is all of them, best first, then the rest of the
/// pool, best first; else one of each cluster of the candidates, or of their better half if there are more
/// than 2 n.
fn pick(
    gains: &Gains,
    scored: &[u32],
    candidates: &[u32],
    n: usize,
    centers: impl FnOnce(&UnitRows<'_>) -> Result<Vec<f64>>,
) -> Result<Vec<u32>> {
    if candidates.len() < n {
        let mut order = ranking::highest(&gains.scores, scored.len());
        order.sort_by_key(|&place| candidates.binary_search(&scored[place as usize]).is_err());
        order.truncate(n);
        return Ok(order);
    }
    gains.batch(&shortlist(&gains.scores, n), n, centers)
}

/// The better half of the candidates where there are more than 2 n, else all; ascending.
fn shortlist(scores: &[f64], n: usize) -> Vec<u32> {
    let n_all = scores.len();
    let mut shortlist =
        ranking::highest(scores, if n_all > 2 * n { n_all.div_ceil(2) } else { n_all });
    shortlist.sort_unstable();
    shortlist
}

export_strategy!(
    Crab,
    id = "crab",
    summary = "texts of many predicted labels, whose own labels are expected to improve predictions elsewhere",
    citation = "Qi, Lu, Yang, Enticott and Du, UAI 2025",
    needs = [PROBABILITIES, MC_PROBABILITIES, KMEANS],
    stochastic = true,
);

#[cfg(test)]
mod tests;
