//! How many labels each text has: from its probabilities alone, or from what labeled texts teach.

use alhost_plugin_api::features::Matrix;
use alhost_plugin_kit::labels::predicted;
use ndarray::{Array2, ArrayViewMut1, Axis};
use rayon::prelude::*;

use crate::regression::Solution;

/// Texts whose inputs are made at a time: 3 MB of 739 labels.
const BLOCK: usize = 512;

/// The sum of each text's probabilities, halves to the even number.
pub fn by_sum(probabilities: Matrix<'_>) -> Vec<usize> {
    let of = |text: usize| {
        let sum: f64 = probabilities.row(text).iter().map(|&p| f64::from(p)).sum();
        sum.round_ties_even() as usize
    };
    (0..probabilities.n_rows()).into_par_iter().map(of).collect()
}

/// The number of labels that are predicted of each text.
pub fn by_threshold(probabilities: Matrix<'_>, threshold: f64) -> Vec<usize> {
    let of = |text: usize| predicted(probabilities.row(text), threshold).count();
    (0..probabilities.n_rows()).into_par_iter().map(of).collect()
}

/// The numbers of labels that occur among labeled texts: the classes of the regression.
pub struct Classes {
    /// Ascending, each once.
    pub counts: Vec<usize>,
    /// The class of each labeled text: a place in `counts`.
    pub of_texts: Vec<usize>,
}

impl Classes {
    /// The classes of labeled texts that have so many labels.
    pub fn new(sizes: &[usize]) -> Self {
        let mut counts = sizes.to_vec();
        counts.sort_unstable();
        counts.dedup();
        let of_texts = sizes.iter().map(|size| counts.partition_point(|c| c < size)).collect();
        Self { counts, of_texts }
    }
}

/// What the regression sees of texts: their probabilities from the largest down, divided by their sum. A row of
/// zeros stays as it is. [texts, labels]
pub fn inputs(probabilities: Matrix<'_>) -> Array2<f64> {
    let mut inputs = Array2::zeros((probabilities.n_rows(), probabilities.n_cols()));
    let mut sorted = Vec::new();
    for (row, input) in probabilities.rows().zip(inputs.axis_iter_mut(Axis(0))) {
        fill(input, row, &mut sorted);
    }
    inputs
}

fn fill(mut input: ArrayViewMut1<'_, f64>, probabilities: &[f32], sorted: &mut Vec<f32>) {
    sorted.clear();
    sorted.extend_from_slice(probabilities);
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let sum: f64 = sorted.iter().map(|&p| f64::from(p)).sum();
    let scale = 1.0 / sum.max(1e-12);
    for (input, &p) in input.iter_mut().zip(sorted.iter()) {
        *input = f64::from(p) * scale;
    }
}

/// The most probable number of labels of each text, the smaller where two are equally probable.
pub fn predict(probabilities: Matrix<'_>, solution: &Solution, counts: &[usize]) -> Vec<usize> {
    let n_texts = probabilities.n_rows();
    let blocks: Vec<Vec<usize>> = (0..n_texts.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let texts = block * BLOCK..n_texts.min((block + 1) * BLOCK);
            let mut inputs = Array2::zeros((texts.len(), probabilities.n_cols()));
            let mut sorted = Vec::new();
            for (text, input) in texts.zip(inputs.axis_iter_mut(Axis(0))) {
                fill(input, probabilities.row(text), &mut sorted);
            }
            let shares = solution.probabilities(&inputs);
            shares.axis_iter(Axis(0)).map(|row| counts[first_largest(row.iter())]).collect()
        })
        .collect();
    blocks.concat()
}

fn first_largest<'a>(values: impl Iterator<Item = &'a f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (place, &value) in values.enumerate() {
        if value > best.1 {
            best = (place, value);
        }
    }
    best.0
}
