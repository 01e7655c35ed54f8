//! CSV and TSV: a line of names for the columns, then one text a record; separator, quotes and header
//! are as the config says.

use std::borrow::Cow;
use std::path::Path;

use alhost_base::progress::Progress;
use alhost_config::{DataConfig, DataFormat};
use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::columns::{Columns, LabelsAt, labels_of_each, no_column, truth};
use super::error::DataError;
use super::quotes;
use super::raw::{Names, RawSplit};
use super::read::{Source, line_ends, utf8};
use super::record::{Field, Record};

/// Reads a split. The file is held in memory while it is read. Several text columns are joined with line
/// ends.
pub(super) fn read(
    source: Source,
    config: &DataConfig,
    split: &mut RawSplit,
    names: &mut Names,
    notes: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = source.path.clone();
    let bytes = source.bytes()?;
    let table = Table::new(&path, utf8(&path, 1, &bytes)?, config);
    let columns = table.columns()?;
    table.check_quotes(columns.len(), split.key, notes)?;
    let rows = Rows { columns: &columns, at: Columns::find(&path, &columns, config)?, config };

    let mut reader = table.reader();
    let mut record = StringRecord::new();
    loop {
        let read = reader.read_record(&mut record).map_err(|error| table.told(&error))?;
        if !read {
            break;
        }
        let position = record.position().expect("a record that was read has a position");
        let line = table.line_of(position);
        split.push(rows.record(&path, line, &record)?, names)?;
        progress.advance(1);
    }
    notes.extend(rows.at.note(split.key));
    Ok(())
}

/// Holds what the records are to be understood by.
struct Rows<'a> {
    columns: &'a [String],
    at: Columns,
    config: &'a DataConfig,
}

impl Rows<'_> {
    fn record<'a>(
        &'a self,
        path: &Path,
        line: u64,
        record: &'a StringRecord,
    ) -> Result<Record<'a>, DataError> {
        let id = self.at.id.map(|column| Cow::Borrowed(&record[column]));
        let text = match self.at.texts[..] {
            [column] => Cow::Borrowed(&record[column]),
            _ => {
                let texts: Vec<&str> =
                    self.at.texts.iter().map(|&column| &record[column]).collect();
                Cow::Owned(texts.join("\n"))
            }
        };
        let field = match &self.at.labels {
            LabelsAt::One(column) => Field::Undivided(Cow::Borrowed(&record[*column])),
            LabelsAt::Each(each) | LabelsAt::Guessed(each) => {
                let labels = labels_of_each(each, |column| truth(&record[column]));
                Field::Labels(labels.map_err(|found| self.no_truth(path, line, found))?)
            }
        };
        Ok(Record::new(line, id, text, field, &self.config.label_separator))
    }

    fn no_truth(&self, path: &Path, line: u64, (column, found): (&str, String)) -> DataError {
        if matches!(self.at.labels, LabelsAt::Guessed(_)) {
            return no_column(path, self.columns, "labels_column", &self.config.labels_column);
        }
        DataError::NoTruth { path: path.to_owned(), line, column: column.to_owned(), found }
    }
}

/// A whole file.
struct Table<'a> {
    path: &'a Path,
    text: &'a str,
    /// Line ends before `text`.
    skipped: u64,
    separator: u8,
    config: &'a DataConfig,
}

impl<'a> Table<'a> {
    fn new(path: &'a Path, text: &'a str, config: &'a DataConfig) -> Self {
        let usual = if config.format == DataFormat::Tsv { b'\t' } else { b',' };
        let given = config.separator.as_ref().and_then(|given| given.bytes().next());
        // Excel writes and reads a first line that names the separator.
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let named = line.trim_end_matches('\r');
        let named = named.strip_prefix("sep=").or_else(|| named.strip_prefix("SEP="));
        let named = named.and_then(|named| match named.as_bytes() {
            [byte] => Some(*byte),
            _ => None,
        });
        let (text, skipped) = if named.is_some() { (rest, 1) } else { (text, 0) };
        let separator = given.or(named).unwrap_or(usual);
        Self { path, text, skipped, separator, config }
    }

    fn reader(&self) -> csv::Reader<&'a [u8]> {
        ReaderBuilder::new()
            .delimiter(self.separator)
            .quoting(self.config.quote != Some(false))
            .has_headers(self.config.header)
            .from_reader(self.text.as_bytes())
    }

    /// Returns the names in the header, or numbers from 1 where there is none.
    fn columns(&self) -> Result<Vec<String>, DataError> {
        let mut reader = self.reader();
        if self.config.header {
            let header = reader.headers().map_err(|error| self.told(&error))?;
            return Ok(header.iter().map(str::to_owned).collect());
        }
        let mut first = StringRecord::new();
        reader.read_record(&mut first).map_err(|error| self.told(&error))?;
        Ok((1..=first.len()).map(|number| number.to_string()).collect())
    }

    /// Refuses quotes that the RFC has not. Fields that may have swallowed lines are noted; in TSV, where
    /// quotes are mostly plain characters, they are refused unless the config says that there are quotes.
    fn check_quotes(
        &self,
        columns: usize,
        key: &str,
        notes: &mut Vec<String>,
    ) -> Result<(), DataError> {
        if self.config.quote == Some(false) {
            return Ok(());
        }
        let swallowing = quotes::check(self.text.as_bytes(), self.separator, columns);
        let swallowing = swallowing
            .map_err(|wrong| self.wrong(self.line_at(wrong.byte), wrong.problem.to_owned()))?;
        let Some(&first) = swallowing.first() else { return Ok(()) };
        let (line, n) = (self.line_at(first), swallowing.len());
        let problem = format!(
            "{n} quoted fields hold line ends and separators as if the lines between two quotes were \
             swallowed"
        );
        if self.separator == b'\t' && self.config.quote.is_none() {
            return Err(self.wrong(line, problem));
        }
        if self.config.quote.is_none() {
            notes.push(format!(
                "{key}: {problem}, the first in line {line} (`data.quote = false` if quotes are plain \
                 characters here, `true` if this is right)"
            ));
        }
        Ok(())
    }

    fn line_at(&self, byte: usize) -> u64 {
        1 + self.skipped + line_ends(&self.text.as_bytes()[..byte])
    }

    /// Returns the line of a record. With CRLF, and before blank lines, the csv crate points at
    /// what the last record left.
    fn line_of(&self, position: &csv::Position) -> u64 {
        let rest = self.text.as_bytes()[position.byte() as usize..].iter();
        let skipped = rest.take_while(|&&byte| byte == b'\r' || byte == b'\n');
        let skipped = skipped.filter(|&&byte| byte == b'\n').count() as u64;
        position.line() + skipped + self.skipped
    }

    fn told(&self, error: &csv::Error) -> DataError {
        let (position, problem) = match error.kind() {
            ErrorKind::UnequalLengths { pos, expected_len, len } => {
                let first = if self.config.header { "header" } else { "first line" };
                (pos.as_ref(), format!("the record has {len} fields, the {first} {expected_len}"))
            }
            kind => (kind.position(), error.to_string()),
        };
        let line = position.map_or(1, |position| self.line_of(position));
        self.wrong(line, problem)
    }

    fn wrong(&self, line: u64, problem: String) -> DataError {
        let separator = match self.separator {
            b'\t' => "tabs".to_owned(),
            b',' => "commas".to_owned(),
            other => format!("`{}`", char::from(other)),
        };
        DataError::Csv { path: self.path.to_owned(), line, separator, problem }
    }
}
