//! CRAB against golden arrays, and through the stand-in host.

use alhost_golden::Case;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::*;

const NEEDS: [&str; 3] = [PROBABILITIES, MC_PROBABILITIES, KMEANS];

/// The labels of the labeled texts of a golden case.
pub(crate) fn labeled(case: &Case) -> Vec<Vec<u32>> {
    if case.values("y_labeled").is_empty() { Vec::new() } else { case.sets("y_labeled") }
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Crab>("{}", &NEEDS, true);
    check_contract::<Crab>(r#"{"references": 9, "quota": 2, "empty_quota": 1}"#, &NEEDS, true);
    check_contract::<Crab>(r#"{"beta": 1, "min_count": 5, "queries": 3}"#, &NEEDS, true);
}

#[test]
fn golden_shortlists_and_picks() {
    for case in alhost_golden::all() {
        let (data, references) = (case.f32s("mc"), case.u32s("crab_xprime"));
        let [n_texts, n_passes, n_labels] = case.array("mc").shape[..] else {
            panic!("three extents")
        };
        let look = Lookahead {
            members: Matrix::new(&data, n_texts, n_passes * n_labels),
            n_passes,
            references: &references,
            score: &BetaScore::new(0.1, 3),
            form: Form::Gain,
            weights: case.values("crab_weights"),
        };
        let (candidates, n) = (case.u32s("crab_candidates"), case.whole("k").min(n_texts));
        let host = StandIn::new(1, 1);
        let gains = |texts: &[u32]| look.of(&host.context(), texts).unwrap();
        let of_candidates = shortlist(&gains(&candidates).scores, n);
        let positions: Vec<u32> =
            of_candidates.iter().map(|&place| candidates[place as usize]).collect();
        case.assert_picks("crab_shortlist", &positions);

        let scored = scored(&candidates, n, n_texts);
        let centers = |_: &UnitRows<'_>| Ok(case.values("crab_centers").to_vec());
        let places = pick(&gains(&scored), &scored, &candidates, n, centers).unwrap();
        let picks: Vec<u32> = places.iter().map(|&place| scored[place as usize]).collect();
        case.assert_picks("crab_picks", &picks);
    }
}

fn ids(host: &StandIn, params: &str, n: usize) -> Vec<u32> {
    let selection = host.select::<Crab>(params, n).unwrap();
    selection.ids.iter().map(|id| id.0).collect()
}

/// 80 texts, of which every fourth is labeled.
fn host() -> StandIn {
    let labels: Vec<[u32; 2]> = (0..20).map(|i| [i % 3, 3 + i % 2]).collect();
    let pairs: Vec<(u32, &[u32])> =
        (0..20).map(|i| (4 * i, &labels[i as usize][..=i as usize % 2])).collect();
    StandIn::new(80, 6).labeled(&pairs).seed(3).round(2)
}

#[test]
fn every_parameter_moves_the_answer() {
    let usual = ids(&host(), "{}", 6);
    for params in [
        r#"{"alpha": 2}"#,
        r#"{"beta": 1}"#,
        r#"{"references": 20}"#,
        r#"{"passes": 2}"#,
        r#"{"quota": 2}"#,
        r#"{"empty_quota": 0}"#,
        r#"{"queries": 2}"#,
        r#"{"min_count": 20}"#,
        r#"{"restarts": 5}"#,
    ] {
        assert_ne!(ids(&host(), params, 6), usual, "{params}");
    }
}

/// Labels 0 and 1 are predicted of texts 0 and 1, nothing of the others.
#[test]
fn the_rest_fills_up_where_candidates_are_too_few() {
    let mut logits = vec![-3.0; 20];
    (logits[0], logits[3]) = (1.0, 1.0);
    let host = StandIn::new(10, 2).logits(logits);
    let params = r#"{"quota": 1, "empty_quota": 0}"#;
    let mut first = ids(&host, params, 5)[..2].to_vec();
    first.sort_unstable();
    assert_eq!(first, [0, 1]);
    let requests = |n: usize| {
        host.select::<Crab>(params, n).unwrap();
        host.fetched().iter().filter(|id| *id == KMEANS).count()
    };
    assert_eq!(requests(5), 0, "nothing to cluster");
    assert_eq!(requests(1), 1);
}

#[test]
fn a_share_of_the_pool_is_looked_at_and_a_thousand_texts_at_most() {
    assert_eq!([1, 300, 10_000, 44_689].map(share), [1, 28, 939, 1000]);
}

#[test]
fn the_log_tells_how_many_candidates_there_were() {
    let host = host();
    host.select::<Crab>(r#"{"quota": 3, "empty_quota": 4, "queries": 4}"#, 6).unwrap();
    let logged = host.logged();
    assert!(logged[0].starts_with("query 2 of 4: "), "{logged:?}");
    assert!(
        logged[0]
            .ends_with("of 60 texts are candidates; at most 3 of a predicted label, 3 without one"),
        "{logged:?}"
    );
}

#[test]
fn nothing_labeled_is_no_hindrance_but_an_untrained_classifier_is() {
    assert_eq!(ids(&StandIn::new(30, 4), "{}", 5).len(), 5);
    let error = StandIn::new(30, 4).untrained().select::<Crab>("{}", 5).unwrap_err();
    assert!(error.message().starts_with("there is no threshold yet"), "{error}");
}

#[test]
fn broken_numbers_and_a_wish_to_stop_are_errors() {
    let mut logits = vec![0.5; 18];
    logits[7] = f32::NAN;
    let error = StandIn::new(9, 2).logits(logits).select::<Crab>("{}", 3).unwrap_err();
    assert!(error.message().starts_with("probabilities of text 3 are not"), "{error}");
    let error = host().cancelled().select::<Crab>("{}", 3).unwrap_err();
    assert_eq!(error, Error::cancelled());
}
