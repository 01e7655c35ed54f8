//! CSV as the data sets have it: fields in double quotes, with commas and line ends inside.

use std::io::Read;

use csv::StringRecord;

use crate::error::PrepareError;
use crate::progress::Progress;
use crate::source::{Found, Source};

/// Rows, one after the other; each has as many fields as the first.
pub(crate) struct Table<'a> {
    place: String,
    rows: csv::Reader<&'a mut dyn Read>,
    /// Line of the row that was read last.
    line: u64,
}

/// Lends the rows of a file, the header among them if it has one.
pub(crate) fn read(
    source: &Source,
    found: &Found,
    progress: &dyn Progress,
    with: impl FnOnce(Table<'_>) -> Result<(), PrepareError>,
) -> Result<(), PrepareError> {
    source.read(found, progress, |reader| {
        let rows = csv::ReaderBuilder::new().has_headers(false).from_reader(reader);
        with(Table { place: found.to_string(), rows, line: 1 })
    })
}

impl Table<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<StringRecord>, PrepareError> {
        let mut row = csv::ByteRecord::new();
        // Where this row will begin; a quoted field may go on for lines.
        let start = self.rows.position().line();
        let more = self.rows.read_byte_record(&mut row).map_err(|error| self.told(error))?;
        self.line = row.position().map_or(start, csv::Position::line);
        if !more {
            return Ok(None);
        }
        let row = StringRecord::from_byte_record(row).map_err(|error| PrepareError::Encoding {
            place: self.place.clone(),
            line: self.line,
            column: error.utf8_error().field() + 1,
            expected: "UTF-8",
            found: "the column is the number of the field; perhaps Latin-1 or Windows-1252",
        })?;
        Ok(Some(row))
    }

    /// Makes the error of the row that was read last.
    pub(crate) fn malformed(&self, problem: &str, hint: &str) -> PrepareError {
        PrepareError::Malformed {
            place: format!("{}:{}", self.place, self.line),
            problem: problem.to_owned(),
            hint: hint.to_owned(),
        }
    }

    fn told(&self, error: csv::Error) -> PrepareError {
        let line = error.position().map_or(self.line, csv::Position::line);
        match error.into_kind() {
            csv::ErrorKind::Io(source) => PrepareError::Read { place: self.place.clone(), source },
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => PrepareError::Malformed {
                place: format!("{}:{line}", self.place),
                problem: format!("{len} fields, where the rows before have {expected_len}"),
                hint: "a field with a comma, a quote or a line end stands in double quotes, with \
                       quotes inside doubled"
                    .to_owned(),
            },
            other => PrepareError::Malformed {
                place: format!("{}:{line}", self.place),
                problem: format!("{other:?}"),
                hint: "the file must be the distribution's own CSV".to_owned(),
            },
        }
    }
}
