//! Keeps the architecture true: which crate may depend on which, which module of the host may use
//! which, who owns an outside crate, and how long a file may get. ARCHITECTURE.md quotes the tables
//! below; they are the law.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace member, the members that it may depend on, and outside crates that it may not.
struct Layer {
    package: &'static str,
    members: &'static [&'static str],
    never: &'static [&'static str],
}

const API: &str = "alhost-plugin-api";

/// A plugin sees plugin-api and nothing below it, so that the ABI can change under it.
const fn plugin(package: &'static str) -> Layer {
    let never = &["abi_stable", "libloading", "tch", "torch-sys"];
    Layer { package, members: &[API], never }
}

const BASE: &str = "alhost-base";

const LAYERS: [Layer; 13] = [
    Layer { package: BASE, members: &[], never: &["tch", "tokenizers", "torch-sys"] },
    Layer {
        package: "alhost-plugin-api-macros",
        members: &[],
        never: &["abi_stable", "libloading", "tch", "tokenizers", "torch-sys"],
    },
    Layer {
        package: API,
        members: &["alhost-plugin-api-macros"],
        never: &["libloading", "tch", "tokenizers", "torch-sys"],
    },
    plugin("alhost-plugin-alps"),
    plugin("alhost-plugin-cvirs"),
    plugin("alhost-plugin-dal"),
    plugin("alhost-plugin-hostile"),
    plugin("alhost-plugin-random"),
    plugin("alhost-plugin-subword"),
    Layer {
        package: "alhost-plugin-host",
        members: &[API, BASE],
        never: &["tch", "tokenizers", "torch-sys"],
    },
    Layer {
        package: "alhost-prepare",
        members: &[BASE],
        never: &["tch", "tokenizers", "torch-sys"],
    },
    Layer {
        package: "alhost",
        members: &[API, BASE, "alhost-plugin-host", "alhost-prepare"],
        never: &[],
    },
    Layer { package: "xtask", members: &[], never: &["abi_stable", "tch", "torch-sys"] },
];

/// The modules of the host, from the top. A module uses those in rows below its own; those in one
/// row may use each other.
const ORDER: [&[&str]; 30] = [
    &["cli"],
    &["bench"],
    &["report"],
    &["tfidf"],
    &["retraining"],
    &["full_data"],
    &["run"],
    &["prediction"],
    &["saved_classifier"],
    &["shadow"],
    &["query"],
    &["experiment", "classifier"],
    &["model_features"],
    &["plugin"],
    &["model"],
    &["compute"],
    &["thresholds"],
    &["stopping"],
    &["record"],
    &["oracle"],
    &["pool"],
    &["metrics"],
    &["statistics"],
    &["data"],
    &["config"],
    &["seed"],
    &["matrix"],
    &["store"],
    &["charge"],
    &["progress"],
];

/// What may occur in code of `host/src` only below the places named beside it.
const OWNERS: [(&str, &[&str]); 8] = [
    ("abi_stable::", &["plugin/"]),
    ("libloading::", &["model/device.rs"]),
    ("tch::", &["compute/", "model/"]),
    // One way out, which makes text of strangers harmless and survives a reader that has gone.
    ("println!", &["cli/terminal.rs"]),
    ("print!(", &["cli/terminal.rs"]),
    ("stdout()", &["cli/terminal.rs"]),
    ("stderr()", &["cli/terminal.rs"]),
    // It panics where the system lets no thread be started; `thread::Builder` does not.
    ("thread::spawn", &[]),
];

const MAX_LINES: usize = 600;

#[test]
fn crates_depend_downwards_only() {
    let metadata = cargo_metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let members: Vec<&str> = packages.iter().map(|package| text(&package["name"])).collect();
    let complaints: Vec<String> = packages
        .iter()
        .flat_map(|package| {
            let shipped = package["dependencies"].as_array().unwrap().iter();
            // Dev-dependencies are exempt: tests may look anywhere, only what ships is layered.
            let shipped = shipped.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
            let names: Vec<&str> = shipped.map(|dependency| text(&dependency["name"])).collect();
            layer_complaints(text(&package["name"]), &names, &members)
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    let check = |package, names: &[&str]| layer_complaints(package, names, &members).len();
    assert_eq!(check("alhost-plugin-random", &[API]), 0);
    assert_eq!(check("alhost-plugin-random", &[API, "tch", "alhost"]), 2);
    assert_eq!(check("alhost-plugin-new", &[API]), 1);
}

fn layer_complaints(package: &str, dependencies: &[&str], members: &[&str]) -> Vec<String> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.package == package) else {
        return vec![format!("`{package}` has no line in LAYERS: decide where it belongs")];
    };
    let allowed = |name: &str| {
        if members.contains(&name) {
            layer.members.contains(&name)
        } else {
            !layer.never.contains(&name)
        }
    };
    let wrong = dependencies.iter().filter(|name| !allowed(name));
    wrong.map(|name| format!("`{package}` may not depend on `{name}`")).collect()
}

#[test]
fn modules_use_those_below_them_only() {
    let complaints = complaints_about_host(order_complaints);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    assert_eq!(order_complaints("pool.rs", "use crate::data::Labels;\n"), [""; 0]);
    let complaints = order_complaints("data/mod.rs", "use crate::{DocId, model::Learner};\n");
    assert_eq!(complaints, ["host/src/data/mod.rs, line 1: `data` may not use `model`"]);
    assert_eq!(order_complaints("new.rs", "").len(), 1);
}

fn order_complaints(file: &str, source: &str) -> Vec<String> {
    let module = file.split('/').next().unwrap().trim_end_matches(".rs");
    if matches!(module, "bin" | "lib" | "main") {
        return Vec::new();
    }
    let rank = |module: &str| ORDER.iter().position(|row| row.contains(&module));
    let Some(own) = rank(module) else {
        return vec![format!("`{module}` has no place in ORDER: decide where it belongs")];
    };
    let mut complaints = Vec::new();
    for (number, line) in shipped_code(source) {
        for used in modules_named(line) {
            if rank(used).is_some_and(|used| used < own) {
                complaints.push(format!(
                    "host/src/{file}, line {number}: `{module}` may not use `{used}`"
                ));
            }
        }
    }
    complaints
}

/// The modules in `crate::a::B` and in `crate::{C, d::E}` of one line. Names that are no module of
/// ORDER do no harm.
fn modules_named(line: &str) -> Vec<&str> {
    let paths = line.split("crate::").skip(1);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    paths
        .flat_map(|path| match path.strip_prefix('{') {
            Some(group) => group.split(',').map(str::trim).collect(),
            None => vec![path],
        })
        .map(|path| path.split(|c| !is_name(c)).next().unwrap())
        .collect()
}

#[test]
fn outside_crates_have_one_owner() {
    let complaints = complaints_about_host(owner_complaints);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    assert_eq!(owner_complaints("metrics/f1.rs", "//! Not tch::Tensor.\n"), [""; 0]);
    assert_eq!(owner_complaints("pool.rs", "mod tests {\nprintln!();\n"), [""; 0]);
    let complaints = owner_complaints("metrics/f1.rs", "//! F1.\nuse tch::Tensor;\n");
    assert_eq!(complaints, ["host/src/metrics/f1.rs, line 2: `tch::` belongs to compute/, model/"]);
}

fn owner_complaints(file: &str, source: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in shipped_code(source) {
        for (needle, owners) in OWNERS {
            if line.contains(needle) && !owners.iter().any(|owner| file.starts_with(owner)) {
                let owners = owners.join(", ");
                complaints.push(format!(
                    "host/src/{file}, line {number}: `{needle}` belongs to {owners}"
                ));
            }
        }
    }
    complaints
}

/// What `check` says of each file of the host that ships, given its name below `host/src`.
fn complaints_about_host(check: fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let host = root().join("host/src");
    let mut complaints = Vec::new();
    for file in rust_files(&host) {
        let name = file.strip_prefix(&host).unwrap().to_str().unwrap();
        let is_test = name.ends_with("tests.rs") || name.contains("tests/");
        if !is_test {
            complaints.extend(check(name, &fs_err::read_to_string(&file).unwrap()));
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
