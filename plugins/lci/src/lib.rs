//! LCI, MMU and AAL (Li and Guo 2013): texts that are predicted unusually many or few labels, and texts whose
//! labels are hardly told apart.
//!
//! *Label cardinality inconsistency* (LCI) compares the number of predicted labels with that of labeled texts.
//! *Max-margin uncertainty* (MMU) is the smaller, the wider the gap between what is predicted and what is not. The
//! *adaptive* score (AAL) weighs one against the other. See the crate's README for choices and departures.

#![forbid(unsafe_code)]

pub mod reading;

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::labels;
use alhost_plugin_kit::rows::check_finite;

use reading::{Reading, cutoff, read_all};

#[derive(Params)]
pub struct LciParams {
    /// Which of the three scores.
    #[param(default = "aal")]
    score: Score,
    /// Weight of the margin in `aal`: at 1 it is `mmu`, at 0 it is `lci`.
    #[param(default = 0.5, min = 0, max = 1)]
    beta: f64,
}

#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Score {
    /// Difference between the number of predicted labels and the mean of labeled texts.
    Lci,
    /// Gap between the labels that are predicted and those that are not; the narrowest comes first.
    Mmu,
    /// `(1 / gap)^beta * lci^(1 - beta)`.
    Aal,
}

pub struct Lci {
    params: LciParams,
}

impl Strategy for Lci {
    type Params = LciParams;

    fn new(params: LciParams, _env: &Env<'_>) -> Result<Self> {
        Ok(Self { params })
    }

    fn select(&mut self, ctx: &Context<'_>, n: usize) -> Result<Selection> {
        let LciParams { score, beta } = self.params;
        if score != Score::Mmu {
            let why = "LCI compares numbers of predicted labels with those of labeled texts";
            labels::need_labeled(ctx, why)?;
        }
        let cutoff = cutoff(labels::threshold(ctx)?);
        let logits = ctx.logits(ctx.pool())?; // [pool, labels]
        check_finite(logits, "logits", ctx.pool())?;
        let readings = read_all(logits, cutoff);
        let labeled = ctx.labeled();
        let sizes = (0..labeled.len()).map(|text| labeled.labels(text).len());
        let lci = inconsistencies(&readings, sizes);
        let gaps = readings.iter().map(|reading| reading.gap);
        Ok(match score {
            Score::Lci => Selection::highest(ctx.pool(), lci, n),
            Score::Mmu => Selection::lowest(ctx.pool(), gaps, n),
            Score::Aal => {
                let scores = gaps.zip(lci).map(|(gap, lci)| aal(gap, lci, beta));
                Selection::highest(ctx.pool(), scores, n)
            }
        })
    }
}

/// How far each text's number of predicted labels is from the mean of `labeled`, the numbers of labels of labeled
/// texts. Where there are none, from the mean of the numbers predicted.
pub fn inconsistencies(
    readings: &[Reading],
    labeled: impl ExactSizeIterator<Item = usize>,
) -> Vec<f64> {
    let mean = match labeled.len() {
        0 => mean(readings.iter().map(|reading| reading.n_predicted)),
        _ => mean(labeled),
    };
    readings.iter().map(|reading| (reading.n_predicted as f64 - mean).abs()).collect()
}

/// The sum of whole numbers is exact, so that equal numbers of labels stay ties.
fn mean(numbers: impl ExactSizeIterator<Item = usize>) -> f64 {
    let count = numbers.len().max(1);
    numbers.sum::<usize>() as f64 / count as f64
}

/// The adaptive score. Gaps below 1e-12 are taken for it, so that no score is infinite; 0 to the power of 0 is 1.
pub fn aal(gap: f64, lci: f64, beta: f64) -> f64 {
    (1.0 / gap.max(1e-12)).powf(beta) * lci.powf(1.0 - beta)
}

export_strategy!(
    Lci,
    id = "lci",
    summary = "predicted unusually many or few labels, and hardly told apart",
    citation = "Li and Guo, IJCAI 2013",
    needs = [LOGITS],
);

#[cfg(test)]
mod tests;
