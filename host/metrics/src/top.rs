//! The highest-scoring labels of each text: all that ranking metrics need, also where texts x labels
//! would not fit in memory.

use alhost_base::matrix::Matrix;
use rayon::prelude::*;

use super::descending::key;

/// The `depth` labels of each text with the highest scores, best first. Equal scores rank by label
/// id, and NaN ranks last.
#[derive(Clone, Debug, PartialEq)]
pub struct TopK {
    depth: usize,
    /// Row-major [texts, depth].
    labels: Vec<u32>,
    scores: Vec<f32>,
}

impl TopK {
    /// Begins with no text. With fewer than `depth` classes, all of them are kept.
    pub fn new(depth: usize, n_labels: usize) -> Self {
        Self { depth: depth.min(n_labels), labels: Vec::new(), scores: Vec::new() }
    }

    /// Appends the texts of `scores` (texts x labels). O(texts x labels) for small depths.
    pub fn add(&mut self, scores: &Matrix) {
        let depth = self.depth;
        let rows: Vec<Vec<(u32, u32)>> = (0..scores.rows)
            .into_par_iter()
            .with_min_len(64)
            .map(|text| top(scores.row(text), depth))
            .collect();
        for (text, row) in rows.into_iter().enumerate() {
            self.scores.extend(row.iter().map(|&(_, label)| scores.row(text)[label as usize]));
            self.labels.extend(row.into_iter().map(|(_, label)| label));
        }
    }

    /// Number of texts; 0 where nothing is kept of them.
    pub fn len(&self) -> usize {
        self.labels.len().checked_div(self.depth).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Labels of a text, best first, and their scores.
    pub fn of(&self, text: usize) -> (&[u32], &[f32]) {
        (self.labels(text), self.scores(text))
    }

    /// Labels of a text, best first.
    pub fn labels(&self, text: usize) -> &[u32] {
        &self.labels[text * self.depth..(text + 1) * self.depth]
    }

    fn scores(&self, text: usize) -> &[f32] {
        &self.scores[text * self.depth..(text + 1) * self.depth]
    }
}

/// Keys and labels of the highest scores, best first.
fn top(scores: &[f32], depth: usize) -> Vec<(u32, u32)> {
    let mut best: Vec<(u32, u32)> = Vec::with_capacity(depth + 1);
    for (label, &score) in scores.iter().enumerate() {
        let key = key(score);
        if best.len() == depth && best.last().is_none_or(|&(lowest, _)| key <= lowest) {
            continue;
        }
        // Labels come in ascending order, so an equal score belongs behind those already here.
        let rank = best.partition_point(|&(other, _)| other >= key);
        best.insert(rank, (key, label as u32));
        best.truncate(depth);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_rank_by_label_and_nan_ranks_last() {
        let check = |scores: &[f32], depth, expected: &[u32]| {
            let mut top = TopK::new(depth, scores.len());
            top.add(&Matrix::new(scores.to_vec(), 1, scores.len()));
            assert_eq!(top.labels(0), expected);
            for (&label, score) in expected.iter().zip(top.scores(0)) {
                assert_eq!(score.to_bits(), scores[label as usize].to_bits());
            }
        };
        check(&[0.5; 7], 3, &[0, 1, 2]);
        check(&[0.1, 0.9, 0.5, 0.9], 2, &[1, 3]);
        check(&[f32::NAN, 0.1, f32::NAN, 0.0], 4, &[1, 3, 0, 2]);
        check(&[0.4, 0.6], 5, &[1, 0]);
    }

    #[test]
    fn the_top_is_that_of_a_full_sort_whatever_the_blocks() {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as f32 % 16.0
        };
        for n_labels in 1..40 {
            let depth = 1 + n_labels % 7;
            let scores = Matrix::new((0..9 * n_labels).map(|_| next()).collect(), 9, n_labels);
            let mut whole = TopK::new(depth, n_labels);
            whole.add(&scores);
            let mut blocks = TopK::new(depth, n_labels);
            for rows in scores.data.chunks(4 * n_labels) {
                blocks.add(&Matrix::new(rows.to_vec(), rows.len() / n_labels, n_labels));
            }
            assert_eq!(whole, blocks);
            assert_eq!(whole.len(), 9);
            for text in 0..9 {
                let row = scores.row(text);
                let mut sorted: Vec<u32> = (0..n_labels as u32).collect();
                sorted.sort_by(|&l, &r| row[r as usize].total_cmp(&row[l as usize]));
                sorted.truncate(depth);
                assert_eq!(whole.labels(text), sorted);
            }
        }
    }
}
