//! FALCUN on golden values and on small pools made by hand.

use std::collections::HashSet;

use alhost_plugin_api::prelude::*;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::drawing::Drawing;
use super::{Falcun, doubts};

/// Picks by numbers that are given.
fn picks(probabilities: Matrix<'_>, doubts: &[f64], gamma: f64, uniforms: &[f64]) -> Vec<u32> {
    let mut drawing = Drawing::new(probabilities, doubts, gamma);
    uniforms.iter().take(doubts.len()).map(|&u| drawing.pick(u)).collect()
}

#[test]
fn golden_doubts_and_picks() {
    for case in alhost_golden::all() {
        let proba = case.f32s("proba");
        let proba = Matrix::new(&proba, case.rows("proba"), case.cols("proba"));
        let doubts = doubts(proba, case.whole("top"));
        case.assert_close("falcun_u", &doubts);
        let uniforms = case.values("falcun_uniforms");
        case.assert_picks("falcun_picks", &picks(proba, &doubts, 10.0, uniforms));
    }
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Falcun>("{}", &[PROBABILITIES], true);
    check_contract::<Falcun>(r#"{"gamma": 0}"#, &[PROBABILITIES], true);
    check_contract::<Falcun>(r#"{"gamma": 100, "top": 1}"#, &[PROBABILITIES], true);
}

/// One label; texts 0 and 1 are copies, 2 and 3 are in less doubt (margins 1, 1, 0.5, 0.25).
#[test]
fn a_copy_of_a_pick_has_its_doubt_alone() {
    let proba = [0.5, 0.5, 0.25, 0.125];
    let matrix = Matrix::new(&proba, 4, 1);
    let doubts = doubts(matrix, 10);
    // First, distance is doubt: scaled 1, 1, 1/3, 0, weights 2, 2, 5/6, 1/4 of 61/12: 24/61 are for text 0.
    assert_eq!(picks(matrix, &doubts, 1.0, &[0.39])[0], 0);
    assert_eq!(picks(matrix, &doubts, 1.0, &[0.40])[0], 1);
    // Then distances are 0, 0.25 and 0.25: weights 1 + 0, 0.5 + 1 and 0.25 + 1 of 3.75; 0.2666 are for text 1.
    assert_eq!(picks(matrix, &doubts, 1.0, &[0.0, 0.26])[1], 1);
    assert_eq!(picks(matrix, &doubts, 1.0, &[0.0, 0.27])[1], 2);
    assert_eq!(picks(matrix, &doubts, 1.0, &[0.0, 0.67])[1], 3);
}

#[test]
fn texts_without_any_doubt_are_drawn_alike() {
    let proba = [1.0, 1.0, 1.0, 1.0];
    let matrix = Matrix::new(&proba, 4, 1);
    let doubts = doubts(matrix, 1);
    assert_eq!(picks(matrix, &doubts, 10.0, &[0.5, 0.5, 0.0, 0.99]), [2, 1, 0, 3]);
}

#[test]
fn both_parameters_change_the_answer() {
    let select = |params: &str| {
        let selection = StandIn::new(80, 8).seed(5).select::<Falcun>(params, 20).unwrap();
        selection.ids.into_iter().map(|id| id.0).collect::<Vec<u32>>()
    };
    let answers = ["{}", r#"{"top": 2}"#, r#"{"gamma": 1}"#].map(select);
    assert_eq!(answers.iter().collect::<HashSet<_>>().len(), 3);
    assert_eq!(select(r#"{"top": 8}"#), select("{}"), "there are 8 labels");
}

#[test]
fn a_text_whose_probabilities_are_none_is_named() {
    let mut logits = vec![0.0; 30];
    logits[3 * 4] = f32::NAN;
    let error = StandIn::new(10, 3).logits(logits).select::<Falcun>("{}", 3).unwrap_err();
    assert!(error.message().starts_with("probabilities of text 4 are not"), "{error}");
}

#[test]
fn a_cancelled_run_stops() {
    let host = StandIn::new(20, 3).cancelled_after(2);
    assert_eq!(host.select::<Falcun>("{}", 5).unwrap_err(), Error::cancelled());
}
