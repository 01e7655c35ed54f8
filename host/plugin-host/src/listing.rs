//! Lists what is on the search path, and what becomes of each file there.

use std::path::PathBuf;

use crate::error::PluginError;
use crate::loader::PluginFile;
use crate::resolve::{SearchPath, library_name};

/// A plugin's file on the search path.
pub struct Listed {
    pub path: PathBuf,
    pub status: Status,
    /// Content as far as it could be read, or the error.
    pub file: Result<PluginFile, PluginError>,
}

/// Whether `--plugin ID` runs a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Status {
    Usable,
    /// An earlier folder has a file of the same name, which is the one that an id means.
    Shadowed {
        by: PathBuf,
    },
    /// An id is looked for as `lib<id>.so`, and this file has another name.
    ByPathOnly,
    Refused {
        why: String,
    },
}

/// Every plugin on the search path, in the order of the search. Libraries that are no plugins are
/// left out, since a folder may well hold some.
pub fn list(search: &SearchPath) -> Vec<Listed> {
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut listed = Vec::new();
    for path in search.files() {
        let shadow = seen.iter().find(|other| other.file_name() == path.file_name()).cloned();
        seen.push(path.clone());
        let is_same =
            |other: &PathBuf| fs_err::canonicalize(other).ok() == path.canonicalize().ok();
        if shadow.as_ref().is_some_and(is_same) {
            continue;
        }
        let file = PluginFile::read(&path);
        if !matches!(file, Err(PluginError::NotPlugin { .. })) {
            listed.push(Listed { status: status(&path, &file, shadow), path, file });
        }
    }
    listed
}

fn status(
    path: &std::path::Path,
    file: &Result<PluginFile, PluginError>,
    shadow: Option<PathBuf>,
) -> Status {
    let refused = |error: &PluginError| Status::Refused { why: error.to_string() };
    let file = match file {
        Ok(file) => file,
        Err(error) => return refused(error),
    };
    if let Err(error) = file.check() {
        return refused(&error);
    }
    let is_named_by_id =
        path.file_name().is_some_and(|name| name == &*library_name(&file.manifest.id));
    match shadow {
        _ if !is_named_by_id => Status::ByPathOnly,
        Some(by) => Status::Shadowed { by },
        None => Status::Usable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_told_and_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, at("libpipe.so"), mode).unwrap();
        fs_err::os::unix::fs::symlink("/dev/zero", at("libzero.so")).unwrap();
        fs_err::create_dir(at("libfolder.so")).unwrap();
        fs_err::os::unix::fs::symlink("nowhere", at("libgone.so")).unwrap();
        let contents: [(&str, &[u8]); 5] = [
            ("libempty.so", b""),
            ("libthree.so", b"abc"),
            ("liblfs.so", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
            ("libpage.so", b"<!DOCTYPE html><p>Sign in"),
            ("libnumpy.so", b"\x93NUMPY\x01\x00v\x00"),
        ];
        for (name, content) in contents {
            fs_err::write(at(name), content).unwrap();
        }
        let listed = list(&SearchPath(vec![folder.path().to_owned()]));
        let check = |name: &str, expected: &str| {
            let one = listed.iter().find(|one| one.path == at(name)).unwrap();
            let Status::Refused { why } = &one.status else { panic!("{name} is not refused") };
            assert!(why.contains(name) && why.contains(expected), "{why}");
            assert!(why.contains("\nhint: "), "{why}");
        };
        check("libpipe.so", "is a pipe");
        check("libzero.so", "is a device");
        check("libfolder.so", "is a folder");
        check("libgone.so", "a link to a file that is not there");
        check("libempty.so", "but an empty file");
        check("libthree.so", "but text");
        check("liblfs.so", "git-lfs pointer");
        check("libpage.so", "web page");
        check("libnumpy.so", "but a numpy array");
        // A folder of the path that is none holds nothing.
        assert!(list(&SearchPath(vec![at("libpipe.so"), "/dev/zero".into()])).is_empty());
    }
}
