//! CAL on golden values and on small pools made by hand.

use alhost_golden::Case;
use alhost_plugin_api::prelude::*;
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::highest;
use alhost_plugin_kit::rows::UnitRows;

use super::Cal;
use super::divergence::Divergence;
use super::neighbors::Search;

const NEEDS: [&str; 3] = [PROBABILITIES, FEATURES, EMBEDDING];

/// The neighbours of all texts, and their scores, with 10 neighbours as all golden values have.
fn golden(case: &Case, emb: &[f32], emb_labeled: &[f32]) -> (Vec<u32>, Vec<f64>) {
    let (width, n_labels) = (case.cols("emb"), case.cols("proba"));
    let rows = |values, cols| Matrix::new(values, values.len() / cols, cols);
    let (proba, proba_labeled) = (case.f32s("proba"), case.f32s("proba_labeled"));
    let labeled = UnitRows::new(rows(emb_labeled, width));
    let search = Search::new(&labeled, 10);
    let nearest = search.nearest(&UnitRows::new(rows(emb, width)), 0..case.rows("proba"));
    let divergence = Divergence::new(rows(&proba_labeled, n_labels));
    let of = |text: usize| &nearest[text * search.k()..(text + 1) * search.k()];
    let proba = rows(&proba, n_labels).rows().enumerate();
    let scores = proba.map(|(text, row)| divergence.mean_from(row, of(text))).collect();
    (nearest, scores)
}

#[test]
fn golden_neighbours_scores_and_picks() {
    for case in alhost_golden::all() {
        let (nearest, scores) = golden(&case, &case.f32s("emb"), &case.f32s("emb_labeled"));
        case.assert_picks("cal_nn", &nearest);
        case.assert_close("cal", &scores);
        case.assert_picks("cal_picks", &highest(&scores, case.whole("k")));
    }
}

#[test]
fn golden_neighbours_and_scores_of_another_input() {
    let case = alhost_golden::misc();
    let emb = case.f32s("emb");
    let (pool, labeled) = emb.split_at(case.rows("proba") * case.cols("emb"));
    let (nearest, scores) = golden(&case, pool, labeled);
    case.assert_picks("cal_nn", &nearest);
    case.assert_close("cal_bernoulli", &scores);
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Cal>("{}", &NEEDS, false);
    check_contract::<Cal>(r#"{"neighbors": 1}"#, &NEEDS, false);
    check_contract::<Cal>(r#"{"representation": "cls"}"#, &[PROBABILITIES, EMBEDDING], false);
    check_contract::<Cal>(r#"{"representation": "base"}"#, &[PROBABILITIES, EMBEDDING], false);
}

/// Texts 0 and 1 are labeled, at right angles; text 2 is near 0 and judged like 1, text 3 near 1 and judged so.
fn contrasts() -> StandIn {
    StandIn::new(4, 1)
        .labeled(&[(0, &[0]), (1, &[])])
        .vectors(vec![1.0, 0.0, 0.0, 1.0, 5.0, 1.0, 1.0, 5.0], 2)
        .logits(vec![2.0, -2.0, -2.0, -2.0])
}

#[test]
fn a_text_unlike_its_neighbour_comes_first() {
    let select = |params: &str| contrasts().select::<Cal>(params, 2).unwrap();
    let one = select(r#"{"neighbors": 1}"#);
    assert_eq!(one.ids, [DocId(2), DocId(3)]);
    // KL(0.8808 || 0.1192) = (0.8808 - 0.1192) ln(0.8808 / 0.1192); text 3 agrees with its neighbour.
    let scores = one.scores.unwrap();
    assert!((scores[0] - 1.523_188).abs() < 1e-5 && scores[1].abs() < 1e-12, "{scores:?}");
    // Compared with both, the two texts are alike.
    let both = select("{}").scores.unwrap();
    assert!(both.iter().all(|score| (score - 0.761_594).abs() < 1e-5), "{both:?}");
}

#[test]
fn nothing_labeled_is_refused() {
    let error = StandIn::new(9, 2).select::<Cal>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("no text is labeled yet, and CAL compares"), "{error}");
}

#[test]
fn a_labeled_text_whose_numbers_are_none_is_named() {
    let host = contrasts().vectors(vec![1.0, 0.0, 0.0, f32::INFINITY, 5.0, 1.0, 1.0, 5.0], 2);
    let error = host.select::<Cal>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("vectors of text 1 are not"), "{error}");
}

#[test]
fn a_cancelled_run_stops() {
    assert_eq!(contrasts().cancelled().select::<Cal>("{}", 1).unwrap_err(), Error::cancelled());
}
