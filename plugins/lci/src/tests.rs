//! Scores and picks against golden values, and what the parameters do.

use alhost_golden::{Case, misc};
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::ranking::highest;

use super::*;

fn readings(case: &Case, threshold: f64) -> Vec<Reading> {
    let logits = case.f32s("logits");
    let logits = Matrix::new(&logits, case.rows("logits"), case.cols("logits"));
    read_all(logits, cutoff(threshold))
}

/// The numbers of labels of the labeled texts; none where there is no such text.
fn sizes(case: &Case) -> Vec<usize> {
    case.sets("y_labeled").iter().map(Vec::len).collect()
}

#[test]
fn golden_scores_and_picks() {
    for case in alhost_golden::all() {
        let k = case.whole("k");
        let readings = readings(&case, case.number("threshold"));
        let gaps: Vec<f64> = readings.iter().map(|reading| reading.gap).collect();
        case.assert_close("separation", &gaps);
        let narrow: Vec<f64> = gaps.iter().map(|gap| -gap).collect();
        case.assert_picks("mmu_picks", &highest(&narrow, k));

        let lci = inconsistencies(&readings, sizes(&case).into_iter());
        case.assert_close("lci", &lci);
        case.assert_picks("lci_picks", &highest(&lci, k));

        let scores: Vec<f64> = gaps.iter().zip(&lci).map(|(&g, &l)| aal(g, l, 0.5)).collect();
        case.assert_close("aal", &scores);
        case.assert_picks("aal_picks", &highest(&scores, k));
    }
}

#[test]
fn golden_values_of_another_implementation() {
    let case = misc();
    let readings = readings(&case, 0.5);
    let gaps: Vec<f64> = readings.iter().map(|reading| reading.gap).collect();
    case.assert_close("mmu_sep_margin", &gaps);
    case.assert_close("st_lci", &inconsistencies(&readings, sizes(&case).into_iter()));
}

/// The labels that are predicted by logit are those that are predicted by probability.
#[test]
fn what_is_predicted_is_what_is_above_the_threshold() {
    for case in alhost_golden::all() {
        let (proba, threshold) = (case.f32s("proba"), case.number("threshold"));
        let count = |row: &[f32]| labels::predicted(row, threshold).count();
        let expected: Vec<usize> = proba.chunks(case.cols("proba")).map(count).collect();
        let got: Vec<usize> = readings(&case, threshold).iter().map(|r| r.n_predicted).collect();
        assert_eq!(got, expected, "{}", case.name);
    }
}

#[test]
fn it_keeps_the_contract() {
    for score in ["lci", "mmu", "aal"] {
        let params = format!(r#"{{"score": "{score}"}}"#);
        check_contract::<Lci>(&params, &[LOGITS], false);
    }
    check_contract::<Lci>(r#"{"beta": 0.9}"#, &[LOGITS], false);
}

/// Labeled texts have one label in the mean. Of the others, by predicted labels and gap: text 0 none, 5; text 1
/// two, 1; text 2 all three, 4; text 3 one, 3.
fn host() -> StandIn {
    let logits =
        [[-5.0, -6.0, -7.0], [0.5, 2.0, -0.5], [4.0, 5.0, 6.0], [-1.5, -2.0, 1.5], [0.0, 0.0, 0.0]];
    StandIn::new(5, 3).labeled(&[(4, &[0])]).logits(logits.concat())
}

fn check(params: &str, expected: &[(u32, f64)]) {
    let selection = host().select::<Lci>(params, 4).unwrap();
    let scores = selection.scores.unwrap();
    let ids: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
    assert_eq!(ids, expected.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "{params}");
    for (score, (id, expected)) in scores.iter().zip(expected) {
        assert!((score - expected).abs() < 1e-12, "{params}: {score} of text {id}");
    }
}

#[test]
fn each_score_has_its_own_order() {
    check(r#"{"score": "lci"}"#, &[(2, 2.0), (0, 1.0), (1, 1.0), (3, 0.0)]);
    check(r#"{"score": "mmu"}"#, &[(1, 1.0), (3, 3.0), (2, 4.0), (0, 5.0)]);
    // Square roots of lci / gap.
    check("{}", &[(1, 1.0), (2, 0.5_f64.sqrt()), (0, 0.2_f64.sqrt()), (3, 0.0)]);
}

#[test]
fn beta_leads_from_one_to_the_other() {
    check(r#"{"beta": 0}"#, &[(2, 2.0), (0, 1.0), (1, 1.0), (3, 0.0)]);
    check(r#"{"beta": 1}"#, &[(1, 1.0), (3, 1.0 / 3.0), (2, 0.25), (0, 0.2)]);
}

#[test]
fn the_tuned_threshold_decides_what_is_predicted() {
    // At 0.99 (a logit of 4.6) nothing is predicted of any text.
    let selection = host().threshold(0.99).select::<Lci>(r#"{"score": "lci"}"#, 4).unwrap();
    assert_eq!(selection.scores, Some(vec![1.0; 4]));
}

#[test]
fn what_is_missing_or_broken_is_told() {
    let message = |host: StandIn, params: &str| {
        host.select::<Lci>(params, 1).unwrap_err().message().to_owned()
    };
    assert!(message(StandIn::new(5, 3), "{}").starts_with("no text is labeled yet, and LCI"));
    assert!(message(host().threshold(f32::NAN), "{}").starts_with("there is no threshold yet"));
    let broken = host().logits([&[0.0; 7][..], &[f32::INFINITY; 8]].concat());
    assert!(message(broken, "{}").starts_with("logits of text 2 are not"));
    // MMU compares with nothing.
    assert!(StandIn::new(5, 3).select::<Lci>(r#"{"score": "mmu"}"#, 1).is_ok());
}
