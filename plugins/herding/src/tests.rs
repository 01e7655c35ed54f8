//! `MaxHerding` against picks and gains computed elsewhere, in numpy, and by hand.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::*;

const NEEDS: [&str; 2] = [EMBEDDING, KERNEL_GREEDY];

/// A host with the vectors of a case: the pool first, then the labeled texts.
fn host(case: &Case) -> StandIn {
    let (n, m) = (case.rows("emb") as u32, case.rows("emb_labeled") as u32);
    let vectors = [case.f32s("emb"), case.f32s("emb_labeled")].concat();
    let labeled: Vec<(u32, &[u32])> = (n..n + m).map(|id| (id, &[][..])).collect();
    let host = StandIn::new((n + m) as usize, 2).vectors(vectors, case.cols("emb"));
    host.labeled(&labeled).needs(&NEEDS)
}

#[test]
fn golden_picks_and_gains() {
    for case in alhost_golden::all() {
        let selection = host(&case).select::<Herding>("{}", case.whole("k")).unwrap();
        let picks: Vec<u32> = selection.ids.iter().map(|id| id.0).collect();
        case.assert_picks("maxherding_picks", &picks);
        case.assert_close("maxherding_gain", &selection.scores.unwrap());
    }
}

/// Directions of 0, 10, 20 and 90 degrees: the middle one of three is picked, then the one apart, where the
/// kernel is narrow; where it is wide, the one apart comes first only when the three are labeled.
#[test]
fn the_middle_of_many_comes_first() {
    let vectors: Vec<f32> = [0.0_f32, 10.0, 20.0, 90.0]
        .iter()
        .flat_map(|degrees| [degrees.to_radians().cos(), degrees.to_radians().sin()])
        .collect();
    let host = StandIn::new(4, 1).vectors(vectors, 2).needs(&NEEDS);
    let ids = |params: &str| host.select::<Herding>(params, 2).unwrap().ids;
    assert_eq!(ids("{}"), [DocId(1), DocId(3)]);
    assert_eq!(ids(r#"{"width": 0.001}"#), [DocId(0), DocId(1)], "each is alone");
}

#[test]
fn it_chooses_an_initial_set() {
    let host = StandIn::new(50, 3).untrained().needs(&NEEDS);
    assert_eq!(host.select::<Herding>("{}", 7).unwrap().ids.len(), 7);
}

#[test]
fn it_keeps_the_contract() {
    for params in ["{}", r#"{"width": 0.3, "encoder": "current", "pool": "cls"}"#] {
        check_contract::<Herding>(params, &NEEDS, false);
    }
}

#[test]
fn a_vector_that_is_none_is_told() {
    let host = StandIn::new(3, 1).vectors(vec![0.0, 1.0, f32::INFINITY], 1);
    let error = host.select::<Herding>("{}", 2).unwrap_err();
    assert!(error.message().starts_with("embeddings of text 2 are not all finite"), "{error}");
}
