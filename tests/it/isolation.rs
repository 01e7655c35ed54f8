//! Strategies in processes of their own: the same selections as in the host's process, and whatever
//! a plugin does there, the host goes on.

use std::time::{Duration, Instant};

use crate::support::Sandbox;

const RECORDS: [&str; 2] = ["selections", "rounds"];

/// The records without what differs from run to run.
fn records(sandbox: &Sandbox, strategy: &str) -> Vec<String> {
    let read = |file| sandbox.read(&format!("runs/tiny/{strategy}/seed-3/{file}.jsonl"));
    RECORDS.map(read).iter().map(|lines| alhost::record::without_cost(lines)).collect()
}

#[test]
fn all_strategies_select_the_same_in_a_worker() {
    let all = ["random", "subword", "alps", "dal", "cvirs"];
    let (here, apart) = (Sandbox::new(), Sandbox::new());
    here.run(&all, &[]).ok();
    apart.run(&all, &["--isolate"]).ok();
    for strategy in all {
        assert_eq!(records(&here, strategy), records(&apart, strategy), "{strategy}");
    }
}

#[test]
fn state_goes_to_a_new_worker_when_a_run_is_resumed() {
    let (whole, broken) = (Sandbox::new(), Sandbox::new());
    whole.run(&["hostile"], &["--isolate"]).ok();
    let dies = ["--isolate", "--set", "strategy.hostile.params.fault=segfault"];
    let later = [&dies[..], &["--set", "strategy.hostile.params.from_round=3"]].concat();
    broken.run(&["hostile"], &later).refused(&["was killed by SIGSEGV in select, round 3"]);
    // Other parameters are another run, so the one that died is gone on with as it was: from here on
    // the manifest says what a sound run would.
    let manifest = "runs/tiny/hostile/seed-3/manifest.json";
    let sound = whole.read(manifest);
    broken.write(manifest, &sound);
    broken.run(&["hostile"], &["--isolate"]).ok();
    assert_eq!(records(&whole, "hostile"), records(&broken, "hostile"));
}

/// What the hostile plugin does in its first query, and what the host says of it.
fn check(fault: &str, args: &[&str], parts: &[&str]) {
    let sandbox = Sandbox::new();
    let fault = format!("strategy.hostile.params.fault={fault}");
    let args = [&["--isolate", "--set", &fault], args].concat();
    let ran = sandbox.run(&["hostile", "random"], &args).refused(&["strategy `hostile`"]);
    for part in parts {
        assert!(ran.stderr.contains(part), "{fault}: no `{part}` in:\n{}", ran.stderr);
    }
    // Everything else goes on.
    assert!(ran.stdout.contains("random"), "{}", ran.stdout);
    assert_eq!(sandbox.read("runs/tiny/random/seed-3/rounds.jsonl").lines().count(), 4);
    assert_eq!(sandbox.read("runs/tiny/hostile/seed-3/selections.jsonl").lines().count(), 1);
}

#[test]
fn what_kills_a_plugin_is_told_and_everything_else_goes_on() {
    check("segfault", &[], &["its worker process was killed by SIGSEGV in select, round 1"]);
    check("abort", &[], &["its worker process was killed by SIGABRT in select, round 1"]);
    check("exit", &[], &["its worker process exited with code 7 in select, round 1"]);
    check("panic-in-select", &[], &["panicked in select, as asked"]);
    check("stack", &[], &["was killed by SIGABRT", "it printed:", "has overflowed its stack"]);
}

#[test]
fn a_plugin_that_hangs_is_killed_at_its_deadline() {
    let started = Instant::now();
    let deadline = ["--set", "isolation.deadline_seconds=1"];
    check("hang", &deadline, &["was killed after 1 s of its own time in select, round 1"]);
    assert!(started.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_plugin_that_eats_memory_is_stopped_before_the_machine_is() {
    let limit = ["--set", "isolation.memory_gib=0.25"];
    check("eat", &limit, &["was killed by SIGABRT", "memory allocation of"]);
}

#[test]
fn what_a_plugin_prints_does_not_mix_with_the_results() {
    let sandbox = Sandbox::new();
    let args = ["--isolate", "--set", "strategy.hostile.params.fault=print"];
    let ran = sandbox.run(&["hostile"], &args).ok();
    assert!(!ran.stdout.contains("printed by the plugin"), "{}", ran.stdout);
    assert!(ran.stderr.contains("hostile: printed by the plugin"), "{}", ran.stderr);
}

/// libtorch would cost each worker 0.2 s and 420 MB of address space.
#[test]
fn the_worker_links_no_libtorch() {
    let worker = fs_err::read(env!("CARGO_BIN_EXE_alhost-worker")).unwrap();
    let names = |file: &[u8]| file.windows(15).any(|window| window == b"libtorch_cpu.so");
    assert!(!names(&worker));
    assert!(names(&fs_err::read(env!("CARGO_BIN_EXE_alhost")).unwrap()), "the check can fail");
}

#[test]
fn a_worker_that_is_missing_is_told() {
    let sandbox = Sandbox::new();
    let program = sandbox.path("alhost");
    fs_err::copy(env!("CARGO_BIN_EXE_alhost"), &program).unwrap();
    let mut command = std::process::Command::new(program);
    command.args(["run", "--config", "tiny.toml", "--isolate", "--plugin"]);
    command.arg(crate::support::plugin("random")).current_dir(sandbox.folder.path());
    let ran = crate::support::ran(&command.output().unwrap());
    ran.refused(&["alhost-worker` cannot be started", "belongs beside `alhost`"]);
}
