//! Against scikit-learn's rows and weights.

use alhost_data::Labels;
use serde::Deserialize;

use super::svm::Machines;
use super::words::TfIdf;

/// Made by `tests/tools/tfidf_golden.py`.
#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    labels: Vec<Vec<u32>>,
    columns: Vec<String>,
    rows: Vec<Vec<(u32, f32)>>,
    /// By label; the bias is the last.
    weights: Vec<Vec<f64>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../../tests/fixtures/tfidf/sklearn.json")).unwrap()
}

fn labels(golden: &Golden, n_labels: usize) -> Labels {
    let mut labels = Labels::new(n_labels);
    for row in &golden.labels {
        labels.push(row);
    }
    labels
}

#[test]
fn rows_are_those_of_scikit_learn() {
    let golden = golden();
    let tfidf = TfIdf::of(golden.texts.iter().map(String::as_str));
    assert_eq!(tfidf.n_columns(), golden.columns.len());
    let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
    for ((found, expected), text) in tfidf.rows(&texts).iter().zip(&golden.rows).zip(texts) {
        assert_eq!(found.len(), expected.len(), "{text}");
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.0, expected.0, "{text}");
            assert!((found.1 - expected.1).abs() < 2e-6, "{text}: {found:?}, {expected:?}");
        }
    }
    // Words that are new say nothing.
    assert!(tfidf.rows(&["zzz yyy"])[0].is_empty());
}

#[test]
fn machines_are_those_of_scikit_learn_and_a_label_never_seen_is_last() {
    let golden = golden();
    let n = golden.columns.len();
    let machines = Machines::fit(&golden.rows, &labels(&golden, 4), n);
    let scores = machines.scores(&golden.rows);
    for (text, row) in golden.rows.iter().enumerate() {
        for (label, weights) in golden.weights.iter().enumerate() {
            let words = row.iter().map(|&(column, v)| weights[column as usize] * f64::from(v));
            let margin = words.sum::<f64>() + weights[n];
            let expected = 1.0 / (1.0 + (-margin).exp());
            let found = f64::from(scores.row(text)[label]);
            assert!(
                (found - expected).abs() < 1e-3,
                "text {text}, label {label}: {found}, {expected}"
            );
            assert!(scores.row(text)[3] < scores.row(text)[label]);
        }
    }
}
