//! CVIRS against values computed elsewhere from the published formulas, in numpy (see
//! `tests/fixtures/strategies/README.md`).

use std::io::Cursor;

use alhost_plugin_api::features::Matrix;
use ndarray::{Array1, Array2};
use ndarray_npy::{NpzReader, ReadableElement};

use crate::inconsistency::inconsistency;
use crate::label_sets::{LabelSets, logit_cutoff};
use crate::overlaps::Counting;
use crate::ranks::{Key, Ties, borda};
use crate::scores::scores;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/strategies/", $name))
    };
}

const DENSE: &[u8] = fixture!("cvirs_dense_n2000_m500_L100.npz");
const TINY: &[u8] = fixture!("cvirs_tiny_n7_m5_L6.npz");
const EDGE: &[u8] = fixture!("cvirs_edge_n7_m7_L8.npz");

fn vector<T: ReadableElement>(file: &[u8], name: &str) -> Vec<T> {
    let array: Array1<T> = NpzReader::new(Cursor::new(file)).unwrap().by_name(name).unwrap();
    array.into_raw_vec_and_offset().0
}

/// Values in row-major order, and the number of columns.
fn matrix<T: ReadableElement>(file: &[u8], name: &str) -> (Vec<T>, usize) {
    let array: Array2<T> = NpzReader::new(Cursor::new(file)).unwrap().by_name(name).unwrap();
    let columns = array.ncols();
    (array.into_raw_vec_and_offset().0, columns)
}

fn of(values: &[f32], n_labels: usize) -> Matrix<'_> {
    Matrix::new(values, values.len() / n_labels, n_labels)
}

fn labeled(file: &[u8]) -> LabelSets {
    let (cells, n_labels) = matrix::<u8>(file, "y_labeled");
    let rows: Vec<Vec<u32>> = cells
        .chunks_exact(n_labels)
        .map(|row| (0..).zip(row).filter_map(|(label, &y)| (y == 1).then_some(label)).collect())
        .collect();
    LabelSets::from_rows(rows.iter().map(Vec::as_slice))
}

fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= 1e-12, "{what} of row {i}: {got}, expected {expected}");
    }
}

/// Rows with the highest score, ties by row.
fn top(scores: &[f64], k: usize) -> Vec<i32> {
    let mut order: Vec<i32> = (0..scores.len() as i32).collect();
    order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b)));
    order.truncate(k);
    order
}

/// Everything that does not depend on how the margin is computed.
fn check_inconsistency(file: &[u8]) {
    let (logits, n_labels) = matrix::<f32>(file, "logits");
    let predicted = LabelSets::predicted(of(&logits, n_labels), logit_cutoff(0.5)).unwrap();
    for counting in [Counting::Inverted, Counting::Popcount, Counting::Cheapest] {
        let v = inconsistency(&predicted, &labeled(file), n_labels, counting);
        assert_close("v", &v, &vector::<f64>(file, "v"));
    }
}

/// The probabilities the golden ranks were made from: the sigmoid in f64, rounded to f32.
fn probabilities(file: &[u8]) -> (Vec<f32>, usize) {
    let (mut values, n_labels) = matrix::<f32>(file, "logits");
    for z in &mut values {
        *z = (1.0 / (1.0 + (-f64::from(*z)).exp())) as f32;
    }
    (values, n_labels)
}

fn check_scores(file: &[u8], scores: &[f64]) {
    assert_close("score", scores, &vector::<f64>(file, "score"));
    assert_eq!(top(scores, 100), vector::<i32>(file, "top100"));
}

fn scores_from_logits(file: &[u8]) -> Vec<f64> {
    let (logits, n_labels) = matrix::<f32>(file, "logits");
    scores(of(&logits, n_labels), logit_cutoff(0.5), &labeled(file), Ties::Index).unwrap()
}

#[test]
fn inconsistency_agrees_on_all_inputs() {
    for file in [DENSE, TINY, EDGE] {
        check_inconsistency(file);
    }
}

#[test]
fn scores_and_order_agree_from_logits() {
    for file in [DENSE, TINY] {
        check_scores(file, &scores_from_logits(file));
    }
}

/// In the edge file `z` and `-z` meet in every label. Rounding to f32 separates their
/// probabilities, so its ranks hold for the key from probabilities only; so do the mid-ranks of the
/// dense file, where rounding makes a few probabilities equal.
#[test]
fn scores_and_order_agree_from_probabilities() {
    for file in [DENSE, TINY, EDGE] {
        let (values, n_labels) = probabilities(file);
        let s = borda(of(&values, n_labels), Key::Probability, Ties::Index);
        assert_close("s", &s, &vector::<f64>(file, "s"));
        let midrank = borda(of(&values, n_labels), Key::Probability, Ties::Midrank);
        assert_close("s_midrank", &midrank, &vector::<f64>(file, "s_midrank"));
        let scores: Vec<f64> = s.iter().zip(vector::<f64>(file, "v")).map(|(s, v)| s * v).collect();
        check_scores(file, &scores);
    }
}

#[test]
fn equal_margins_are_equal_by_logit() {
    let (logits, n_labels) = matrix::<f32>(EDGE, "logits");
    let by_index: Vec<f64> = (0..7).map(|i| f64::from(6 - i) / 6.0).collect();
    assert_close("s", &borda(of(&logits, n_labels), Key::Logit, Ties::Index), &by_index);
    assert_close("s", &borda(of(&logits, n_labels), Key::Logit, Ties::Midrank), &[0.5; 7]);
}
