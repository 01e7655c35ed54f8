//! Cases that look at memory, partly through other programs: valgrind, and the address sanitizer of
//! a nightly compiler.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::contract::sound;
use super::hosts;
use super::job::{Job, Task};
use super::probe::{Probe, cannot};
use super::subject::Subject;
use super::verdict::{Checked, Problem, demand};

/// Growth of the process that 100 queries may cost; allocators do not give everything back at once.
const MOST_GROWTH: u64 = 2 << 20;

pub(super) fn leaks(subject: &Subject) -> Checked {
    let library = subject.library()?;
    let host = || hosts::ordinary(subject.seed);
    let queries = |n: usize| {
        for _ in 0..n {
            let mut instance = subject.instance(&library)?;
            sound(&mut instance, &host(), 10, "an ordinary query")?;
        }
        resident()
    };
    let (before, after) = (queries(20)?, queries(100)?);
    let growth = after.saturating_sub(before);
    demand(growth <= MOST_GROWTH, || {
        format!("created, asked and dropped 100 times, it keeps {} KiB", growth >> 10)
    })?;
    lost(subject)
}

/// Bytes of this process in memory.
fn resident() -> Result<u64, Problem> {
    let statm = fs_err::read_to_string("/proc/self/statm").map_err(cannot)?;
    let pages: Option<u64> = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    Ok(pages.ok_or_else(|| cannot("/proc/self/statm has another form"))? * 4096)
}

/// Fails where valgrind finds that queries lose memory.
fn lost(subject: &Subject) -> Checked {
    let lost_in = |probe: Probe| {
        let runner = std::env::current_exe().map_err(cannot)?;
        let folder = tempfile::tempdir().map_err(cannot)?;
        let (task, answer) = (Task::Probe(probe), Some(folder.path().join("answer")));
        let job = Job { subject: subject.clone(), task, answer };
        let ran = Command::new("valgrind")
            .args(["--leak-check=full", "--show-leak-kinds=definite", "--num-callers=12"])
            .arg(runner)
            .args(job.args())
            .output()
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => {
                    Problem::Skip("memory stays flat; valgrind is not installed".to_owned())
                }
                _ => cannot(error),
            })?;
        let report = String::from_utf8_lossy(&ran.stderr).into_owned();
        Ok::<_, Problem>((definitely_lost(&report), report))
    };
    // What is lost without any query is not the strategy's.
    let (without, _) = lost_in(Probe { times: 1, ..Probe::new(subject.seed, 0) })?;
    let (with, report) = lost_in(Probe { times: 3, ..Probe::new(subject.seed, 2) })?;
    let (Some(without), Some(with)) = (without, with) else {
        return Err(Problem::Skip(format!("valgrind gave no report: {}", last_line(&report))));
    };
    demand(with <= without, || format!("valgrind: {} bytes are definitely lost", with - without))
}

/// Reads the bytes of `definitely lost: 1,234 bytes in 5 blocks`; 0 where no heap block is left.
fn definitely_lost(report: &str) -> Option<u64> {
    if report.contains("All heap blocks were freed") {
        return Some(0);
    }
    let rest = report.split("definitely lost: ").nth(1)?;
    let number: String = rest.chars().take_while(|&c| c != ' ').filter(|&c| c != ',').collect();
    number.parse().ok()
}

fn last_line(report: &str) -> &str {
    report.lines().last().unwrap_or("nothing")
}

pub(super) fn asan(subject: &Subject) -> Checked {
    let Some(source) = Source::of(&subject.path) else {
        let why = "its source is not known: no cargo `.d` file beside it names its package";
        return Err(Problem::Skip(why.to_owned()));
    };
    let has_nightly = Command::new("cargo").args(["+nightly", "--version"]).output();
    if !has_nightly.is_ok_and(|ran| ran.status.success()) {
        return Err(Problem::Skip("there is no nightly compiler".to_owned()));
    }
    let ran = Command::new("cargo")
        .args(["+nightly", "test", "--lib", "--target", "x86_64-unknown-linux-gnu"])
        .arg("--target-dir")
        .arg(source.target.join("asan"))
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .current_dir(&source.package)
        .output()
        .map_err(cannot)?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr) + String::from_utf8_lossy(&ran.stdout);
    match said.lines().find(|line| line.contains("AddressSanitizer")) {
        Some(line) => Err(Problem::Fail(format!("its unit tests: {}", line.trim()))),
        None => Err(Problem::Skip(format!("its unit tests do not run: {}", last_line(&said)))),
    }
}

/// Says where a library comes from.
#[derive(Debug, Eq, PartialEq)]
struct Source {
    package: PathBuf,
    /// Cargo's folder for what it builds, which holds the library.
    target: PathBuf,
}

impl Source {
    /// Cargo writes the sources of `libx.so`, those of other packages included, into `libx.d`.
    fn of(library: &Path) -> Option<Self> {
        let name = library.file_stem()?.to_str()?.strip_prefix("lib")?;
        // In `deps`, where the tests find it, there is no such file, but one folder up.
        let mut folders = library.ancestors().skip(1).take(2);
        let profile = folders.find(|folder| folder.join(format!("lib{name}.d")).is_file())?;
        let rules = fs_err::read_to_string(profile.join(format!("lib{name}.d"))).ok()?;
        let sources = rules.split_whitespace().filter(|path| path.ends_with("src/lib.rs"));
        let mut packages = sources.filter_map(|path| Path::new(path).ancestors().nth(2));
        let package = packages.find(|package| builds(package, name))?.to_owned();
        Some(Self { package, target: profile.parent()?.to_owned() })
    }
}

/// Whether the package in this folder builds the plugin `lib{name}.so`.
fn builds(package: &Path, name: &str) -> bool {
    let ran = Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(package)
        .output();
    let read = |ran: Output| serde_json::from_slice::<Value>(&ran.stdout).ok();
    let Some(metadata) = ran.ok().and_then(read) else { return false };
    let is_plugin = |target: &Value| {
        let kinds = target["kind"].as_array().into_iter().flatten();
        target["name"] == name && kinds.into_iter().any(|kind| kind == "cdylib")
    };
    let manifest = package.join("Cargo.toml");
    metadata["packages"].as_array().into_iter().flatten().any(|found| {
        found["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest)
            && found["targets"].as_array().is_some_and(|targets| targets.iter().any(is_plugin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrind_is_read() {
        let report = "==1== LEAK SUMMARY:\n==1==    definitely lost: 1,029 bytes in 2 blocks\n";
        assert_eq!(definitely_lost(report), Some(1029));
        assert_eq!(definitely_lost("All heap blocks were freed -- no leaks"), Some(0));
        assert_eq!(definitely_lost("valgrind: no such file"), None);
    }

    #[test]
    fn the_package_of_a_library_is_the_one_of_its_sources_that_builds_it() {
        let root = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(root.path()).unwrap();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        let package = |name: &str, kind: &str| {
            let manifest = format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\n[workspace]\n\
                 [lib]\nname = \"{name}\"\n{kind}"
            );
            write(&format!("{name}/Cargo.toml"), &manifest);
            write(&format!("{name}/src/lib.rs"), "");
        };
        package("other", "");
        package("mine", "crate-type = [\"cdylib\", \"rlib\"]\n");
        let sources = ["other", "mine"].map(|name| root.join(name).join("src/lib.rs"));
        let [other, mine] = sources.map(|path| path.display().to_string());
        let check = |rules: &str, library: &str, is_found: bool| {
            write("target/debug/libmine.d", rules);
            let source = Source { package: root.join("mine"), target: root.join("target") };
            assert_eq!(Source::of(&root.join(library)), is_found.then_some(source), "{rules}");
        };
        let both = format!("libmine.so: {other} {mine}\n");
        fs_err::create_dir_all(root.join("target/debug/deps")).unwrap();
        check(&both, "target/debug/libmine.so", true);
        check(&both, "target/debug/deps/libmine.so", true);
        check(&format!("libmine.so: {other}\n"), "target/debug/libmine.so", false);
        check(&both, "target/debug/libabsent.so", false);
    }
}
