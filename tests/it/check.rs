//! `alhost plugin check`: every case can fail, by a plugin that breaks this promise and none of the
//! basic ones; and the command says what it found, and how to see it again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alhost_plugin_host::check::{CASES, CheckOptions, Status, Verdict, run};
use serde_json::{Map, Value};

use crate::support::{Sandbox, plugin, replaced, workspace};

/// A way to fail one case.
#[derive(Clone, Copy)]
struct Fault {
    case: &'static str,
    /// Values of the parameter `fault`, and others: `fault=repeat,from_round=0`.
    params: &'static str,
    /// What is changed in a copy of the file.
    change: Option<fn(Vec<u8>) -> Vec<u8>>,
    status: Status,
}

const fn fault(case: &'static str, params: &'static str) -> Fault {
    Fault { case, params, change: None, status: Status::Fail }
}

const fn changed(case: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> Fault {
    Fault { case, params: "fault=none", change: Some(change), status: Status::Fail }
}

const fn ends_as(status: Status, fault: Fault) -> Fault {
    Fault { status, ..fault }
}

/// At least one for every case.
const FAULTS: &[Fault] = &[
    changed("lib.manifest-static", |f| replaced(f, r#""version":"1.0.0""#, r#""version":"1.0.x""#)),
    changed("lib.manifest-static", |f| replaced(f, r#"{"format":1"#, r#"?"format":1"#)),
    changed("lib.manifest-consistent", |f| first_replaced(f, "misbehaves on", "behaves often")),
    changed("lib.load-now", |f| replaced(f, "\0realpath\0", "\0realpatX\0")),
    changed("lib.load-time", |f| replaced(f, "at load: does nothing", "at load:starts thread")),
    changed("lib.api-version", |f| replaced(f, r#""api":"1.0"#, r#""api":"1.9"#)),
    changed("lib.layout", |f| replaced(f, "label_offsets", "label_Offsets")),
    changed("lib.profile", |f| replaced(f, r#""panic":"unwind""#, r#""panic":"abort" "#)),
    fault("lib.twice", "fault=one-instance"),
    fault("lib.with-other", "fault=sees-others"),
    fault("lib.unknown-strategy", "fault=junk-env"),
    fault("params.defaults-valid", "fault=error-in-new"),
    fault("params.defaults-valid", "fault=panic-in-new"),
    changed("params.reject", narrower_than_the_code),
    fault("params.bounds", "fault=at-the-bound"),
    fault("params.fuzz", "fault=between"),
    ends_as(Status::Warn, fault("params.live", "fault=dead-parameter")),
    fault("select.count", "fault=too-few"),
    fault("select.count", "fault=panic-in-select"),
    fault("select.in-pool", "fault=outside"),
    fault("select.in-pool", "fault=labeled"),
    fault("select.unique", "fault=repeat"),
    fault("select.scores", "fault=bad-score"),
    fault("select.n-gt-pool", "fault=more-than-all"),
    fault("select.n-zero", "fault=for-nothing"),
    fault("select.pool-empty", "fault=empty-pool"),
    fault("select.pool-one", "fault=one-left"),
    fault("select.cold-start", "fault=needs-labels"),
    fault("select.one-class", "fault=one-class"),
    fault("select.nan-inf", "fault=unwraps-nan"),
    fault("select.not-normalised", "fault=saturated"),
    fault("select.constant", "fault=no-spread"),
    fault("select.degenerate-text", "fault=empty-text"),
    fault("select.unlabeled-docs", "fault=labels-of-all"),
    Fault {
        params: "fault=by-position",
        ..changed("select.permutation", |f| {
            replaced(
                f,
                r#"only","citation":"","stochastic":true"#,
                r#"onl","citation":"","stochastic":false"#,
            )
        })
    },
    ends_as(Status::Warn, fault("select.huge", "fault=quadratic")),
    fault("select.input-untouched", "fault=writes-input"),
    fault("select.declared-only", "fault=undeclared"),
    fault("select.label-blind", "fault=peeks"),
    fault("det.same-seed", "fault=hash-order"),
    fault("det.instances", "fault=global-state"),
    fault("det.other-seed", "fault=by-position"),
    changed("det.other-seed", |f| {
        replaced(
            f,
            r#"only","citation":"","stochastic":true"#,
            r#"onl","citation":"","stochastic":false"#,
        )
    }),
    fault("det.no-ambient", "fault=time-zone"),
    fault("state.round-trip", "fault=forgets"),
    fault("state.empty", "fault=load-empty"),
    ends_as(Status::Warn, fault("state.random", "fault=load-any")),
    fault("state.random", "fault=load-long"),
    fault("state.truncated", "fault=load-short"),
    fault("state.future-schema", "fault=load-long"),
    fault("state.binary", "fault=save-counts"),
    fault("run.hang", "fault=hang"),
    ends_as(Status::Crash, fault("run.hang", "fault=segfault")),
    ends_as(Status::Crash, fault("run.hang", "fault=exit")),
    ends_as(Status::Crash, fault("run.hang", "fault=stack")),
    ends_as(Status::Crash, fault("run.panic-guard", "fault=panic-twice")),
    fault("run.cancel", "fault=deaf"),
    fault("run.service-error", "fault=unwraps"),
    fault("run.service-missing", "fault=unwraps-missing"),
    fault("run.stdout", "fault=print"),
    fault("run.threads", "fault=one-at-a-time"),
    fault("run.leaks", "fault=leaks"),
    fault("fuzz", "fault=tires"),
];

/// The first occurrence only: the manifest in its section, and not the one in the code.
fn first_replaced(mut file: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let whole = replaced(file.clone(), from, to);
    let at = file.iter().zip(&whole).position(|(a, b)| a != b).unwrap();
    // `from` and `to` may begin alike.
    let start = at.saturating_sub(from.len())..at + from.len();
    file[start.clone()].copy_from_slice(&whole[start]);
    file
}

/// Both manifests declare a smaller range than the code checks.
fn narrower_than_the_code(mut file: Vec<u8>) -> Vec<u8> {
    let manifest = br#"{"format":1,"id":"hostile""#;
    let places: Vec<usize> =
        (0..file.len() - manifest.len()).filter(|&at| file[at..].starts_with(manifest)).collect();
    assert_eq!(places.len(), 2, "the manifests of the file and of the code");
    for start in places {
        let from = br#""max":1000"#;
        let at = (start..file.len()).find(|&at| file[at..].starts_with(from)).unwrap();
        file[at..at + from.len()].copy_from_slice(br#""max":100 "#);
    }
    file
}

fn params(given: &str) -> Map<String, Value> {
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let pairs = given.split(',').map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, text)| (name.to_owned(), value(text))).collect()
}

/// The case, and all that nothing works without.
fn cases(case: &str) -> Vec<String> {
    let basic = CASES.iter().filter(|other| other.level == 1 && other.id != case);
    basic.map(|other| other.id).chain([case]).map(str::to_owned).collect()
}

fn options(plugin: PathBuf, params: Map<String, Value>) -> CheckOptions {
    let runner = PathBuf::from(env!("CARGO_BIN_EXE_alhost-worker"));
    CheckOptions { params, huge: 30_000, ..CheckOptions::new(plugin, runner) }
}

/// What is wrong with the verdicts on this fault; nothing if the case fails and no basic one does.
fn complaint(fault: &Fault, folder: &Path) -> Option<String> {
    let Fault { case, params: given, change, status } = fault;
    let file = match change {
        None => plugin("hostile"),
        Some(change) => {
            let file = folder.join("libhostile.so");
            fs_err::write(&file, change(fs_err::read(plugin("hostile")).unwrap())).unwrap();
            file
        }
    };
    let mut options = options(file, params(given));
    options.only = cases(case);
    if given.contains("hang") {
        options.deadline = Duration::from_secs(4);
    }
    let verdicts = run(&options, |_| ()).unwrap();
    let shown =
        |verdict: &Verdict| format!("{}: {} {}", verdict.id, verdict.status, verdict.detail);
    let own = verdicts.iter().find(|verdict| verdict.id == *case).unwrap();
    let basic: Vec<String> =
        verdicts.iter().filter(|v| v.id != *case && v.is_bad()).map(shown).collect();
    let is_right = own.status == *status && !own.detail.is_empty() && basic.is_empty();
    (!is_right).then(|| {
        format!("{given} for {case}, due {status}:\n  {}\n  beside it: {basic:?}", shown(own))
    })
}

#[test]
fn every_case_can_fail_by_a_fault_that_fails_no_basic_case() {
    // `run.asan` has a test of its own: it needs a crate to build.
    for case in CASES.iter().filter(|case| case.id != "run.asan") {
        assert!(FAULTS.iter().any(|fault| fault.case == case.id), "no fault fails {}", case.id);
    }
    let next = AtomicUsize::new(0);
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut complaints = Vec::new();
            while let Some(fault) = FAULTS.get(next.fetch_add(1, Ordering::SeqCst)) {
                let folder = tempfile::tempdir().unwrap();
                complaints.extend(complaint(fault, folder.path()));
            }
            complaints
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// A package whose unit test reads behind the end of a list, as the source of a plugin.
#[test]
fn the_address_sanitizer_finds_what_a_unit_test_does_wrong() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("target/debug/libhostile.so");
    let source = sandbox.path("src/lib.rs").display().to_string();
    sandbox.write("target/debug/libhostile.d", &format!("libhostile.so: {source}\n"));
    fs_err::copy(plugin("hostile"), &file).unwrap();
    let manifest = "[package]\nname = \"hostile\"\nedition = \"2024\"\n[workspace]\n\
                    [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n";
    sandbox.write("Cargo.toml", manifest);
    let test = "#[test]\nfn reads_behind_the_end() {\n    let list = vec![1_u8; 10];\n    \
                let at = std::hint::black_box(list.as_ptr());\n    \
                std::hint::black_box(unsafe { at.add(12).read_volatile() });\n}\n";
    sandbox.write("src/lib.rs", test);
    let mut options = options(file, params("fault=none"));
    options.only = vec!["run.asan".to_owned()];
    let verdict = run(&options, |_| ()).unwrap().remove(0);
    if verdict.status == Status::Skip && verdict.detail.contains("nightly") {
        eprintln!("nothing was tested: {}", verdict.detail);
        return;
    }
    assert_eq!(verdict.status, Status::Fail, "{}", verdict.detail);
    assert!(verdict.detail.contains("heap-buffer-overflow"), "{}", verdict.detail);
}

#[test]
fn the_page_lists_every_case_as_it_is() {
    let page = fs_err::read_to_string(workspace().join("docs/plugin-check.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let expected: Vec<String> = CASES
        .iter()
        .map(|case| format!("| `{}` | {} | {} |", case.id, case.level, case.meaning))
        .collect();
    assert_eq!(rows, expected);
}

fn check(sandbox: &Sandbox, args: &[&str]) -> crate::support::Ran {
    let file = plugin("hostile");
    let all = [&["plugin", "check", file.to_str().unwrap()], args].concat();
    sandbox.alhost(&all)
}

#[test]
fn the_command_tells_verdicts_and_how_to_see_one_again() {
    let sandbox = Sandbox::new();
    let faulty = ["--param", "fault=repeat", "--seed", "4", "--strictness", "1"];
    let ran = check(&sandbox, &faulty);
    assert_eq!(ran.code, Some(1), "{}\n{}", ran.stdout, ran.stderr);
    for part in
        ["fail select.unique: text", "selected twice", "12 pass, 1 fail, 1 skip", "strictness 1"]
    {
        assert!(ran.stdout.contains(part), "no `{part}` in:\n{}", ran.stdout);
    }
    let again =
        ran.stdout.lines().find_map(|line| line.trim().strip_prefix("again: alhost ")).unwrap();
    assert!(again.ends_with("--only select.unique --seed 4 --param fault=repeat"), "{again}");
    let words: Vec<&str> = again.split(' ').collect();
    assert_eq!(sandbox.alhost(&words).code, Some(1));

    let sound = check(&sandbox, &["--param", "fault=none", "--only", "select", "--only", "fuzz"]);
    assert_eq!(sound.code, Some(0), "{}\n{}", sound.stdout, sound.stderr);
}

#[test]
fn verdicts_come_as_json_and_junit_too() {
    let sandbox = Sandbox::new();
    let only = ["--param", "fault=repeat", "--only", "select.unique"];
    let json = check(&sandbox, &[&only[..], &["--json"]].concat());
    assert_eq!(json.code, Some(1));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let verdict = &json["verdicts"][0];
    assert_eq!(verdict["id"], "select.unique");
    assert_eq!(verdict["status"], "fail");
    assert!(verdict["again"].as_str().unwrap().contains("--only select.unique --seed 0"));
    let junit = check(&sandbox, &[&only[..], &["--junit"]].concat());
    assert!(junit.stdout.contains("<testcase name=\"select.unique\" classname=\"select\""));
    assert!(junit.stdout.contains("<failure message=\"text "), "{}", junit.stdout);
}

#[test]
fn what_cannot_be_checked_is_exit_code_2_and_what_is_no_plugin_fails() {
    let sandbox = Sandbox::new();
    sandbox.alhost(&["plugin", "check", "./libabsent.so"]).refused(&["no plugin at", "hint: "]);
    check(&sandbox, &["--only", "select.cuont"])
        .refused(&["no case `select.cuont`; did you mean `select.count`?", "docs/plugin-check.md"]);
    sandbox.write("libtext.so", "#!/bin/sh");
    let ran = sandbox.alhost(&["plugin", "check", "./libtext.so"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("1 fail"), "{}", ran.stdout);
    assert!(ran.stdout.contains("fail lib.manifest-static: "), "{}", ran.stdout);
}
