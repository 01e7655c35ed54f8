//! A run that is killed (SIGKILL) and started again ends with the records of an unbroken one, byte
//! for byte except for times.

use std::process::Stdio;
use std::time::{Duration, Instant};

use alhost::record::without_cost;

use crate::support::Sandbox;

const RUN: &str = "runs/tiny/hostile/seed-3";

/// What must not depend on whether the run was broken off.
fn records(sandbox: &Sandbox) -> [String; 2] {
    let rounds = without_cost(&sandbox.read(&format!("{RUN}/rounds.jsonl")));
    [rounds, sandbox.read(&format!("{RUN}/selections.jsonl"))]
}

/// Bytes of all records so far: grows with each step that the run takes.
fn bytes(sandbox: &Sandbox) -> u64 {
    let size = |name: &str| {
        let path = sandbox.path(&format!("{RUN}/{name}"));
        fs_err::metadata(path).map_or(0, |metadata| metadata.len())
    };
    size("manifest.json") + size("selections.jsonl") + size("rounds.jsonl")
}

/// Starts the run, kills it as soon as it has written something more, and waits for its end.
fn kill_after_a_step(sandbox: &Sandbox, args: &[&str], delay: Duration) -> bool {
    let before = bytes(sandbox);
    let mut command = sandbox.run_command(&["hostile"], args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "it ends by itself or by our hand");
            return false;
        }
        if bytes(sandbox) > before {
            std::thread::sleep(delay);
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        assert!(started.elapsed() < Duration::from_mins(2), "no step in two minutes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn check(args: &[&str]) {
    let unbroken = Sandbox::new();
    unbroken.run(&["hostile"], args).ok();

    let broken = Sandbox::new();
    // The same data and model under another path: paths are not part of what a run is.
    let mut kills = 0;
    for round in 0.. {
        // Right after a record, and somewhere in the step that follows it.
        let delay = Duration::from_millis([0, 15, 60][round % 3]);
        if !kill_after_a_step(&broken, args, delay) {
            break;
        }
        kills += 1;
        assert!(kills < 40, "it gets nowhere");
    }
    assert!(kills >= 3, "{kills} kills");
    assert_eq!(records(&broken), records(&unbroken));
    // Nothing is left to do, and that takes no training.
    let again = broken.run(&["hostile"], args).ok();
    assert!(again.stderr.contains("finished before"), "{}", again.stderr);
}

#[test]
fn a_killed_run_goes_on_and_ends_as_if_nothing_had_been() {
    check(&[]);
}

#[test]
fn a_killed_run_that_starts_warm_goes_on_from_its_weights() {
    check(&["--set", "train.start=warm", "--set", "loop.budget=30"]);
}

#[test]
fn a_killed_run_with_stopping_rules_goes_on_with_what_they_saw() {
    // None of them ends it before the budget, so that there is something to kill.
    let rules =
        ["target=1.0", "kappa=1.0", "kappa_window=4", "uncertainty=1e-6", "plateau_rounds=9"];
    let set: Vec<String> = rules.iter().map(|rule| format!("loop.stop.{rule}")).collect();
    let args: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).collect();
    check(&args);
}
