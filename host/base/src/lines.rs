//! Lines of strangers, kept to a length: what a line has beyond it is counted and thrown away, so that
//! output without a line end costs its reader no memory.

use std::io::{self, BufRead};

/// One line, without its end.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Line {
    pub start: Vec<u8>,
    /// Bytes of the line that are not in `start`.
    pub left_out: u64,
}

/// Reads lines of which it keeps at most `limit` bytes.
pub struct Lines<R> {
    reader: R,
    limit: usize,
}

impl<R: BufRead> Lines<R> {
    pub fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit }
    }

    /// Reads the next line; `None` at the end. What comes before the end without a line end is a
    /// line too.
    pub fn read(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line::default();
        let mut is_begun = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok(is_begun.then_some(line));
            }
            is_begun = true;
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let kept = part.len().min(self.limit - line.start.len());
            line.start.extend(&part[..kept]);
            line.left_out += (part.len() - kept) as u64;
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    /// Checks the lines of a reader that gives three bytes at a time.
    fn check(input: &str, expected: &[(&str, u64)]) {
        let mut lines = Lines::new(BufReader::with_capacity(3, input.as_bytes()), 4);
        for &(start, left_out) in expected {
            let line = lines.read().unwrap().unwrap();
            assert_eq!((line.start.as_slice(), line.left_out), (start.as_bytes(), left_out));
        }
        assert_eq!(lines.read().unwrap(), None, "{input:?}");
    }

    #[test]
    fn lines_are_cut_and_what_is_cut_is_counted() {
        check("", &[]);
        check("\n", &[("", 0)]);
        check("ab\ncd", &[("ab", 0), ("cd", 0)]);
        check("abcd\nabcde\n\nabcdefghijk", &[("abcd", 0), ("abcd", 1), ("", 0), ("abcd", 7)]);
    }

    #[test]
    fn a_line_that_is_large_and_has_no_end_costs_no_memory() {
        let endless = BufReader::new(io::repeat(b'x').take(200 << 20));
        let line = Lines::new(endless, 100).read().unwrap().unwrap();
        assert!(line.start.capacity() < 1000);
        assert_eq!(line.left_out, (200 << 20) - 100);
    }
}
