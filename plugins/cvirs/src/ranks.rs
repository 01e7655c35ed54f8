//! The ranking part of CVIRS: how uncertain a text is, by Borda's count over the labels.
//!
//! ```text
//! margin   m(i,l)   = |P(l=1|i) - P(l=0|i)| = |2p - 1|
//! rank     tau_l(i) = rank of text i by increasing margin for label l (1 = most uncertain)
//! Borda    s(i)     = sum_l (n - tau_l(i)) / (q * (n - 1))          in [0, 1]
//! ```
//!
//! We sort by |logit|: |2 sigmoid(z) - 1| = tanh(|z| / 2) is increasing in |z|, and |z| does not
//! saturate where a probability in f32 does. A non-negative float orders as its bits do, so each
//! label is one radix sort of integers: 3 passes of 11 bits for the 31 bits below the sign. Sums
//! are of integers, hence the same on any number of threads.

use std::ops::Range;

use alhost_plugin_api::Choice;
use alhost_plugin_api::features::Matrix;
use rayon::prelude::*;

/// The kind of the values to rank by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Key {
    /// Logits: the margin grows with the absolute value.
    Logit,
    /// Probabilities in `[0, 1]`: the margin falls with min(p, 1 - p), which loses nothing in f32,
    /// unlike 2p - 1. Where `z` and `-z` meet, rounding may still separate what [`Key::Logit`] ties.
    Probability,
}

/// The way in which texts of equal margin share ranks.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ties {
    /// The earlier text has the smaller rank.
    Index,
    /// All get the mean of the ranks they cover.
    Midrank,
}

/// Columns sorted together. The matrix is row-major, and 16 floats are one cache line: a narrower
/// block would read every line more than once.
const COLUMNS: usize = 16;
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;
const PASSES: usize = 3;

/// s(i) for every row of `values`, which has a column for each label and no NaN.
///
/// A single row has nothing to be ranked against and gets 1.
pub fn borda(values: Matrix<'_>, key: Key, ties: Ties) -> Vec<f64> {
    let (n, n_labels) = (values.n_rows(), values.n_cols());
    if n <= 1 {
        return vec![1.0; n];
    }
    let blocks = n_labels.div_ceil(COLUMNS);
    let doubled_points = (0..blocks)
        .into_par_iter()
        .fold(
            || Sorter::new(n),
            |mut sorter, block| {
                let first = block * COLUMNS;
                let end = n_labels.min(first + COLUMNS);
                sorter.load(values, first..end, key);
                for column in 0..end - first {
                    sorter.add_column(column, ties);
                }
                sorter
            },
        )
        .map(|sorter| sorter.doubled_points)
        .reduce(|| vec![0; n], add);
    // Points are doubled so that the mean of two ranks is still an integer.
    let most = 2.0 * n_labels as f64 * (n - 1) as f64;
    doubled_points.into_iter().map(|points| points as f64 / most).collect()
}

fn add(mut a: Vec<u64>, b: Vec<u64>) -> Vec<u64> {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

/// Buffers of one thread: 40 bytes a text beyond the block of keys (64 bytes a text).
struct Sorter {
    /// Keys of the block, column by column: [columns, n].
    keys: Vec<u32>,
    /// Key in the high half, row in the low half.
    front: Vec<u64>,
    back: Vec<u64>,
    /// The places where the texts with each digit begin, for each pass.
    starts: Vec<[u32; DIGITS]>,
    /// Row -> sum over the labels so far of 2 (n - tau).
    doubled_points: Vec<u64>,
}

impl Sorter {
    fn new(n: usize) -> Self {
        Self {
            keys: vec![0; COLUMNS * n],
            front: vec![0; n],
            back: vec![0; n],
            starts: vec![[0; DIGITS]; PASSES],
            doubled_points: vec![0; n],
        }
    }

    /// Transposes `columns` of the matrix and turns values into keys that sort by increasing margin.
    fn load(&mut self, values: Matrix<'_>, columns: Range<usize>, key: Key) {
        match key {
            Key::Logit => self.transpose(values, columns, |z| z.to_bits() & 0x7fff_ffff),
            Key::Probability => {
                self.transpose(values, columns, |p| 0x7fff_ffff - p.min(1.0 - p).abs().to_bits());
            }
        }
    }

    /// Transposes with a key that is generic, so that it is computed in place rather than through a
    /// pointer.
    fn transpose(
        &mut self,
        values: Matrix<'_>,
        columns: Range<usize>,
        to_key: impl Fn(f32) -> u32,
    ) {
        let n = self.front.len();
        for (i, row) in values.rows().enumerate() {
            for (column, &value) in row[columns.clone()].iter().enumerate() {
                self.keys[column * n + i] = to_key(value);
            }
        }
    }

    /// Sorts one column of the block and adds the points it gives to each row.
    fn add_column(&mut self, column: usize, ties: Ties) {
        let n = self.front.len();
        let keys = &self.keys[column * n..(column + 1) * n];
        let starts = &mut self.starts;
        find_starts(keys, starts);
        for (row, &key) in keys.iter().enumerate() {
            let place = next_place(&mut starts[0], key);
            self.back[place] = u64::from(key) << 32 | row as u64;
        }
        for &pair in &self.back {
            let place = next_place(&mut starts[1], (pair >> (32 + DIGIT_BITS)) as u32);
            self.front[place] = pair;
        }
        match ties {
            // The place in the last pass is the rank itself: nothing needs to be written back.
            Ties::Index => {
                for &pair in &self.front {
                    let place = next_place(&mut starts[2], (pair >> (32 + 2 * DIGIT_BITS)) as u32);
                    // Rank tau = place + 1, so the text has n - tau = n - 1 - place points.
                    self.doubled_points[pair as u32 as usize] += 2 * (n - 1 - place) as u64;
                }
            }
            Ties::Midrank => {
                for &pair in &self.front {
                    let place = next_place(&mut starts[2], (pair >> (32 + 2 * DIGIT_BITS)) as u32);
                    self.back[place] = pair;
                }
                self.add_midranks();
            }
        }
    }

    /// Points from the sorted pairs in `back`, where equal keys share the mean rank.
    fn add_midranks(&mut self) {
        let n = self.back.len();
        let mut first = 0;
        for group in self.back.chunk_by(|a, b| a >> 32 == b >> 32) {
            let last = first + group.len() - 1;
            // Twice the mean rank: (first + 1) + (last + 1).
            let doubled = (2 * n - (first + last + 2)) as u64;
            for &pair in group {
                self.doubled_points[pair as u32 as usize] += doubled;
            }
            first = last + 1;
        }
    }
}

/// Counts each pass's digits, and makes places of the counts.
fn find_starts(keys: &[u32], starts: &mut [[u32; DIGITS]]) {
    starts.as_flattened_mut().fill(0);
    for &key in keys {
        for (pass, counts) in starts.iter_mut().enumerate() {
            counts[digit(key >> (pass as u32 * DIGIT_BITS))] += 1;
        }
    }
    for counts in starts {
        let mut sum = 0;
        for count in counts {
            let next = sum + *count;
            *count = sum;
            sum = next;
        }
    }
}

fn digit(shifted: u32) -> usize {
    shifted as usize & (DIGITS - 1)
}

fn next_place(starts: &mut [u32; DIGITS], shifted: u32) -> usize {
    let start = &mut starts[digit(shifted)];
    let place = *start as usize;
    *start += 1;
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, by sorting and counting.
    fn naive(values: &[f32], n_labels: usize, ties: Ties) -> Vec<f64> {
        let n = values.len() / n_labels;
        let margin = |i: usize, l: usize| values[i * n_labels + l].abs();
        (0..n)
            .map(|i| {
                let points: f64 = (0..n_labels)
                    .map(|l| {
                        let smaller = (0..n).filter(|&j| margin(j, l) < margin(i, l)).count();
                        let equal = (0..n).filter(|&j| margin(j, l).eq(&margin(i, l)));
                        let (before, all) = match ties {
                            Ties::Index => (equal.filter(|&j| j < i).count() as f64, 1.0),
                            Ties::Midrank => (0.0, equal.count() as f64),
                        };
                        let tau = smaller as f64 + before + 1.0 + (all - 1.0) / 2.0;
                        n as f64 - tau
                    })
                    .sum();
                points / (n_labels * (n - 1)) as f64
            })
            .collect()
    }

    fn check(values: &[f32], n_labels: usize, ties: Ties, expected: &[f64]) {
        let n = values.len() / n_labels;
        let got = borda(Matrix::new(values, n, n_labels), Key::Logit, ties);
        assert_eq!(got.len(), expected.len());
        for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert!((got - expected).abs() < 1e-12, "row {i}: {got}, expected {expected}");
        }
    }

    #[test]
    fn the_smallest_margin_gets_most_points() {
        check(&[-3.0, 0.5, 1.0, -2.0], 1, Ties::Index, &[0.0, 1.0, 2.0 / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn equal_margins_are_ranked_by_index_or_share_the_mean() {
        let values = [2.0, -2.0, 0.0, 2.0];
        check(&values, 1, Ties::Index, &[2.0 / 3.0, 1.0 / 3.0, 1.0, 0.0]);
        check(&values, 1, Ties::Midrank, &[1.0 / 3.0, 1.0 / 3.0, 1.0, 1.0 / 3.0]);
    }

    #[test]
    fn signed_zero_and_infinity_have_their_places() {
        let values = [f32::INFINITY, -0.0, 1e-40, f32::NEG_INFINITY, 0.0];
        check(&values, 1, Ties::Index, &[0.25, 1.0, 0.5, 0.0, 0.75]);
    }

    #[test]
    fn one_text_or_none() {
        check(&[1.0, 2.0], 2, Ties::Index, &[1.0]);
        check(&[], 2, Ties::Index, &[]);
    }

    proptest! {
        #[test]
        fn any_matrix_follows_the_definition(
            n_labels in 1_usize..40,
            // Few distinct values, so that ties are common.
            values in prop::collection::vec(-6_i8..6, 40..400),
            midrank in any::<bool>(),
        ) {
            let ties = if midrank { Ties::Midrank } else { Ties::Index };
            let n = values.len() / n_labels;
            prop_assume!(n >= 2);
            let values: Vec<f32> =
                values[..n * n_labels].iter().map(|&v| f32::from(v) * 0.37).collect();
            check(&values, n_labels, ties, &naive(&values, n_labels, ties));
        }
    }
}
