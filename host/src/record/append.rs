//! A file of JSON lines that only grows, and of which a kill costs at most the line being written.

use std::io::Write;
use std::path::Path;

use fs_err::{File, OpenOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RecordError;

pub(super) struct Log {
    file: File,
    /// Bytes of whole lines.
    length: u64,
    n_lines: usize,
}

impl Log {
    /// Opens or creates the file, cuts off a line that a kill left unfinished, and reads the others.
    pub(super) fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), RecordError> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(RecordError::write)?;
        let bytes = fs_err::read(path)?;
        let whole = whole_lines(&bytes);
        if whole.len() < bytes.len() {
            file.set_len(whole.len() as u64).map_err(RecordError::write)?;
            file.sync_all().map_err(RecordError::write)?;
        }
        let records = parse(path, whole)?;
        Ok((Self { file, length: whole.len() as u64, n_lines: records.len() }, records))
    }

    /// On disk once this returns; after an error the file is as it was before.
    pub(super) fn append<T: Serialize>(&mut self, record: &T) -> Result<(), RecordError> {
        let mut line = serde_json::to_vec(record).expect("a record is plain data");
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // If this fails too, the next start cuts the unfinished line off; the first error is
            // the one to tell.
            let _cut = self.file.set_len(self.length);
            return Err(RecordError::write(source));
        }
        self.length += line.len() as u64;
        self.n_lines += 1;
        Ok(())
    }

    pub(super) fn n_lines(&self) -> usize {
        self.n_lines
    }
}

/// Reads without changing anything, for a file that another process may be writing. Also says whether
/// there is an unfinished last line, which does not count.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, bool), RecordError> {
    let bytes = fs_err::read(path)?;
    let whole = whole_lines(&bytes);
    Ok((parse(path, whole)?, whole.len() < bytes.len()))
}

/// Up to the last newline. A line counts from the moment its newline is there.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    &bytes[..end]
}

fn parse<T: DeserializeOwned>(path: &Path, whole: &[u8]) -> Result<Vec<T>, RecordError> {
    let lines = whole.split_inclusive(|&byte| byte == b'\n').enumerate();
    lines
        .map(|(index, line)| {
            serde_json::from_slice(line).map_err(|error| RecordError::Corrupt {
                path: path.to_owned(),
                line: index + 1,
                message: error.to_string(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<(Log, Vec<u32>), RecordError> {
        Log::open(path)
    }

    #[test]
    fn whatever_a_kill_leaves_the_whole_lines_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, found) = open(&path).unwrap();
        assert!(found.is_empty());
        for number in [10_u32, 200, 3000] {
            log.append(&number).unwrap();
        }
        drop(log);
        let whole = fs_err::read(&path).unwrap();
        assert_eq!(whole, b"10\n200\n3000\n");
        for length in 0..=whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            let lines = str::from_utf8(&whole[..length]).unwrap().matches('\n').count();
            let (found, torn) = read::<u32>(&path).unwrap();
            assert_eq!(
                (found.len(), torn),
                (lines, !whole[..length].ends_with(b"\n") && length > 0)
            );
            let (mut log, found) = open(&path).unwrap();
            assert_eq!(found, [10, 200, 3000][..lines], "after {length} bytes");
            log.append(&7_u32).unwrap();
            assert_eq!(log.n_lines(), lines + 1);
            drop(log);
            assert_eq!(open(&path).unwrap().1.last(), Some(&7));
        }
    }

    #[test]
    fn any_other_damage_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for (text, line) in [("1\nx\n3\n", 2), ("1\n\n3\n", 2), ("\u{0}\n", 1)] {
            fs_err::write(&path, text).unwrap();
            let error = open(&path).err().unwrap().to_string();
            assert!(error.starts_with(&format!("{}:{line}: ", path.display())), "{error}");
            assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
        }
    }
}
