//! A threshold for each label, pulled towards the global one where dev has few texts of the label.
//!
//! A label's own optimum of F1 on dev is good where dev has many of its texts, and chance where it has two.
//! So with `n_l` texts of the label in dev, its optimum `t_l` and the global threshold `t`, on the scale of
//! log-odds:
//!
//! ```text
//! logit(threshold_l) = (n_l logit(t_l) + k logit(t)) / (n_l + k)
//! ```
//!
//! `k` is the number of texts that the global threshold is worth: 0 takes each label's own, and a large one
//! takes the global one for all.

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use rayon::prelude::*;

use super::threshold::optima;

/// The least distance from 0 and 1; nearer, log-odds are of no use.
const LEAST: f64 = 1e-6;

/// One threshold for each label from `scores`, probabilities of dev's texts [texts, labels]. A label that
/// dev has not takes `global`; so do all where `global` predicts nothing.
///
/// # Panics
/// If `scores` and `gold` differ in texts or labels.
pub fn per_label(scores: &Matrix, gold: &Labels, global: f32, k: f64) -> Vec<f32> {
    assert_eq!(scores.cols, gold.n_labels(), "scores and gold labels are of the same classes");
    let counts = gold.counts();
    let of = |label: usize| {
        let n = f64::from(counts[label]);
        if counts[label] == 0 || !global.is_finite() {
            return global;
        }
        let (column, truth) = alone(scores, gold, label);
        let own = optima(&column, &truth).micro.threshold;
        if !own.is_finite() {
            return global;
        }
        let logit = (n * logit(own) + k * logit(global)) / (n + k);
        (1.0 / (1.0 + (-logit).exp())) as f32
    };
    (0..scores.cols).into_par_iter().map(of).collect()
}

/// The scores and the gold of one label.
fn alone(scores: &Matrix, gold: &Labels, label: usize) -> (Matrix, Labels) {
    let column = (0..scores.rows).map(|text| scores.row(text)[label]).collect();
    let mut truth = Labels::new(1);
    for text in 0..gold.len() {
        let has = gold.row(text).binary_search(&(label as u32)).is_ok();
        truth.push(if has { &[0] } else { &[] });
    }
    (Matrix::new(column, scores.rows, 1), truth)
}

fn logit(probability: f32) -> f64 {
    let p = f64::from(probability).clamp(LEAST, 1.0 - LEAST);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Label 0 is best above .3, label 1 above .7, dev has no text of label 2.
    fn example() -> (Matrix, Labels) {
        let scores = vec![0.4, 0.8, 0.1, 0.4, 0.6, 0.1, 0.2, 0.8, 0.9, 0.2, 0.6, 0.1];
        let mut gold = Labels::new(3);
        for row in [&[0, 1][..], &[0], &[1], &[]] {
            gold.push(row);
        }
        (Matrix::new(scores, 4, 3), gold)
    }

    fn check(global: f32, k: f64, expected: [f32; 3]) {
        let (scores, gold) = example();
        let found = per_label(&scores, &gold, global, k);
        for (label, (found, expected)) in found.iter().zip(expected).enumerate() {
            let is_close = (found - expected).abs() < 1e-6;
            let both_infinite = found.is_infinite() && expected.is_infinite();
            assert!(is_close || both_infinite, "label {label}: {found}, not {expected}");
        }
    }

    #[test]
    fn the_global_threshold_pulls_as_much_as_k_texts() {
        check(0.5, 0.0, [0.3, 0.7, 0.5]);
        // Two texts each, and as much for logit(.5) = 0: half of the log-odds of .3 and .7.
        let half = |p: f32| (p / (1.0 - p)).sqrt() / (1.0 + (p / (1.0 - p)).sqrt());
        check(0.5, 2.0, [half(0.3), half(0.7), 0.5]);
        check(0.25, 1e12, [0.25; 3]);
    }

    #[test]
    fn a_global_threshold_that_predicts_nothing_is_everyones() {
        check(f32::INFINITY, 1.0, [f32::INFINITY; 3]);
    }
}
