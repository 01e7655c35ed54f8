//! Rules that end a run before its budget, on whole runs.

use serde_json::Value;

use crate::support::Sandbox;

/// The records of a run with these rules.
fn rounds(rules: &[&str]) -> Vec<Value> {
    let sandbox = Sandbox::new();
    let set: Vec<String> = rules.iter().map(|rule| format!("loop.stop.{rule}")).collect();
    let args: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    sandbox.run(&["random"], &args).ok();
    let text = sandbox.read("runs/tiny/random/seed-3/rounds.jsonl");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_rule_ends_a_run_and_is_named_in_its_last_record() {
    let check = |rules: &[&str], n: usize, stop: &str| {
        let rounds = rounds(rules);
        assert_eq!(rounds.len(), n, "{rules:?}");
        let last = rounds.last().unwrap();
        assert_eq!(last["stop"], stop, "{rules:?}");
        assert!(rounds[..n - 1].iter().all(|round| round["stop"].is_null()), "{rules:?}");
    };
    check(&[], 4, "budget");
    check(&["target=0.01", "metric=macro-f1"], 1, "target");
    check(&["plateau_rounds=1", "plateau_delta=1"], 2, "plateau");
    // Six labels have six bits at most.
    check(&["uncertainty=6.1"], 1, "uncertainty");
    check(&["kappa=1e-9", "kappa_window=2"], 3, "kappa");
    check(&["seconds=1e-9"], 1, "time");
}

#[test]
fn what_the_rules_go_by_is_recorded_where_they_ask() {
    let plain = rounds(&[]);
    assert!(plain.iter().all(|round| round.get("signals").is_none()));
    let asked = rounds(&["uncertainty=1e-9", "kappa=1", "kappa_window=9"]);
    for (index, round) in asked.iter().enumerate() {
        let signals = &round["signals"];
        let bits = signals["uncertainty"].as_f64().unwrap();
        assert!(bits > 0.0 && bits <= 6.0, "{bits}");
        assert_eq!(signals["predictions"].as_array().unwrap().len(), 60);
        assert_eq!(signals["kappa"].is_null(), index == 0);
        assert!(signals["dev"].is_null());
        // Watching a run does not change it.
        assert_eq!(round["metrics"], plain[index]["metrics"]);
    }
}

#[test]
fn rules_that_cannot_be_are_refused() {
    let sandbox = Sandbox::new();
    let check = |rule: &str, parts: &[&str]| {
        sandbox.run(&["random"], &["--set", rule]).refused(parts);
    };
    check("loop.stop.target=1.5", &["`loop.stop.target` is 1.5", "at most 1"]);
    check("loop.stop.kappa=0", &["`loop.stop.kappa` is 0"]);
    check("loop.stop.kappa_window=0", &["from 1"]);
    check("loop.stop.seconds=-1", &["above 0"]);
    check("loop.stop.plateau_delta=-1", &["from 0"]);
    check("loop.stop.kapa=1", &["hint: did you mean `loop.stop.kappa`?"]);
    let no_dev = ["--set", "data.dev=", "--set", "evaluation.threshold=fixed"];
    let args = [&no_dev[..], &["--set", "loop.stop.target=0.5"]].concat();
    sandbox.run(&["random"], &args).refused(&["loop.stop.target", "dev set"]);
}
