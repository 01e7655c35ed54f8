//! Keeps the architecture true: which crate may depend on which, which module owns which outside
//! crate, and how long a file may get. ARCHITECTURE.md quotes the tables below; they are the law.

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

const LAYERS: [Layer; 10] = [
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
    Layer { package: "alhost", members: &[API], never: &[] },
    Layer { package: "xtask", members: &[], never: &["abi_stable", "tch", "torch-sys"] },
];

/// What may occur in code of `host/src` only below the places named beside it.
const OWNERS: [(&str, &[&str]); 4] = [
    ("abi_stable::", &["plugin/"]),
    ("libloading::", &["plugin/", "model/device.rs"]),
    ("tch::", &["compute/", "model/"]),
    ("println!", &["cli/", "main.rs"]),
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
    let allowed = |name: &str| match members.contains(&name) {
        true => layer.members.contains(&name),
        false => !layer.never.contains(&name),
    };
    let wrong = dependencies.iter().filter(|name| !allowed(name));
    wrong.map(|name| format!("`{package}` may not depend on `{name}`")).collect()
}

#[test]
fn outside_crates_have_one_owner() {
    let host = root().join("host/src");
    let complaints: Vec<String> = rust_files(&host)
        .iter()
        .flat_map(|file| {
            let name = file.strip_prefix(&host).unwrap().to_str().unwrap();
            owner_complaints(name, &fs_err::read_to_string(file).unwrap())
        })
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));

    // The check itself can fail.
    assert_eq!(owner_complaints("metrics/f1.rs", "//! Not tch::Tensor.\n"), [""; 0]);
    assert_eq!(owner_complaints("data/tests.rs", "println!();\n"), [""; 0]);
    assert_eq!(owner_complaints("pool.rs", "mod tests {\nprintln!();\n"), [""; 0]);
    let complaints = owner_complaints("metrics/f1.rs", "//! F1.\nuse tch::Tensor;\n");
    assert_eq!(complaints, ["host/src/metrics/f1.rs, line 2: `tch::` belongs to compute/, model/"]);
}

/// Looks at code that ships: a comment may name anything, and tests may look anywhere.
fn owner_complaints(file: &str, source: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if file.ends_with("tests.rs") {
        return complaints;
    }
    let shipped = source.lines().take_while(|line| !line.starts_with("mod tests {"));
    for (index, line) in shipped.enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (needle, owners) in OWNERS {
            if line.contains(needle) && !owners.iter().any(|owner| file.starts_with(owner)) {
                let owners = owners.join(", ");
                let line = index + 1;
                complaints
                    .push(format!("host/src/{file}, line {line}: `{needle}` belongs to {owners}"));
            }
        }
    }
    complaints
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
