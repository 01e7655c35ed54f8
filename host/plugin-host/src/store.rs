//! The private copies of plugins, which are what is loaded: `<cache>/plugins/<blake3>.so`, each made
//! of the very bytes that were read and checked.
//!
//! A library must not change while a process has it mapped: to overwrite it is a segmentation fault,
//! to cut it short a bus error inside `dlopen`, and a path that is loaded a second time gives the old
//! code again. With a path for each content, and nobody else who could write there, none of this
//! happens, whatever becomes of the file that the user built.

use std::fs::{DirBuilder, Permissions};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alhost_base::aside;
use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::exposure::exposed;

const OWNER_ONLY: u32 = 0o700;
const READ_AND_RUN: u32 = 0o500;

/// Finds and compares the copy of `content`, whose hash is `hash`, or makes it.
pub(crate) fn keep(cache: &Path, hash: &str, content: &[u8]) -> Result<PathBuf> {
    let folder = private_folder(cache)?;
    let path = folder.join(format!("{hash}.so"));
    if !is_sound(&path, content) {
        aside::sweep(&folder);
        write(&path, content)?;
    }
    Ok(path)
}

fn private_folder(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("plugins");
    if !folder.is_dir() {
        fs_err::create_dir_all(cache)?;
        match DirBuilder::new().mode(OWNER_ONLY).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let what = format!("the folder cannot be made: {error}");
                return Err(Error::new(error.kind(), what));
            }
            _ => {}
        }
    }
    let folder = fs_err::canonicalize(folder)?;
    if mode(&folder)? != OWNER_ONLY {
        fs_err::set_permissions(&folder, Permissions::from_mode(OWNER_ONLY))?;
    }
    // Else it is found out by `dlopen`, in words that name neither.
    if statvfs(&folder)?.f_flag.contains(StatVfsMountFlags::NOEXEC) {
        return Err(Error::other("nothing there can be run, since it is mounted with `noexec`"));
    }
    match exposed(&folder)? {
        None => Ok(folder),
        Some(place) => Err(Error::other(format!(
            "every user of this machine may write in {}",
            place.display()
        ))),
    }
}

/// Whether a copy that was found is whole, and still what its name says.
fn is_sound(path: &Path, content: &[u8]) -> bool {
    let is_file = fs_err::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file
        && mode(path).is_ok_and(|mode| mode == READ_AND_RUN)
        && fs_err::metadata(path).is_ok_and(|metadata| metadata.len() == content.len() as u64)
        && fs_err::read(path).is_ok_and(|found| found == content)
}

/// Writes aside, syncs and renames: a process that has another file of this name loaded keeps it,
/// and nobody ever sees half a copy.
fn write(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = aside::create(path)?;
    file.write_all(content)?;
    file.as_file().set_permissions(Permissions::from_mode(READ_AND_RUN))?;
    aside::put(file, path)?;
    Ok(())
}

fn mode(path: &Path) -> Result<u32> {
    Ok(fs_err::metadata(path)?.permissions().mode() & 0o777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_made_once_and_only_its_owner_can_reach_it() {
        let cache = tempfile::tempdir().unwrap();
        let path = keep(&cache.path().join("new"), "ab12", b"content").unwrap();
        assert!(path.ends_with("new/plugins/ab12.so"), "{}", path.display());
        assert_eq!(fs_err::read(&path).unwrap(), b"content");
        assert_eq!(mode(&path).unwrap(), 0o500);
        assert_eq!(mode(path.parent().unwrap()).unwrap(), 0o700);

        let written = fs_err::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(keep(&cache.path().join("new"), "ab12", b"content").unwrap(), path);
        assert_eq!(fs_err::metadata(&path).unwrap().modified().unwrap(), written);
        let n_files = fs_err::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(n_files, 1, "nothing is left aside");
    }

    /// The file at the copy's place is no longer the copy; another process may have it loaded.
    fn check(damage: fn(&Path)) {
        let cache = tempfile::tempdir().unwrap();
        let path = keep(cache.path(), "ab12", b"content").unwrap();
        damage(&path);
        assert_eq!(keep(cache.path(), "ab12", b"content").unwrap(), path);
        assert_eq!(fs_err::read(&path).unwrap(), b"content");
        assert!(fs_err::symlink_metadata(&path).unwrap().is_file());
        assert_eq!(mode(&path).unwrap(), 0o500);
    }

    #[test]
    fn a_copy_that_is_damaged_is_replaced() {
        check(|path| {
            fs_err::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
            fs_err::write(path, "cont").unwrap();
        });
        check(|path| fs_err::set_permissions(path, Permissions::from_mode(0o777)).unwrap());
        check(|path| {
            let other = path.with_file_name("other");
            fs_err::write(&other, "content").unwrap();
            fs_err::remove_file(path).unwrap();
            fs_err::os::unix::fs::symlink(&other, path).unwrap();
        });
    }

    /// Only root can mount; elsewhere this does nothing, and says so.
    #[test]
    fn a_folder_from_which_nothing_can_be_run_is_told() {
        let cache = tempfile::tempdir().unwrap();
        let mount = |args: &[&str]| {
            let done = std::process::Command::new("mount").args(args).arg(cache.path()).status();
            done.is_ok_and(|status| status.success())
        };
        if !mount(&["-t", "tmpfs", "-o", "noexec,mode=700", "tmpfs"]) {
            println!("did nothing: nothing can be mounted here");
            return;
        }
        let kept = keep(cache.path(), "ab12", b"content");
        let unmounted = std::process::Command::new("umount").arg(cache.path()).status();
        assert!(unmounted.unwrap().success());
        let error = kept.unwrap_err().to_string();
        assert!(error.contains("noexec"), "{error}");
    }

    #[test]
    fn a_folder_that_others_could_enter_is_closed_and_one_they_could_replace_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let cache = root.path().join("cache");
        fs_err::create_dir_all(cache.join("plugins")).unwrap();
        fs_err::set_permissions(cache.join("plugins"), Permissions::from_mode(0o777)).unwrap();
        keep(&cache, "ab12", b"content").unwrap();
        assert_eq!(mode(&cache.join("plugins")).unwrap(), 0o700);

        fs_err::set_permissions(&cache, Permissions::from_mode(0o777)).unwrap();
        let error = keep(&cache, "ab12", b"content").unwrap_err().to_string();
        assert!(error.contains("every user") && error.contains("cache"), "{error}");
    }
}
