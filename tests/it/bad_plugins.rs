//! Files that are no plugin, and plugins that break their promises: each is refused with exit code
//! 2 and a message that names it and says what to do.

use std::process::Command;

use crate::support::{Sandbox, patched, replaced};

#[test]
fn what_is_no_plugin_is_refused_before_anything_runs() {
    let sandbox = Sandbox::new();
    let check = |path: &str, parts: &[&str]| {
        sandbox.run(&[path], &[]).refused(parts).refused(&["hint: "]);
        assert!(!sandbox.path("runs").exists(), "nothing was begun");
    };
    check("./libabsent.so", &["no plugin at ./libabsent.so", "release/libabsent.so"]);
    sandbox.write("libtext.so", "#!/bin/sh\necho no library");
    check("./libtext.so", &["libtext.so is not a shared library"]);
    for keep in [100, 20_000, 300_000] {
        let cut = patched(&sandbox, "libcut.so", |file| file[..keep].to_vec());
        check(&cut, &["libcut.so is cut short"]);
    }
    // A library, but no plugin: libtorch's allocator, whatever its folder.
    let library = libc10();
    check(&library, &["is a shared library, but not an alhost plugin"]);

    let newer = patched(&sandbox, "libnewer.so", |f| replaced(f, r#""api":"1.0"#, r#""api":"1.9"#));
    check(&newer, &["built for plugin-api 1.9.0; this alhost provides 1.0.0", "upgrade alhost"]);
    let other = patched(&sandbox, "libother.so", |f| replaced(f, r#""api":"1.0"#, r#""api":"3.0"#));
    check(&other, &["built for plugin-api 3.0.0; this alhost provides 1.0.0"]);
    let abort = patched(&sandbox, "libabort.so", |f| {
        replaced(f, r#""panic":"unwind""#, r#""panic":"abort" "#)
    });
    check(&abort, &["panic = \"abort\""]);
    let needs = patched(&sandbox, "libneeds.so", |f| {
        replaced(f, r#""needs":["logits/1""#, r#""needs":["graphs/1""#)
    });
    check(&needs, &["`hostile` needs `graphs/1`, which this alhost does not provide"]);
    let torn = patched(&sandbox, "libtorn.so", |f| replaced(f, r#"{"format":1"#, r#"?"format":1"#));
    check(&torn, &["the manifest of", "libtorn.so cannot be read"]);
}

fn libc10() -> String {
    let ldd = Command::new("ldd").arg(env!("CARGO_BIN_EXE_alhost")).output().unwrap();
    let ldd = String::from_utf8(ldd.stdout).unwrap();
    let line = ldd.lines().find(|line| line.contains("libc10.so")).unwrap();
    line.split_whitespace().nth(2).unwrap().to_owned()
}

#[test]
fn a_plugin_of_another_layout_is_refused_in_one_line() {
    let sandbox = Sandbox::new();
    // A field of a struct that crosses the boundary has another name in this one.
    let renamed =
        patched(&sandbox, "librenamed.so", |f| replaced(f, "label_offsets", "label_Offsets"));
    let ran = sandbox.run(&[&renamed], &[]);
    let ran =
        ran.refused(&["plugin `hostile` does not match plugin-api 1.0.0", "hint: build it again"]);
    assert!(ran.stderr.len() < 2000, "the cause, not the whole report:\n{}", ran.stderr);
}

#[test]
fn a_plugin_that_breaks_its_promise_fails_alone_and_is_named() {
    let sandbox = Sandbox::new();
    let check = |fault: &str, parts: &[&str]| {
        let set = format!("strategy.hostile.params.fault={fault}");
        let out = sandbox.path(&format!("runs-{fault}"));
        let args = ["--set", &set, "--out", out.to_str().unwrap()];
        sandbox.run(&["hostile"], &args).refused(&["strategy `hostile`"]).refused(parts);
    };
    check("error-in-new", &["could not start: refused to start, as asked"]);
    check("panic-in-new", &["panicked at tests/hostile/src/lib.rs", "panicked in new, as asked"]);
    check("panic-in-select", &["panicked at tests/hostile/src/lib.rs", "in select, as asked"]);
    check("repeat", &["gave a bad answer in round 1", "twice"]);
    check("outside", &["gave a bad answer in round 1", "60"]);
    check("labeled", &["gave a bad answer in round 1", "already labeled"]);
    check("too-few", &["returned 9 ids where 10 were asked for"]);
    check("too-many", &["returned 11 ids where 10 were asked for"]);
    check("bad-score", &["gave a bad answer in round 1", "NaN"]);
    check("undeclared", &["`probabilities/1` is not among the needs", "hint: add it to `needs`"]);
    check("unknown-text", &["asked about text 4294967295, but there are 60"]);
}

#[test]
fn a_panic_in_a_destructor_is_swallowed() {
    let sandbox = Sandbox::new();
    sandbox.run(&["hostile"], &["--set", "strategy.hostile.params.fault=panic-in-drop"]).ok();
}

#[test]
fn the_other_strategies_go_on_when_one_fails() {
    let sandbox = Sandbox::new();
    let args = ["--set", "strategy.hostile.params.fault=too-few"];
    let ran = sandbox.run(&["hostile", "random"], &args).refused(&["strategy `hostile`, seed 3"]);
    assert!(ran.stdout.contains("random on"), "{}", ran.stdout);
    let rounds = sandbox.read("runs/tiny/random/seed-3/rounds.jsonl");
    assert_eq!(rounds.lines().count(), 4);
    // What the failing one had done until then is kept.
    let selections = sandbox.read("runs/tiny/hostile/seed-3/selections.jsonl");
    assert_eq!(selections.lines().count(), 1, "the initial set");
}

#[test]
fn a_wrong_parameter_is_refused_with_the_nearest_right_one() {
    let sandbox = Sandbox::new();
    let check = |set: &str, parts: &[&str]| {
        sandbox.run(&["hostile"], &["--set", set]).refused(parts).refused(&["plugin inspect"]);
        assert!(!sandbox.path("runs").exists(), "nothing was begun");
    };
    check("strategy.hostile.params.form_round=1", &["`form_round`", "did you mean `from_round`?"]);
    check(
        "strategy.hostile.params.from_round=1001",
        &["parameter `from_round` is 1001, but must be an integer from 0 to 1000"],
    );
    check("strategy.hostile.params.fault=fire", &["parameter `fault` is \"fire\"", "`too-few`"]);
}
