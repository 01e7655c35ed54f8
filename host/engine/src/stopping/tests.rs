//! Each rule holds where its definition says so, and not before.

use serde_json::json;

use super::*;

/// A round of which only `signals` and the seconds matter.
fn round(signals: &Signals, train: f64) -> RoundRecord {
    let metrics = json!({
        "micro_precision": 0.0, "micro_recall": 0.0, "micro_f1": 0.0, "macro_precision": 0.0,
        "macro_recall": 0.0, "macro_f1_paper": 0.0, "macro_f1": 0.0, "subset_accuracy": 0.0,
        "hamming_loss": 0.0, "labels_per_text": 0.0, "predicted_classes": 0,
    });
    let seconds =
        json!({ "train": train, "dev": 1.0, "test": 0.0, "features": 0.0, "select": 0.0 });
    let round = json!({
        "round": 0, "labeled": 1, "metrics": metrics, "metrics_at_micro": null,
        "ranking": { "p_at_1": 0.0, "p_at_3": 0.0, "p_at_5": 0.0 },
        "thresholds": { "used": 0.5, "micro": null, "macro_paper": null, "macro_f1": null },
        "best_epoch": 1, "epochs": 1, "dev_score": 0.5, "losses": [], "class_coverage": 1,
        "signals": signals, "stop": null,
        "cost": { "seconds": seconds, "tokens_per_second": 1.0, "peak_memory_bytes": null },
    });
    serde_json::from_value(round).unwrap()
}

/// In which round, if any, a run with these signals ends; each round takes 11 s.
fn ends(config: &StopConfig, signals: &[Signals]) -> Option<(usize, Stop)> {
    let mut earlier: Vec<RoundRecord> = Vec::new();
    for (index, now) in signals.iter().enumerate() {
        let seconds = Seconds { train: 10.0, dev: 1.0, ..Seconds::default() };
        if let Some(stop) = decide(config, &earlier, now, &seconds) {
            return Some((index, stop));
        }
        earlier.push(round(now, 10.0));
    }
    None
}

fn dev(scores: &[f64]) -> Vec<Signals> {
    scores.iter().map(|&dev| Signals { dev: Some(dev), ..Signals::default() }).collect()
}

#[test]
fn with_every_rule_off_nothing_ends() {
    let signals = Signals {
        dev: Some(1.0),
        uncertainty: Some(0.0),
        kappa: Some(1.0),
        ..dev(&[1.0])[0].clone()
    };
    assert_eq!(ends(&StopConfig::default(), &vec![signals; 9]), None);
}

#[test]
fn the_target_is_reached_at_it_and_not_below() {
    let config = StopConfig { target: Some(0.7), ..StopConfig::default() };
    assert_eq!(ends(&config, &dev(&[0.5, 0.69, 0.7, 0.9])), Some((2, Stop::Target)));
    assert_eq!(ends(&config, &dev(&[0.5, 0.6])), None);
}

#[test]
fn a_plateau_is_no_gain_over_the_best_before() {
    let check = |plateau_rounds, plateau_delta, scores: &[f64], expected: Option<usize>| {
        let config = StopConfig { plateau_rounds, plateau_delta, ..StopConfig::default() };
        let found = ends(&config, &dev(scores));
        assert_eq!(found, expected.map(|round| (round, Stop::Plateau)), "{scores:?}");
    };
    check(1, 0.01, &[0.5, 0.6, 0.605, 0.9], Some(2));
    check(2, 0.01, &[0.5, 0.6, 0.605, 0.609, 0.9], Some(3));
    // A dip does not make the climb back a gain.
    check(2, 0.01, &[0.5, 0.4, 0.505, 0.9], Some(2));
    check(2, 0.0, &[0.5, 0.4, 0.51, 0.51, 0.51], Some(4));
    check(0, 0.01, &[0.5, 0.5, 0.5, 0.5], None);
    // A score that lost half a unit in the last place on its way through JSON is no gain.
    check(1, 0.0, &[0.3, 0.3 + 1e-16], Some(1));
}

#[test]
fn a_model_that_is_sure_ends_the_run() {
    let config = StopConfig { uncertainty: Some(2.0), ..StopConfig::default() };
    let signals = [9.0, 2.0, 1.9, 5.0];
    let signals = signals.map(|bits| Signals { uncertainty: Some(bits), ..Signals::default() });
    assert_eq!(ends(&config, &signals), Some((2, Stop::Uncertainty)));
}

#[test]
fn kappa_is_averaged_over_its_window() {
    let check = |kappa_window, kappas: &[f64], expected: Option<usize>| {
        let config = StopConfig { kappa: Some(0.9), kappa_window, ..StopConfig::default() };
        let mut signals = vec![Signals::default()]; // round 0 has none before it
        let with = |&kappa| Signals { kappa: Some(kappa), ..Signals::default() };
        signals.extend(kappas.iter().map(with));
        assert_eq!(ends(&config, &signals), expected.map(|round| (round, Stop::Kappa)));
    };
    check(1, &[0.8, 0.9, 1.0], Some(2));
    check(3, &[1.0, 1.0, 0.7, 1.0, 1.0], Some(3));
    check(3, &[1.0, 1.0], None);
    check(2, &[0.99, 0.8, 0.99], None);
}

#[test]
fn time_counts_all_phases_of_all_rounds() {
    let check = |seconds, expected: Option<usize>| {
        let config = StopConfig { seconds: Some(seconds), ..StopConfig::default() };
        let found = ends(&config, &dev(&[0.0; 5]));
        assert_eq!(found, expected.map(|round| (round, Stop::Time)));
    };
    check(1.0, Some(0));
    check(22.0, Some(1));
    check(22.5, Some(2));
    check(1e6, None);
}

#[test]
fn of_several_rules_the_first_that_holds_ends_the_run() {
    let config = StopConfig {
        target: Some(0.9),
        plateau_rounds: 2,
        seconds: Some(40.0),
        ..StopConfig::default()
    };
    assert_eq!(ends(&config, &dev(&[0.5, 0.6, 0.7, 0.8])), Some((3, Stop::Time)));
    assert_eq!(ends(&config, &dev(&[0.5, 0.5, 0.5, 0.8])), Some((2, Stop::Plateau)));
    assert_eq!(ends(&config, &dev(&[0.5, 0.95, 0.5, 0.8])), Some((1, Stop::Target)));
}
