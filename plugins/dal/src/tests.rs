//! DAL through the stand-in host, whose discriminator is checked against golden values in
//! `plugin-api`.

use alhost_plugin_api::prelude::*;
use alhost_plugin_api::testing::{StandIn, check_contract};

use super::Dal;

const NEEDS: [&str; 3] = [FEATURES, EMBEDDING, DISCRIMINATOR];
/// Small enough for a test.
const SMALL: &str = r#"{"width": 8, "epochs": 3, "rate": 0.01}"#;

fn ids(selection: &Selection) -> Vec<u32> {
    selection.ids.iter().map(|id| id.0).collect()
}

#[test]
fn it_keeps_the_contract() {
    check_contract::<Dal>(SMALL, &NEEDS, true);
    for representation in ["features", "cls", "base"] {
        let params = format!(
            r#"{{"width": 4, "epochs": 1, "subsample": 0, "class_weights": "balanced",
                "representation": "{representation}"}}"#
        );
        check_contract::<Dal>(&params, &NEEDS, true);
    }
}

/// Texts 0..10 are labeled and lie at (0, 0); of the pool, 10..50 lie there too, 50..60 at (3, 3).
fn far_host() -> StandIn {
    let labeled: Vec<(u32, &[u32])> = (0..10).map(|id| (id, &[][..])).collect();
    let vectors = (0..60)
        .flat_map(|i| {
            let center = if i < 50 { 0.0 } else { 3.0 };
            [center + 0.01 * (i % 7) as f32, center - 0.01 * (i % 5) as f32]
        })
        .collect();
    StandIn::new(60, 2).labeled(&labeled).vectors(vectors, 2)
}

#[test]
fn texts_unlike_the_labeled_ones_are_picked_first() {
    for preset in ["paper", "reference", "ibm"] {
        let params = format!(
            r#"{{"preset": "{preset}", "width": 16, "rate": 0.01, "epochs": 40,
                "mini_queries": 1}}"#
        );
        let selection = far_host().select::<Dal>(&params, 8).unwrap();
        assert!(ids(&selection).iter().all(|&id| id >= 50), "{preset}: {:?}", ids(&selection));
        let scores = selection.scores.unwrap();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{preset}: surest first");
    }
}

/// Every line of the log tells of one discriminator.
fn log(params: &str, n: usize) -> Vec<String> {
    let host = far_host();
    host.select::<Dal>(params, n).unwrap();
    host.logged()
}

#[test]
fn picked_texts_count_as_labeled_and_candidates_are_subsampled() {
    let log = log(r#"{"width": 4, "mini_queries": 4, "subsample": 2}"#, 10);
    let told: Vec<&str> = log.iter().map(|line| line.split(", accuracy").next().unwrap()).collect();
    assert_eq!(
        told,
        [
            "mini-query 1: 10 labeled, 20 unlabeled",
            "mini-query 2: 13 labeled, 26 unlabeled",
            "mini-query 3: 16 labeled, 32 unlabeled",
            "mini-query 4: 18 labeled, 36 unlabeled",
        ]
    );
}

#[test]
fn presets_differ_in_epochs_and_mini_queries() {
    let check = |params: &str, mini_queries: usize, epochs: &str| {
        let log = log(params, 50);
        assert_eq!(log.len(), mini_queries, "{params}");
        assert!(log[0].ends_with(epochs), "{params}: {}", log[0]);
    };
    check(r#"{"width": 4}"#, 10, "after 2 epochs");
    check(r#"{"width": 4, "preset": "ibm"}"#, 5, "after 10 epochs");
    check(r#"{"width": 4, "preset": "ibm", "epochs": 3}"#, 5, "after 3 epochs");
    check(r#"{"width": 4, "preset": "reference", "epochs": 1}"#, 20, "after 1 epochs");
    // The largest class alone is 80% of what the discriminator sees.
    check(
        r#"{"width": 4, "epochs": 50, "stop_accuracy": 0, "mini_queries": 2}"#,
        2,
        "after 1 epochs",
    );
}

#[test]
fn all_of_the_pool_is_looked_at_without_a_subsample() {
    let log = log(r#"{"width": 4, "mini_queries": 1, "subsample": 0}"#, 2);
    assert!(log[0].starts_with("mini-query 1: 10 labeled, 50 unlabeled"), "{}", log[0]);
}

#[test]
fn class_weights_change_the_answer() {
    let scores = |weights: &str| {
        let params = format!(r#"{{"width": 8, "class_weights": "{weights}"}}"#);
        far_host().select::<Dal>(&params, 5).unwrap().scores.unwrap()
    };
    assert_ne!(scores("none"), scores("balanced"));
}

#[test]
fn the_representation_decides_what_is_asked_for() {
    let fetched = |representation: &str| {
        let host = far_host();
        let params = format!(r#"{{"width": 4, "representation": "{representation}"}}"#);
        host.select::<Dal>(&params, 1).unwrap();
        host.fetched()[0].clone()
    };
    assert_eq!(fetched("features"), FEATURES);
    assert_eq!(fetched("cls"), EMBEDDING);
    assert_eq!(fetched("base"), EMBEDDING);
}

#[test]
fn nothing_labeled_and_a_wish_to_stop_are_errors() {
    let error = StandIn::new(9, 2).select::<Dal>(SMALL, 3).unwrap_err();
    assert!(error.message().starts_with("no text is labeled yet"), "{error}");
    let error = far_host().cancelled().select::<Dal>(SMALL, 3).unwrap_err();
    assert_eq!(error, Error::cancelled());
}
