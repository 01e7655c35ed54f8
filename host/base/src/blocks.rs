//! Large files of text: read in blocks of whole lines, each line with its number, and turned into UTF-8 or
//! refused with the place where they stop being it.

use std::ops::ControlFlow;

/// The mark that some editors put before UTF-8 text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Bytes that end at a line end or at the end of the file.
pub struct Block {
    pub bytes: Vec<u8>,
    /// The number of the first line, from 1.
    pub first_line: u64,
}

impl Block {
    /// Returns the lines with their numbers, without the line ends.
    pub fn lines(&self) -> Vec<(u64, &[u8])> {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        (self.first_line..)
            .zip(bytes.split(|&byte| byte == b'\n'))
            .map(|(number, line)| (number, line.strip_suffix(b"\r").unwrap_or(line)))
            .collect()
    }
}

/// Calls `each` for one block after another, each of about as many bytes as `fill` appends or one longer
/// line, until it breaks. `fill` appends to what is carried over and says how much it read, 0 only at the
/// end; it is told the number of the first line.
pub fn blocks<E>(
    mut fill: impl FnMut(&mut Vec<u8>, u64) -> Result<usize, E>,
    mut each: impl FnMut(&Block) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut carried = Vec::new();
    let mut first_line = 1;
    loop {
        let mut bytes = std::mem::take(&mut carried);
        let n_read = fill(&mut bytes, first_line)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if n_read > 0 {
            // More may follow: what stands behind the last line end belongs to the next block.
            let cut = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            carried = bytes.split_off(cut);
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

/// Counts the line ends.
pub fn line_ends(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count() as u64 - 1
}

/// The place where bytes stop being UTF-8, and what they look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotUtf8 {
    pub line: u64,
    /// Counts bytes, from 1.
    pub column: usize,
    pub found: &'static str,
    /// The name of the encoding that it may be, as iconv takes it.
    pub from: &'static str,
}

/// Returns the bytes from the start of line `first_line` as text without a byte order mark.
pub fn utf8(first_line: u64, bytes: &[u8]) -> Result<&str, NotUtf8> {
    let at_start = first_line == 1;
    let error = match std::str::from_utf8(bytes) {
        Ok(text) if at_start => return Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let (found, from) = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] if at_start => ("it looks like UTF-16", "UTF-16"),
        [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] => ("it looks like an archive", ""),
        _ => ("perhaps Latin-1 or Windows-1252", "WINDOWS-1252"),
    };
    let valid = &bytes[..error.valid_up_to()];
    let line_start = valid.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let (line, column) = (first_line + line_ends(valid), valid.len() - line_start + 1);
    Err(NotUtf8 { line, column, found, from })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

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
                let (mut lines, mut reader) = (Vec::new(), text.as_bytes());
                let fill = |bytes: &mut Vec<u8>, _line| (&mut reader).take(size).read_to_end(bytes);
                let done = blocks(fill, |block| {
                    for (number, line) in block.lines() {
                        lines.push((number, String::from_utf8(line.to_vec()).unwrap()));
                    }
                    Ok(ControlFlow::Continue(()))
                });
                done.unwrap();
                assert_eq!(lines, expected, "{text:?} in blocks of {size}");
            }
        }
    }

    #[test]
    fn another_encoding_is_told_with_its_place() {
        let check = |bytes: &[u8], expected: (u64, usize), guess: &str| {
            let error = utf8(1, bytes).unwrap_err();
            assert_eq!((error.line, error.column), expected);
            assert!(error.found.contains(guess), "{error:?}");
        };
        check(b"one\ntwo caf\xe9\n", (2, 8), "Latin-1");
        check(b"\xff\xfea\0", (1, 1), "UTF-16");
        check(b"PK\x03\x04\xff", (1, 5), "archive");
        assert_eq!(utf8(1, "\u{feff}x".as_bytes()), Ok("x"));
        assert_eq!(utf8(2, "\u{feff}x".as_bytes()), Ok("\u{feff}x"), "only where the file begins");
    }
}
