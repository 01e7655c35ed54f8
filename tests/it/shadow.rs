//! Shadow mode: strategies that watch a run change nothing of it, and what they would have selected
//! is recorded and compared.

use alhost::record::without_cost;
use serde_json::Value;

use crate::support::{Sandbox, plugin};

const RUN: &str = "runs/tiny/random/seed-3";

fn lines(sandbox: &Sandbox) -> Vec<Value> {
    let text = sandbox.read(&format!("{RUN}/shadow.jsonl"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The paths of two plugins, as arguments.
fn shadows(names: [&str; 2]) -> [String; 4] {
    let path = |name: &str| plugin(name).display().to_string();
    let flag = || "--shadow".to_owned();
    [flag(), path(names[0]), flag(), path(names[1])]
}

#[test]
fn shadows_select_on_each_model_and_change_nothing() {
    let alone = Sandbox::new();
    alone.run(&["random"], &[]).ok();
    let watched = Sandbox::new();
    let args = shadows(["cvirs", "random"]);
    let ran = watched.run(&["random"], &args.each_ref().map(String::as_str)).ok();
    for part in ["shadows of random", "Jaccard", "cvirs", "3 of 3"] {
        assert!(ran.stdout.contains(part), "no `{part}` in:\n{}", ran.stdout);
    }
    watched.alhost(&["report", "runs", "--out", "report"]).ok();
    let report = watched.read("report/report.md");
    assert!(report.contains("Shadows") && report.contains("| 3 of 3 |"), "{report}");
    for file in ["rounds", "selections"] {
        let of = |sandbox: &Sandbox| without_cost(&sandbox.read(&format!("{RUN}/{file}.jsonl")));
        assert_eq!(of(&watched), of(&alone), "{file}");
    }
    let lines = lines(&watched);
    let names: Vec<&str> = lines.iter().map(|line| line["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["cvirs", "random", "cvirs", "random", "cvirs", "random"]);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["round"], index / 2 + 1);
        assert_eq!(line["selection"]["rows"].as_array().unwrap().len(), 10);
        let jaccard = line["likeness"]["jaccard"].as_f64().unwrap();
        if index % 2 == 1 {
            assert!((jaccard - 1.0).abs() < 1e-12, "the same strategy selects the same");
        } else {
            assert!((0.0..=1.0).contains(&jaccard));
        }
    }
}

#[test]
fn a_shadow_that_fails_costs_its_lines_only() {
    let sandbox = Sandbox::new();
    let strategies = format!(
        "\n[[strategy]]\nplugin = \"{}\"\n[[strategy]]\nplugin = \"{}\"\n\
         params.fault = \"panic-in-select\"\nparams.from_round = 2\n",
        plugin("random").display(),
        plugin("hostile").display(),
    );
    sandbox.write("tiny.toml", &(sandbox.read("tiny.toml") + &strategies));
    // As a strategy it fails in the second query; as a shadow of the other one too.
    let hostile = plugin("hostile");
    let args = ["run", "--config", "tiny.toml", "--shadow", hostile.to_str().unwrap()];
    let ran = sandbox.alhost(&args).refused(&["panicked in select"]);
    assert!(ran.stdout.contains("1 of 3"), "{}", ran.stdout);
    let text = sandbox.read("runs/tiny/random/seed-3/shadow.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0]["error"].is_null() && lines[1]["selection"].is_null());
    assert!(lines[1]["error"].as_str().unwrap().contains("panicked in select"));
}

#[test]
fn shadows_of_a_run_that_goes_on_go_on_too() {
    let args = shadows(["cvirs", "hostile"]);
    let args = args.each_ref().map(String::as_str);
    let unbroken = Sandbox::new();
    unbroken.run(&["random"], &args).ok();
    let broken = Sandbox::new();
    broken.run(&["random"], &args).ok();
    // The run's own strategy keeps no state; one of the shadows does.
    // As a kill would have left it: between the shadows of a query, before its round was written.
    for (file, kept) in [("rounds", 1), ("selections", 3), ("shadow", 3)] {
        let path = format!("{RUN}/{file}.jsonl");
        let text = broken.read(&path);
        let head: Vec<&str> = text.lines().take(kept).collect();
        broken.write(&path, &(head.join("\n") + "\n"));
    }
    let state = broken.path(&format!("{RUN}/checkpoint/strategy-3.state"));
    fs_err::rename(state, broken.path(&format!("{RUN}/checkpoint/strategy-2.state"))).unwrap();
    broken.run(&["random"], &args).ok();
    let without = |sandbox: &Sandbox| without_cost(&sandbox.read(&format!("{RUN}/shadow.jsonl")));
    assert_eq!(without(&broken), without(&unbroken));
}
