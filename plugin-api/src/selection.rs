//! The answer of a strategy: texts to label, best first.

use std::cmp::Ordering;

use crate::DocId;

/// The texts a strategy wants labeled, best first. A claim until the host has checked it: exactly
/// min(n, pool) ids, all of the pool, none twice.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The texts, best first.
    pub ids: Vec<DocId>,
    /// A score for each of `ids`, kept in the record and otherwise unused.
    pub scores: Option<Vec<f64>>,
}

impl Selection {
    /// Texts in the order given, without scores.
    pub fn ranked(ids: Vec<DocId>) -> Self {
        Self { ids, scores: None }
    }

    /// Texts in the order given, with a score each.
    pub fn scored(ids: Vec<DocId>, scores: Vec<f64>) -> Self {
        Self { ids, scores: Some(scores) }
    }

    /// The `n` texts of the highest score, highest first; ties go to the lower id, and a NaN is
    /// worse than every number. `scores[i]` belongs to `ids[i]`.
    ///
    /// # Panics
    /// Panics if there are not as many scores as ids.
    pub fn highest(ids: &[DocId], scores: impl IntoIterator<Item = f64>, n: usize) -> Self {
        Self::best(ids, scores, n, |a, b| b.total_cmp(&a))
    }

    /// Selects as [`Selection::highest`] does, with the lowest scores first.
    pub fn lowest(ids: &[DocId], scores: impl IntoIterator<Item = f64>, n: usize) -> Self {
        Self::best(ids, scores, n, |a, b| a.total_cmp(&b))
    }

    fn best(
        ids: &[DocId],
        scores: impl IntoIterator<Item = f64>,
        n: usize,
        order: impl Fn(f64, f64) -> Ordering,
    ) -> Self {
        // Adding 0 makes -0 and 0 the same to `total_cmp`.
        let scores: Vec<f64> = scores.into_iter().map(|score| score + 0.0).collect();
        assert_eq!(ids.len(), scores.len(), "one score a text");
        let mut both: Vec<(f64, DocId)> = scores.into_iter().zip(ids.iter().copied()).collect();
        let compare = |a: &(f64, DocId), b: &(f64, DocId)| {
            let nan_last = a.0.is_nan().cmp(&b.0.is_nan());
            nan_last.then_with(|| order(a.0, b.0)).then(a.1.cmp(&b.1))
        };
        if n < both.len() {
            // Only the best n need an order: O(pool + n log n).
            if n > 0 {
                both.select_nth_unstable_by(n - 1, compare);
            }
            both.truncate(n);
        }
        both.sort_unstable_by(compare);
        let (scores, ids) = both.into_iter().unzip();
        Self { ids, scores: Some(scores) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(highest: bool, scores: &[f64], n: usize, expected: &[u32]) {
        let ids: Vec<DocId> = (0..scores.len() as u32).map(|i| DocId(10 + i)).collect();
        let given = scores.iter().copied();
        let selection = if highest {
            Selection::highest(&ids, given, n)
        } else {
            Selection::lowest(&ids, given, n)
        };
        let got: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
        assert_eq!(got, expected, "{scores:?}");
    }

    #[test]
    fn best_first_ties_by_id_nan_last() {
        check(true, &[0.1, 0.9, 0.5], 2, &[11, 12]);
        check(false, &[0.1, 0.9, 0.5], 2, &[10, 12]);
        check(true, &[0.5, 0.5, 0.5], 2, &[10, 11]);
        check(true, &[0.0, -0.0, 1.0], 3, &[12, 10, 11]);
        check(true, &[f64::NAN, f64::INFINITY, -1.0], 3, &[11, 12, 10]);
        check(false, &[f64::NAN, f64::INFINITY, -1.0], 3, &[12, 11, 10]);
        check(true, &[0.1, 0.2], 9, &[11, 10]);
        check(true, &[0.1, 0.2], 0, &[]);
        check(true, &[], 3, &[]);
    }
}
