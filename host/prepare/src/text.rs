//! Bytes to text: encodings, white space, and blocks of whole lines.

use std::io::Read;
use std::ops::ControlFlow;

use crate::error::PrepareError;

/// The mark that some editors put before UTF-8 text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The bytes from the start of line `first_line` of `place` as text, without a byte order mark.
pub(crate) fn utf8<'a>(
    place: &str,
    first_line: u64,
    bytes: &'a [u8],
) -> Result<&'a str, PrepareError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if first_line == 1 => Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
        Ok(text) => Ok(text),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let line_start = valid.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let found = match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if first_line == 1 => "it looks like UTF-16",
                [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] => "it looks like an archive",
                _ => "perhaps Latin-1 or Windows-1252",
            };
            Err(PrepareError::Encoding {
                place: place.to_owned(),
                line: first_line + line_ends(valid),
                column: valid.len() - line_start + 1,
                expected: "UTF-8",
                found,
            })
        }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count() as u64 - 1
}

/// Appends `text` with every run of white space as one blank, without any at the ends.
pub(crate) fn push_collapsed(text: &str, onto: &mut String) {
    for word in text.split_whitespace() {
        if !onto.is_empty() {
            onto.push(' ');
        }
        onto.push_str(word);
    }
}

/// Bytes that end at a line end or at the end of the file.
pub(crate) struct Block {
    bytes: Vec<u8>,
    first_line: u64,
}

impl Block {
    /// The lines with their numbers, from 1, without the line ends.
    pub(crate) fn lines(&self) -> Vec<(u64, &[u8])> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        (self.first_line..)
            .zip(bytes.split(|&byte| byte == b'\n'))
            .map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
            .collect()
    }
}

/// Bytes read at a time: bounds the memory, and is far more than what threads cost.
pub(crate) const BLOCK: usize = 8 << 20;

/// Calls `each` for one block after another, each of about `size` bytes or one longer line, until
/// it breaks.
pub(crate) fn blocks(
    place: &str,
    reader: &mut dyn Read,
    size: usize,
    mut each: impl FnMut(&Block) -> Result<ControlFlow<()>, PrepareError>,
) -> Result<(), PrepareError> {
    let failed = |source| PrepareError::Read { place: place.to_owned(), source };
    let mut carried = Vec::new();
    let mut first_line = 1;
    loop {
        let mut bytes = Vec::with_capacity(size + carried.len());
        bytes.append(&mut carried);
        let n_read = (&mut *reader).take(size as u64).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if n_read > 0 {
            // More may follow: what stands behind the last line end belongs to the next block.
            let cut = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            carried.extend_from_slice(&bytes[cut..]);
            bytes.truncate(cut);
            if bytes.is_empty() {
                continue;
            }
        }
        let n_lines = line_ends(&bytes);
        if each(&Block { bytes, first_line })?.is_break() {
            return Ok(());
        }
        first_line += n_lines;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_size_give_the_same_lines() {
        let cases: [(&str, &[&str]); 6] = [
            ("", &[]),
            ("\n", &[""]),
            ("one", &["one"]),
            ("one\n", &["one"]),
            ("one\r\n\ntwo, longer\nthree", &["one", "", "two, longer", "three"]),
            ("\n\n\nx\n", &["", "", "", "x"]),
        ];
        for (text, expected) in cases {
            let expected: Vec<(u64, String)> =
                (1..).zip(expected.iter().map(|&line| line.to_owned())).collect();
            for size in 1..30 {
                let mut lines = Vec::new();
                blocks("a", &mut text.as_bytes(), size, |block| {
                    for (number, line) in block.lines() {
                        lines.push((number, String::from_utf8(line.to_vec()).unwrap()));
                    }
                    Ok(ControlFlow::Continue(()))
                })
                .unwrap();
                assert_eq!(lines, expected, "{text:?} in blocks of {size}");
            }
        }
    }

    #[test]
    fn another_encoding_is_told_with_its_place() {
        let check = |bytes: &[u8], place: &str, guess: &str| {
            let error = utf8("a.csv", 1, bytes).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains(guess), "{error}");
        };
        check(b"one\ntwo caf\xe9\n", "a.csv:2:8: not UTF-8", "Latin-1");
        check(b"\xff\xfea\0", "a.csv:1:1: not UTF-8", "UTF-16");
        assert_eq!(utf8("a.csv", 1, "\u{feff}x".as_bytes()).unwrap(), "x");
    }

    #[test]
    fn white_space_is_collapsed() {
        let mut text = "Title".to_owned();
        push_collapsed("  one\n  two\t\u{a0}three ", &mut text);
        assert_eq!(text, "Title one two three");
    }
}
