//! `DropQuery` on golden values and on small pools made by hand.

use std::collections::HashSet;

use alhost_golden::Case;
use alhost_plugin_api::prelude::*;
use alhost_plugin_api::testing::{StandIn, check_contract};
use alhost_plugin_kit::rows::UnitRows;

use super::Dropquery;
use super::changes::Changes;

const NEEDS: [&str; 4] = [PROBABILITIES, MC_PROBABILITIES, FEATURES, KMEANS];

fn count(case: &Case, min_change: f64) -> Changes {
    let (proba, mc, n) = (case.f32s("proba"), case.f32s("mc"), case.rows("proba"));
    let proba = Matrix::new(&proba, n, case.cols("proba"));
    let mc = Matrix::new(&mc, n, mc.len() / n);
    Changes::count(proba, mc, case.number("threshold"), min_change)
}

/// Compares all but the picks, and answers the candidates.
fn check_candidates(case: &Case, name: &str, changes: &Changes, wanted: usize) -> Vec<u32> {
    let limit = changes.limit(wanted);
    let candidates = changes.candidates(limit);
    case.assert_picks(&format!("{name}_mismatch"), changes.mismatches());
    case.assert_picks(&format!("{name}_limit"), &[limit]);
    case.assert_picks(&format!("{name}_candidates"), &candidates);
    candidates
}

#[test]
fn golden_candidates_and_picks() {
    for case in alhost_golden::all() {
        let k = case.whole("k");
        let changes = count(&case, 0.0);
        case.assert_close("drop_change", changes.means());
        let candidates = check_candidates(&case, "drop", &changes, 5 * k);
        check_candidates(&case, "drop_half", &count(&case, 0.5), k);
        if candidates.len() <= k {
            case.assert_picks("drop_picks", &changes.most(&candidates, k));
            continue;
        }
        let (emb, width) = (case.f32s("emb"), case.cols("emb"));
        let rows = candidates.iter().flat_map(|&i| &emb[i as usize * width..][..width]);
        let rows: Vec<f32> = rows.copied().collect();
        let rows = UnitRows::new(Matrix::new(&rows, candidates.len(), width));
        let picks = rows.nearest_unused(case.values("drop_centers").chunks_exact(width));
        let picks: Vec<u32> = picks.iter().map(|&row| candidates[row as usize]).collect();
        case.assert_picks("drop_picks", &picks);
    }
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Dropquery>("{}", &NEEDS, true);
    check_contract::<Dropquery>(r#"{"passes": 10, "factor": 1}"#, &NEEDS, true);
    // No text changes by more, and the stand-in's passes do not depend on the seed.
    check_contract::<Dropquery>(r#"{"min_change": 1}"#, &NEEDS, false);
}

/// Four labels, all at 1/2: the stand-in's passes shift them by sin(pass + text + label) / 2, so every text
/// changes. Texts lie in three directions, text i in direction i mod 3.
fn grouped() -> StandIn {
    let vectors = (0..30).flat_map(|i| {
        let mut row = [0.0, 0.0, 0.0, 0.01 * i as f32];
        row[i % 3] = 1.0 + i as f32;
        row
    });
    StandIn::new(30, 4).logits(vec![0.0; 120]).vectors(vectors.collect(), 4)
}

#[test]
fn one_text_of_each_cluster() {
    for seed in 0..5 {
        let host = grouped().seed(seed);
        let selection = host.select::<Dropquery>(r#"{"restarts": 5}"#, 3).unwrap();
        let groups: HashSet<u32> = selection.ids.iter().map(|id| id.0 % 3).collect();
        assert_eq!(groups.len(), 3, "{selection:?}");
    }
}

#[test]
fn texts_that_do_not_change_only_fill_up() {
    // The passes shift a logit by at most 1/2.
    let mut logits = vec![-4.0; 120];
    for text in [3, 17, 21] {
        logits[text * 4..][..4].fill(0.0);
    }
    let host = grouped().logits(logits);
    let selection = host.select::<Dropquery>("{}", 5).unwrap();
    let mut first: Vec<u32> = selection.ids[..3].iter().map(|id| id.0).collect();
    first.sort_unstable();
    assert_eq!(first, [3, 17, 21]);
    assert_eq!(selection.ids[3..], [DocId(0), DocId(1)]);
    assert!(!host.fetched().contains(&FEATURES.to_owned()), "there was nothing to cluster");
    assert_eq!(host.logged(), ["3 of 30 texts change in more than 0 of 3 passes"]);
}

#[test]
fn texts_whose_numbers_are_none_are_named() {
    let mut vectors = vec![1.0; 30 * 4];
    vectors[11 * 4] = f32::NAN;
    let error = grouped().vectors(vectors, 4).select::<Dropquery>("{}", 3).unwrap_err();
    assert!(error.message().starts_with("features of text 11 are not"), "{error}");
}

#[test]
fn a_cancelled_run_stops() {
    let host = grouped().cancelled_after(1);
    assert_eq!(host.select::<Dropquery>("{}", 3).unwrap_err(), Error::cancelled());
}
