//! Metrics agree with scikit-learn on saved cases; see `tests/fixtures/statistics/README.md`.

use std::path::Path;

use serde_json::Value;

use super::{evaluate, rank};
use crate::data::Labels;
use crate::matrix::Matrix;

fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/statistics/f1.json");
    let fixture: Value = serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    fixture["cases"].as_array().unwrap().clone()
}

fn scores_and_gold(case: &Value) -> (Matrix, Labels) {
    let size = |key: &str| case[key].as_u64().unwrap() as usize;
    let (rows, cols) = (size("texts"), size("labels"));
    let scores = case["scores"].as_array().unwrap().iter();
    let data = scores.map(|score| score.as_f64().unwrap() as f32).collect();
    let mut gold = Labels::new(cols);
    for row in case["gold"].as_array().unwrap() {
        let row = row.as_array().unwrap().iter().map(|label| label.as_u64().unwrap() as u32);
        gold.push(&row.collect::<Vec<_>>());
    }
    (Matrix::new(data, rows, cols), gold)
}

/// Each metric that the fixture has, by the name of its field.
fn check<T: serde::Serialize>(ours: &T, golden: &Value) {
    let ours = serde_json::to_value(ours).unwrap();
    for (name, golden) in golden.as_object().unwrap() {
        let difference = ours[name].as_f64().unwrap() - golden.as_f64().unwrap();
        assert!(difference.abs() < 1e-9, "{name}: {} != {golden}", ours[name]);
    }
}

#[test]
fn threshold_metrics_and_precision_at_k_are_those_of_scikit_learn() {
    let cases = cases();
    assert!(cases.len() >= 6);
    for case in &cases {
        let (scores, gold) = scores_and_gold(case);
        let threshold = case["threshold"].as_f64().unwrap() as f32;
        check(&evaluate(&scores, &gold, threshold), &case["expected"]);
        check(&rank(&scores, &gold), &case["ranking"]);
    }
}
