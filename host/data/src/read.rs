//! Opens text files, plain or compressed, and cuts them into blocks of whole lines. What is unpacked is
//! bounded by what is packed, and a line by a stated maximum, so that no small file fills the memory.

use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub(super) use alhost_base::blocks::{Block, line_ends};
use alhost_base::blocks::{NotUtf8, blocks};
use alhost_base::{Unreadable, foreign};

use super::error::DataError;

/// A line may be so long: more than any text, and little enough to be held in memory.
const MAX_LINE: usize = 256 << 20;
/// A file may unpack to so many times its size and `FREE` bytes more; text packs to a third or a tenth.
const MAX_RATIO: u64 = 200;
const FREE: u64 = 1 << 30;

/// A file being read; `.gz` and `.zst` are already unpacked.
pub(super) struct Source {
    pub(super) path: PathBuf,
    reader: Box<dyn BufRead>,
    /// Bytes that may still come.
    left: u64,
}

/// Opens a file. Compression is told by the first bytes, so that a wrong ending does no harm.
pub(super) fn open(path: &Path) -> Result<Source, DataError> {
    let file = foreign::open(path)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    unpacked(path, file, FREE.saturating_add(size.saturating_mul(MAX_RATIO)))
}

/// Opens standard input, which is called so in errors; it may be compressed, too. Its size is not
/// known, but it is read block by block.
pub(super) fn standard_input() -> Result<Source, DataError> {
    unpacked(Path::new("standard input"), std::io::stdin(), u64::MAX)
}

fn unpacked(path: &Path, from: impl Read + 'static, most: u64) -> Result<Source, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let mut file = BufReader::with_capacity(1 << 16, from);
    let start = file.fill_buf().map_err(failed)?;
    let (reader, left): (Box<dyn BufRead>, u64) = if start.starts_with(&[0x1f, 0x8b]) {
        (Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file))), most)
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let decoder = zstd::Decoder::with_buffer(file).map_err(failed)?;
        (Box::new(BufReader::new(decoder)), most)
    } else {
        (Box::new(file), u64::MAX)
    };
    let mut source = Source { path: path.to_owned(), reader, left };
    let start = source.peek()?;
    if let Some((what, hint)) = not_text(start) {
        return Err(Unreadable::new(path, format!("is {what}"), hint).into());
    }
    Ok(source)
}

/// Says what a file is that is no text, and what to do.
fn not_text(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let other = "check that this is the file you mean, and that `data.format` is its format";
    // A folder packed as one file has its mark behind the name of the first file in it.
    if start.get(257..262) == Some(b"ustar") {
        return Some(("a tar archive, not text", "unpack it, and set `data.path` to its folder"));
    }
    foreign::mistaken(start).or_else(|| match foreign::looks_like(start) {
        "text" | "an empty file" | "binary data" | "gzip" | "zstd" => None,
        kind @ ("bzip2" | "xz" | "a zip archive") => {
            Some((kind, "unpack it; of packed files, gzip and zstd are read as they are"))
        }
        kind => Some((kind, other)),
    })
}

impl Source {
    /// Calls `each` for one block after another, each of about `size` bytes or one longer line.
    pub(super) fn blocks(
        mut self,
        size: usize,
        mut each: impl FnMut(&Block) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let path = self.path.clone();
        let fill = |bytes: &mut Vec<u8>, line| {
            let read = self.fill(bytes, size)?;
            if bytes.len() > MAX_LINE + size && !bytes.contains(&b'\n') {
                return Err(DataError::LongLine { path: path.clone(), line, most: MAX_LINE });
            }
            Ok(read)
        };
        blocks(fill, |block| each(block).map(ControlFlow::Continue))
    }

    /// Appends up to `size` bytes; 0 only at the end of the file.
    fn fill(&mut self, bytes: &mut Vec<u8>, size: usize) -> Result<usize, DataError> {
        let failed = |source| DataError::Read { path: self.path.clone(), source };
        let read = (&mut self.reader).take(size as u64).read_to_end(bytes).map_err(failed)?;
        let (path, read_bytes) = (&self.path, read as u64);
        let left = self.left.checked_sub(read_bytes);
        self.left = left.ok_or_else(|| DataError::Bomb { path: path.clone(), ratio: MAX_RATIO })?;
        Ok(read)
    }

    /// The first bytes, which are read again.
    pub(super) fn peek(&mut self) -> Result<&[u8], DataError> {
        let failed = |source| DataError::Read { path: self.path.clone(), source };
        self.reader.fill_buf().map_err(failed)
    }

    /// The first bytes, at most 4,096: enough for a header line.
    pub(super) fn start(mut self) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.fill(&mut bytes, 4096)?;
        Ok(bytes)
    }

    /// The whole file at once.
    pub(super) fn bytes(mut self) -> Result<Vec<u8>, DataError> {
        const STEP: usize = 64 << 20;
        let mut bytes = Vec::new();
        while self.fill(&mut bytes, STEP)? > 0 {}
        Ok(bytes)
    }
}

/// Returns the bytes from the start of line `first_line` as text without a byte order mark, or an error
/// that says where they stop being UTF-8.
pub(super) fn utf8<'a>(
    path: &Path,
    first_line: u64,
    bytes: &'a [u8],
) -> Result<&'a str, DataError> {
    alhost_base::blocks::utf8(first_line, bytes).map_err(|NotUtf8 { line, column, found, from }| {
        DataError::Encoding { path: path.to_owned(), line, column, found, from }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::locate;
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
            let path = locate::find(folder.path(), name).unwrap();
            assert_eq!(lines_of(&path, 100), [(1, expected.to_owned())]);
        }
    }

    #[test]
    fn a_small_file_does_not_fill_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zst");
        let packed = zstd::encode_all(std::io::repeat(b'x').take(2 * FREE), 1).unwrap();
        assert!(packed.len() < 1 << 20);
        fs_err::write(&path, packed).unwrap();
        let error = open(&path).unwrap().blocks(8 << 20, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("a.zst:1:") && error.contains("268435456 bytes"), "{error}");

        let lines = format!("{}\n", "x".repeat(99)).repeat(1 << 20);
        let lines = std::iter::repeat_n(lines.as_bytes(), 16).collect::<Vec<_>>().concat();
        fs_err::write(&path, zstd::encode_all(&lines[..], 1).unwrap()).unwrap();
        let error = open(&path).unwrap().blocks(8 << 20, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("a.zst") && error.contains("200 times"), "{error}");
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
