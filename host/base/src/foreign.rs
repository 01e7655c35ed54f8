//! Files of strangers, opened with care: what is no file is refused before it can block or never end,
//! what is another file than its name says is told by its first bytes, and nothing is read that is
//! larger than the reader can have use for.

use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{File, OpenOptions};

/// A file that cannot be used, in words for the person who has to put it right.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}\nhint: {hint}", path.display())]
pub struct Unreadable {
    pub path: PathBuf,
    pub problem: String,
    pub hint: String,
}

impl Unreadable {
    pub fn new(path: &Path, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into(), hint: hint.into() }
    }

    /// Puts an error of the system into plain words.
    pub fn of(path: &Path, error: &io::Error) -> Self {
        let (problem, hint) = match error.kind() {
            io::ErrorKind::NotFound if path.is_symlink() => (
                "is a link to a file that is not there".to_owned(),
                "fetch or make that file again",
            ),
            io::ErrorKind::NotFound => ("no such file".to_owned(), "check the path"),
            io::ErrorKind::PermissionDenied => {
                ("you may not read it".to_owned(), "its owner can change that with `chmod`")
            }
            io::ErrorKind::IsADirectory => {
                ("is a folder, not a file".to_owned(), "name the file in it")
            }
            _ => (
                format!("cannot be read: {error}"),
                "check that the file is whole and that its disk works",
            ),
        };
        Self::new(path, problem, hint)
    }
}

/// Opens a regular file. A pipe, a device or a socket could keep its reader waiting for ever.
pub fn open(path: &Path) -> Result<File, Unreadable> {
    // Without it, opening a pipe waits for somebody who writes to it. It has no effect on a file.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let file = file.map_err(|error| Unreadable::of(path, &error))?;
    let kind = file.metadata().map_err(|error| Unreadable::of(path, &error))?.file_type();
    let problem = match kind {
        kind if kind.is_file() => return Ok(file),
        kind if kind.is_dir() => "is a folder, not a file",
        kind if kind.is_fifo() => "is a pipe, not a file",
        kind if kind.is_socket() => "is a socket, not a file",
        _ => "is a device, not a file",
    };
    Err(Unreadable::new(path, problem, "give the path of a file"))
}

/// Reads the whole of a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Unreadable> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| Unreadable::of(path, &error))?;
    if bytes.len() as u64 > limit {
        let problem = format!("has more than {limit} bytes, which no file of its kind has");
        return Err(Unreadable::new(path, problem, "check that this is the file you mean"));
    }
    match mistaken(&bytes) {
        Some((what, hint)) => Err(Unreadable::new(path, format!("is {what}"), hint)),
        None => Ok(bytes),
    }
}

/// Reads text in UTF-8, as [`read`] does bytes.
pub fn read_text(path: &Path, limit: u64) -> Result<String, Unreadable> {
    String::from_utf8(read(path, limit)?).map_err(|error| {
        let problem = format!(
            "is not text in UTF-8 (byte {}); it looks like {}",
            error.utf8_error().valid_up_to(),
            looks_like(error.as_bytes())
        );
        Unreadable::new(path, problem, "check that this is the file you mean")
    })
}

/// Tells by its first bytes what is never the file that somebody meant, with a hint: what stands in
/// for a file that was not fetched.
pub fn mistaken(start: &[u8]) -> Option<(&'static str, &'static str)> {
    if start.starts_with(b"version https://git-lfs.github.com/") {
        let hint = "`git lfs pull` in its repository fetches the file itself";
        return Some(("a git-lfs pointer, not the file itself", hint));
    }
    let text = start.trim_ascii_start();
    let begins =
        |tag: &[u8]| text.len() >= tag.len() && text[..tag.len()].eq_ignore_ascii_case(tag);
    if begins(b"<!doctype html") || begins(b"<html") {
        let hint = "a download that needs a login leaves such a page; fetch the file again";
        return Some(("a web page (HTML), not the file itself", hint));
    }
    None
}

/// Says what a file is by its first bytes, for messages about a file that is not what it should be.
pub fn looks_like(start: &[u8]) -> &'static str {
    let kinds: [(&[u8], &str); 12] = [
        (b"version https://git-lfs.github.com/", "a git-lfs pointer"),
        (b"\x93NUMPY", "a numpy array"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"PAR1", "Parquet"),
        (b"\x7fELF", "a program or shared library"),
        (b"\x89HDF", "HDF5"),
        (b"\x80\x02", "a pickle"),
        (b"%PDF", "PDF"),
    ];
    if start.is_empty() {
        return "an empty file";
    }
    if mistaken(start).is_some_and(|(what, _)| what.contains("HTML")) {
        return "a web page (HTML)";
    }
    let known = kinds.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, kind)| *kind);
    let text = || !start.iter().take(512).any(|&byte| byte == 0);
    known.unwrap_or_else(|| if text() { "text" } else { "binary data" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, content: &[u8], expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs_err::write(&path, content).unwrap();
        let error = read_text(&path, 1000).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
        assert!(error.contains("hint: "), "{error}");
    }

    #[test]
    fn a_file_that_is_another_one_is_told() {
        check(
            "a",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "git lfs pull",
        );
        check("b", b"\n<!DOCTYPE HTML><p>Sign in", "web page");
        check("c", b"\x93NUMPY\x01\x00v\x00", "numpy");
        check("d", &[b'x'; 1001], "more than 1000 bytes");
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        let missing = folder.path().join("missing");
        let broken = folder.path().join("broken");
        fs_err::os::unix::fs::symlink(&missing, &broken).unwrap();
        let cases = [
            (broken.as_path(), "is a link to a file that is not there"),
            (folder.path(), "is a folder"),
            (&pipe, "is a pipe"),
            (Path::new("/dev/zero"), "is a device"),
            (&missing, "no such file"),
        ];
        for (path, expected) in cases {
            let error = read(path, 10).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("hint: "), "{error}");
        }
    }

    #[test]
    fn a_file_as_large_as_the_limit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs_err::write(&path, "0123456789").unwrap();
        assert_eq!(read_text(&path, 10).unwrap(), "0123456789");
    }
}
