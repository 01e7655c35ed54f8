//! Sets of labels, one per text: what a model predicts, or what an annotator gave.
//!
//! Texts carry a few labels out of hundreds, so a set is a short ascending list of label numbers
//! (compressed rows), never a row of a 0/1 matrix.

use std::collections::HashMap;

use alhost_plugin_api::features::Matrix;
use rayon::prelude::*;

/// One ascending list of label numbers per row.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LabelSets {
    /// Row `i` is `labels[offsets[i]..offsets[i + 1]]`. Length: rows + 1.
    offsets: Vec<usize>,
    labels: Vec<u32>,
}

/// A logit that is not a number: nothing can be ranked or predicted with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotANumber {
    pub row: usize,
    pub label: usize,
}

impl LabelSets {
    /// Copies rows given as lists. The lists are sorted here; repeated labels count once.
    pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut sets = Self { offsets: vec![0], labels: Vec::new() };
        let mut sorted = Vec::new();
        for row in rows {
            sorted.clear();
            sorted.extend_from_slice(row);
            sorted.sort_unstable();
            sorted.dedup();
            sets.push(&sorted);
        }
        sets
    }

    /// The labels whose logit is above `cutoff`, for each row of `logits`.
    pub fn predicted(logits: Matrix<'_>, cutoff: f32) -> Result<Self, NotANumber> {
        // A block of rows per task: the lists of a block are appended to one vector.
        const ROWS: usize = 512;
        let n_rows = logits.n_rows();
        let blocks: Vec<Result<Self, NotANumber>> = (0..n_rows.div_ceil(ROWS))
            .into_par_iter()
            .map(|block| {
                let mut sets = Self { offsets: vec![0], labels: Vec::new() };
                for row in block * ROWS..n_rows.min((block + 1) * ROWS) {
                    sets.push_above(logits.row(row), cutoff)
                        .map_err(|label| NotANumber { row, label })?;
                }
                Ok(sets)
            })
            .collect();
        // Looked through in order, so that the first bad row is the one that is named.
        let mut all = Self { offsets: vec![0], labels: Vec::new() };
        for block in blocks {
            all.append(&block?);
        }
        Ok(all)
    }

    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn row(&self, i: usize) -> &[u32] {
        &self.labels[self.offsets[i]..self.offsets[i + 1]]
    }

    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.len()).map(|i| self.row(i))
    }

    /// Finds equal rows, so that each distinct one is worked on once.
    ///
    /// In early rounds most predictions are the empty set; of 2,000 rows with 739 labels, 121 were
    /// distinct in one case.
    pub fn distinct(&self) -> Distinct {
        let mut group_of_set: HashMap<&[u32], u32> = HashMap::new();
        let mut distinct = Distinct::default();
        for (row, set) in self.rows().enumerate() {
            // Groups are numbered in order of first appearance, whatever the order of the map.
            let new_group = distinct.first.len() as u32;
            let group = *group_of_set.entry(set).or_insert(new_group);
            if group == new_group {
                distinct.first.push(row as u32);
                distinct.count.push(0);
            }
            distinct.count[group as usize] += 1;
            distinct.group.push(group);
        }
        distinct
    }

    fn push(&mut self, ascending: &[u32]) {
        self.labels.extend_from_slice(ascending);
        self.offsets.push(self.labels.len());
    }

    /// Appends the labels above `cutoff`; answers the first label whose logit is NaN as an error.
    fn push_above(&mut self, logits: &[f32], cutoff: f32) -> Result<(), usize> {
        let mut has_nan = false;
        for (label, &logit) in logits.iter().enumerate() {
            has_nan |= logit.is_nan();
            if logit > cutoff {
                self.labels.push(label as u32);
            }
        }
        if has_nan {
            return Err(logits.iter().position(|z| z.is_nan()).expect("one was just seen"));
        }
        self.offsets.push(self.labels.len());
        Ok(())
    }

    fn append(&mut self, other: &Self) {
        let base = self.labels.len();
        self.labels.extend_from_slice(&other.labels);
        self.offsets.extend(other.offsets[1..].iter().map(|offset| base + offset));
    }
}

/// The distinct rows of some [`LabelSets`].
#[derive(Debug, Default)]
pub struct Distinct {
    /// Group -> the first row that has this set.
    pub first: Vec<u32>,
    /// Group -> number of rows that have it.
    pub count: Vec<u32>,
    /// Row -> its group.
    pub group: Vec<u32>,
}

/// The logit above which a label is predicted, for a threshold on the probability.
///
/// `p > threshold` and `z > ln(threshold / (1 - threshold))` are the same statement, as the sigmoid
/// is increasing. The result is rounded down: for an f32 `z`, `z > cutoff` then says the same as it
/// would in exact arithmetic.
pub fn logit_cutoff(threshold: f32) -> f32 {
    let threshold = f64::from(threshold);
    if threshold <= 0.0 {
        return f32::NEG_INFINITY;
    }
    if threshold >= 1.0 {
        return f32::INFINITY;
    }
    let exact = (threshold / (1.0 - threshold)).ln();
    let nearest = exact as f32;
    if f64::from(nearest) > exact { nearest.next_down() } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f32 = f32::NAN;

    #[test]
    fn a_threshold_becomes_a_cutoff_on_the_logit() {
        let check = |threshold: f32, cutoff: f32| {
            let got = logit_cutoff(threshold);
            let agrees = (got - cutoff).abs() < 1e-6 || got.total_cmp(&cutoff).is_eq();
            assert!(agrees, "{threshold}: {got}");
        };
        check(0.5, 0.0);
        check(0.2, -1.386_294_4);
        check(0.9, 2.197_224_6);
        check(0.0, f32::NEG_INFINITY);
        check(1.0, f32::INFINITY);
    }

    #[test]
    fn the_cutoff_says_the_same_as_the_probability() {
        for threshold in [0.013_f32, 0.3, 0.5, 0.77] {
            let cutoff = logit_cutoff(threshold);
            for step in -4000..4000 {
                let z = step as f32 * 1e-3 + 1e-5;
                let p = 1.0 / (1.0 + (-f64::from(z)).exp());
                assert_eq!(z > cutoff, p > f64::from(threshold), "logit {z} at {threshold}");
            }
        }
    }

    #[test]
    fn labels_above_the_cutoff_are_predicted() {
        let logits = [0.1, -0.1, 0.0, /**/ 3.0, 2.0, 1.0];
        let sets = LabelSets::predicted(Matrix::new(&logits, 2, 3), 0.0).unwrap();
        assert_eq!(sets.rows().collect::<Vec<_>>(), [&[0][..], &[0, 1, 2]]);
    }

    #[test]
    fn a_nan_is_reported_with_its_place() {
        let mut logits = vec![0.0; 3 * 2000];
        logits[3 * 1500 + 2] = NAN;
        logits[3 * 1700] = NAN;
        let place = LabelSets::predicted(Matrix::new(&logits, 2000, 3), 0.0).unwrap_err();
        assert_eq!(place, NotANumber { row: 1500, label: 2 });
    }

    #[test]
    fn many_blocks_keep_the_order_of_the_rows() {
        let n_rows = 1300;
        let logits: Vec<f32> = (0..n_rows * 2).map(|i| ((i / 2) % 3) as f32 - 1.0).collect();
        let sets = LabelSets::predicted(Matrix::new(&logits, n_rows, 2), 0.5).unwrap();
        assert_eq!(sets.len(), n_rows);
        for (i, set) in sets.rows().enumerate() {
            assert_eq!(set.len(), if i % 3 == 2 { 2 } else { 0 }, "row {i}");
        }
    }

    #[test]
    fn equal_rows_form_one_group() {
        let rows: [&[u32]; 5] = [&[2, 1], &[], &[1, 2], &[3], &[]];
        let distinct = LabelSets::from_rows(rows).distinct();
        assert_eq!(distinct.first, [0, 1, 3]);
        assert_eq!(distinct.count, [2, 2, 1]);
        assert_eq!(distinct.group, [0, 1, 0, 2, 1]);
    }
}
