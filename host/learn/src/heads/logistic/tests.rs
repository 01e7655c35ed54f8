//! Tests against scikit-learn's coefficients, and of what must hold of any optimum.

use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::*;

/// A case that `tests/tools/logistic_golden.py` made.
#[derive(Deserialize)]
struct Case {
    name: String,
    c: f64,
    x: Vec<Vec<f64>>,
    labels: Vec<Vec<u32>>,
    n_labels: usize,
    weights: Vec<Option<Vec<f64>>>,
    biases: Vec<Option<f64>>,
}

impl Case {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../../../../../tests/fixtures/logistic/sklearn.json"))
            .unwrap()
    }

    fn labels(&self) -> Labels {
        let mut labels = Labels::new(self.n_labels);
        for row in &self.labels {
            labels.push(row);
        }
        labels
    }

    fn texts(&self) -> Texts {
        Texts::new(&Tensor::from_slice2(&self.x))
    }
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::<f64>::try_from(tensor.contiguous().view([-1])).unwrap()
}

#[test]
fn coefficients_and_probabilities_are_those_of_scikit_learn() {
    for case in Case::all() {
        let fit = case.texts().fit(&case.labels(), case.c, 1e-13);
        assert_eq!(fit.unsolved, 0, "{}", case.name);
        let x = Tensor::from_slice2(&case.x);
        for label in 0..case.n_labels {
            let (Some(weights), Some(bias)) = (&case.weights[label], case.biases[label]) else {
                continue;
            };
            let found = fit.weight.get(label as i64);
            let expected = Tensor::from_slice(weights);
            let far = (&found - &expected).abs().max().double_value(&[]);
            let size = expected.abs().max().double_value(&[]).max(1.0);
            assert!(far < 1e-4 * size, "{}, label {label}: weights off by {far}", case.name);
            let found_bias = fit.bias.double_value(&[label as i64]);
            assert!((found_bias - bias).abs() < 1e-4 * size, "{}: {found_bias}, {bias}", case.name);
            let probabilities = |weight: &Tensor, bias: f64| (x.mv(weight) + bias).sigmoid();
            let apart = probabilities(&found, found_bias) - probabilities(&expected, bias);
            assert!(apart.abs().max().double_value(&[]) < 1e-4, "{}, label {label}", case.name);
        }
    }
}

#[test]
fn a_label_that_none_or_all_carry_gets_its_smoothed_log_odds() {
    let case = &Case::all()[0];
    let fit = case.texts().fit(&case.labels(), case.c, TOLERANCE);
    let n = case.x.len() as f64;
    for (label, count) in [(case.n_labels - 1, 0.0), (case.n_labels - 2, n)] {
        let label = label as i64;
        assert!(values(&fit.weight.get(label)).iter().all(|&weight| weight.abs() < 1e-300));
        let expected = ((count + 1.0) / (n - count + 1.0)).ln();
        assert!((fit.bias.double_value(&[label]) - expected).abs() < 1e-6);
    }
}

#[test]
fn the_default_tolerance_leaves_little_to_gain() {
    for case in Case::all() {
        let (texts, labels) = (case.texts(), case.labels());
        let (usual, tight) =
            (texts.fit(&labels, case.c, TOLERANCE), texts.fit(&labels, case.c, 1e-13));
        let apart = (usual.weight - tight.weight).abs().max().double_value(&[]);
        // |w - w*|^2 / (2 C) is at most what is left of the loss, a few times the tolerance.
        assert!(apart < (8.0 * case.c * TOLERANCE).sqrt(), "{}: {apart}", case.name);
        assert!(usual.iterations < 60, "{}: {} iterations", case.name, usual.iterations);
    }
}

#[test]
fn a_label_is_fitted_alike_in_any_company() {
    let case = &Case::all()[0];
    let together = case.texts().fit(&case.labels(), case.c, TOLERANCE);
    for label in 0..case.n_labels as u32 {
        let mut alone = Labels::new(1);
        for row in &case.labels {
            alone.push(if row.contains(&label) { &[0] } else { &[] });
        }
        let alone = case.texts().fit(&alone, case.c, TOLERANCE);
        let apart = alone.weight.get(0) - together.weight.get(i64::from(label));
        assert!(apart.abs().max().double_value(&[]) < 1e-9, "label {label}");
    }
}

#[test]
fn texts_that_are_all_alike_are_fitted_by_the_bias() {
    let embeddings = Tensor::ones([5, 3], (Kind::Float, Device::Cpu)) / 3.0_f64.sqrt();
    let mut labels = Labels::new(2);
    for row in [&[0][..], &[0, 1], &[], &[], &[]] {
        labels.push(row);
    }
    let fit = Texts::new(&embeddings).fit(&labels, 30.0, TOLERANCE);
    let at = embeddings.get(0).to_kind(Kind::Double);
    let probabilities = values(&(fit.weight.mv(&at) + &fit.bias).sigmoid());
    for (found, expected) in probabilities.iter().zip([0.4, 0.2]) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }
}

#[test]
fn deviations_are_those_of_the_hessians_diagonal() {
    let case = &Case::all()[2];
    let fit = case.texts().fit(&case.labels(), case.c, TOLERANCE);
    let x = Tensor::from_slice2(&case.x);
    let label = 0;
    let p = values(&(x.mv(&fit.weight.get(label)) + fit.bias.get(label)).sigmoid());
    for dimension in 0..16 {
        let hessian: f64 =
            case.x.iter().zip(&p).map(|(x, p)| p * (1.0 - p) * x[dimension] * x[dimension]).sum();
        let expected = 1.0 / (hessian + 1.0 / case.c).sqrt();
        let found = fit.deviation.0.double_value(&[label, dimension as i64]);
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }
    let expected = 1.0 / p.iter().map(|p| p * (1.0 - p)).sum::<f64>().sqrt();
    assert!((fit.deviation.1.double_value(&[label]) - expected).abs() < 1e-9);
}
