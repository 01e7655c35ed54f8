//! Plugins and hosts of different versions of plugin-api: an older plugin runs in a newer host, a
//! newer one is refused in a line that says what to upgrade.
//!
//! The oldest is 1.0.0, frozen in `tests/fixtures/abi/v1_0`. The next is made here of today's sources,
//! with a higher minor version and with something appended wherever the ABI may grow.

use std::path::{Path, PathBuf};
use std::process::Command;

use alhost_plugin_api::export::API_VERSION;

use crate::support::{Sandbox, cargo, patched_file, plugin_target, replaced, workspace};

const OLDEST: &str = "tests/fixtures/abi/v1_0";

/// Copies a file or a folder. What is the same already is left as it is, so that cargo builds only
/// what has changed.
fn mirror(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs_err::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            mirror(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        put(to, &fs_err::read_to_string(from).unwrap());
    }
}

fn put(path: &Path, text: &str) {
    if fs_err::read_to_string(path).is_ok_and(|found| found == text) {
        return;
    }
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
}

fn change(path: &Path, from: &str, to: &str) {
    let text = fs_err::read_to_string(path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "`{from}` in {}", path.display());
    fs_err::write(path, text.replace(from, to)).unwrap();
}

/// The plugin of the oldest version.
fn oldest() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi-oldest");
    mirror(&workspace().join(OLDEST), &folder);
    cargo(&folder, &["build", "--package", "alhost-plugin-frozen"]).ok();
    plugin_target().join("debug/libfrozen.so")
}

fn next_minor() -> String {
    let mut parts = API_VERSION.split('.').map(|part| part.parse::<u32>().unwrap());
    let (major, minor) = (parts.next().unwrap(), parts.next().unwrap());
    format!("{major}.{}.0", minor + 1)
}

/// A workspace of the next version: plugin-api, plugin-host, a plugin, and a program that loads one.
fn next() -> PathBuf {
    let made = tempfile::tempdir().unwrap();
    let new = made.path();
    copy_parts(new);
    let version = |version: &str| format!("version = \"{version}\"");
    change(&new.join("plugin-api/Cargo.toml"), &version(API_VERSION), &version(&next_minor()));
    append_wherever_the_abi_may_grow(&new.join("plugin-api"));
    change(&new.join("plugin/Cargo.toml"), "name = \"frozen\"", "name = \"newer\"");
    change(&new.join("plugin/src/lib.rs"), "id = \"frozen\"", "id = \"newer\"");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi-next");
    mirror(new, &folder);
    folder
}

/// Makes the workspace of `next`, with everything as it is today.
fn copy_parts(new: &Path) {
    let api = ["Cargo.toml", "build.rs", "src", "macros/Cargo.toml", "macros/src"];
    let parts = api.map(|part| format!("plugin-api/{part}"));
    let below = [
        "host/plugin-host/Cargo.toml",
        "host/plugin-host/src",
        "host/plugin-protocol/Cargo.toml",
        "host/plugin-protocol/src",
        "host/base/Cargo.toml",
        "host/base/src",
    ];
    for part in parts.iter().map(String::as_str).chain(below) {
        mirror(&workspace().join(part), &new.join(part));
    }
    mirror(&workspace().join(OLDEST).join("plugin"), &new.join("plugin"));
    put(&new.join("program/Cargo.toml"), PROGRAM_MANIFEST);
    put(&new.join("program/src/main.rs"), PROGRAM);

    let shared = fs_err::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let (before, rest) = shared.split_once("members = [").unwrap();
    let (_, rest) = rest.split_once(']').unwrap();
    let (rest, _) = rest.split_once("[workspace.lints").unwrap();
    let members = r#"members = ["plugin", "plugin-api", "plugin-api/macros", "host/plugin-host", "host/plugin-protocol", "host/base", "program"]"#;
    put(&new.join("Cargo.toml"), &format!("{before}{members}{rest}[workspace.lints]\n"));
}

fn append_wherever_the_abi_may_grow(api: &Path) {
    let ffi = api.join("src/ffi.rs");
    change(
        &ffi,
        "}\npub type HostRef<",
        "    fn added(&self) -> u32 {\n        7\n    }\n}\npub type HostRef<",
    );
    change(
        &ffi,
        "}\npub type StrategyBox",
        "    fn added(&self) -> u32 {\n        7\n    }\n}\npub type StrategyBox",
    );
    let field = "    pub added: extern \"C\" fn() -> RStr<'static>,\n";
    change(&ffi, "}\n\nimpl RootModule for", &format!("{field}}}\n\nimpl RootModule for"));
    let fields =
        ["PluginMod { manifest, create }", "PluginMod { manifest, create, added: manifest }"];
    change(&api.join("macros/src/export.rs"), fields[0], fields[1]);
}

const PROGRAM_MANIFEST: &str = r#"[package]
name = "next-host"
version = "1.0.0"
edition = "2024"

[dependencies]
alhost-plugin-api.workspace = true
alhost-plugin-host.workspace = true
serde_json.workspace = true
"#;

const PROGRAM: &str = r#"//! Loads a plugin and lets it select once.

use std::path::PathBuf;
use std::sync::Arc;

use alhost_plugin_api::testing::StandIn;
use alhost_plugin_host::{LoadedStrategy, PluginFile, Setting};

fn main() {
    let [file, cache] = [1, 2].map(|place| PathBuf::from(std::env::args().nth(place).unwrap()));
    let library = Arc::new(PluginFile::read(&file).unwrap().load(&cache).unwrap());
    let given = serde_json::Map::new();
    let setting = Setting { instance: "tried", given: &given, n_texts: 60, n_labels: 8 };
    let mut strategy = LoadedStrategy::create(&library, setting).unwrap();
    let host = StandIn::new(60, 8).labeled(&[(3, &[1, 2])]);
    println!("{} texts", strategy.select(&host, 5).unwrap().ids.len());
}
"#;

#[test]
fn a_plugin_of_the_oldest_version_runs() {
    let oldest = oldest();
    let oldest = oldest.to_str().unwrap();
    let sandbox = Sandbox::new();
    let inspected = sandbox.alhost(&["plugin", "inspect", oldest]).ok();
    assert!(inspected.stdout.contains("1.0.0"), "{}", inspected.stdout);
    sandbox.run(&[oldest, "random"], &[]).ok();
    let selections = sandbox.read("runs/tiny/frozen/seed-3/selections.jsonl");
    assert_eq!(selections.lines().count(), 4);
    // It has a parameter, and the parameter arrives.
    let set = ["--set", "strategy.frozen.params.clusters=1", "--out", "other"];
    // In the host's process; above it was in a worker, since it does not lie beside `alhost`.
    sandbox.run(&[oldest], &[&set[..], &["--set", "isolation.mode=off"]].concat()).ok();
    assert_ne!(sandbox.read("other/tiny/frozen/seed-3/selections.jsonl"), selections);
}

#[test]
fn a_plugin_of_the_next_version_is_refused_and_one_of_this_runs_in_the_next_host() {
    let folder = next();
    cargo(&folder, &["build", "--package", "alhost-plugin-frozen", "--package", "next-host"]).ok();
    let newer = plugin_target().join("debug/libnewer.so");

    let sandbox = Sandbox::new();
    let next = next_minor();
    let ran = sandbox.run(&[newer.to_str().unwrap()], &[]);
    let said = format!(
        "plugin `newer` 1.0.0 was built for plugin-api {next}; this alhost provides {API_VERSION}"
    );
    let ran =
        ran.refused(&[&said, "hint: upgrade alhost, or build the plugin with alhost-plugin-api "]);
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);

    // One whose manifest says otherwise is recognised by its code.
    let (from, to) = (format!("\"api\":\"{next}\""), format!("\"api\":\"{API_VERSION}\""));
    let lying = patched_file(&sandbox, &newer, "liblying.so", |f| replaced(f, &from, &to));
    let said = format!("its code is of plugin-api {next}, its manifest of {API_VERSION}");
    let ran = sandbox.run(&[&lying], &[]).refused(&["plugin `newer`", &said]);
    let cause = ran.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(cause.contains(&said), "in one line: {}", ran.stderr);

    // The other way round: the next host runs its own plugin, today's and the oldest.
    for plugin in [newer, crate::support::plugin("random"), oldest()] {
        let program = plugin_target().join("debug/next-host");
        let output =
            Command::new(program).arg(&plugin).arg(sandbox.path("cache")).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "5 texts\n", "{plugin:?}: {stderr}");
    }
}
