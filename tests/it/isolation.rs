//! Strategies in processes of their own: the same selections as in the host's process, and whatever
//! a plugin does there, the host goes on.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::support::{Sandbox, every_plugin};

const RECORDS: [&str; 2] = ["selections", "rounds"];

/// The records without what differs from run to run.
fn records(sandbox: &Sandbox, strategy: &str) -> Vec<String> {
    let read = |file| sandbox.read(&format!("runs/tiny/{strategy}/seed-3/{file}.jsonl"));
    RECORDS.map(read).iter().map(|lines| alhost::record::without_cost(lines)).collect()
}

#[test]
fn all_strategies_select_the_same_in_a_worker() {
    let all = every_plugin();
    let files: Vec<&str> = all.iter().map(|(_, file)| file.to_str().unwrap()).collect();
    let (here, apart) = (Sandbox::new(), Sandbox::new());
    here.run(&files, &[]).ok();
    apart.run(&files, &["--isolate"]).ok();
    for (strategy, _) in &all {
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
fn a_plugin_that_talks_is_killed_at_its_deadline_too() {
    let deadline = ["--set", "isolation.deadline_seconds=1"];
    for fault in ["talk-progress", "talk-log", "talk-cancelled", "stream-slowly"] {
        check(fault, &deadline, &["was killed after 1 s of its own time in select, round 1"]);
    }
    // What was created to hang, hangs before there is a round.
    let args = [
        "--isolate",
        "--set",
        "strategy.hostile.params.fault=hang-in-new",
        deadline[0],
        deadline[1],
    ];
    Sandbox::new().run(&["hostile"], &args).refused(&["1 s of its own time while it was created"]);
}

/// Where the user does not want to wait for a deadline.
fn interrupt(fault: &str) {
    let sandbox = Sandbox::new();
    let fault = format!("strategy.hostile.params.fault={fault}");
    let mut command = sandbox.run_command(&["hostile"], &["--isolate", "--set", &fault]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // Two seconds after the initial set it is busy with its first query.
    let selections = sandbox.path("runs/tiny/hostile/seed-3/selections.jsonl");
    let started = Instant::now();
    while !fault.ends_with("new") && fs_err::metadata(&selections).map_or(0, |m| m.len()) == 0 {
        assert!(started.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_secs(2));
    rustix::process::kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let asked = Instant::now();
    let ran = crate::support::ran(&child.wait_with_output().unwrap());
    assert!(asked.elapsed() < Duration::from_secs(8), "{fault}: {:?}", asked.elapsed());
    ran.refused(&["did not stop within 2 s of being asked to"]);
}

#[test]
fn ctrl_c_ends_a_call_whatever_goes_on_in_it() {
    for fault in ["hang", "talk-progress", "talk-log", "hang-in-new"] {
        interrupt(fault);
    }
}

#[test]
fn what_a_plugin_prints_saves_and_says_has_limits() {
    check("floods", &[], &["was killed for printing more than 64 MiB in select, round 1"]);
    check("long-error", &[], &["could not select 10 texts: EEE", "(cut: it has 20971520 bytes)"]);
    check(
        "big-state",
        &[],
        &["could not save its state: its state has 67108865 bytes", "hint: save"],
    );
    let sandbox = Sandbox::new();
    let args = ["--isolate", "--set", "strategy.hostile.params.fault=prints-lines"];
    let ran = sandbox.run(&["hostile"], &args).ok();
    assert!(ran.stderr.contains("hostile: line 0\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("more lines that it printed are left out"), "{}", ran.stderr);
    // Three queries printed three thousand each; a few may be read after their call.
    let n_told = ran.stderr.lines().filter(|line| line.contains("hostile: line")).count();
    assert!((1000..8000).contains(&n_told), "{n_told}");
}

#[test]
fn what_a_plugin_starts_counts_as_its_memory() {
    let limit = ["--set", "isolation.memory_gib=0.25"];
    check("children", &limit, &["processes that it had started, more than the 0.25 GiB of"]);
}

#[test]
fn what_a_plugin_starts_ends_with_it() {
    let sandbox = Sandbox::new();
    let args = ["--isolate", "--set", "strategy.hostile.params.fault=daemon"];
    sandbox.run(&["hostile"], &args).ok();
    std::thread::sleep(Duration::from_secs(4));
    assert!(!sandbox.path("daemon-lived").exists());
}

/// Root may read everything, so that for root another user is tried.
#[test]
fn a_worker_cannot_read_the_secrets_of_its_host() {
    const NOBODY: u32 = 65534;
    let sandbox = Sandbox::new();
    let args = ["--isolate", "--set", "strategy.hostile.params.fault=secrets"];
    let mut command = sandbox.run_command(&["hostile"], &args);
    if rustix::process::getuid().is_root() {
        let has = Command::new("setpriv").arg("--version").output();
        if has.is_err() {
            println!("did nothing: root may read everything, and there is no setpriv");
            return;
        }
        let folder = sandbox.folder.path();
        let given = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(folder).status();
        assert!(given.unwrap().success());
        let mut other = sandbox.command_of("setpriv");
        let user = NOBODY.to_string();
        other.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        other.arg(command.get_program()).args(command.get_args());
        command = other;
    }
    let ran = crate::support::ran(&command.env("HF_TOKEN", "secret").output().unwrap()).ok();
    assert!(ran.stderr.contains("read 0 bytes of its parent's environment"), "{}", ran.stderr);
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
    let mut command = Command::new(program);
    command.args(["run", "--config", "tiny.toml", "--isolate", "--plugin"]);
    command.arg(crate::support::plugin("random")).current_dir(sandbox.folder.path());
    let ran = crate::support::ran(&command.output().unwrap());
    ran.refused(&["alhost-worker` cannot be started", "belongs beside `alhost`"]);
}
