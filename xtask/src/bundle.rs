//! `cargo xtask bundle`: a folder and an archive that run on another machine, which brings its own
//! libtorch 2.11 (0.8 to 4 GB, so it is left out).

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{build, tools};

/// Builds, and packs `dist/alhost-<version>-x86_64-linux` and the same as `.tar.gz`.
pub(crate) fn run(root: &Path, minilm: Option<PathBuf>) -> Result<()> {
    let plugins = build::release(root)?;
    let name = concat!("alhost-", env!("CARGO_PKG_VERSION"), "-x86_64-linux");
    let dist = root.join("dist");
    let folder = dist.join(name);
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(folder.join("bin"))?;

    // Host and plugins side by side: that is where the host looks for a plugin given by its id.
    let built = tools::target_dir(root).join("release");
    for program in ["alhost", "alhost-worker"] {
        fs_err::copy(built.join(program), folder.join("bin").join(program))?;
    }
    for plugin in &plugins {
        let library = build::library(plugin);
        fs_err::copy(built.join(&library), folder.join("bin").join(library))?;
    }
    for document in ["README.md", "LICENSE", "CHANGELOG.md"] {
        fs_err::copy(root.join(document), folder.join(document))?;
    }
    copy_files(&root.join("configs"), &folder.join("configs"))?;
    if let Some(minilm) = minilm {
        copy_files(&minilm, &folder.join("models/minilm"))?;
    }
    let launcher = folder.join("alhost");
    fs_err::write(&launcher, include_str!("launcher.sh"))?;
    fs_err::set_permissions(&launcher, PermissionsExt::from_mode(0o755))?;

    let archive = archive(&dist, name)?;
    eprintln!("bundle: `dist/{name}` and `dist/{archive}`");
    Ok(())
}

/// Packs a folder in `dist`; returns the archive's name there.
pub(crate) fn archive(dist: &Path, name: &str) -> Result<String> {
    let archive = format!("{name}.tar.gz");
    tools::run(Command::new("tar").current_dir(dist).args(["-czf", &archive, name]))?;
    Ok(archive)
}

/// Copies the plain files of a folder, not the folders in it.
pub(crate) fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs_err::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the launcher in a bundle whose `alhost` prints what it was given.
    fn launch(libtorch: Option<&Path>, path: &str) -> (bool, String) {
        let bundle = tempfile::tempdir().unwrap();
        fs_err::create_dir(bundle.path().join("bin")).unwrap();
        let fake = bundle.path().join("bin/alhost");
        fs_err::write(&fake, "#!/bin/sh\necho \"$LD_LIBRARY_PATH|$*\"\n").unwrap();
        fs_err::set_permissions(&fake, PermissionsExt::from_mode(0o755)).unwrap();
        let launcher = bundle.path().join("alhost");
        fs_err::write(&launcher, include_str!("launcher.sh")).unwrap();
        let mut command = Command::new("/bin/sh");
        command.arg(&launcher).args(["--seed", "1"]).env_clear().env("PATH", path);
        if let Some(folder) = libtorch {
            command.env("ALHOST_LIBTORCH", folder);
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    #[test]
    fn the_launcher_takes_the_libtorch_it_is_told_of() {
        let libtorch = tempfile::tempdir().unwrap();
        fs_err::write(libtorch.path().join("libtorch_cpu.so"), "").unwrap();
        let (ok, text) = launch(Some(libtorch.path()), "/usr/bin:/bin");
        assert!(ok, "{text}");
        assert_eq!(text.trim_end(), format!("{}|--seed 1", libtorch.path().display()));
    }

    #[test]
    fn the_launcher_says_what_to_do_where_there_is_no_libtorch() {
        let empty = tempfile::tempdir().unwrap();
        let (ok, text) = launch(Some(empty.path()), "/usr/bin:/bin");
        assert!(!ok && text.contains("no libtorch_cpu.so in") && text.contains("hint: "), "{text}");
        // No python3 in the search path; `dirname` has to be.
        let tools = tempfile::tempdir().unwrap();
        for tool in ["dirname", "readlink"] {
            let real = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(tool));
            let real = real.iter().find(|path| path.exists()).unwrap();
            fs_err::os::unix::fs::symlink(real, tools.path().join(tool)).unwrap();
        }
        let (ok, text) = launch(None, tools.path().to_str().unwrap());
        assert!(!ok && text.contains("ALHOST_LIBTORCH") && text.contains("hint: "), "{text}");
    }
}
