//! The one container for all that is kept in the cache: the content, then a seal of 48 bytes with the
//! content's length and the BLAKE3 of the file's name and content.
//!
//! The seal stands at the end, so that content can be mapped or read in place. It is looked at when a process
//! first opens a file, and not again while that file stays what it was. What does not fit its seal, be it
//! cut short, changed, or another file under this name, is as if it were not there, and that is said: its
//! owner makes it anew.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use fs_err::File;
use tempfile::NamedTempFile;

use crate::{aside, foreign};

const MAGIC: [u8; 8] = *b"alhkept1";

/// Bytes of the seal: `MAGIC`, the content's length (u64, little-endian), and the hash.
pub const SEAL: u64 = 48;

/// Bytes that are hashed together, by all threads: hidden states are gigabytes.
const AT_ONCE: u64 = 4 << 20;

/// A file that fits its seal. What is read of it at less than `len` is the content.
pub struct Sealed {
    pub file: File,
    /// Length of the content in bytes.
    pub len: u64,
}

/// Opens a file; `None` if there is none, or if it does not fit its seal.
pub fn open(path: &Path) -> Option<Sealed> {
    if !path.exists() {
        return None;
    }
    match try_open(path) {
        Ok(sealed) => Some(sealed),
        Err(reason) => {
            tracing::warn!("{}: {reason}; it is made anew", path.display());
            None
        }
    }
}

/// Reads the content of a file; `None` as for [`open`], or if reading fails.
pub fn read(path: &Path) -> Option<Vec<u8>> {
    let sealed = open(path)?;
    let mut content = Vec::new();
    match sealed.file.take(sealed.len).read_to_end(&mut content) {
        Ok(_) => Some(content),
        Err(error) => {
            tracing::warn!("{error}; it is made anew");
            None
        }
    }
}

/// Seals a file that was made by [`aside::create`] for `path`, and gives it that name.
pub fn put(mut file: NamedTempFile, path: &Path) -> io::Result<Sealed> {
    let len = file.as_file().metadata()?.len();
    let hash = hash(path, file.reopen()?, len)?;
    file.as_file_mut().seek(SeekFrom::End(0))?;
    file.write_all(&seal(len, hash))?;
    let file = aside::put(file, path)?;
    Ok(Sealed { file, len })
}

/// Keeps `content` at `path`.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = aside::create(path)?;
    file.write_all(content)?;
    put(file, path)?;
    Ok(())
}

fn seal(len: u64, hash: blake3::Hash) -> Vec<u8> {
    [&MAGIC[..], &len.to_le_bytes(), hash.as_bytes()].concat()
}

/// A file is trusted while it is the same one: a new one under its name has another inode or time.
#[derive(Clone, Copy, Eq, PartialEq)]
struct Known {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

static VERIFIED: LazyLock<Mutex<HashMap<PathBuf, Known>>> = LazyLock::new(Mutex::default);

fn try_open(path: &Path) -> Result<Sealed, String> {
    let mut file = foreign::open(path).map_err(|error| error.problem)?;
    let meta = file.metadata().map_err(|error| error.to_string())?;
    let len = meta.len().checked_sub(SEAL).ok_or("is cut short")?;
    let known = Known {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.len(),
        modified: (meta.mtime(), meta.mtime_nsec()),
    };
    let verified = || VERIFIED.lock().unwrap_or_else(PoisonError::into_inner);
    if verified().get(path) != Some(&known) {
        if !fits(path, &mut file, len).map_err(|error| error.to_string())? {
            return Err("is damaged, or not whole".to_owned());
        }
        verified().insert(path.to_owned(), known);
    }
    file.rewind().map_err(|error| error.to_string())?;
    Ok(Sealed { file, len })
}

fn fits(path: &Path, file: &mut File, len: u64) -> io::Result<bool> {
    let hash = hash(path, &mut *file, len)?;
    let mut found = Vec::new();
    file.read_to_end(&mut found)?;
    Ok(found == seal(len, hash))
}

/// Hashes the name, so that a file under another's is noticed, and the first `len` bytes.
fn hash(path: &Path, content: impl Read, len: u64) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 2 kept file");
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    hasher.update(&(name.len() as u64).to_le_bytes()).update(name);
    let mut content = content.take(len);
    let mut buffer = Vec::with_capacity(AT_ONCE as usize);
    while content.by_ref().take(AT_ONCE).read_to_end(&mut buffer)? > 0 {
        hasher.update_rayon(&buffer);
        buffer.clear();
    }
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/thing");
        assert!(read(&path).is_none());
        for content in [&b""[..], b"some content"] {
            write(&path, content).unwrap();
            assert_eq!(read(&path).unwrap(), content);
            assert_eq!(open(&path).unwrap().len, content.len() as u64);
        }
    }

    #[test]
    fn any_bit_that_changes_and_any_cut_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thing");
        write(&path, b"some content").unwrap();
        let whole = fs_err::read(&path).unwrap();
        let check = |bytes: &[u8], what: &str| {
            // Under a new inode: a process that opened a file trusts it, as long as it is that one.
            let other = folder.path().join("other");
            fs_err::write(&other, bytes).unwrap();
            fs_err::rename(&other, &path).unwrap();
            assert!(read(&path).is_none(), "{what}");
        };
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            check(&changed, &format!("bit {bit}"));
        }
        for len in 0..whole.len() {
            check(&whole[..len], &format!("cut to {len}"));
        }
        check(&[&whole[..], b"x"].concat(), "longer");
        check(b"version https://git-lfs.github.com/spec/v1\n", "another file");
    }

    #[test]
    fn a_file_under_anothers_name_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        write(&one, b"content").unwrap();
        fs_err::rename(&one, &other).unwrap();
        assert!(read(&other).is_none());
    }

    #[test]
    fn what_is_no_file_is_as_if_it_were_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(open(folder.path()).is_none());
    }
}
