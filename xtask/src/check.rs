//! `cargo xtask bundle --check`: a small archive with which another machine, above all one with a GPU, checks what
//! alhost computes and how fast. `check.py` in it says what that is.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::{build, bundle, tools};

/// The largest that the unpacked folder may be.
const MOST: u64 = 60 << 20;

/// The plugins that are packed: those whose queries are timed, and one for each rule of the services that compute
/// on a GPU.
const PLUGINS: [&str; 7] =
    ["alps", "coreset", "cvirs", "dal", "probcover", "typiclust", "uherding"];

/// Golden values, below `tests/fixtures`.
const GOLDENS: [&str; 6] = [
    "bert_golden.json",
    "strategies/alps_dups_n300_d32_k60.npz",
    "strategies/alps_n1000_d128_k50.npz",
    "strategies/dal_mlp.npz",
    "strategies/misc.npz",
    "strategies/shelf.npz",
];

/// The checkpoint that they were made with.
const CHECKPOINT: &str = "tiny-bert-mlm";

const SCRIPTS: [(&str, &str); 2] =
    [("check.py", include_str!("check.py")), ("made_up.py", include_str!("made_up.py"))];

/// Builds, and packs `dist/alhost-check-<version>-x86_64-linux` and the same as `.tar.gz`.
///
/// Refuses a folder of more than 60 MiB.
pub(crate) fn run(root: &Path) -> Result<()> {
    build::release(root)?;
    let goldens = bench(root, "goldens")?;
    let name = concat!("alhost-check-", env!("CARGO_PKG_VERSION"), "-x86_64-linux");
    let dist = root.join("dist");
    let folder = dist.join(name);
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(folder.join("bin"))?;

    let built = tools::target_dir(root).join("release");
    let mut programs = vec![goldens];
    programs.extend(["alhost", "alhost-worker"].map(|program| built.join(program)));
    programs.extend(PLUGINS.map(|plugin| built.join(build::library(plugin))));
    for program in &programs {
        strip(program, &folder.join("bin"))?;
    }
    fs_err::rename(folder.join("bin").join(file_name(&programs[0])?), folder.join("bin/goldens"))?;
    pack_goldens(&root.join("tests/fixtures"), &folder.join("goldens"))?;
    for (script, text) in SCRIPTS {
        fs_err::write(folder.join(script), text)?;
    }
    fs_err::copy(root.join("LICENSE"), folder.join("LICENSE"))?;
    check_size(&folder, MOST)?;
    let archive = bundle::archive(&dist, name)?;
    eprintln!("bundle: `dist/{name}` and `dist/{archive}`; there: `python3 {name}/check.py`");
    Ok(())
}

/// Builds a benchmark of `alhost`, which is a program as well; returns where it is.
fn bench(root: &Path, name: &str) -> Result<PathBuf> {
    let mut cargo = tools::cargo(root);
    cargo.args(["bench", "--package", "alhost", "--bench", name, "--no-run"]);
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = cargo.output().with_context(|| format!("running `{}`", tools::line(&cargo)))?;
    ensure!(output.status.success(), "`{}` failed ({})", tools::line(&cargo), output.status);
    let messages = String::from_utf8(output.stdout)?;
    let program = executable(&messages, name);
    program.with_context(|| format!("`{}` names no program", tools::line(&cargo)))
}

/// The program of this name in cargo's messages, each of which is a line of JSON.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    let wanted = format!("/{name}-");
    messages.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        let (path, _) = rest.split_once('"')?;
        path.contains(&wanted).then(|| PathBuf::from(path))
    })
}

fn file_name(path: &Path) -> Result<&Path> {
    path.file_name().map(Path::new).with_context(|| format!("{} is no file", path.display()))
}

/// Copies a program or a library into a folder, without the symbols that only debuggers read.
fn strip(program: &Path, folder: &Path) -> Result<()> {
    if !tools::in_path("strip") {
        bail!(
            "`strip` is not in the search path\n\
             hint: it comes with binutils, on Debian or Ubuntu `apt install binutils`"
        );
    }
    let to = folder.join(file_name(program)?);
    tools::run(Command::new("strip").arg("-o").arg(&to).arg(program))?;
    fs_err::set_permissions(&to, PermissionsExt::from_mode(0o755))?;
    Ok(())
}

fn pack_goldens(from: &Path, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to.join("strategies"))?;
    for file in GOLDENS {
        fs_err::copy(from.join(file), to.join(file))?;
    }
    bundle::copy_files(&from.join(CHECKPOINT), &to.join(CHECKPOINT))
}

/// Refuses a folder whose files have more than `most` bytes.
fn check_size(folder: &Path, most: u64) -> Result<()> {
    let size = size(folder)?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    ensure!(
        size <= most,
        "{} has {:.1} MiB, and a bundle that checks has {:.0} MiB at most\n\
         hint: pack fewer plugins or goldens in xtask/src/check.rs",
        folder.display(),
        mib(size),
        mib(most)
    );
    eprintln!("bundle: {:.1} MiB of at most {:.0} MiB", mib(size), mib(most));
    Ok(())
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            size(&entry.path())?
        } else {
            entry.metadata()?.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
