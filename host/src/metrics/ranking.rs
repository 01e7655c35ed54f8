//! Precision of the most probable labels, which needs no threshold.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::descending::key;
use crate::data::Labels;
use crate::matrix::Matrix;

/// P@k: the share of gold labels among a text's k highest scores, mean over all texts. A text
/// without labels counts as 0, and with fewer than k classes the division is still by k (as
/// pyxclib's `xc_metrics`). Equal scores rank by label id, and NaN ranks last.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Ranking {
    pub p_at_1: f64,
    pub p_at_3: f64,
    pub p_at_5: f64,
}

const DEEPEST: usize = 5;

/// P@1, P@3 and P@5 of `scores` (texts x labels).
///
/// # Panics
/// If `scores` and `gold` differ in texts or labels.
pub fn rank(scores: &Matrix, gold: &Labels) -> Ranking {
    assert_eq!(scores.rows, gold.len(), "scores and gold labels are of the same texts");
    assert_eq!(scores.cols, gold.n_labels(), "scores and gold labels are of the same classes");
    // hits[r]: texts whose label at rank r is gold.
    let hits = (0..scores.rows)
        .into_par_iter()
        .with_min_len(64)
        .map(|text| hits(scores.row(text), gold.row(text)))
        .reduce(
            || [0; DEEPEST],
            |left, right| std::array::from_fn(|rank| left[rank] + right[rank]),
        );
    let p_at = |k: usize| {
        let hits: u64 = hits[..k].iter().sum();
        if scores.rows == 0 { 0.0 } else { hits as f64 / (k * scores.rows) as f64 }
    };
    Ranking { p_at_1: p_at(1), p_at_3: p_at(3), p_at_5: p_at(5) }
}

fn hits(scores: &[f32], gold: &[u32]) -> [u64; DEEPEST] {
    let mut hits = [0; DEEPEST];
    for (hit, label) in hits.iter_mut().zip(top(scores)) {
        *hit = u64::from(gold.binary_search(&label).is_ok());
    }
    hits
}

/// The labels of the highest scores, best first, at most `DEEPEST`.
fn top(scores: &[f32]) -> impl Iterator<Item = u32> {
    let mut best = [(0, 0); DEEPEST];
    let mut n_best = 0;
    for (label, &score) in scores.iter().enumerate() {
        let key = key(score);
        if n_best == DEEPEST && key <= best[DEEPEST - 1].0 {
            continue;
        }
        // Labels come in ascending order, so an equal score belongs behind those already here.
        let rank = best[..n_best].partition_point(|&(other, _)| other >= key);
        n_best = (n_best + 1).min(DEEPEST);
        best.copy_within(rank..n_best - 1, rank + 1);
        best[rank] = (key, label as u32);
    }
    best.into_iter().take(n_best).map(|(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[(&[f32], &[u32])], expected: [f64; 3]) {
        let cols = rows[0].0.len();
        let mut gold = Labels::new(cols);
        let mut data = Vec::new();
        for (scores, labels) in rows {
            data.extend_from_slice(scores);
            gold.push(labels);
        }
        let ranking = rank(&Matrix::new(data, rows.len(), cols), &gold);
        let values = [ranking.p_at_1, ranking.p_at_3, ranking.p_at_5];
        for (value, expected) in values.into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-15, "{values:?}");
        }
    }

    #[test]
    fn precision_of_the_top_labels() {
        check(&[(&[0.1, 0.9, 0.5, 0.3, 0.2, 0.7], &[1, 2, 4])], [1.0, 2.0 / 3.0, 3.0 / 5.0]);
        // Two texts, one of them without labels.
        check(&[(&[0.9, 0.1, 0.8], &[0, 2]), (&[0.9, 0.1, 0.8], &[])], [0.5, 2.0 / 6.0, 0.2]);
        // Fewer classes than k.
        check(&[(&[0.4, 0.6], &[0, 1])], [1.0, 2.0 / 3.0, 2.0 / 5.0]);
    }

    #[test]
    fn equal_scores_rank_by_label_and_nan_ranks_last() {
        check(&[(&[0.5; 7], &[0, 1, 5])], [1.0, 2.0 / 3.0, 2.0 / 5.0]);
        check(&[(&[f32::NAN, 0.1, f32::NAN, 0.0], &[1, 2])], [1.0, 1.0 / 3.0, 2.0 / 5.0]);
    }

    #[test]
    fn the_top_is_that_of_a_full_sort() {
        let mut state = 7_u32;
        for n_labels in 1..60 {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as f32 % 16.0
            };
            let scores: Vec<f32> = (0..n_labels).map(|_| next()).collect();
            let mut sorted: Vec<u32> = (0..n_labels).collect();
            sorted.sort_by(|&l, &r| scores[r as usize].total_cmp(&scores[l as usize]));
            sorted.truncate(DEEPEST);
            assert_eq!(top(&scores).collect::<Vec<_>>(), sorted);
        }
    }
}
