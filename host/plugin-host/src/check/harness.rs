//! The cases as a plugin's own test: `tests/conformance.rs` of its crate, with `harness = false`.

use std::path::PathBuf;
use std::process::ExitCode;

use super::verdict::{Status, Verdict};
use super::{CheckError, CheckOptions, case_program, run};

/// Code that `cargo test` ends with when a test fails.
const FAILED: u8 = 101;

/// Checks the plugin that this package's library was built as, as `alhost plugin check` does. The
/// whole of a `tests/conformance.rs`:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     alhost_plugin_host::check::test_main("my_strategy") // of `libmy_strategy.so`
/// }
/// ```
///
/// and in `Cargo.toml`:
///
/// ```toml
/// [[test]]
/// name = "conformance"
/// harness = false
/// ```
///
/// Each case is a test: `cargo test --test conformance -- select` runs those of that name.
pub fn test_main(lib_name: &str) -> ExitCode {
    test_main_with(lib_name, |_| ())
}

/// Does as `test_main`, with other parameters, another strictness, seed or deadline.
pub fn test_main_with(lib_name: &str, adjust: impl FnOnce(&mut CheckOptions)) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        // The test is its own runner: a case runs in a second process of it.
        ["case", rest @ ..] => case_program(rest),
        _ => match test(lib_name, &args, adjust) {
            Ok(code) => code,
            Err(why) => {
                complain(&format!("error: {why}"));
                ExitCode::from(FAILED)
            }
        },
    }
}

fn test(
    lib_name: &str,
    args: &[&str],
    adjust: impl FnOnce(&mut CheckOptions),
) -> Result<ExitCode, String> {
    let asked = Asked::parse(args);
    let runner = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut options = CheckOptions::new(PathBuf::new(), runner);
    adjust(&mut options);
    let chosen = options.chosen().map_err(|e| e.to_string())?;
    let ids = chosen.iter().map(|case| case.id);
    options.only = ids.filter(|id| asked.wants(id)).map(str::to_owned).collect();
    if asked.is_list {
        options.only.iter().for_each(|id| say(&format!("{id}: test")));
        return Ok(ExitCode::SUCCESS);
    }
    if options.only.is_empty() {
        say("0 cases");
        return Ok(ExitCode::SUCCESS);
    }
    options.plugin = library(lib_name, &options.runner)?;
    say(&format!("\nrunning {} cases on {}", options.only.len(), options.plugin.display()));
    let verdicts = run(&options, |verdict| say(&line(verdict)));
    Ok(conclude(&verdicts.map_err(|e: CheckError| e.to_string())?))
}

fn line(verdict: &Verdict) -> String {
    let Verdict { id, status, detail, meaning, .. } = verdict;
    match status {
        Status::Pass => format!("test {id} ... ok"),
        Status::Skip | Status::Warn => format!("test {id} ... {status}: {detail}"),
        Status::Fail | Status::Crash => format!(
            "test {id} ... {status}: {detail}\n     {meaning}\n     \
             again: cargo test --test conformance -- --exact {id}"
        ),
    }
}

fn conclude(verdicts: &[Verdict]) -> ExitCode {
    let n_bad = verdicts.iter().filter(|verdict| verdict.is_bad()).count();
    say(&format!("\n{} cases, {n_bad} failed", verdicts.len()));
    if n_bad == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// Finds the library of the package under test where cargo puts it: beside the test, or one folder
/// up.
fn library(lib_name: &str, program: &std::path::Path) -> Result<PathBuf, String> {
    let name = format!("lib{lib_name}.so");
    let folders = program.ancestors().skip(1).take(2);
    let mut places = folders.map(|folder| folder.join(&name));
    places.find(|path| path.is_file()).ok_or_else(|| {
        format!(
            "no {name} beside {}\nhint: the package needs `crate-type = [\"cdylib\", \"rlib\"]`",
            program.display()
        )
    })
}

/// Holds what libtest's arguments ask for. cargo-nextest lists with `--list --format terse`, and
/// runs each test with `--exact`.
#[derive(Debug, Default, Eq, PartialEq)]
struct Asked {
    is_list: bool,
    is_exact: bool,
    /// Whether only ignored tests are asked for, of which there are none.
    is_ignored: bool,
    names: Vec<String>,
    skipped: Vec<String>,
}

impl Asked {
    fn parse(args: &[&str]) -> Self {
        const WITH_VALUE: [&str; 6] =
            ["--format", "--test-threads", "--color", "--logfile", "--shuffle-seed", "-Z"];
        let mut asked = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match *arg {
                "--list" => asked.is_list = true,
                "--exact" => asked.is_exact = true,
                "--ignored" => asked.is_ignored = true,
                "--skip" => asked.skipped.extend(args.next().map(|name| (*name).to_owned())),
                flag if WITH_VALUE.contains(&flag) => drop(args.next()),
                flag if flag.starts_with('-') => {}
                name => asked.names.push(name.to_owned()),
            }
        }
        asked
    }

    fn wants(&self, id: &str) -> bool {
        let fits = |name: &String| if self.is_exact { id == name } else { id.contains(name) };
        let is_named = self.names.is_empty() || self.names.iter().any(fits);
        !self.is_ignored && is_named && !self.skipped.iter().any(fits)
    }
}

#[expect(clippy::print_stdout, reason = "a test program of its own")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "a test program of its own")]
fn complain(line: &str) {
    eprintln!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, id: &str, expected: bool) {
        let args: Vec<&str> = args.split_whitespace().collect();
        assert_eq!(Asked::parse(&args).wants(id), expected, "{args:?}, {id}");
    }

    #[test]
    fn arguments_mean_what_they_mean_to_libtest() {
        check("", "select.count", true);
        check("count", "select.count", true);
        check("--exact count", "select.count", false);
        check("--exact select.count --nocapture", "select.count", true);
        check("--skip count", "select.count", false);
        check("--test-threads 1 -q", "select.count", true);
        check("--list --format terse --ignored", "select.count", false);
        check("--format=pretty fuzz select", "select.count", true);
    }
}
