//! A linear support vector machine for each label, one against the rest: what scikit-learn's
//! `LinearSVC(C=1)` solves.
//!
//! ```text
//! minimise   |w|^2 / 2  +  C sum_n max(0, 1 - y_n w.x_n)^2        y_n in {-1, 1}
//! ```
//!
//! over `w` with the bias as its last entry, for which every text has a 1. Solved in its dual by coordinate
//! descent (Hsieh et al. 2008, algorithm 1 with the squared loss): `min over alpha >= 0` of
//! `sum_n alpha_n^2 / (4 C) + |w|^2 / 2 - sum_n alpha_n` with `w = sum_n alpha_n y_n x_n`.
//!
//! Our own, since the crates that we know solve dense problems or wrap another language's library.

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use rayon::prelude::*;

use super::words::Rows;

/// Weight of the losses against the penalty.
pub(super) const C: f64 = 1.0;

/// Largest violation of the optimality conditions at which a label counts as solved.
const TOLERANCE: f64 = 1e-3;

const MOST_PASSES: usize = 1000;

/// The margin of a label that no text carries: below all that others say of a text that is not theirs.
const NEVER: f64 = -10.0;

/// The weights of each label, [labels][columns + 1]; the bias is the last. Empty where no text carries it.
pub(super) struct Machines(Vec<Vec<f64>>);

impl Machines {
    /// `labels` has a row for each of `rows`.
    pub(super) fn fit(rows: &Rows, labels: &Labels, n_columns: usize) -> Self {
        let squares: Vec<f64> = rows
            .iter()
            .map(|row| 1.0 + row.iter().map(|&(_, v)| f64::from(v) * f64::from(v)).sum::<f64>())
            .collect();
        let counts = labels.counts();
        let fit = |label: usize| {
            if counts[label] == 0 {
                return Vec::new();
            }
            let has = |text: usize| labels.row(text).binary_search(&(label as u32)).is_ok();
            let signs: Vec<f64> =
                (0..rows.len()).map(|text| if has(text) { 1.0 } else { -1.0 }).collect();
            solve(rows, &signs, &squares, n_columns)
        };
        Self((0..labels.n_labels()).into_par_iter().map(fit).collect())
    }

    /// The logistic function of each margin, f32 [texts, labels]: no probability, but within 0 and 1 and in
    /// the order of the margins.
    pub(super) fn scores(&self, rows: &Rows) -> Matrix {
        let mut scores = Matrix::zeros(rows.len(), self.0.len());
        for (text, row) in rows.iter().enumerate() {
            for (score, weights) in scores.row_mut(text).iter_mut().zip(&self.0) {
                let margin = if weights.is_empty() { NEVER } else { dot(weights, row) };
                *score = (1.0 / (1.0 + (-margin).exp())) as f32;
            }
        }
        scores
    }
}

fn solve(rows: &Rows, signs: &[f64], squares: &[f64], n_columns: usize) -> Vec<f64> {
    let mut weights = vec![0.0; n_columns + 1];
    let mut alphas = vec![0.0; rows.len()];
    // Texts that are far on their side are left out until all others are solved, as LIBLINEAR does.
    let mut active: Vec<usize> = (0..rows.len()).collect();
    let mut bound = f64::INFINITY;
    for _pass in 0..MOST_PASSES {
        let mut worst = 0.0_f64;
        active.retain(|&text| {
            let (row, sign) = (&rows[text], signs[text]);
            let gradient = sign * dot(&weights, row) - 1.0 + alphas[text] / (2.0 * C);
            if alphas[text] == 0.0 && gradient > bound {
                return false;
            }
            let projected = if alphas[text] > 0.0 { gradient } else { gradient.min(0.0) };
            worst = worst.max(projected.abs());
            let moved = (alphas[text] - gradient / (squares[text] + 1.0 / (2.0 * C))).max(0.0);
            let change = (moved - alphas[text]) * sign;
            if change != 0.0 {
                alphas[text] = moved;
                for &(column, value) in row {
                    weights[column as usize] += change * f64::from(value);
                }
                weights[n_columns] += change;
            }
            true
        });
        if worst < TOLERANCE {
            if active.len() == rows.len() {
                break;
            }
            active = (0..rows.len()).collect();
            bound = f64::INFINITY;
        } else {
            bound = worst;
        }
    }
    weights
}

fn dot(weights: &[f64], row: &[(u32, f32)]) -> f64 {
    let bias = weights[weights.len() - 1];
    bias + row
        .iter()
        .map(|&(column, value)| weights[column as usize] * f64::from(value))
        .sum::<f64>()
}
