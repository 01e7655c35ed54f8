//! The CVIRS score of every pool text: ranking part times inconsistency.

use alhost_plugin_api::features::Matrix;

use crate::inconsistency::inconsistency;
use crate::label_sets::{LabelSets, NotANumber};
use crate::overlaps::Counting;
use crate::ranks::{Key, Ties, borda};

/// s(i) * v(i) for every row of `logits` (a column for each label); the highest are queried.
///
/// A label is predicted where its logit is above `cutoff`. `labeled` is not empty.
pub fn scores(
    logits: Matrix<'_>,
    cutoff: f32,
    labeled: &LabelSets,
    ties: Ties,
) -> Result<Vec<f64>, NotANumber> {
    let predicted = LabelSets::predicted(logits, cutoff)?;
    let mut scores = inconsistency(&predicted, labeled, logits.n_cols(), Counting::Cheapest);
    let ranking = borda(logits, Key::Logit, ties);
    scores.iter_mut().zip(ranking).for_each(|(score, s)| *score *= s);
    Ok(scores)
}
