//! Which file is run, and that it stays that file: private copies, pins, files that anybody can
//! change.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Sandbox, plugin};

const SELECTIONS: &str = "runs/tiny/hostile/seed-3/selections.jsonl";

/// A copy of the hostile plugin's file, in the sandbox.
fn copied(sandbox: &Sandbox) -> String {
    let path = sandbox.path("libmine.so");
    fs_err::copy(plugin("hostile"), &path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs a plugin from a file that `damage` changes after the first round.
fn check_damage_during_a_run(isolation: &str, damage: fn(&std::path::Path)) {
    let args = ["--set", &format!("isolation.mode={isolation}")];
    let unharmed = Sandbox::new();
    unharmed.run(&[&copied(&unharmed)], &args).ok();

    let sandbox = Sandbox::new();
    let file = copied(&sandbox);
    let mut command = sandbox.run_command(&[&file], &args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let rounds = sandbox.path("runs/tiny/hostile/seed-3/rounds.jsonl");
    let started = Instant::now();
    while fs_err::metadata(&rounds).map_or(0, |metadata| metadata.len()) == 0 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before its first round");
        assert!(started.elapsed() < Duration::from_mins(2), "no round in two minutes");
        std::thread::sleep(Duration::from_millis(1));
    }
    damage(std::path::Path::new(&file));
    let status = child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(sandbox.read(SELECTIONS), unharmed.read(SELECTIONS));
}

#[test]
fn a_plugin_file_that_changes_during_a_run_does_no_harm() {
    // In place, as `cp` does it: the same inode.
    check_damage_during_a_run("off", |file| {
        let garbage = vec![0xcc; fs_err::metadata(file).unwrap().len() as usize];
        fs_err::write(file, garbage).unwrap();
    });
    check_damage_during_a_run("worker", |file| {
        fs_err::OpenOptions::new().write(true).open(file).unwrap().set_len(100).unwrap();
    });
    check_damage_during_a_run("off", |file| fs_err::remove_file(file).unwrap());
}

#[test]
fn what_is_loaded_is_a_private_copy_by_content() {
    let sandbox = Sandbox::new();
    sandbox.run(&["random", "subword"], &["--set", "loop.budget=20"]).ok();
    let kept = sandbox.path("cache/plugins");
    assert_eq!(fs_err::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o700);
    let mut found: Vec<String> = fs_err::read_dir(&kept)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    let hash = |name| blake3::hash(&fs_err::read(plugin(name)).unwrap()).to_hex();
    let mut expected = ["random", "subword"].map(|name| format!("{}.so", hash(name)));
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_plugin_that_every_user_could_change_is_refused() {
    let sandbox = Sandbox::new();
    let file = copied(&sandbox);
    fs_err::set_permissions(&file, Permissions::from_mode(0o757)).unwrap();
    let ran = sandbox.run(&[&file], &[]);
    ran.refused(&["libmine.so is world-writable", "hint: `chmod o-w "]);
    assert!(!sandbox.path("runs").exists(), "nothing was begun");
    // It can still be looked at.
    let ran = sandbox.alhost(&["plugin", "inspect", &file]).ok();
    assert!(ran.stdout.contains("warning: ") && ran.stdout.contains("chmod o-w"), "{}", ran.stdout);
}

#[test]
fn a_locked_run_accepts_the_pinned_file_and_no_other() {
    let sandbox = Sandbox::new();
    let file = copied(&sandbox);
    let run = |args: &[&str]| sandbox.run(&[&file], args);
    run(&["--locked"]).refused(&["alhost.lock", "hint: `alhost plugin pin"]);

    let random = plugin("random");
    sandbox.alhost(&["plugin", "pin", random.to_str().unwrap()]).ok();
    run(&["--locked"]).refused(&[
        "plugin `hostile`",
        "is not pinned in alhost.lock",
        "plugin pin ",
    ]);

    let ran = sandbox.alhost(&["plugin", "pin", &file]).ok();
    let pinned = blake3::hash(&fs_err::read(&file).unwrap()).to_hex().to_string();
    assert!(ran.stdout.contains(&format!("hostile 1.0.0 {pinned}")), "{}", ran.stdout);
    let lock = sandbox.read("alhost.lock");
    assert!(lock.contains("id = \"random\"") && lock.contains(&pinned), "{lock}");
    run(&["--locked"]).ok();

    // Another build of the same plugin: one byte more at the end.
    let mut changed = fs_err::read(&file).unwrap();
    changed.push(0);
    fs_err::write(&file, &changed).unwrap();
    let found = blake3::hash(&changed).to_hex().to_string();
    run(&["--locked"]).refused(&[&pinned, &found, "hint: build or fetch the pinned version"]);
    run(&["--out", "elsewhere"]).ok();

    sandbox.alhost(&["plugin", "pin", &file, "--lock", "other.lock"]).ok();
    run(&["--locked", "--lock", "other.lock", "--out", "third"]).ok();
}

#[test]
fn pinning_without_names_pins_what_can_be_named_by_id() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("plugins");
    fs_err::create_dir_all(&folder).unwrap();
    for name in ["alps", "random"] {
        fs_err::copy(plugin(name), folder.join(format!("lib{name}.so"))).unwrap();
    }
    let mut pin = sandbox.command();
    pin.args(["plugin", "pin"]).env("ALHOST_PLUGIN_PATH", &folder);
    assert!(pin.output().unwrap().status.success());
    let lock = sandbox.read("alhost.lock");
    for id in ["alps", "random"] {
        assert!(lock.contains(&format!("id = \"{id}\"")), "{lock}");
    }
    sandbox.write("alhost.lock", "plugin = 3");
    sandbox.run(&["random"], &["--locked"]).refused(&["alhost.lock is no lock file"]);
}
