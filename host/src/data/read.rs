//! Opens data files, plain or compressed, and cuts them into blocks of whole lines.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::error::DataError;

/// A file being read; `.gz` and `.zst` are already unpacked.
pub(super) struct Source {
    pub(super) path: PathBuf,
    reader: Box<dyn Read>,
}

/// The file `name` in `folder`; where it does not exist as written, `name.gz` or `name.zst`.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    ["", ".gz", ".zst"]
        .iter()
        .map(|ending| folder.join(format!("{name}{ending}")))
        .find(|path| path.is_file())
}

/// The file of a split, or an error that lists what the folder has instead.
pub(super) fn find_split(
    folder: &Path,
    key: &'static str,
    name: &str,
) -> Result<PathBuf, DataError> {
    if !folder.is_dir() {
        return Err(DataError::NoFolder { path: folder.to_owned() });
    }
    find(folder, name).ok_or_else(|| DataError::Missing {
        key,
        path: folder.join(name),
        found: file_names(folder),
    })
}

/// The files of a name with at most one `*`, which stands for any characters; sorted.
pub(super) fn find_all(folder: &Path, name: &str) -> Vec<PathBuf> {
    let Some((before, after)) = name.split_once('*') else {
        return if name.is_empty() { Vec::new() } else { find(folder, name).into_iter().collect() };
    };
    let (below, before) = before.rsplit_once('/').unwrap_or(("", before));
    let folder = folder.join(below);
    let is_meant = |name: &String| {
        name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    };
    file_names(&folder).into_iter().filter(is_meant).map(|name| folder.join(name)).collect()
}

/// The files of a split, or an error that lists what the folder has instead.
pub(super) fn find_shards(
    folder: &Path,
    key: &'static str,
    name: &str,
) -> Result<Vec<PathBuf>, DataError> {
    let files = find_all(folder, name);
    if files.is_empty() {
        return find_split(folder, key, name).map(|file| vec![file]);
    }
    Ok(files)
}

fn file_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    names
}

/// Compression is told by the first bytes, so that a wrong ending does no harm.
pub(super) fn open(path: &Path) -> Result<Source, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    unpacked(path, File::open(path).map_err(failed)?)
}

/// Standard input, which is called so in errors; it may be compressed, too.
pub(super) fn standard_input() -> Result<Source, DataError> {
    unpacked(Path::new("standard input"), std::io::stdin())
}

fn unpacked(path: &Path, from: impl Read + 'static) -> Result<Source, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut file = BufReader::with_capacity(1 << 16, from);
    let start = file.fill_buf().map_err(failed)?;
    let reader: Box<dyn Read> = if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(zstd::Decoder::with_buffer(file).map_err(failed)?)
    } else {
        Box::new(file)
    };
    Ok(Source { path: path.to_owned(), reader })
}

/// Bytes that end at a line end or at the end of the file.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Line number of the first line, from 1.
    pub(super) first_line: u64,
}

impl Block {
    /// The lines with their numbers, without the line ends.
    pub(super) fn lines(&self) -> Vec<(u64, &[u8])> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        (self.first_line..)
            .zip(bytes.split(|&byte| byte == b'\n'))
            .map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
            .collect()
    }
}

impl Source {
    /// Calls `each` for one block after another, each of about `size` bytes or one longer line.
    pub(super) fn blocks(
        mut self,
        size: usize,
        mut each: impl FnMut(&Block) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut carried = Vec::new();
        let mut first_line = 1;
        loop {
            let mut bytes = std::mem::take(&mut carried);
            let read = self.fill(&mut bytes, size)?;
            if bytes.is_empty() {
                return Ok(());
            }
            if read > 0 {
                // More may follow: what stands behind the last line end belongs to the next block.
                let cut = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                carried = bytes.split_off(cut);
                if bytes.is_empty() {
                    continue;
                }
            }
            let n_lines = line_ends(&bytes);
            each(&Block { bytes, first_line })?;
            first_line += n_lines;
        }
    }

    /// Appends up to `size` bytes; 0 only at the end of the file.
    fn fill(&mut self, bytes: &mut Vec<u8>, size: usize) -> Result<usize, DataError> {
        let failed = |source| DataError::Read { path: self.path.clone(), source };
        let limit = size as u64;
        (&mut self.reader).take(limit).read_to_end(bytes).map_err(failed)
    }

    /// The first bytes, at most 4,096: enough for a header line.
    pub(super) fn start(mut self) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.fill(&mut bytes, 4096)?;
        Ok(bytes)
    }

    /// The whole file at once.
    pub(super) fn bytes(mut self) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let failed = |source| DataError::Read { path: self.path.clone(), source };
        self.reader.read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count() as u64 - 1
}

/// The mark that some editors put before UTF-8 text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The bytes from the start of line `first_line` as text without a byte order mark, or an error
/// that says where they stop being UTF-8.
pub(super) fn utf8<'a>(
    path: &Path,
    first_line: u64,
    bytes: &'a [u8],
) -> Result<&'a str, DataError> {
    let at_start = first_line == 1;
    match std::str::from_utf8(bytes) {
        Ok(text) if at_start => Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
        Ok(text) => Ok(text),
        Err(error) => {
            let utf16 = at_start && matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
            let (found, from) = if utf16 {
                ("it looks like UTF-16", "UTF-16")
            } else {
                ("perhaps Latin-1 or Windows-1252", "WINDOWS-1252")
            };
            let valid = &bytes[..error.valid_up_to()];
            let line_start = valid.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            Err(DataError::Encoding {
                path: path.to_owned(),
                line: first_line + line_ends(valid),
                column: valid.len() - line_start + 1,
                found,
                from,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines_of(path: &Path, size: usize) -> Vec<(u64, String)> {
        let mut lines = Vec::new();
        open(path)
            .unwrap()
            .blocks(size, |block| {
                for (number, line) in block.lines() {
                    lines.push((number, String::from_utf8(line.to_vec()).unwrap()));
                }
                Ok(())
            })
            .unwrap();
        lines
    }

    #[test]
    fn blocks_of_any_size_give_the_same_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("\n", &[""]),
            ("one", &["one"]),
            ("one\n", &["one"]),
            ("one\r\n\ntwo, longer\nthree", &["one", "", "two, longer", "three"]),
            ("\n\n\nx\n", &["", "", "", "x"]),
        ];
        for (text, expected) in cases {
            fs_err::write(&path, text).unwrap();
            let expected: Vec<(u64, String)> =
                (1..).zip(expected.iter().map(|&line| line.to_owned())).collect();
            for size in 1..30 {
                assert_eq!(lines_of(&path, size), expected, "{text:?} in blocks of {size}");
            }
        }
    }

    #[test]
    fn compressed_files_are_told_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            fs_err::write(folder.path().join(name), bytes).unwrap();
        };
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"gz\n").unwrap();
        write("a.jsonl.gz", &gz.finish().unwrap());
        write("b.jsonl.zst", &zstd::encode_all(&b"zst\n"[..], 1).unwrap());
        write("c.jsonl.gz", b"plain\n");
        for (name, expected) in [("a.jsonl", "gz"), ("b.jsonl", "zst"), ("c.jsonl", "plain")] {
            let path = find(folder.path(), name).unwrap();
            assert_eq!(lines_of(&path, 100), [(1, expected.to_owned())]);
        }
    }

    #[test]
    fn a_truncated_archive_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"one line\n").unwrap();
        let whole = gz.finish().unwrap();
        fs_err::write(&path, &whole[..whole.len() - 9]).unwrap();
        let error = open(&path).unwrap().bytes().unwrap_err().to_string();
        assert!(error.contains("a.gz: cannot be read"), "{error}");
    }
}
