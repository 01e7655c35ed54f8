//! Tables: a line of names for the columns, then a text a row. Separated by commas, semicolons or tabs,
//! with quotes as RFC 4180 has them.

use std::path::Path;

use alhost_base::Unreadable;
use alhost_base::blocks::line_ends;
use csv::{ErrorKind, ReaderBuilder, StringRecord};

/// A whole table.
pub(crate) struct Table<'a> {
    pub(crate) columns: Vec<String>,
    separator: u8,
    text: &'a str,
    /// Lines before `text`.
    skipped: u64,
}

/// A row, whose cells are asked for by the names of their columns.
pub(crate) struct Row<'t> {
    columns: &'t [String],
    cells: &'t StringRecord,
}

impl Row<'_> {
    /// Returns a cell; none if there is no such column, or nothing in the cell.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.cells.get(at).filter(|cell| !cell.is_empty())
    }
}

impl<'a> Table<'a> {
    pub(crate) fn new(path: &Path, text: &'a str) -> Result<Self, Unreadable> {
        // Excel writes and reads a first line that names the separator.
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let named = line.trim_end_matches('\r');
        let named = named.strip_prefix("sep=").or_else(|| named.strip_prefix("SEP="));
        let named = named.and_then(|named| named.bytes().next());
        let (text, skipped) = if named.is_some() { (rest, 1) } else { (text, 0) };
        // The one that the first line has most of.
        let first = text.split('\n').next().unwrap_or(text);
        let count = |separator: u8| first.bytes().filter(|&byte| byte == separator).count();
        let likeliest = [b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator));
        let separator = named.or(likeliest).unwrap_or(b',');

        let mut table = Self { columns: Vec::new(), separator, text, skipped };
        table.check_quotes(path)?;
        let mut reader = table.reader();
        let header = reader.headers().map_err(|error| table.told(path, &error))?;
        table.columns = header.iter().map(str::to_owned).collect();
        Ok(table)
    }

    /// Calls `each` for every row, with its place.
    pub(crate) fn rows(
        &self,
        path: &Path,
        mut each: impl FnMut(&str, &Row<'_>),
    ) -> Result<(), Unreadable> {
        let mut reader = self.reader();
        let mut cells = StringRecord::new();
        while reader.read_record(&mut cells).map_err(|error| self.told(path, &error))? {
            let line = cells.position().map_or(0, |position| self.line_of(position));
            each(&format!("line {line}"), &Row { columns: &self.columns, cells: &cells });
        }
        Ok(())
    }

    fn reader(&self) -> csv::Reader<&'a [u8]> {
        ReaderBuilder::new().delimiter(self.separator).from_reader(self.text.as_bytes())
    }

    /// Returns the line of a record. With CRLF, and before blank lines, the csv crate points at what the
    /// last record left.
    fn line_of(&self, position: &csv::Position) -> u64 {
        let rest = self.text.as_bytes()[position.byte() as usize..].iter();
        let skipped = rest.take_while(|&&byte| byte == b'\r' || byte == b'\n');
        let skipped = skipped.filter(|&&byte| byte == b'\n').count() as u64;
        position.line() + skipped + self.skipped
    }

    /// Refuses quotes that the RFC has not: the csv crate drops them, and what was one cell goes on as if
    /// nothing were. A file that is cut off within a cell is found so, too.
    fn check_quotes(&self, path: &Path) -> Result<(), Unreadable> {
        let text = self.text.as_bytes();
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r') || *byte == self.separator;
        let wrong = |at: usize, problem: &str| {
            let line = 1 + self.skipped + line_ends(&text[..at]);
            let hint = "export it again; a quote within a quoted cell is written twice";
            Err(Unreadable::new(path, format!("line {line}: {problem}"), hint))
        };
        let next =
            |from: usize| text[from..].iter().position(|&byte| byte == b'"').map(|at| from + at);
        let mut at = 0;
        while let Some(opens) = next(at) {
            if opens > 0 && !is_end(&text[opens - 1]) {
                return wrong(opens, "a quote in a cell that does not begin with one");
            }
            at = opens + 1;
            let closes = loop {
                match next(at) {
                    None => return wrong(opens, "a quote that opens here is never closed"),
                    Some(quote) if text.get(quote + 1) == Some(&b'"') => at = quote + 2,
                    Some(quote) => break quote,
                }
            };
            if text.get(closes + 1).is_some_and(|byte| !is_end(byte)) {
                return wrong(closes, "a quote closes, but the cell goes on behind it");
            }
            at = closes + 1;
        }
        Ok(())
    }

    fn told(&self, path: &Path, error: &csv::Error) -> Unreadable {
        let problem = match error.kind() {
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("the row has {len} cells, the first line {expected_len}")
            }
            _ => error.to_string(),
        };
        let position = error.position();
        let line = position.map_or(1, |position| self.line_of(position));
        let hint = "export it again, or save it with the same number of cells in each row";
        Unreadable::new(path, format!("line {line}: {problem}"), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let path = Path::new("a.csv");
        let table = Table::new(path, text).unwrap();
        let mut rows = Vec::new();
        let read = |place: &str, row: &Row<'_>| {
            rows.push((place.to_owned(), row.get("b").unwrap_or("none").to_owned()));
        };
        table.rows(path, read).unwrap();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(place, cell)| ((*place).to_owned(), (*cell).to_owned()))
            .collect();
        assert_eq!(rows, expected, "{text:?}");
    }

    #[test]
    fn cells_are_found_by_their_columns_whatever_separates_them() {
        check("a,b\n1,2\n", &[("line 2", "2")]);
        check("a;b\r\n1;2,5\r\n", &[("line 2", "2,5")]);
        check("a\tb\n1\t\n\n1\t3", &[("line 2", "none"), ("line 4", "3")]);
        check("sep=;\na;b\n1;2\n", &[("line 3", "2")]);
        check("a,b\n\"x\n\"\"y\",2\n1,\"3\"\n", &[("line 2", "2"), ("line 4", "3")]);
        check("a,c\n1,2\n", &[("line 2", "none")]);
    }

    #[test]
    fn broken_rows_and_quotes_are_told_with_their_line() {
        let refused = |text: &str, expected: &str| {
            let path = Path::new("a.csv");
            let read = Table::new(path, text).and_then(|table| table.rows(path, |_, _| ()));
            let error = read.unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("\nhint: "), "{text:?}: {error}");
        };
        refused("a,b\n1,2\n1\n", "a.csv: line 3: the row has 1 cells, the first line 2");
        refused("a,b\n1,\"2\n3,4", "a.csv: line 2: a quote that opens here is never closed");
        refused("a,b\n1,2\"\n", "a.csv: line 2: a quote in a cell");
        refused("a,b\n1,\"2\" x\n", "a.csv: line 2: a quote closes, but");
    }
}
