//! Bytes to text: encodings, white space, and blocks of whole lines.

use std::io::Read;
use std::ops::ControlFlow;

use alhost_base::blocks::{Block, NotUtf8};

use crate::error::PrepareError;

/// Returns the bytes from the start of line `first_line` of `place` as text, without a byte order mark.
pub(crate) fn utf8<'a>(
    place: &str,
    first_line: u64,
    bytes: &'a [u8],
) -> Result<&'a str, PrepareError> {
    alhost_base::blocks::utf8(first_line, bytes).map_err(
        |NotUtf8 { line, column, found, .. }| {
            let place = place.to_owned();
            PrepareError::Encoding { place, line, column, expected: "UTF-8", found }
        },
    )
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

/// Bytes read at a time: bounds the memory, and is far more than what threads cost.
pub(crate) const BLOCK: usize = 8 << 20;

/// Calls `each` for one block after another, each of about `size` bytes or one longer line, until
/// it breaks.
pub(crate) fn blocks(
    place: &str,
    reader: &mut dyn Read,
    size: usize,
    each: impl FnMut(&Block) -> Result<ControlFlow<()>, PrepareError>,
) -> Result<(), PrepareError> {
    let failed = |source| PrepareError::Read { place: place.to_owned(), source };
    let fill = |bytes: &mut Vec<u8>, _line| {
        (&mut *reader).take(size as u64).read_to_end(bytes).map_err(failed)
    };
    alhost_base::blocks::blocks(fill, each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_collapsed() {
        let mut text = "Title".to_owned();
        push_collapsed("  one\n  two\t\u{a0}three ", &mut text);
        assert_eq!(text, "Title one two three");
    }
}
