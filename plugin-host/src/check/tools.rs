//! Cases that look at memory, partly through other programs: valgrind, and the address sanitizer of
//! a nightly compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What valgrind finds lost.
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

/// From `definitely lost: 1,234 bytes in 5 blocks`; 0 where no heap block is left.
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
    let Some(package) = package_of(&subject.path) else {
        let why = "its source is not known: there is no cargo `.d` file beside it";
        return Err(Problem::Skip(why.to_owned()));
    };
    let has_nightly = Command::new("cargo").args(["+nightly", "--version"]).output();
    if !has_nightly.is_ok_and(|ran| ran.status.success()) {
        return Err(Problem::Skip("there is no nightly compiler".to_owned()));
    }
    let target = "x86_64-unknown-linux-gnu";
    let ran = Command::new("cargo")
        .args(["+nightly", "test", "--lib", "--target", target, "--target-dir"])
        .arg(package.join("target/asan"))
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .current_dir(&package)
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

/// The package that a library was built of: cargo writes the sources of `libx.so` into `libx.d`.
fn package_of(library: &Path) -> Option<PathBuf> {
    let name = library.file_name()?;
    // In `deps`, where the tests find it, there is no such file, but one folder up.
    let beside = [library.to_owned(), library.parent()?.parent()?.join(name)];
    let rules =
        beside.iter().find_map(|path| fs_err::read_to_string(path.with_extension("d")).ok());
    let rules = rules?;
    let name = library.file_stem()?.to_str()?.strip_prefix("lib")?;
    // The sources of what it depends on are named as well.
    let sources = rules.split_whitespace().filter(|path| path.ends_with("src/lib.rs"));
    let mut packages = sources.filter_map(|source| Path::new(source).parent()?.parent());
    packages.find(|package| makes(package, name)).map(Path::to_owned)
}

/// Whether a package's library is called `name`: by a name of its own, or by that of the package.
fn makes(package: &Path, name: &str) -> bool {
    let manifest = fs_err::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    let names = [name.to_owned(), name.replace('_', "-")];
    names.iter().any(|name| manifest.contains(&format!("name = \"{name}\"")))
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
    fn the_package_of_a_library_is_found_by_its_dep_info() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["api/src", "mine/src"] {
            fs_err::create_dir_all(at(name)).unwrap();
        }
        fs_err::create_dir_all(at("target/debug/deps")).unwrap();
        fs_err::write(at("api/Cargo.toml"), "[package]\nname = \"api\"\n").unwrap();
        fs_err::write(at("mine/Cargo.toml"), "[package]\nname = \"mine\"\n").unwrap();
        // What it depends on is named as well, and first.
        let sources = ["api", "mine"].map(|name| at(name).join("src/lib.rs").display().to_string());
        let rule = format!("libmine.so: {}\n", sources.join(" "));
        fs_err::write(at("target/debug/libmine.d"), rule).unwrap();
        assert_eq!(package_of(&at("target/debug/libmine.so")), Some(at("mine")));
        assert_eq!(package_of(&at("target/debug/deps/libmine.so")), Some(at("mine")));
        assert_eq!(package_of(&at("target/debug/libother.so")), None);
    }
}
