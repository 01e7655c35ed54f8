//! Coreset against picks computed elsewhere, in numpy, and by hand.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::*;

const NEEDS: [&str; 2] = [EMBEDDING, KERNEL_GREEDY];

fn check(case: &Case, (emb, labeled): (&[f32], &[f32]), cols: usize, k: usize, name: &str) {
    let host = StandIn::new(1, 1);
    let ctx = host.context();
    let unlabeled = Matrix::new(emb, emb.len() / cols, cols);
    let labeled = Matrix::new(labeled, labeled.len() / cols, cols);
    let found = farthest(&ctx, unlabeled, labeled, k, true).unwrap();
    case.assert_picks(name, found.picks);
}

#[test]
fn golden_picks() {
    for case in alhost_golden::all() {
        let (emb, labeled) = (case.f32s("emb"), case.f32s("emb_labeled"));
        check(&case, (&emb, &labeled), case.cols("emb"), case.whole("k"), "coreset_picks");
    }
    let misc = alhost_golden::misc();
    let (emb, cols) = (misc.f32s("emb"), misc.cols("emb"));
    let rows = emb.split_at(300 * cols);
    check(&misc, rows, cols, misc.rows("kcenter_incremental"), "kcenter_incremental");
}

/// Vectors on a line through the origin: directions are the same, lengths are not.
fn select(params: &str) -> Vec<u32> {
    let vectors = [1.0, 2.0, 3.0, 9.0, 4.0, 1.5].iter().flat_map(|&x| [x, 0.0]).collect();
    let host = StandIn::new(6, 2).vectors(vectors, 2).labeled(&[(0, &[1])]).needs(&NEEDS);
    let selection = host.select::<Coreset>(params, 3).unwrap();
    selection.ids.iter().map(|id| id.0).collect()
}

#[test]
fn lengths_count_where_they_are_asked_for() {
    // From 1 the farthest is 9; then 4, at 3 from the nearest; then 2 and 3, each at 1.
    assert_eq!(select(r#"{"normalize": false}"#), [3, 4, 1]);
    assert_eq!(select("{}"), [1, 2, 3], "all alike");
}

#[test]
fn it_chooses_an_initial_set() {
    let host = StandIn::new(50, 3).untrained().needs(&NEEDS);
    assert_eq!(host.select::<Coreset>("{}", 7).unwrap().ids.len(), 7);
}

#[test]
fn it_keeps_the_contract() {
    for params in ["{}", r#"{"normalize": false, "encoder": "current", "pool": "cls"}"#] {
        check_contract::<Coreset>(params, &NEEDS, false);
    }
}

#[test]
fn a_vector_that_is_none_is_told() {
    let host = StandIn::new(3, 1).vectors(vec![0.0, 1.0, f32::NAN], 1);
    let error = host.select::<Coreset>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("embeddings of text 2 are not all finite"), "{error}");
}
