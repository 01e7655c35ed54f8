//! Scores against golden values, and the corner cases.

use alhost_golden::{Case, misc};
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::highest;

use super::*;

/// The golden passes are `[texts, passes, labels]`.
fn scores(case: &Case) -> Vec<f64> {
    let (values, n_labels) = (case.f32s("mc"), case.cols("mc"));
    let entropies = Entropies::new();
    let width = values.len() / case.rows("mc");
    values.chunks(width).map(|text| information(text, n_labels, &entropies)).collect()
}

#[test]
fn golden_scores_and_picks() {
    for case in alhost_golden::all() {
        let scores = scores(&case);
        case.assert_close("bald", &scores);
        case.assert_picks("bald_picks", &highest(&scores, case.whole("k")));
    }
}

#[test]
fn golden_values_of_another_implementation() {
    let case = misc();
    case.assert_close("bald_bernoulli_sum", &scores(&case));
}

#[test]
fn passes_that_agree_tell_nothing() {
    let entropies = Entropies::new();
    let pass: Vec<f32> = (0..5000).map(|i| (i as f32 * 0.37).fract()).collect();
    for n_passes in [1, 2, 3, 7, 10] {
        let passes = pass.repeat(n_passes);
        assert!(information(&passes, pass.len(), &entropies) <= 0.0, "{n_passes}");
    }
    assert!(information(&[], 0, &entropies) <= 0.0);
}

/// A pass that says 0 against one that says 1: the label would tell which is right, a whole bit.
#[test]
fn contradiction_counts_and_doubt_does_not() {
    let entropies = Entropies::new();
    let check = |passes: &[f32], n_labels: usize, expected: f64| {
        let got = information(passes, n_labels, &entropies);
        assert!((got - expected).abs() < 1e-12, "{passes:?}: {got}, expected {expected}");
    };
    check(&[0.0, 1.0], 1, 1.0);
    check(&[0.5, 0.5], 1, 0.0);
    check(&[0.0, 0.5, 1.0, 0.5], 2, 1.0); // two passes of two labels
    check(&[0.0, 1.0, 1.0, 0.0], 2, 2.0);
    check(&[0.25, 0.75], 1, 1.0 - 0.811_278_124_459_132_9);
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Bald>("{}", &[MC_PROBABILITIES], false);
    check_contract::<Bald>(r#"{"passes": 3}"#, &[MC_PROBABILITIES], false);
}

/// The stand-in's passes shift logits by the sine of pass, text and label: they move probabilities near 1/2 most.
#[test]
fn as_many_passes_are_asked_for_as_the_parameter_says() {
    let host = StandIn::new(3, 1).logits(vec![9.0, 0.0, -5.0]);
    let selection = host.select::<Bald>(r#"{"passes": 4}"#, 3).unwrap();
    assert_eq!(selection.ids, [DocId(1), DocId(2), DocId(0)]);
    let expected = (MC_PROBABILITIES.to_owned(), r#"{"passes":4}"#.to_owned());
    assert_eq!(host.requests(), [expected]);
}

#[test]
fn what_is_not_a_number_is_told_and_who_wants_to_stop_is_heard() {
    let host = StandIn::new(2, 1).logits(vec![0.0, f32::NAN]);
    let error = host.select::<Bald>("{}", 1).unwrap_err();
    assert!(error.message().starts_with("probabilities under dropout of text 1 are"), "{error}");
    let error = StandIn::new(9, 2).cancelled().select::<Bald>("{}", 1).unwrap_err();
    assert_eq!(error, Error::cancelled());
}
