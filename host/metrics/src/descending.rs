//! The scores of a matrix from the highest down, in chunks: the thresholds that are worth having
//! are found in the top few percent, so sorting the rest would be wasted.

use alhost_base::matrix::Matrix;
use rayon::prelude::*;

/// The key of what is above no threshold (`s > t` is false for every t): NaN and minus infinity.
const NEVER: u32 = 0;

/// An unsigned number that orders as the score does. Both zeros get the same key.
pub(super) fn key(score: f32) -> u32 {
    if score.is_nan() || (score.is_infinite() && score < 0.0) {
        return NEVER;
    }
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// The score of a key other than `NEVER`.
pub(super) fn score(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

/// A threshold that takes in everything down to `above` and nothing from `below` down.
pub(super) fn between(above: f32, below: f32) -> f32 {
    let middle = f32::midpoint(above, below);
    // Rounding may give `above` itself, and infinities of both signs give NaN.
    if middle < above { middle } else { below }
}

/// Bins are the upper half of the key: 128 to each power of two.
const BINS: usize = 1 << 16;

fn bin(key: u32) -> usize {
    (key >> 16) as usize
}

/// Hands out the scores in chunks of whole bins, so that equal scores are never parted.
pub(super) struct Descending<'a> {
    scores: &'a Matrix,
    counts: Vec<u64>,
    /// Bins from here on were handed out.
    done: usize,
}

impl<'a> Descending<'a> {
    pub(super) fn new(scores: &'a Matrix) -> Self {
        let counts = rows(scores)
            .fold(
                || vec![0_u64; BINS],
                |mut counts, (_, row)| {
                    for &score in row {
                        counts[bin(key(score))] += 1;
                    }
                    counts
                },
            )
            .reduce_with(|mut left, right| {
                for (left, right) in left.iter_mut().zip(&right) {
                    *left += right;
                }
                left
            })
            .unwrap_or_else(|| vec![0; BINS]);
        Self { scores, counts, done: BINS }
    }

    /// The next `at_least` scores or a few more, highest first; empty when all were handed out.
    ///
    /// An entry is the score's key in the upper half and the tag in the lower one. Entries of
    /// equal score stand in descending order of their tags, wherever they are in the matrix.
    pub(super) fn next_chunk(
        &mut self,
        at_least: u64,
        tag: impl Fn(usize, usize) -> u32 + Sync,
    ) -> Vec<u64> {
        let end = self.done;
        let mut entries = 0;
        while self.done > 0 && entries < at_least.max(1) {
            self.done -= 1;
            entries += self.counts[self.done];
        }
        let lowest = (self.done as u32) << 16;
        let mut chunk = rows(self.scores)
            .fold(Vec::new, |mut chunk, (row_idx, row)| {
                for (label, &score) in row.iter().enumerate() {
                    let key = key(score);
                    if key >= lowest && bin(key) < end && key != NEVER {
                        chunk.push(u64::from(key) << 32 | u64::from(tag(row_idx, label)));
                    }
                }
                chunk
            })
            .reduce(Vec::new, |mut left, right| {
                left.extend(right);
                left
            });
        chunk.par_sort_unstable_by(|left, right| right.cmp(left));
        chunk
    }
}

/// All rows with their index, in parallel, a fair number at a time.
fn rows(scores: &Matrix) -> impl ParallelIterator<Item = (usize, &[f32])> {
    // Each task holds a set of bins, so there are to be few of them.
    let rows_per_task = scores.rows.div_ceil(16).max(64);
    (0..scores.rows)
        .into_par_iter()
        .with_min_len(rows_per_task)
        .map(|row_idx| (row_idx, scores.row(row_idx)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_scores_do_and_come_back() {
        let scores =
            [f32::MIN, -1.5, -f32::MIN_POSITIVE, -1e-45, 0.0, 1e-45, 0.3, 0.5, 1.0, f32::INFINITY];
        for pair in scores.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
        for value in scores {
            assert_eq!(score(key(value)).to_bits(), value.to_bits());
        }
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!((key(f32::NAN), key(f32::NEG_INFINITY)), (NEVER, NEVER));
        assert!(key(f32::MIN) > NEVER);
    }

    #[test]
    fn a_threshold_is_below_one_score_and_not_below_the_next() {
        let neighbours = (0.5_f32, 0.5_f32.next_down());
        for (above, below) in
            [(0.75, 0.25), neighbours, (f32::INFINITY, 1.0), (f32::MAX, f32::MIN), (1e-45, 0.0)]
        {
            let threshold = between(above, below);
            assert!(below <= threshold && threshold < above, "{above} {below} {threshold}");
        }
    }

    #[test]
    fn chunks_cover_all_scores_in_order() {
        let data = vec![0.1, 0.9, f32::NAN, 0.5, 0.5, -3.0];
        let scores = Matrix::new(data, 2, 3);
        let mut descending = Descending::new(&scores);
        let mut all = Vec::new();
        loop {
            let chunk = descending.next_chunk(2, |row, label| (row * 3 + label) as u32);
            if chunk.is_empty() {
                break;
            }
            all.extend(chunk);
        }
        let tags: Vec<u32> = all.iter().map(|&entry| entry as u32).collect();
        assert_eq!(tags, [1, 4, 3, 0, 5]);
    }
}
