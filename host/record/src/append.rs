//! A file of JSON lines that only grows, and of which a kill costs at most the line being written.

use std::io::Write;
use std::path::{Path, PathBuf};

use alhost_base::{aside, foreign};
use fs_err::{File, OpenOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::chain::Chain;
use super::error::RecordError;
use super::sound;

/// Most bytes of a file: far more than a run can record.
const LIMIT: u64 = 1 << 34;

pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Where the checks of the lines begin, and where they are.
    begin: Chain,
    chain: Chain,
    /// Bytes of whole lines.
    length: u64,
    n_lines: usize,
}

impl Log {
    /// Opens or creates the file, cuts off a line that a kill left unfinished, and reads the others.
    /// `chain` is where the checks of its lines begin.
    pub(super) fn open<T: DeserializeOwned + Serialize>(
        path: &Path,
        mut chain: Chain,
    ) -> Result<(Self, Vec<T>), RecordError> {
        let begin = chain.clone();
        let file = to_append(path)?;
        let bytes = read_bytes(path)?;
        let whole = whole_lines(&bytes);
        if whole.len() < bytes.len() {
            file.set_len(whole.len() as u64).map_err(RecordError::write)?;
            file.sync_all().map_err(RecordError::write)?;
        }
        let records = parse(path, whole, &mut chain)?;
        let (length, n_lines) = (whole.len() as u64, records.len());
        Ok((Self { path: path.to_owned(), file, begin, chain, length, n_lines }, records))
    }

    /// Appends a record, which is on disk once this returns; after an error the file is as it was
    /// before.
    pub(super) fn append<T: Serialize>(&mut self, record: &T) -> Result<(), RecordError> {
        let (line, chain) = self.line(record, self.chain.clone())?;
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // If this fails too, the next start cuts the unfinished line off; the first error is
            // the one to tell.
            let _cut = self.file.set_len(self.length);
            return Err(RecordError::write(source));
        }
        self.chain = chain;
        self.length += line.len() as u64;
        self.n_lines += 1;
        Ok(())
    }

    /// Puts a record in the place of all lines so far, or leaves them all.
    pub(super) fn replace_all<T: Serialize>(&mut self, record: &T) -> Result<(), RecordError> {
        let (line, chain) = self.line(record, self.begin.clone())?;
        aside::replace(&self.path, line.as_bytes()).map_err(RecordError::write)?;
        self.file = to_append(&self.path)?;
        (self.chain, self.length, self.n_lines) = (chain, line.len() as u64, 1);
        Ok(())
    }

    /// A record as the line behind `chain`, and the chain behind that.
    fn line<T: Serialize>(
        &self,
        record: &T,
        mut chain: Chain,
    ) -> Result<(String, Chain), RecordError> {
        if let Some(problem) = sound::problem(record) {
            return Err(RecordError::Unsound { path: self.path.clone(), problem });
        }
        let text = serde_json::to_string(record).expect("a record is plain data");
        Ok((chain.seal(&text) + "\n", chain))
    }

    pub(super) fn n_lines(&self) -> usize {
        self.n_lines
    }
}

/// Reads without changing anything, for a file that another process may be writing. Also says whether
/// there is an unfinished last line, which does not count.
pub(super) fn read<T: DeserializeOwned + Serialize>(
    path: &Path,
    mut chain: Chain,
) -> Result<(Vec<T>, bool), RecordError> {
    let bytes = read_bytes(path)?;
    let whole = whole_lines(&bytes);
    Ok((parse(path, whole, &mut chain)?, whole.len() < bytes.len()))
}

fn to_append(path: &Path) -> Result<File, RecordError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(RecordError::write)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, RecordError> {
    Ok(foreign::read(path, LIMIT)?)
}

/// Returns the bytes up to the last newline. A line counts from the moment its newline is there.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    &bytes[..end]
}

fn parse<T: DeserializeOwned + Serialize>(
    path: &Path,
    whole: &[u8],
    chain: &mut Chain,
) -> Result<Vec<T>, RecordError> {
    let lines = whole.split_inclusive(|&byte| byte == b'\n').enumerate();
    lines
        .map(|(index, line)| {
            parse_line(line, chain).map_err(|message| RecordError::Corrupt {
                path: path.to_owned(),
                line: index + 1,
                message,
            })
        })
        .collect()
}

fn parse_line<T: DeserializeOwned + Serialize>(
    line: &[u8],
    chain: &mut Chain,
) -> Result<T, String> {
    let line = str::from_utf8(line).map_err(|error| error.to_string())?;
    let text = chain.open(line.strip_suffix('\n').unwrap_or(line))?;
    let record = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    match sound::problem(&record) {
        Some(problem) => Err(problem),
        None => Ok(record),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::tests::manifest;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Number {
        n: u32,
    }

    fn chain() -> Chain {
        Chain::new(&manifest(), "log")
    }

    fn open(path: &Path) -> Result<(Log, Vec<u32>), RecordError> {
        let (log, records) = Log::open::<Number>(path, chain())?;
        Ok((log, records.into_iter().map(|number| number.n).collect()))
    }

    #[test]
    fn whatever_a_kill_leaves_the_whole_lines_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, found) = open(&path).unwrap();
        assert!(found.is_empty());
        for n in [10, 200, 3000] {
            log.append(&Number { n }).unwrap();
        }
        drop(log);
        let whole = fs_err::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            let lines = str::from_utf8(&whole[..length]).unwrap().matches('\n').count();
            let (found, torn) = read::<Number>(&path, chain()).unwrap();
            assert_eq!(
                (found.len(), torn),
                (lines, !whole[..length].ends_with(b"\n") && length > 0)
            );
            let (mut log, found) = open(&path).unwrap();
            assert_eq!(found, [10, 200, 3000][..lines], "after {length} bytes");
            log.append(&Number { n: 7 }).unwrap();
            assert_eq!(log.n_lines(), lines + 1);
            drop(log);
            assert_eq!(open(&path).unwrap().1.last(), Some(&7));
        }
    }

    #[test]
    fn what_takes_the_place_of_all_lines_is_gone_on_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut log, _) = open(&path).unwrap();
        for n in [1, 2] {
            log.append(&Number { n }).unwrap();
        }
        log.replace_all(&Number { n: 30 }).unwrap();
        log.append(&Number { n: 4 }).unwrap();
        assert_eq!(log.n_lines(), 2);
        drop(log);
        assert_eq!(open(&path).unwrap().1, [30, 4]);
    }

    #[test]
    fn any_other_damage_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        for (text, line) in [
            ("{\"n\":1}\nx\n{\"n\":3}\n", 2),
            ("{\"n\":1}\n\n{\"n\":3}\n", 2),
            ("\u{0}\n", 1),
            ("{\"n\":1,\"check\":\"0123456789abcdef\"}\n", 1),
        ] {
            fs_err::write(&path, text).unwrap();
            let error = open(&path).err().unwrap().to_string();
            assert!(error.starts_with(&format!("{}:{line}: ", path.display())), "{error}");
            assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
        }
    }
}
