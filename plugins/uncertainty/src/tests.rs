//! Orders of texts against golden values, and what the parameters do.

use alhost_golden::{Case, misc};
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::highest;

use super::*;

const MEASURES: [(&str, doubt::Measure); 3] = [
    ("unc_lc", doubt::Measure::LeastConfidence),
    ("unc_margin", doubt::Measure::Margin),
    ("unc_entropy", doubt::Measure::Entropy),
];
const AGGREGATES: [Aggregate; 5] = [
    Aggregate::Mean,
    Aggregate::Max,
    Aggregate::Sum,
    Aggregate::TopProbable,
    Aggregate::TopUncertain,
];

fn matrix<'a>(case: &Case, name: &str, values: &'a [f32]) -> Matrix<'a> {
    Matrix::new(values, case.rows(name), case.cols(name))
}

#[test]
fn golden_picks_of_every_measure_and_aggregate() {
    for case in alhost_golden::all() {
        let (values, top) = (case.f32s("proba"), case.whole("top"));
        let probabilities = matrix(&case, "proba", &values);
        for (name, measure) in MEASURES {
            let pick = |&by: &Aggregate| {
                highest(&doubts(probabilities, measure, by, top), case.whole("k"))
            };
            let picks: Vec<u32> = AGGREGATES.iter().flat_map(pick).collect();
            case.assert_picks(&format!("{name}_picks"), &picks);
        }
    }
}

#[test]
fn golden_values_of_binmin() {
    let mut cases = alhost_golden::all();
    cases.push(misc());
    for case in cases {
        let values = case.f32s("logits");
        let least = binmin(matrix(&case, "logits", &values));
        case.assert_close("binmin", &least);
        if case.has("binmin_picks") {
            let nearest: Vec<f64> = least.iter().map(|z| -z).collect();
            case.assert_picks("binmin_picks", &highest(&nearest, case.whole("k")));
        }
    }
}

#[test]
fn it_keeps_the_contract() {
    let needs = &[PROBABILITIES, LOGITS];
    check_contract::<Uncertainty>("{}", needs, false);
    for aggregate in ["mean", "max", "sum", "top-probable", "top-uncertain"] {
        let params = format!(r#"{{"measure": "margin", "aggregate": "{aggregate}", "top": 2}}"#);
        check_contract::<Uncertainty>(&params, needs, false);
    }
    check_contract::<Uncertainty>(r#"{"measure": "binmin"}"#, needs, false);
}

/// Three texts, two labels. Probabilities: 0.982 and 0.980; 0.9999 and 0.5; 0.731 and 0.0001.
fn host() -> StandIn {
    StandIn::new(3, 2).logits(vec![4.0, 3.9, 9.0, 0.0, 1.0, -9.0])
}

fn order(params: &str) -> Vec<u32> {
    let selection = host().select::<Uncertainty>(params, 3).unwrap();
    selection.ids.iter().map(|id| id.0).collect()
}

#[test]
fn the_least_sure_text_comes_first_and_the_parameters_decide_what_sure_means() {
    assert_eq!(order("{}"), [1, 2, 0], "all labels");
    assert_eq!(order(r#"{"top": 1}"#), [2, 0, 1], "the likeliest label");
    assert_eq!(order(r#"{"top": 1, "aggregate": "top-uncertain"}"#), [1, 2, 0]);
    assert_eq!(order(r#"{"measure": "binmin"}"#), [1, 2, 0]);
}

#[test]
fn only_what_the_measure_reads_is_asked_for() {
    let asked = |params: &str| {
        let host = host();
        host.select::<Uncertainty>(params, 3).unwrap();
        host.fetched()
    };
    assert_eq!(asked("{}"), [PROBABILITIES]);
    assert_eq!(asked(r#"{"measure": "binmin"}"#), [LOGITS]);
}

#[test]
fn a_certain_text_has_no_doubt_but_a_logit() {
    let host = StandIn::new(2, 2).logits(vec![30.0, -200.0, 25.0, -200.0]);
    let scores = |params: &str| host.select::<Uncertainty>(params, 2).unwrap();
    let entropy = scores("{}");
    assert_eq!(entropy.scores, Some(vec![0.0, 0.0]));
    assert_eq!(entropy.ids, [DocId(0), DocId(1)], "ties go to the lower id");
    let binmin = scores(r#"{"measure": "binmin"}"#);
    assert_eq!(binmin.ids, [DocId(1), DocId(0)]);
}

#[test]
fn what_is_not_a_number_is_told() {
    let host = StandIn::new(2, 2).logits(vec![0.0, 0.0, f32::NAN, 0.0]);
    for (params, what) in [("{}", "probabilities"), (r#"{"measure": "binmin"}"#, "logits")] {
        let error = host.select::<Uncertainty>(params, 1).unwrap_err();
        assert!(error.message().starts_with(&format!("{what} of text 1 are not")), "{error}");
    }
}
