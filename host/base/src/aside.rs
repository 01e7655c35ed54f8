//! Files that are written aside, synced and renamed, so that under its name a file is whole or absent.
//!
//! The one temporary name is `.new-<process>-<random><ending>`. Its middle says which process writes the
//! file, so that [`sweep`] can remove what a killed one left behind and leaves alone what another is
//! still writing, be it on another machine that shares the folder.

#![allow(
    clippy::disallowed_methods,
    reason = "the age of what was left behind is told by the clock; no record is"
)]

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fs_err::File;
use tempfile::{NamedTempFile, TempDir};

use crate::process::{has_ended, this_process};

const PREFIX: &str = ".new-";

/// A file of a machine that is not this one is left alone for so long.
const STALE: Duration = Duration::from_hours(24);

/// Makes a file to be renamed to `path` by [`put`]; it lies beside it, and its name has the same
/// ending. The folder is made where there is none. Everybody may read and write it, as far as the
/// umask lets them: a cache may be shared.
pub fn create(path: &Path) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    fs_err::create_dir_all(folder)?;
    let ending = path.extension().map(|ending| format!(".{}", ending.display()));
    let made = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", this_process()))
        .suffix(ending.as_deref().unwrap_or(""))
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder);
    // tempfile does not say where it failed.
    made.map_err(|error| named(folder, "no file can be made here", &error))
}

/// Makes a folder to be renamed to `path` by its maker, beside it; it goes when it is dropped.
pub fn create_folder(path: &Path) -> io::Result<TempDir> {
    let folder = folder_of(path);
    fs_err::create_dir_all(folder)?;
    let made = tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-", this_process()))
        .permissions(std::fs::Permissions::from_mode(0o777))
        .tempdir_in(folder);
    made.map_err(|error| named(folder, "no folder can be made here", &error))
}

/// Gives a file its name once it is on the disk, and the name too.
pub fn put(file: NamedTempFile, path: &Path) -> io::Result<File> {
    file.as_file().sync_all().map_err(|error| named(path, "cannot be written", &error))?;
    let file = file.persist(path);
    let file = file.map_err(|failed| named(path, "cannot be named", &failed.error))?;
    sync_folder(folder_of(path))?;
    Ok(File::from_parts(file, path))
}

/// Replaces a file so that either the old or the whole new one is there, whenever the process or
/// the machine stops.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes).map_err(|error| named(path, "cannot be written", &error))?;
    put(file, path)?;
    Ok(())
}

/// Makes new names in a folder outlive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems know no such thing of a folder.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other,
    }
}

/// Removes from a folder, not from those in it, what killed processes left half-written. What cannot be
/// looked at or removed stays: this is housekeeping.
pub fn sweep(folder: &Path) {
    let Ok(entries) = fs_err::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let age = entry.metadata().and_then(|meta| meta.modified()).ok();
        let age = age.and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if has_ended(rest) || age.is_some_and(|age| age > STALE) {
            let _stays = remove(&path);
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() { fs_err::remove_dir_all(path) } else { fs_err::remove_file(path) }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn named(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {what}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::this_machine;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs_err::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_others_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/thing.toml");
        for content in ["one", "another"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(names(path.parent().unwrap()), ["thing.toml"]);
        let mode = fs_err::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o400, 0o400);
        assert_ne!(mode & 0o777, 0o600, "only its owner could read it");
    }

    #[test]
    fn what_an_ended_process_left_is_swept_and_what_another_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: String| folder.path().join(name);
        let gone = {
            let mut child = std::process::Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            child.id()
        };
        let machine = this_machine();
        let left = at(format!("{PREFIX}{machine}-{gone}-abc.bin"));
        let theirs = at(format!("{PREFIX}00000000-{gone}-abc"));
        let running = create(&at("x.bin".to_owned())).unwrap();
        for path in [&left, &theirs, &at("notes.txt".to_owned())] {
            fs_err::write(path, "x").unwrap();
        }
        sweep(folder.path());
        assert!(!left.exists() && theirs.exists() && running.path().exists());
        assert_eq!(names(folder.path()).len(), 3);

        let old = std::fs::File::options().write(true).open(&theirs).unwrap();
        old.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        sweep(folder.path());
        assert!(!theirs.exists() && running.path().exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs_err::write(&file, "x").unwrap();
        let error = replace(&file.join("below"), b"x").unwrap_err().to_string();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
}
