//! Cells of a grid as commands of their own: by number, given again and again, many at once, on machines that may see
//! other files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::bench::{bench, records, sandbox, signal};
use crate::support::{Ran, Sandbox, ran};

const FROZEN: &str = "[model]\nhead = \"logistic\"\nencoder = \"frozen\"\n";

fn status(sandbox: &Sandbox) -> String {
    bench(sandbox, &["--status"]).ok().stdout
}

/// The counts of the last row of `--status`: finished, running, queued, failed, left.
fn counts(sandbox: &Sandbox) -> Vec<usize> {
    let text = status(sandbox);
    let row = text.lines().find(|line| line.trim_start().starts_with("all ")).unwrap();
    let number = |word: &str| if word == "·" { 0 } else { word.parse().unwrap() };
    row.split_whitespace().skip(1).map(number).collect()
}

#[test]
fn cells_by_number_are_those_of_a_bench() {
    let (whole, parts) = (sandbox(""), sandbox(""));
    bench(&whole, &[]).ok();
    assert_eq!(counts(&parts), [0, 0, 0, 0, 4]);
    let one = bench(&parts, &["--cell", "1"]).ok();
    assert!(one.stdout.contains("grid, hostile, seed 3: finished"), "{}", one.stdout);
    assert_eq!(counts(&parts), [1, 0, 0, 0, 3]);
    let group = bench(&parts, &["--group", "1"]).ok();
    assert_eq!(group.stdout.matches("finished").count(), 2, "{}", group.stdout);
    bench(&parts, &["--begin", "0"]).ok();
    assert_eq!(parts.read("runs/grid/grid/alps/seed-3/rounds.jsonl").lines().count(), 1);
    bench(&parts, &["--begin", "0"]).ok();
    assert_eq!(parts.read("runs/grid/grid/alps/seed-3/rounds.jsonl").lines().count(), 1);
    for _ in 0..2 {
        bench(&parts, &["--cell", "0"]).ok();
        assert_eq!(records(&parts), records(&whole));
    }
    let done = bench(&parts, &[]).ok();
    assert!(done.stdout.contains("4 of 4 cells finished"), "{}", done.stdout);
    assert!(!done.stderr.contains("at a time"), "no worker is started: {}", done.stderr);
}

#[test]
fn a_failed_cell_leaves_its_reason_in_its_folder() {
    let sandbox = sandbox("params.fault = \"panic-in-select\"\n");
    for command in [&["--cell", "1"][..], &["--group", "0"]] {
        bench(&sandbox, command).refused(&["hostile, seed 3", "panicked in select, as asked"]);
        let kept: Value =
            serde_json::from_str(&sandbox.read("runs/grid/grid/hostile/seed-3/cell.json")).unwrap();
        assert_eq!(kept["state"], "failed");
        assert!(kept["reason"].as_str().unwrap().contains("panicked in select"), "{kept}");
    }
    assert_eq!(counts(&sandbox), [1, 0, 0, 1, 2]);
    assert!(status(&sandbox).contains("failed: grid, hostile, seed 3: "), "{}", status(&sandbox));
    // The first round of a cell comes for the others' sake.
    bench(&sandbox, &["--begin", "3"]).ok();
}

#[test]
fn an_interrupted_task_says_so_by_its_exit_status() {
    let sandbox = sandbox("");
    let mut command = sandbox.command();
    command.args(["bench", "grid.toml", "--group", "0"]).stderr(Stdio::null());
    let mut task = command.stdout(Stdio::null()).spawn().unwrap();
    let rounds = sandbox.path("runs/grid/grid/alps/seed-3/rounds.jsonl");
    while fs_err::metadata(&rounds).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(task.id(), Signal::INT);
    // Its second cell, at the latest, is not begun.
    assert_eq!(task.wait().unwrap().code(), Some(130));
    bench(&sandbox, &["--group", "0"]).ok();
}

#[test]
fn numbers_that_are_none_and_grids_that_are_others_are_refused() {
    let sandbox = sandbox("");
    bench(&sandbox, &["--cell", "4"]).refused(&["grid has 4 cells, from 0: there is no 4"]);
    bench(&sandbox, &["--group", "2"]).refused(&["grid has 2 groups, from 0: there is no 2"]);
    bench(&sandbox, &["--on", "commands"]).ok();
    let lines = sandbox.read("runs/grid/.bench/commands/then.txt");
    let planned = lines.split("--planned ").nth(1).unwrap()[..16].to_owned();
    let check = |args: &[&str], parts: &[&str]| {
        let args = [&["--cell", "0", "--planned", planned.as_str()], args].concat();
        bench(&sandbox, &args).refused(parts);
        assert!(!sandbox.path("runs/grid/grid").exists(), "nothing was begun");
    };
    let other = "this is another grid than the one that was submitted";
    check(&["--set", "loop.budget=30"], &[other, "config of grid: it was", "hint: "]);
    check(&["--seed", "3"], &[other, "cells: it was `4, "]);
    // A machine that sees other data.
    let data = sandbox.read("data/train.jsonl");
    sandbox.write("data/train.jsonl", &format!("{data} \n"));
    check(&[], &[other, "train.jsonl: it was `"]);
    bench(&sandbox, &["--cell", "0", "--planned", "nonesuch"]).refused(&["not to be found"]);
}

#[test]
fn lists_of_commands_do_the_grid_in_any_shell() {
    let (whole, listed) = (sandbox(FROZEN), sandbox(FROZEN));
    bench(&whole, &[]).ok();
    let shown = bench(&listed, &["--on", "commands", "--dry-run"]).ok().stdout;
    assert!(!listed.path("runs").exists(), "nothing is written");
    bench(&listed, &["--on", "commands"]).ok();
    let [first, then] =
        ["first", "then"].map(|name| listed.read(&format!("runs/grid/.bench/commands/{name}.txt")));
    assert_eq!(shown, [first.as_str(), &then].concat());
    assert_eq!((first.lines().count(), then.lines().count()), (1, 2), "{first}{then}");
    let job_file = listed.read("runs/grid/.bench/commands/hyperqueue.toml");
    let job_file: toml::Table = job_file.parse().unwrap();
    let tasks = job_file["task"].as_array().unwrap();
    let deps: Vec<usize> =
        tasks.iter().map(|task| task["deps"].as_array().unwrap().len()).collect();
    assert_eq!(deps, [0, 1, 1]);
    for line in [first.lines().collect::<Vec<_>>(), then.lines().collect()].concat() {
        // From another folder, and with the environment that the lists were made in.
        let environment = listed.command();
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir("/");
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        ran(&shell.output().unwrap()).ok();
    }
    assert_eq!(records(&listed), records(&whole));
    let done = bench(&listed, &["--on", "commands"]).ok();
    assert!(done.stdout.contains("4 of 4 cells finished"), "{}", done.stdout);
}

/// A library that refuses every lock, as some shared file systems do.
fn without_locks(folder: &Path) -> Option<PathBuf> {
    let source = folder.join("nolock.c");
    let text = "#include <errno.h>\nint flock(int fd, int how) { (void)fd; (void)how; errno = ENOLCK; return -1; }\n";
    fs_err::write(&source, text).unwrap();
    let library = folder.join("libnolock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    let built = compiler.status().is_ok_and(|status| status.success());
    if !built {
        eprintln!("nothing was done: there is no C compiler");
    }
    built.then_some(library)
}

/// Starts ten commands at once, on five seeds of two strategies, and says what computed the embeddings.
fn ten_at_once(preload: Option<&Path>) {
    let sandbox = sandbox(FROZEN);
    let seeds = ["1", "2", "3", "4", "5"].map(|seed| ["--seed", seed]).concat();
    let start = |cell: usize| {
        let mut command = sandbox.command();
        command.args(["bench", "grid.toml", "--cell", &cell.to_string()]).args(&seeds);
        if let Some(library) = preload {
            command.env("LD_PRELOAD", library);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let tasks: Vec<_> = (0..10).map(start).collect();
    for task in tasks {
        ran(&task.wait_with_output().unwrap()).ok();
    }
    let mut computed = 0;
    for strategy in ["alps", "hostile"] {
        for seed in 1..=5 {
            let rounds =
                sandbox.read(&format!("runs/grid/grid/{strategy}/seed-{seed}/rounds.jsonl"));
            let first: Value = serde_json::from_str(rounds.lines().next().unwrap()).unwrap();
            let shared = first["cost"]["shared"].as_array().unwrap();
            let made = |used: &&Value| {
                used["what"] == "pre-trained embeddings" && used["computed"] == true
            };
            computed += shared.iter().filter(made).count();
        }
    }
    // Train, and dev and test, whose texts are the same here.
    assert_eq!(computed, 2, "computed once each, whoever asks");
}

#[test]
fn what_ten_ask_for_at_once_is_computed_once() {
    ten_at_once(None);
}

#[test]
fn so_it_is_where_the_file_system_has_no_locks() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(library) = without_locks(folder.path()) {
        ten_at_once(Some(&library));
    }
}

#[test]
fn a_cluster_that_is_none_is_told() {
    let sandbox = sandbox("[slurm]\npartition = \"gpu\"\n");
    let without = |args: &[&str]| -> Ran {
        let mut command = sandbox.command();
        command.args(["bench", "grid.toml"]).args(args).env("PATH", sandbox.path("empty"));
        ran(&command.output().unwrap())
    };
    without(&["--on", "slurm"]).refused(&["there is no `squeue` here", "hint: "]);
    let shown = without(&["--on", "slurm", "--dry-run"]).ok();
    assert!(shown.stdout.contains("#SBATCH --partition=gpu"), "{}", shown.stdout);
    assert!(shown.stderr.contains("there is no `squeue` here"), "{}", shown.stderr);
    without(&["--status"]).ok();
    sandbox.write("grid.toml", &sandbox.read("grid.toml").replace("\"gpu\"", "1.5"));
    without(&["--status"]).refused(&["grid.toml: [slurm]", "`partition` in [slurm]", "hint: "]);
}

#[test]
fn records_that_cannot_be_written_are_told_before_any_work() {
    let sandbox = sandbox("");
    sandbox.write("runs", "a file in the way");
    let started = Instant::now();
    bench(&sandbox, &["--cell", "0"]).refused(&["cannot be written from this machine", "hint: "]);
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn two_thousand_cells_are_planned_and_told_at_once() {
    let sandbox = sandbox("");
    let seeds: Vec<String> = (0..1000).map(|seed: u32| seed.to_string()).collect();
    let args: Vec<&str> =
        seeds.iter().flat_map(|seed| ["--seed", seed.as_str()]).chain(["--status"]).collect();
    let ran = bench(&sandbox, &args).ok();
    assert!(ran.stdout.contains("2000"), "{}", ran.stdout);
}
