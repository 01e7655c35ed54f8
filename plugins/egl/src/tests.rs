//! Lengths against golden values, and against the expectation as its definition has it.

use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::highest;

use super::*;

#[test]
fn golden_lengths_and_picks() {
    for case in alhost_golden::all() {
        let (proba, emb) = (case.f32s("proba"), case.f32s("emb"));
        let probabilities = Matrix::new(&proba, case.rows("proba"), case.cols("proba"));
        let features = Matrix::new(&emb, case.rows("emb"), case.cols("emb"));
        let root = lengths(probabilities, features, Form::Root);
        case.assert_close("egl", &root);
        case.assert_picks("egl_picks", &highest(&root, case.whole("k")));
        case.assert_close("egl_sum", &lengths(probabilities, features, Form::Sum));
    }
}

/// All outcomes of three labels with their probabilities, and the gradient of each written out.
#[test]
fn the_closed_form_is_the_expectation_over_all_outcomes() {
    let (probabilities, features) = ([0.75_f32, 0.125, 0.5], [2.0_f32, -1.0]);
    let inputs = [2.0, -1.0, 1.0];
    let (mut of_squares, mut of_lengths) = (0.0, 0.0);
    for outcome in 0..8_u32 {
        let mut chance = 1.0;
        let (mut square, mut lengths) = (0.0, 0.0);
        for (label, &p) in (0..).zip(&probabilities) {
            let (p, y) = (f64::from(p), f64::from(outcome >> label & 1));
            chance *= if y > 0.5 { p } else { 1.0 - p };
            let gradient = inputs.map(|x: f64| (p - y) * x);
            let squares: f64 = gradient.iter().map(|g| g * g).sum();
            square += squares;
            lengths += squares.sqrt();
        }
        of_squares += chance * square;
        of_lengths += chance * lengths;
    }
    let root = length(&probabilities, &features, Form::Root);
    let sum = length(&probabilities, &features, Form::Sum);
    assert!((root - of_squares.sqrt()).abs() < 1e-12, "{root}, expected {}", of_squares.sqrt());
    assert!((sum - of_lengths).abs() < 1e-12, "{sum}, expected {of_lengths}");
}

#[test]
fn it_keeps_the_contract() {
    for form in ["root", "sum"] {
        let params = format!(r#"{{"form": "{form}"}}"#);
        check_contract::<Egl>(&params, &[FEATURES, PROBABILITIES], false);
    }
}

/// Texts 0 and 1 are equally long, and text 1 is in doubt; text 2 is as certain as text 0, and longer.
/// p (1 - p) is 0.25 for a logit of 0, and 0.0066 for one of 5.
#[test]
fn doubt_and_length_both_count() {
    let host = StandIn::new(3, 1).logits(vec![5.0, 0.0, 5.0]);
    let host = host.vectors(vec![1.0, 0.0, 0.0, 1.0, 3.0, 0.0], 2);
    let order = |params: &str| {
        let selection = host.select::<Egl>(params, 3).unwrap();
        selection.ids.iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(order("{}"), [1, 2, 0]);
    // One text long enough makes up for certainty, less so where the residual counts squared.
    let host = StandIn::new(2, 1).logits(vec![5.0, 0.0]).vectors(vec![9.0, 1.0], 1);
    let first = |params: &str| host.select::<Egl>(params, 1).unwrap().ids[0].0;
    assert_eq!((first("{}"), first(r#"{"form": "sum"}"#)), (0, 1));
}

#[test]
fn what_is_not_a_number_is_told() {
    let host = StandIn::new(2, 1).vectors(vec![1.0, f32::INFINITY], 1);
    let error = host.select::<Egl>("{}", 1).unwrap_err();
    assert!(error.message().starts_with("features of text 1 are not"), "{error}");
    let host = StandIn::new(2, 1).logits(vec![f32::NAN, 0.0]);
    let error = host.select::<Egl>("{}", 1).unwrap_err();
    assert!(error.message().starts_with("probabilities of text 0 are not"), "{error}");
}
