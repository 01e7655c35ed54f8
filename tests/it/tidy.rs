//! Keeps the architecture true where cargo cannot: who may link libtorch, what a plugin may see, which
//! modules may go in circles (none), who owns an outside crate, and how long a file may get.
//! ARCHITECTURE.md says the same in words. Which crate builds on which is said by the crates' Cargo.toml.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages that may link libtorch.
const TORCH: [&str; 2] = ["alhost", "alhost-learn"];

/// What may occur in code below `host` only in the places named beside it.
const OWNERS: [(&str, &[&str]); 9] = [
    ("abi_stable::", &["engine/src/lending/", "plugin-host/src/"]),
    ("libloading::", &["learn/src/device.rs", "plugin-host/src/"]),
    ("tch::", &["learn/"]),
    // One way out, which makes text of strangers harmless and survives a reader that has gone.
    ("println!", &["src/cli/terminal.rs", "plugin-host/src/program.rs", "plugin-host/src/check/"]),
    ("eprintln!", &["src/cli/terminal.rs", "plugin-host/src/"]),
    ("print!(", &["src/cli/terminal.rs", "plugin-host/src/check/"]),
    ("stdout()", &["src/cli/terminal.rs", "plugin-host/src/"]),
    ("stderr()", &["src/cli/terminal.rs", "plugin-host/src/"]),
    // It panics where the system lets no thread be started; `thread::Builder` does not.
    ("thread::spawn", &[]),
];

const MAX_LINES: usize = 600;

#[test]
fn only_the_model_and_the_binary_link_libtorch() {
    let packages = packages();
    let linking: Vec<&str> =
        packages.keys().map(String::as_str).filter(|name| links_torch(name, &packages)).collect();
    assert_eq!(linking, TORCH);
}

fn links_torch(package: &str, packages: &BTreeMap<String, Vec<String>>) -> bool {
    let Some(dependencies) = packages.get(package) else {
        return matches!(package, "tch" | "torch-sys");
    };
    dependencies.iter().any(|dependency| links_torch(dependency, packages))
}

/// A plugin sees plugin-api, the kit on it, and nothing below, so that the ABI can change under it.
#[test]
fn plugins_see_the_api_alone() {
    let packages = packages();
    let check = |dependencies: &[String]| {
        let is_below = |name: &&String| {
            let below = ["abi_stable", "libloading", "tch", "torch-sys"];
            let seen = ["alhost-plugin-api", "alhost-plugin-kit"].contains(&name.as_str());
            let member = packages.contains_key(name.as_str()) && !seen;
            member || below.contains(&name.as_str())
        };
        dependencies.iter().filter(is_below).cloned().collect::<Vec<_>>()
    };
    let plugins: Vec<&String> = packages.keys().filter(|name| is_plugin(name)).collect();
    assert!(plugins.len() >= 6, "{plugins:?}");
    for plugin in plugins {
        assert_eq!(check(&packages[plugin]), [""; 0], "{plugin}");
    }
    // The check itself can fail.
    let wrong = ["alhost-plugin-api", "tch", "alhost-base", "rand"].map(str::to_owned);
    assert_eq!(check(&wrong), ["tch", "alhost-base"]);
}

fn is_plugin(package: &str) -> bool {
    let ours = ["api", "api-macros", "host", "kit", "protocol"];
    let plugin = package.strip_prefix("alhost-plugin-");
    plugin.is_some_and(|plugin| !ours.contains(&plugin))
}

/// The members of the workspace with what they ship with. Tests may look anywhere.
fn packages() -> BTreeMap<String, Vec<String>> {
    let metadata = cargo_metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let shipped = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let shipped = all.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        shipped.map(|dependency| text(&dependency["name"]).to_owned()).collect()
    };
    packages.map(|package| (text(&package["name"]).to_owned(), shipped(package))).collect()
}

/// Crates whose modules still use each other in circles: parts of one subject.
const CIRCLES: [&str; 6] = ["config", "data", "learn", "plugin-host", "prepare", "report"];

#[test]
fn modules_of_a_crate_go_in_no_circles() {
    let host = root().join("host");
    let mut complaints = Vec::new();
    for entry in fs_err::read_dir(&host).unwrap() {
        let source = entry.unwrap().path().join("src");
        let name = source.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        if source.is_dir() && !CIRCLES.contains(&name.as_str()) {
            let circles = circles(&uses(&source));
            complaints.extend(circles.into_iter().map(|circle| format!("{name}: {circle}")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    let edge = |from: &str, to: &[&str]| {
        (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect::<BTreeSet<_>>())
    };
    let round = BTreeMap::from([edge("a", &["b"]), edge("b", &["c"]), edge("c", &["a"])]);
    assert_eq!(circles(&round), ["a, b, c"]);
    assert_eq!(modules_named("use crate::{DocId, model::Learner};"), ["DocId", "model"]);
}

/// For each module at the top of a crate, the others that its shipped code names.
fn uses(source: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in rust_files(source).into_iter().filter(|file| !is_test(file)) {
        let inner = file.strip_prefix(source).unwrap();
        let module = inner.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let code = fs_err::read_to_string(&file).unwrap();
        let named = uses.entry(module.to_owned()).or_default();
        let at_top = inner.components().count() == 1;
        for (_, line) in shipped_code(&code) {
            named.extend(modules_named(line).into_iter().map(str::to_owned));
            // In a file at the top, `super` is the crate.
            let up = line.split("super::").skip(1).filter(|_| at_top);
            named.extend(up.map(|rest| first_name(rest).to_owned()));
        }
        named.remove(module);
    }
    uses.retain(|module, _| module != "lib" && module != "main");
    let modules: BTreeSet<String> = uses.keys().cloned().collect();
    for named in uses.values_mut() {
        named.retain(|name| modules.contains(name));
    }
    uses
}

/// The groups of modules that reach each other.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let reached = |from: &String| {
        let mut reached = BTreeSet::new();
        let mut next: Vec<&String> = uses[from].iter().collect();
        while let Some(module) = next.pop() {
            if reached.insert(module) {
                next.extend(&uses[module]);
            }
        }
        reached
    };
    let all: BTreeMap<&String, BTreeSet<&String>> =
        uses.keys().map(|module| (module, reached(module))).collect();
    let mut circles = BTreeSet::new();
    for (module, from) in &all {
        let circle: Vec<&str> =
            from.iter().filter(|other| all[**other].contains(module)).map(|m| m.as_str()).collect();
        if circle.len() > 1 {
            circles.insert(circle.join(", "));
        }
    }
    circles.into_iter().collect()
}

/// The modules in `crate::a::B` and in `crate::{C, d::E}` of one line; other names do no harm.
fn modules_named(line: &str) -> Vec<&str> {
    let paths = line.split("crate::").skip(1);
    paths
        .flat_map(|path| match path.strip_prefix('{') {
            Some(group) => group.split(',').map(str::trim).collect(),
            None => vec![path],
        })
        .map(first_name)
        .collect()
}

fn first_name(path: &str) -> &str {
    path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap()
}

fn is_test(file: &Path) -> bool {
    let name = file.to_str().unwrap();
    name.ends_with("tests.rs") || name.contains("/tests/") || name.ends_with("golden.rs")
}

#[test]
fn every_crate_has_a_line_in_the_architecture() {
    let text = fs_err::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing: Vec<String> = packages()
        .into_keys()
        .filter(|name| !is_plugin(name) && !text.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md says nothing of {missing:?}");
}

#[test]
fn outside_crates_have_one_owner() {
    let complaints = complaints_about_host();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    assert_eq!(owner_complaints("metrics/src/f1.rs", "//! Not tch::Tensor.\n"), [""; 0]);
    assert_eq!(owner_complaints("engine/src/pool.rs", "mod tests {\nprintln!();\n"), [""; 0]);
    let complaints = owner_complaints("metrics/src/f1.rs", "//! F1.\nuse tch::Tensor;\n");
    assert_eq!(complaints, ["host/metrics/src/f1.rs, line 2: `tch::` belongs to learn/"]);
}

fn owner_complaints(file: &str, source: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in shipped_code(source) {
        for (needle, owners) in OWNERS {
            if names(line, needle) && !owners.iter().any(|owner| file.starts_with(owner)) {
                let owners = owners.join(", ");
                complaints
                    .push(format!("host/{file}, line {number}: `{needle}` belongs to {owners}"));
            }
        }
    }
    complaints
}

/// Whether the needle stands in the line, and not as the end of a longer name (`batch::`, `eprint!`).
fn names(line: &str, needle: &str) -> bool {
    line.match_indices(needle)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

/// What the owners' check says of each file of the host that ships, given its name below `host`.
fn complaints_about_host() -> Vec<String> {
    let host = root().join("host");
    let mut complaints = Vec::new();
    for file in rust_files(&host).into_iter().filter(|file| !is_test(file)) {
        let name = file.strip_prefix(&host).unwrap().to_str().unwrap();
        let ships =
            name.contains("src/") && !name.contains("template/") && !name.ends_with("build.rs");
        if ships {
            complaints.extend(owner_complaints(name, &fs_err::read_to_string(&file).unwrap()));
        }
    }
    complaints
}

/// Numbered lines of code that ships: a comment may name anything, and tests may look anywhere.
fn shipped_code(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.lines().enumerate().map(|(index, line)| (index + 1, line));
    let shipped = lines.take_while(|(_, line)| !line.starts_with("mod tests {"));
    shipped.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn files_stay_readable() {
    let folders = ["host", "plugin-api", "plugins", "tests", "xtask"];
    let files: Vec<PathBuf> = folders.iter().flat_map(|f| rust_files(&root().join(f))).collect();
    assert!(files.len() > 20, "only {} Rust files found", files.len());
    let complaints: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let complaint = size_complaint(&fs_err::read_to_string(file).unwrap())?;
            Some(format!("{}: {complaint}", file.strip_prefix(root()).unwrap().display()))
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    assert!(size_complaint("fn main() {}\n").unwrap().contains("`//!`"));
    assert!(size_complaint(&"//! Long.\n".repeat(MAX_LINES + 1)).unwrap().contains("split it"));
}

fn size_complaint(source: &str) -> Option<String> {
    if !source.starts_with("//!") {
        return Some("begin with `//!` and what the file is for".to_owned());
    }
    let n_lines = source.lines().count();
    (n_lines > MAX_LINES).then(|| format!("{n_lines} lines, more than {MAX_LINES}: split it"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The Rust files below a folder, in a fixed order, without build outputs.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() && path.file_name().unwrap() != "target" {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn cargo_metadata() -> serde_json::Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}
