//! `UHerding` against values computed elsewhere, in numpy, and by hand.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::weights::{bandwidth, of_block};
use super::*;

const NEEDS: [&str; 3] = [PROBABILITIES, EMBEDDING, KERNEL_GREEDY];

fn matrix<'a>(data: &'a [f32], case: &Case, name: &str) -> Matrix<'a> {
    let cols = case.cols(name).max(1);
    Matrix::new(data, data.len() / cols, cols)
}

/// Picks and gains, from what the case says of the weights.
fn check(case: &Case, width: f64, name: &str) {
    let (emb, labeled) = (case.f32s("emb"), case.f32s("emb_labeled"));
    let host = StandIn::new(1, 1);
    let ctx = host.context();
    let options = KernelGreedyOptions {
        k: case.whole("k"),
        rule: GreedyRule::Gaussian { width },
        normalize: true,
    };
    let (rows, fixed) = (matrix(&emb, case, "emb"), matrix(&labeled, case, "emb"));
    let weights = case.values("uherding_weight");
    let found = ctx.kernel_greedy(rows, fixed, Some(weights), &options).unwrap();
    case.assert_picks(&format!("{name}_picks"), found.picks);
    case.assert_close(&format!("{name}_gain"), found.gains);
}

#[test]
fn golden_weights_widths_picks_and_gains() {
    for case in alhost_golden::all() {
        let (proba, labeled) = (case.f32s("proba"), case.f32s("emb_labeled"));
        let weights = of_block(matrix(&proba, &case, "proba"), case.whole("top"));
        case.assert_close("uherding_weight", &weights);
        let width = bandwidth(&UnitRows::new(matrix(&labeled, &case, "emb")));
        case.assert_close("uherding_bandwidth", &[width]);
        check(&case, case.number("uherding_bandwidth"), "uherding");
        check(&case, 0.7, "uherding_wide");
    }
}

#[test]
fn copies_have_no_distance() {
    let check = |data: &[f32], expected: f64| {
        let width = bandwidth(&UnitRows::new(Matrix::new(data, data.len() / 2, 2)));
        assert!((width - expected).abs() < 1e-12, "{data:?}: {width}");
    };
    check(&[], 1.0);
    check(&[1.0, 0.0, 2.0, 0.0], 1.0);
    check(&[1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 3.0, 4.0], 0.4_f64.sqrt());
}

/// Two texts in each of two directions; the classifier doubts those of the second.
#[test]
fn a_doubted_neighborhood_comes_first() {
    let vectors = vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
    let host =
        StandIn::new(4, 1).vectors(vectors, 2).logits(vec![9.0, 9.0, 0.1, 0.2]).needs(&NEEDS);
    let selection = host.select::<Uherding>("{}", 2).unwrap();
    assert_eq!(selection.ids, [DocId(2), DocId(0)]);
}

#[test]
fn every_parameter_counts() {
    let labels = [0, 3];
    let labeled: Vec<(u32, &[u32])> = (0..80).step_by(4).map(|id| (id, &labels[..])).collect();
    let host = StandIn::new(80, 8).labeled(&labeled).needs(&NEEDS);
    let ids = |params: &str| host.select::<Uherding>(params, 10).unwrap().ids;
    let usual = ids("{}");
    assert_ne!(ids(r#"{"width": 0.9}"#), usual);
    assert_ne!(ids(r#"{"top": 1}"#), usual);
}

#[test]
fn it_keeps_the_contract() {
    for params in ["{}", r#"{"width": 0.3, "encoder": "current", "pool": "cls", "top": 2}"#] {
        check_contract::<Uherding>(params, &NEEDS, false);
    }
}

#[test]
fn numbers_that_are_none_are_told() {
    let host = StandIn::new(3, 1).vectors(vec![0.0, 1.0, f32::INFINITY], 1);
    let error = host.select::<Uherding>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("embeddings of text 2 are not all finite"), "{error}");
    let host = StandIn::new(3, 1).logits(vec![0.0, f32::NAN, 1.0]);
    let error = host.select::<Uherding>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("probabilities of text 1 are not all finite"), "{error}");
}
