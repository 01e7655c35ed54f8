//! Whole runs on the tiny data set: what all strategies share, and what the program prints.

use std::path::Path;

use alhost::plugin_host::PluginFile;
use serde_json::Value;

use crate::support::{Sandbox, every_plugin, plugin};

fn lines(sandbox: &Sandbox, strategy: &str, file: &str) -> Vec<Value> {
    let text = sandbox.read(&format!("runs/tiny/{strategy}/seed-3/{file}.jsonl"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn five_strategies_share_the_initial_set_and_the_first_model() {
    let sandbox = Sandbox::new();
    let all = ["random", "subword", "alps", "dal", "cvirs"];
    let ran = sandbox.run(&all, &["--set", "loop.budget=30"]).ok();
    assert!(ran.stdout.contains("side by side"), "{}", ran.stdout);
    let of = |strategy: &str| {
        let (selections, rounds) =
            (lines(&sandbox, strategy, "selections"), lines(&sandbox, strategy, "rounds"));
        assert_eq!((selections.len(), rounds.len()), (3, 3), "{strategy}");
        (selections, rounds)
    };
    let (first_selections, first_rounds) = of("random");
    for strategy in &all[1..] {
        let (selections, rounds) = of(strategy);
        assert_eq!(selections[0]["rows"], first_selections[0]["rows"], "{strategy}");
        assert_ne!(selections[1]["rows"], first_selections[1]["rows"], "{strategy}");
        for key in ["metrics", "losses", "thresholds"] {
            assert_eq!(rounds[0][key], first_rounds[0][key], "{strategy}: {key}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_records_and_another_seed_others() {
    let records = |seed: &str, file: &str| {
        let sandbox = Sandbox::new();
        sandbox.run(&["cvirs"], &["--seed", seed]).ok();
        sandbox.read(&format!("runs/tiny/cvirs/seed-{seed}/{file}.jsonl"))
    };
    assert_eq!(records("3", "selections"), records("3", "selections"));
    assert_ne!(records("3", "selections"), records("4", "selections"));
}

#[test]
fn every_strategy_that_needs_no_classifier_can_choose_the_initial_set() {
    let sandbox = Sandbox::new();
    let first = |strategy: &Path| {
        let set = format!("loop.initial_strategy={}", strategy.display());
        let out = format!("out={}", sandbox.path("first").display());
        let args = ["--set", &set, "--set", &out, "--set", "loop.budget=10"];
        sandbox.run(&["random"], &args).ok();
        let selections = sandbox.read("first/tiny/random/seed-3/selections.jsonl");
        let manifest = sandbox.read("first/tiny/random/seed-3/manifest.json");
        fs_err::remove_dir_all(sandbox.path("first")).unwrap();
        assert!(manifest.contains("\"initial_set\""), "{}", strategy.display());
        let first: Value = serde_json::from_str(&selections).unwrap();
        first["rows"].clone()
    };
    sandbox.run(&["random"], &[]).ok();
    let by_chance = lines(&sandbox, "random", "selections")[0]["rows"].clone();
    let mut tried = Vec::new();
    for (name, library) in every_plugin() {
        let needs_none = PluginFile::read(&library).unwrap().manifest.is_cold_start();
        // The baseline, and those that ask others, which by default need one.
        if needs_none && !["random", "combine", "tailor"].contains(&name.as_str()) {
            let rows = first(&library);
            assert_ne!(rows, by_chance, "{name}");
            assert_eq!(rows, first(&library), "{name}");
            tried.push(name);
        }
    }
    assert!(tried.len() >= 6, "{tried:?}");

    let set = format!("loop.initial_strategy={}", plugin("cvirs").display());
    sandbox.run(&["random"], &["--set", &set]).refused(&["needs a trained classifier", "alps"]);
}

#[test]
fn a_frozen_encoder_and_a_linear_head_run_too() {
    let sandbox = Sandbox::new();
    let args = ["--set", "model.encoder=frozen", "--set", "model.head=linear"];
    sandbox.run(&["dal", "cvirs"], &args).ok();
}

#[test]
fn the_table_has_what_the_records_have() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["random"], &[]).ok();
    for column in ["round", "labeled", "micro-F1", "macro-F1", "threshold", "classes", "select"] {
        assert!(ran.stdout.contains(column), "no `{column}` in:\n{}", ran.stdout);
    }
    let last = lines(&sandbox, "random", "rounds").pop().unwrap();
    let micro = format!("{:.3}", last["metrics"]["micro_f1"].as_f64().unwrap());
    let row = ran.stdout.lines().find(|line| line.trim_start().starts_with("3 ")).unwrap();
    assert!(row.contains(" 40 ") && row.contains(&micro), "{row}");
    assert!(ran.stdout.contains("records: ") && ran.stdout.contains("random/seed-3"));
    let manifest = sandbox.read("runs/tiny/random/seed-3/manifest.json");
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["plugin"]["id"], "random");
    assert_eq!(manifest["environments"][0]["device"], "cpu");
}

#[test]
fn a_run_without_dev_and_test_selects_and_has_no_scores() {
    let sandbox = Sandbox::new();
    let without = ["--set", "data.test=", "--set", "data.dev="];
    let ran = sandbox.run(&["cvirs", "dal"], &without).ok();
    assert_eq!(lines(&sandbox, "cvirs", "selections").len(), 4);
    let rounds = lines(&sandbox, "cvirs", "rounds");
    assert!(rounds.iter().all(|round| round.get("metrics").is_none()), "{:?}", rounds[0]);
    let row = ran.stdout.lines().find(|line| line.trim_start().starts_with("3 ")).unwrap();
    assert!(row.contains(" 40 ") && row.contains(" - "), "{row}");
    // What was trained predicts all the same.
    sandbox
        .alhost(
            &[&["train", "--config", "tiny.toml"], &without[..], &["--set", "loop.initial=20"]]
                .concat(),
        )
        .ok();
    let report = sandbox.alhost(&["report", "runs/tiny"]);
    report.refused(&["has scores: they had no test split", "hint: "]);
}

#[test]
fn configs_are_shown_and_checked_and_data_is_counted() {
    let sandbox = Sandbox::new();
    let shown = sandbox.alhost(&["config", "show", "--config", "tiny.toml"]).ok();
    sandbox.write("shown.toml", &shown.stdout);
    let again = sandbox.alhost(&["config", "show", "--config", "shown.toml"]).ok();
    assert_eq!(again.stdout, shown.stdout, "what is shown is a config that gives the same");

    let plugin = format!("\n[[strategy]]\nplugin = \"{}\"\n", plugin("alps").display());
    sandbox.write("checked.toml", &(sandbox.read("tiny.toml") + &plugin));
    let checked = sandbox.alhost(&["config", "check", "--config", "checked.toml"]).ok();
    assert!(checked.stdout.starts_with("ok: 1 strategies (alps)"), "{}", checked.stdout);
    let worse = sandbox.read("checked.toml") + "params.clusters = 3\n";
    sandbox.write("checked.toml", &worse);
    let ran = sandbox.alhost(&["config", "check", "--config", "checked.toml"]);
    ran.refused(&["unknown parameter `clusters`"]);

    let stats = sandbox.alhost(&["data", "stats", "--config", "tiny.toml", "--json"]).ok();
    let stats: Value = serde_json::from_str(&stats.stdout).unwrap();
    assert_eq!(stats["train"], 60);
    assert_eq!(stats["classes"], 6);
}
