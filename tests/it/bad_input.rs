//! What a user can get wrong in config, data and surroundings: exit code 2, a message that says
//! what to change, and nothing begun.

use crate::support::{Ran, Sandbox};

fn line(id: &str, label: &str) -> String {
    format!("{{\"id\": \"{id}\", \"text\": \"the court\", \"labels\": [\"{label}\"]}}\n")
}

/// Runs on a data set whose `train` is replaced.
fn with_train(train: &str, args: &[&str]) -> Ran {
    let sandbox = Sandbox::new();
    sandbox.write("data/train.jsonl", train);
    let ran = sandbox.run(&["random"], args);
    assert!(!sandbox.path("runs").exists(), "nothing was begun");
    ran
}

#[test]
fn a_config_that_cannot_be_is_refused() {
    let sandbox = Sandbox::new();
    let check = |args: &[&str], parts: &[&str]| {
        sandbox.run(&["random"], args).refused(parts);
        assert!(!sandbox.path("runs").exists(), "nothing was begun");
    };
    check(&["--set", "loop.querysize=5"], &["querysize", "hint", "query_size"]);
    check(
        &["--set", "loop.query_size=0"],
        &["`loop.query_size` is 0, but must be from 1 to 1000000000"],
    );
    check(&["--set", "train.rate=fast"], &["train.rate"]);
    check(&["--device", "cuda:0"], &["CUDA", "hint", "--device cpu"]);
    check(&["--device", "tpu"], &["tpu"]);
    check(
        &["--set", "loop.initial=61", "--set", "loop.budget=70"],
        &["the initial set is 61 texts, but the train split has 60", "hint: lower `loop.initial`"],
    );
    check(&["--set", "data.path=${ALHOST_REUTERS}"], &["ALHOST_REUTERS", "data.path"]);
    check(&["--set", "data.path=nowhere"], &["nowhere"]);
    check(&["--set", "data.dev=none.jsonl"], &["none.jsonl", "hint"]);
    let cold = ["--set", "loop.initial_strategy=cvirs"];
    check(&cold, &["cvirs"]);
    sandbox.write("tiny.toml", "[loop]\nquery_size = \"ten\"\n");
    check(&[], &["tiny.toml:2"]);
    sandbox.alhost(&["run", "--config", "absent.toml"]).refused(&["absent.toml"]);
    sandbox.alhost(&["run", "--plugim", "x"]).refused(&["--plugin"]);
}

#[test]
fn data_that_cannot_be_read_is_refused_with_file_and_line() {
    let good = line("a", "l1") + &line("b", "l2");
    let check = |train: &str, parts: &[&str]| {
        with_train(train, &[]).refused(parts).refused(&["train.jsonl"]);
    };
    check(&(good.clone() + "{\"id\": \"c\", \"text\"\n"), &["3", "hint"]);
    check(&(good.clone() + "{\"id\": \"c\", \"text\": \"x\"}\n"), &["3", "labels"]);
    check(&(good.clone() + &line("a", "l1")), &["`a`", "hint"]);
    check(&(good.clone() + &line("dev-1", "l1")), &["`dev-1`"]);
    let unlabeled = "{\"id\": \"c\", \"text\": \"x\", \"labels\": []}\n";
    check(&(good.clone() + unlabeled), &["label", "unlabeled = \"drop\""]);
    check("", &["hint"]);

    let sandbox = Sandbox::new();
    sandbox.write("data/labels.txt", "l0\nl1\nl2\nl3\nl4\n");
    sandbox.run(&["random"], &[]).refused(&["`l5`", "hint"]);
}

#[test]
fn a_data_set_without_dev_runs_by_label_cardinality() {
    let sandbox = Sandbox::new();
    let args = ["--set", "data.dev=", "--set", "evaluation.threshold=cardinality"];
    sandbox.run(&["random"], &args).ok();
    let rounds = sandbox.read("runs/tiny/random/seed-3/rounds.jsonl");
    let first: serde_json::Value = serde_json::from_str(rounds.lines().next().unwrap()).unwrap();
    assert!(first["thresholds"]["used"].as_f64().unwrap() > 0.0);
    assert!(first["thresholds"]["micro"].is_null() && first["best_epoch"].is_null());
    // As many labels a text as the labeled set has, within what 20 test texts can say.
    let predicted = first["metrics"]["labels_per_text"].as_f64().unwrap();
    assert!((0.4..3.0).contains(&predicted), "{predicted}");
}

#[test]
fn a_pool_that_runs_dry_is_taken_whole() {
    let sandbox = Sandbox::new();
    let args = ["--set", "loop.query_size=40", "--set", "loop.budget=1000"];
    sandbox.run(&["random"], &args).ok();
    let rounds = sandbox.read("runs/tiny/random/seed-3/rounds.jsonl");
    let labeled: Vec<u64> = rounds
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|record| record["labeled"].as_u64().unwrap())
        .collect();
    assert_eq!(labeled, [10, 50, 60]);
    assert!(rounds.lines().last().unwrap().contains("\"stop\":\"pool-empty\""), "{rounds}");
}

#[test]
fn results_of_another_configuration_are_not_touched() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random"], &[]).ok();
    let before = sandbox.read("runs/tiny/random/seed-3/rounds.jsonl");
    let other = sandbox.run(&["random"], &["--set", "train.epochs=1"]);
    other.refused(&["another configuration", "train.epochs", "hint: choose another --out"]);
    assert_eq!(sandbox.read("runs/tiny/random/seed-3/rounds.jsonl"), before);
}
