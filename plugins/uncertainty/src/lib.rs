//! Uncertainty sampling: texts about whose labels the classifier is least sure (Lewis and Gale 1994), for many
//! labels.
//!
//! A *measure* is the doubt about one label, an *aggregate* makes one number of the doubts about a text's labels.
//! `BinMin` (Brinker 2006) has no aggregate: the label whose logit is nearest to 0 decides. See the crate's README
//! for what the combinations mean, and which of them are the same order.

#![forbid(unsafe_code)]

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::doubt::{self, Aggregate};
use alhost_plugin_kit::rows::check_finite;
use rayon::prelude::*;

#[derive(Params)]
pub struct UncertaintyParams {
    /// Doubt about one label; `binmin` is the least absolute logit of a text, whatever `aggregate` says.
    #[param(default = "entropy")]
    measure: Measure,
    /// How the doubts about a text's labels become one number.
    #[param(default = "top-probable")]
    aggregate: Aggregate,
    /// Labels that `top-probable` and `top-uncertain` look at.
    #[param(default = 10, min = 1)]
    top: usize,
}

/// Doubt about one label of probability p and logit z.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// min(p, 1 - p).
    LeastConfidence,
    /// 1 - |2p - 1|.
    Margin,
    /// Of a coin, in bits.
    Entropy,
    /// |z|, the smaller the more doubt; the least of a text's labels counts.
    Binmin,
}

pub struct Uncertainty {
    params: UncertaintyParams,
}

impl Strategy for Uncertainty {
    type Params = UncertaintyParams;

    fn new(params: UncertaintyParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let measure = match self.params.measure {
            Measure::LeastConfidence => doubt::Measure::LeastConfidence,
            Measure::Margin => doubt::Measure::Margin,
            Measure::Entropy => doubt::Measure::Entropy,
            Measure::Binmin => {
                let logits = ctx.logits(ctx.pool())?; // [pool, labels]
                check_finite(logits, "logits", ctx.pool())?;
                return Ok(Selection::lowest(ctx.pool(), binmin(logits), n));
            }
        };
        let probabilities = ctx.probabilities(ctx.pool())?; // [pool, labels]
        check_finite(probabilities, "probabilities", ctx.pool())?;
        let UncertaintyParams { aggregate, top, .. } = self.params;
        let scores = doubts(probabilities, measure, aggregate, top);
        Ok(Selection::highest(ctx.pool(), scores, n))
    }
}

/// The doubt about each text.
pub fn doubts(
    probabilities: Matrix<'_>,
    measure: doubt::Measure,
    aggregate: Aggregate,
    top: usize,
) -> Vec<f64> {
    let of = |text: usize| aggregate.of(measure, probabilities.row(text), top);
    (0..probabilities.n_rows()).into_par_iter().map(of).collect()
}

/// The least absolute logit of each text. A text without labels has none, and comes last.
pub fn binmin(logits: Matrix<'_>) -> Vec<f64> {
    let of = |text: usize| logits.row(text).iter().fold(f32::MAX, |least, z| least.min(z.abs()));
    (0..logits.n_rows()).into_par_iter().map(|text| f64::from(of(text))).collect()
}

export_strategy!(
    Uncertainty,
    id = "uncertainty",
    summary = "texts about whose labels the classifier is least sure",
    citation = "Lewis and Gale, SIGIR 1994; BinMin: Brinker, GfKl 2005 (Springer 2006)",
    // Only the one that the measure reads is asked for.
    needs = [PROBABILITIES, LOGITS],
);

#[cfg(test)]
mod tests;
