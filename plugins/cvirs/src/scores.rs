//! The CVIRS score of every pool text: ranking part times inconsistency.

use crate::inconsistency::inconsistency;
use crate::label_sets::{LabelSets, NotANumber};
use crate::overlaps::Counting;
use crate::ranks::{Key, Ties, borda};

/// s(i) * v(i) for every row of `logits` (row-major, `n_labels` columns); the highest are queried.
///
/// A label is predicted where its logit is above `cutoff`. `labeled` is not empty.
pub fn scores(
    logits: &[f32],
    n_labels: usize,
    cutoff: f32,
    labeled: &LabelSets,
    ties: Ties,
) -> Result<Vec<f64>, NotANumber> {
    let predicted = LabelSets::predicted(logits, n_labels, cutoff)?;
    let mut scores = inconsistency(&predicted, labeled, n_labels, Counting::Cheapest);
    let ranking = borda(logits, n_labels, Key::Logit, ties);
    scores.iter_mut().zip(ranking).for_each(|(score, s)| *score *= s);
    Ok(scores)
}
