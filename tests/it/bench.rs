//! `alhost bench`: cells are done once, whatever is killed; what fails costs its own cells only.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use alhost::record::without_cost;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Ran, Sandbox, plugin};

/// A grid of two strategies x two seeds on the tiny data set; `more` is added at its end.
pub(crate) fn sandbox(more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let grid = format!(
        "name = \"grid\"\nconfig = \"tiny.toml\"\nseeds = [3, 4]\n\
         [[strategy]]\nplugin = \"{}\"\n[[strategy]]\nplugin = \"{}\"\n{more}",
        plugin("alps").display(),
        plugin("hostile").display(),
    );
    sandbox.write("grid.toml", &grid);
    sandbox
}

pub(crate) fn bench(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.alhost(&[&["bench", "grid.toml"], args].concat())
}

/// What must not depend on what was killed: by cell, rounds and selections.
pub(crate) fn records(sandbox: &Sandbox) -> BTreeMap<String, [String; 2]> {
    let mut records = BTreeMap::new();
    for strategy in ["alps", "hostile"] {
        for seed in [3, 4] {
            let cell = format!("runs/grid/grid/{strategy}/seed-{seed}");
            let rounds = without_cost(&sandbox.read(&format!("{cell}/rounds.jsonl")));
            let selections = sandbox.read(&format!("{cell}/selections.jsonl"));
            records.insert(cell, [rounds, selections]);
        }
    }
    records
}

fn states(sandbox: &Sandbox) -> Vec<(String, String)> {
    let cells: Value = serde_json::from_str(&sandbox.read("runs/grid/cells.json")).unwrap();
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap_or("").to_owned();
    let cells = cells["cells"].as_array().unwrap().iter();
    cells.map(|cell| (text(cell, "state"), text(cell, "reason"))).collect()
}

#[test]
fn a_grid_is_run_once_and_a_second_call_does_nothing() {
    let sandbox = sandbox("");
    let ran = bench(&sandbox, &[]).ok();
    for part in ["4 of 4 cells finished", "alps", "hostile", "computed once", "token ids: 2 in"] {
        assert!(ran.stdout.contains(part), "no `{part}` in:\n{}", ran.stdout);
    }
    assert_eq!(states(&sandbox), vec![("finished".to_owned(), String::new()); 4]);
    let before = records(&sandbox);
    // Each cell is a run like any other.
    let alone = sandbox.run(&["hostile"], &["--set", "name=alone", "--seed", "4"]).ok();
    assert!(alone.stdout.contains("runs/alone/hostile/seed-4"));
    let cell = |name: &str| without_cost(&sandbox.read(&format!("runs/{name}/rounds.jsonl")));
    assert_eq!(cell("alone/hostile/seed-4"), cell("grid/grid/hostile/seed-4"));

    // Nothing is opened: with the data away, it makes no difference.
    fs_err::rename(sandbox.path("cache"), sandbox.path("elsewhere")).unwrap();
    let timed = Instant::now();
    let again = bench(&sandbox, &[]).ok();
    assert!(timed.elapsed() < Duration::from_secs(10), "{:?}", timed.elapsed());
    assert!(again.stdout.contains("4 of 4 cells finished"), "{}", again.stdout);
    assert!(!again.stderr.contains("at a time"), "no worker is started: {}", again.stderr);
    assert!(!sandbox.path("cache").exists());
    assert_eq!(records(&sandbox), before);
}

#[test]
fn what_is_computed_once_is_told_with_its_users_and_charged_to_each() {
    let sandbox = sandbox("");
    bench(&sandbox, &["--set", "model.encoder=frozen", "--jobs", "2"]).ok();
    let shared: Value = serde_json::from_str(&sandbox.read("runs/grid/shared.json")).unwrap();
    let users = |what: &str| -> Vec<u64> {
        let all = shared.as_array().unwrap().iter();
        let mut cells: Vec<u64> = all
            .filter(|used| used["what"] == what)
            .map(|used| used["cells"].as_u64().unwrap())
            .collect();
        cells.sort_unstable();
        cells
    };
    // The texts of dev and test are the same here.
    assert_eq!(users("token ids"), [4, 4]);
    assert_eq!(users("hidden states"), [4, 4]);
    assert_eq!(users("surprisal"), [1, 1], "one for each seed, for alps alone");
    assert_eq!(users("model of round 0"), [2, 2], "one for each seed");
    let first = |strategy: &str| -> Value {
        let rounds = sandbox.read(&format!("runs/grid/grid/{strategy}/seed-3/rounds.jsonl"));
        serde_json::from_str(rounds.lines().next().unwrap()).unwrap()
    };
    let train =
        |strategy: &str, cost: &str| first(strategy)["cost"][cost]["train"].as_f64().unwrap();
    let [alps, hostile] = ["alps", "hostile"].map(|strategy| train(strategy, "seconds"));
    assert!((alps - hostile).abs() < 1e-9, "charged alike: {alps} and {hostile}");
    let least = train("alps", "actual").min(train("hostile", "actual"));
    assert!(least < alps, "taken over by one of them: {least} of {alps}");
}

#[test]
fn a_strategy_that_fails_costs_its_own_cells_only() {
    let sandbox = sandbox("params.fault = \"panic-in-select\"\nparams.from_round = 2\n");
    let ran = bench(&sandbox, &[]).refused(&["hostile", "panicked in select, as asked"]);
    assert!(ran.stdout.contains("2 of 4 cells finished, 2 failed"), "{}", ran.stdout);
    let states = states(&sandbox);
    let failed: Vec<&str> = states.iter().map(|(state, _)| state.as_str()).collect();
    assert_eq!(failed, ["finished", "failed", "finished", "failed"]);
    assert!(states[1].1.contains("panicked in select"), "{}", states[1].1);
    // What was done before is kept.
    let rounds = sandbox.read("runs/grid/grid/hostile/seed-3/rounds.jsonl");
    assert_eq!(rounds.lines().count(), 1);
}

#[test]
fn what_a_plugin_prints_confuses_nobody() {
    let sandbox = sandbox("params.fault = \"print\"\n[isolation]\nmode = \"off\"\n");
    bench(&sandbox, &["--seed", "3"]).ok();
}

/// The worker goes down with the plugin, and is replaced.
#[test]
fn a_strategy_that_crashes_costs_its_own_cells_only() {
    let sandbox = sandbox("params.fault = \"segfault\"\n[isolation]\nmode = \"off\"\n");
    let ran = bench(&sandbox, &["--seed", "3"]).refused(&["hostile", "signal 11"]);
    assert!(ran.stdout.contains("1 of 2 cells finished, 1 failed"), "{}", ran.stdout);
}

#[test]
fn two_benches_do_not_work_on_the_same_grid() {
    let sandbox = sandbox("");
    let mut command = sandbox.command();
    command.args(["bench", "grid.toml"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = command.spawn().unwrap();
    while !sandbox.path("runs/grid/cells.json").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    bench(&sandbox, &[]).refused(&["another bench", "hint"]);
    assert!(first.wait().unwrap().success());
}

#[test]
fn without_a_finished_cell_it_says_so() {
    let sandbox = sandbox("");
    fs_err::remove_file(sandbox.path("data/train.jsonl")).unwrap();
    let ran = bench(&sandbox, &[]).refused(&["train.jsonl", "hint"]);
    assert!(ran.stdout.contains("0 of 4 cells finished, 4 failed"), "{}", ran.stdout);
}

#[test]
fn a_grid_that_cannot_be_is_refused_before_anything_is_begun() {
    let check = |grid: &str, args: &[&str], parts: &[&str]| {
        let sandbox = sandbox("");
        sandbox.write("grid.toml", &sandbox.read("grid.toml").replacen("seeds = [3, 4]", grid, 1));
        bench(&sandbox, args).refused(parts);
        assert!(!sandbox.path("runs").exists(), "nothing was begun");
    };
    check("seeds = [3]", &["--plugin", "nonesuch"], &["nonesuch", "hint"]);
    check("seeds = [3, 3]", &[], &["names a seed twice"]);
    check("seads = [3]", &[], &["unknown key `seads`"]);
    check("loop.budgit = 3", &[], &["grid.toml", "loop.budget"]);
    check("seeds = [3]", &["--set", "loop.budget=5"], &["loop.budget"]);
    let sandbox = sandbox("params.nonesuch = 3\n");
    bench(&sandbox, &[]).refused(&["nonesuch", "hostile"]);
    sandbox.alhost(&["bench", "absent.toml"]).refused(&["absent.toml"]);
}

#[test]
fn cells_of_another_configuration_are_refused_and_stay() {
    let sandbox = sandbox("");
    bench(&sandbox, &["--seed", "3"]).ok();
    let cell = "runs/grid/grid/alps/seed-3/rounds.jsonl";
    let before = sandbox.read(cell);
    // Another budget for some cells than for the others would be no comparison.
    let other = bench(&sandbox, &["--set", "loop.budget=30"]);
    other.refused(&["another configuration", "loop.budget", "there 40, here 30", "hint"]);
    assert_eq!(sandbox.read(cell), before);
}

#[test]
fn a_torn_line_is_repaired_and_any_other_damage_named() {
    let sandbox = sandbox("");
    bench(&sandbox, &[]).ok();
    let before = records(&sandbox);
    let torn = "runs/grid/grid/alps/seed-3/rounds.jsonl";
    let whole = sandbox.read(torn);
    sandbox.write(torn, &whole[..whole.len() - 20]);
    bench(&sandbox, &[]).ok();
    assert_eq!(records(&sandbox), before, "the last round was done again");

    let text = sandbox.read(torn).replacen("\"labeled\":20", "\"labeled\":xx", 1);
    sandbox.write(torn, &text);
    let ran = bench(&sandbox, &[]).refused(&["alps/seed-3/rounds.jsonl:2: not a record"]);
    assert!(ran.stdout.contains("3 of 4 cells finished, 1 failed"), "{}", ran.stdout);
    assert_eq!(sandbox.read(torn), text, "and left alone");
}

/// Process ids of a process's children.
fn children(parent: u32) -> Vec<u32> {
    let path = format!("/proc/{parent}/task");
    let Ok(threads) = fs_err::read_dir(path) else { return Vec::new() };
    let lists = threads
        .filter_map(|thread| fs_err::read_to_string(thread.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()
        })
        .collect()
}

fn is_alive(process: u32) -> bool {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// Waits at most `limit`; says whether it has ended.
fn ends(bench: &mut Child, limit: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = bench.try_wait().unwrap() {
            assert!(status.success(), "it ends by itself or by our hand");
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

pub(crate) fn signal(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    // It may have ended by itself meanwhile.
    let _ended = kill_process(process, signal);
}

#[test]
fn an_interrupted_bench_stops_after_the_round_and_goes_on_later() {
    let sandbox = sandbox("");
    let mut command = sandbox.command();
    command.args(["bench", "grid.toml"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let bench_process = command.spawn().unwrap();
    let rounds = sandbox.path("runs/grid/grid/alps/seed-3/rounds.jsonl");
    while fs_err::metadata(&rounds).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(bench_process.id(), Signal::INT);
    let output = bench_process.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("left; the same command goes on"), "{text}");
    assert!(!text.contains("4 of 4"), "{text}");
    bench(&sandbox, &[]).ok();
}

#[test]
fn whatever_is_killed_the_records_are_those_of_an_unbroken_bench() {
    kill_at_random_moments("");
}

#[test]
fn whatever_is_killed_the_records_are_the_same_with_a_logistic_head() {
    kill_at_random_moments("[model]\nhead = \"logistic\"\nencoder = \"frozen\"\n");
}

/// Kills the bench, or one of its workers, at moments spread over a grid's time.
#[expect(clippy::disallowed_methods, reason = "how many kills is said by the environment")]
fn kill_at_random_moments(grid: &str) {
    let n_kills: u32 = std::env::var("ALHOST_KILLS").map_or(4, |n| n.parse().unwrap());
    let unbroken = sandbox(grid);
    let timed = Instant::now();
    bench(&unbroken, &["--jobs", "2"]).ok();
    let whole = timed.elapsed();

    let broken = sandbox(grid);
    // From a fixed seed: the moments are the same in every test run, as far as a machine's are.
    let mut random = alhost_plugin_api::Rng::stream(&[7; 32], "moments");
    let mut kills = 0;
    while kills < n_kills {
        let mut command = broken.command();
        command.args(["bench", "grid.toml", "--jobs", "2"]);
        let mut bench = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let moment = whole.mul_f64(random.sample(1000, 1)[0] as f64 / 1000.0 * 0.6);
        if ends(&mut bench, moment) {
            // All was done: from the start again, with what is left of the cache.
            fs_err::remove_dir_all(broken.path("runs")).unwrap();
            continue;
        }
        let workers = children(bench.id());
        match workers.first() {
            Some(&worker) if kills % 2 == 1 => {
                signal(worker, Signal::KILL);
                assert!(ends(&mut bench, Duration::from_mins(5)), "it replaces the worker");
                assert_eq!(records(&broken), records(&unbroken));
            }
            _ => {
                bench.kill().unwrap();
                bench.wait().unwrap();
                let started = Instant::now();
                while workers.iter().any(|&worker| is_alive(worker)) {
                    assert!(started.elapsed() < Duration::from_secs(20), "orphans: {workers:?}");
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
        kills += 1;
    }
    bench(&broken, &["--jobs", "2"]).ok();
    assert_eq!(records(&broken), records(&unbroken));
}
