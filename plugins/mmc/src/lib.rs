//! MMC: maximum loss reduction with maximal confidence (Yang et al. 2009), for many labels.
//!
//! First it is settled how many labels a text has: that many of its most probable ones are taken for its labels.
//! A text's score is the loss of the classifier, were these the truth. A regression predicts the number of labels
//! from the shape of the probabilities. See the crate's README for the formula, choices and departures.
//!
//! 1. [`counts`]: the number of labels of each text;
//! 2. [`regression`]: what predicts it;
//! 3. [`losses`]: the scores.

#![forbid(unsafe_code)]

pub mod counts;
pub mod regression;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::labels;
use alhost_plugin_kit::rows::check_finite;
use rayon::prelude::*;

use counts::{Classes, by_sum, by_threshold, inputs, predict};
use regression::Regression;

#[derive(Params)]
pub struct MmcParams {
    /// What says how many labels a text has.
    #[param(default = "regression")]
    count: Count,
    /// Weight of the labeled texts against the penalty on the regression's weights.
    #[param(default = 1, min = 1e-6, max = 1e4)]
    c: f64,
}

#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Count {
    /// A regression on the numbers of labels of labeled texts.
    Regression,
    /// The sum of the probabilities, rounded.
    Sum,
    /// The number of labels whose probability is above the threshold.
    Threshold,
}

pub struct Mmc {
    params: MmcParams,
}

impl Strategy for Mmc {
    type Params = MmcParams;

    fn new(params: MmcParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let probabilities = ctx.probabilities(ctx.pool())?; // [pool, labels]
        check_finite(probabilities, "probabilities", ctx.pool())?;
        let counts = match self.params.count {
            Count::Regression => by_regression(ctx, probabilities, self.params.c)?,
            Count::Sum => by_sum(probabilities),
            Count::Threshold => by_threshold(probabilities, labels::threshold(ctx)?),
        };
        Ok(Selection::highest(ctx.pool(), losses(probabilities, &counts), n))
    }
}

/// Learns from the labeled texts how many labels belong to which probabilities. Where none is labeled, there is
/// nothing to learn from; where all have the same number, it is that number.
fn by_regression(ctx: &Context<'_>, pool: Matrix<'_>, c: f64) -> Result<Vec<usize>> {
    let labeled = ctx.labeled();
    let sizes: Vec<usize> = (0..labeled.len()).map(|text| labeled.labels(text).len()).collect();
    let classes = Classes::new(&sizes);
    match classes.counts.as_slice() {
        [] => return Ok(by_sum(pool)),
        [only] => return Ok(vec![*only; pool.n_rows()]),
        _ => {}
    }
    let probabilities = ctx.probabilities(labeled.ids())?; // [labeled, labels]
    check_finite(probabilities, "probabilities", labeled.ids())?;
    let mut regression = Regression::new(inputs(probabilities), classes.of_texts, c);
    while !regression.step() {
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
    }
    Ok(predict(pool, &regression.solution(), &classes.counts))
}

/// The loss of each text, were its `counts` most probable labels the truth.
pub fn losses(probabilities: Matrix<'_>, counts: &[usize]) -> Vec<f64> {
    let of = |row: &mut Vec<f32>, text: usize| {
        row.clear();
        row.extend_from_slice(probabilities.row(text));
        loss(row, counts[text])
    };
    (0..probabilities.n_rows()).into_par_iter().map_init(Vec::new, of).collect()
}

/// The sum over labels of (1 - y f) / 2 with f = 2 p - 1: 1 - p for the `count` most probable labels, whose y is 1, and
/// p for the others, whose y is -1. Changes the order of the probabilities.
fn loss(probabilities: &mut [f32], count: usize) -> f64 {
    let all: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    if (1..probabilities.len()).contains(&count) {
        probabilities.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
    }
    let taken = probabilities.iter().take(count);
    all + taken.map(|&p| 1.0 - 2.0 * f64::from(p)).sum::<f64>()
}

export_strategy!(
    Mmc,
    id = "mmc",
    summary = "texts of the largest loss, were their likeliest labels the truth",
    citation = "Yang, Sun, Wang and Chen, KDD 2009",
    needs = [PROBABILITIES],
);

#[cfg(test)]
mod tests;
