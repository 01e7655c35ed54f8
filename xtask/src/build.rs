//! `cargo xtask demo` and `cargo xtask test`: what they build and run once libtorch is there.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{link, tools};

/// Builds the host and the plugins with the release profile, and makes `target/libX.so` point at
/// each plugin's file, so that a path typed by hand does not name a profile.
///
/// Returns the names of the plugins, which are those of their folders.
pub(crate) fn release(root: &Path) -> Result<Vec<String>> {
    let plugins = plugins(root)?;
    let mut build = tools::cargo(root);
    build.args(["build", "--release", "--package", "alhost"]);
    for plugin in &plugins {
        build.arg("--package").arg(format!("alhost-plugin-{plugin}"));
    }
    tools::run(&mut build)?;
    let target = tools::target_dir(root);
    for plugin in &plugins {
        let library = library(plugin);
        link::point(&target.join(&library), &format!("release/{library}"))?;
    }
    Ok(plugins)
}

pub(crate) fn library(plugin: &str) -> String {
    format!("lib{}.so", plugin.replace('-', "_"))
}

/// Runs ALPS on the embedded demo; `arguments` are passed on.
pub(crate) fn demo(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    release(root)?;
    let target = tools::target_dir(root);
    let mut alhost = std::process::Command::new(target.join("release/alhost"));
    alhost.current_dir(root).arg("--plugin").arg(shown(&target.join(library("alps")), root));
    alhost.args(arguments);
    eprintln!("demo: {}", tools::line(&alhost));
    let status = tools::status(&mut alhost)?;
    // The demo's own answer is passed on; a death by signal counts as a failure.
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2)))
}

/// A path as one would type it in the workspace.
fn shown<'a>(path: &'a Path, root: &Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// Licences, sources and bans of `deny.toml`, which need no network. Advisories do: CONTRIBUTING.md.
const DEPENDENCIES: &[&str] =
    &["deny", "--offline", "--log-level", "error", "check", "bans", "licenses", "sources"];

/// Runs every check, stops at the first that fails, and prints the time that each took.
pub(crate) fn test(root: &Path) -> Result<ExitCode> {
    let mut steps: Vec<(&str, &[&str])> = vec![
        ("format", &["fmt", "--all", "--check"]),
        ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        ("tests", &["test", "--workspace"]),
    ];
    if tools::in_path("cargo-deny") {
        steps.insert(0, ("dependencies", DEPENDENCIES));
    } else {
        eprintln!(
            "no check of the dependencies: `cargo-deny` is not in the search path\n\
             hint: `cargo install cargo-deny --locked`"
        );
    }
    let mut times = Vec::new();
    for (name, arguments) in steps {
        let mut command = tools::cargo(root);
        command.args(arguments);
        eprintln!("check `{name}`: {}", tools::line(&command));
        let started = Instant::now();
        let status = tools::status(&mut command)?;
        times.push((name, started.elapsed()));
        if !status.success() {
            eprintln!("{}", summary(&times));
            bail!("check `{name}` failed; by itself: `{}`", tools::line(&command));
        }
    }
    eprintln!("all checks passed: {}", summary(&times));
    Ok(ExitCode::SUCCESS)
}

fn summary(times: &[(&str, Duration)]) -> String {
    let show = |(name, time): &(&str, Duration)| format!("{name} {:.1} s", time.as_secs_f64());
    times.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn plugins(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs_err::read_dir(root.join("plugins"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plugin_folder_is_built() {
        let found = plugins(&tools::workspace_root()).unwrap();
        for name in ["alps", "cvirs", "dal", "random", "subword"] {
            assert!(found.contains(&name.to_owned()), "{found:?}");
        }
    }

    #[test]
    fn a_summary_gives_the_seconds_of_each_check() {
        let times = [("format", Duration::from_millis(420)), ("tests", Duration::from_secs(61))];
        assert_eq!(summary(&times), "format 0.4 s, tests 61.0 s");
    }
}
