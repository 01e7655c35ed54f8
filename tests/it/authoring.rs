//! `alhost plugin new`: what it makes builds, passes its tests and runs, as it is made.

use std::process::Command;

use crate::support::{Sandbox, cargo, plugin_target, workspace};

#[test]
fn a_new_plugin_builds_passes_its_tests_and_runs() {
    let sandbox = Sandbox::new();
    let ran = sandbox.alhost(&["plugin", "new", "top-labels"]).ok();
    assert!(ran.stdout.contains("libtop_labels.so"), "{}", ran.stdout);
    let folder = sandbox.path("top-labels");
    for file in ["Cargo.toml", "README.md", ".github/workflows/ci.yml", ".gitignore"] {
        assert!(folder.join(file).is_file(), "no {file}");
    }
    // Built from where this program was.
    let manifest = sandbox.read("top-labels/Cargo.toml");
    let api = fs_err::canonicalize(workspace().join("plugin-api")).unwrap();
    assert!(manifest.contains(&format!("path = \"{}\"", api.display())), "{manifest}");

    let mut format = Command::new("rustfmt");
    format.args(["--check", "--edition", "2024", "src/lib.rs"]).current_dir(&folder);
    assert!(format.status().unwrap().success(), "not as rustfmt has it");

    // One test a line of the crate's own; and the library, which tests are built beside.
    let tested = cargo(&folder, &["test"]).ok();
    assert!(tested.stdout.contains("it_keeps_the_contract ... ok"), "{}", tested.stdout);
    assert!(!tested.stderr.contains("warning"), "{}", tested.stderr);
    cargo(&folder, &["build"]).ok();
    let library = plugin_target().join("debug/libtop_labels.so");
    let library = library.to_str().unwrap();
    let inspected = sandbox.alhost(&["plugin", "inspect", library]).ok();
    for part in ["top-labels 0.1.0", "probabilities/1", "an integer of at least 1"] {
        assert!(inspected.stdout.contains(part), "no `{part}` in:\n{}", inspected.stdout);
    }
    let ran = sandbox.run(&[library, "random"], &[]).ok();
    assert!(ran.stdout.contains("side by side"), "{}", ran.stdout);
    let path = "runs/tiny/top-labels/seed-3/selections.jsonl";
    assert_eq!(sandbox.read(path).lines().count(), 4);
    let one_label = ["--set", "strategy.top-labels.params.top_labels=1", "--out", "other"];
    sandbox.run(&[library], &one_label).ok();
    assert_ne!(sandbox.read(path), sandbox.read("other/tiny/top-labels/seed-3/selections.jsonl"));
}

#[test]
fn nothing_is_made_where_something_is_or_from_a_name_that_cannot_be() {
    let sandbox = Sandbox::new();
    let check = |args: &[&str], parts: &[&str]| {
        let new = [&["plugin", "new"], args].concat();
        sandbox.alhost(&new).refused(parts).refused(&["hint: "]);
    };
    check(&["data"], &["./data exists already"]);
    check(&["My_Idea"], &["`My_Idea` cannot be the name of a strategy"]);
    check(&["type"], &["`type` means something else"]);
    check(&["idea", "--api", "path:/absent"], &["/absent has no `plugin-api`"]);
    assert!(!sandbox.path("idea").exists());

    sandbox.alhost(&["plugin", "new", "idea", "--dir", "mine", "--api", "version:1.0"]).ok();
    let manifest = sandbox.read("mine/idea/Cargo.toml");
    assert!(manifest.contains("alhost-plugin-api = \"1.0\""), "{manifest}");
}
