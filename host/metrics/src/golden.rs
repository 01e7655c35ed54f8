//! Metrics agree with scikit-learn on saved cases; see `tests/fixtures/statistics/README.md`.

use std::path::Path;

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use serde_json::Value;

use super::f1::Counts;
use super::ranking::DEEPEST;
use super::{LabelFrequencies, TopK, evaluate, rank};

fn cases(file: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/statistics");
    let path = folder.join(file);
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

/// Checks each metric that the fixture has, by the name of its field.
fn check<T: serde::Serialize>(ours: &T, golden: &Value) {
    let ours = serde_json::to_value(ours).unwrap();
    for (name, golden) in golden.as_object().unwrap() {
        let difference = ours[name].as_f64().unwrap() - golden.as_f64().unwrap();
        assert!(difference.abs() < 1e-9, "{name}: {} != {golden}", ours[name]);
    }
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// A train split in which label `l` occurs `counts[l]` times.
fn train(n_texts: usize, counts: &[f64]) -> Labels {
    let mut train = Labels::new(counts.len());
    for text in 0..n_texts {
        let carried = (0..counts.len()).filter(|&label| (text as f64) < counts[label]);
        train.push(&carried.map(|label| label as u32).collect::<Vec<_>>());
    }
    train
}

fn top(scores: &Matrix) -> TopK {
    let mut top = TopK::new(DEEPEST, scores.cols);
    top.add(scores);
    top
}

#[test]
fn threshold_metrics_and_precision_at_k_are_those_of_scikit_learn() {
    let cases = cases("f1.json");
    assert!(cases.len() >= 6);
    for case in &cases {
        let (scores, gold) = scores_and_gold(case);
        let threshold = case["threshold"].as_f64().unwrap() as f32;
        check(&evaluate(&scores, &gold, threshold), &case["expected"]);
        check(&rank(&top(&scores), &gold, &vec![1.0; gold.n_labels()]), &case["ranking"]);
    }
}

#[test]
fn ndcg_propensities_and_groups_are_those_of_scikit_learn_and_of_the_formulas() {
    let cases = cases("ranking.json");
    assert!(cases.len() >= 5);
    for case in &cases {
        let (scores, gold) = scores_and_gold(case);
        let number = |key: &str| case[key].as_f64().unwrap();
        let train = train(number("train_texts") as usize, &numbers(&case["train_counts"]));
        let frequencies = LabelFrequencies::of(&train);
        let inverse = frequencies.inverse_propensities(number("a"), number("b"));
        for (ours, golden) in inverse.iter().zip(numbers(&case["inverse_propensities"])) {
            assert!((ours - golden).abs() < 1e-9, "{ours} != {golden}");
        }
        check(&rank(&top(&scores), &gold, &inverse), &case["ranking"]);
        let mut counts = Counts::empty(gold.n_labels());
        let threshold = number("threshold") as f32;
        counts.add_block(&scores, &gold, 0, |_, score| score > threshold);
        check(&counts.metrics(Some(&frequencies.groups())), &case["groups"]);
    }
}
