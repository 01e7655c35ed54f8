//! CSV and TSV: a header line, then one text a record, in columns that the config names.

use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::read::{Source, line_ends, utf8};
use super::vocabulary::nearest;
use crate::config::{DataConfig, DataFormat};
use crate::progress::Progress;

/// Reads a split. The file is held in memory while it is read.
///
/// Several text columns are joined with line ends. Without an id column, a text's id is the
/// split's name and its number, such as `train-1`.
pub(super) fn read(
    source: Source,
    config: &DataConfig,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = source.path.clone();
    let bytes = source.bytes()?;
    let file = Table { path: &path, text: utf8(&path, 1, &bytes)?, separator: separator(config) };
    let mut reader =
        ReaderBuilder::new().delimiter(file.separator).from_reader(file.text.as_bytes());
    let header = reader.headers().map_err(|error| file.told(&error, 0))?;
    let columns = Columns::find(&path, header, config)?;

    let mut record = StringRecord::new();
    let mut start = 0;
    loop {
        let read = reader.read_record(&mut record).map_err(|error| file.told(&error, start))?;
        if !read {
            break;
        }
        let position = record.position().expect("a record that was read has a position");
        start = position.byte() as usize;
        let line = position.line() + file.line_ends_at(start);
        columns.push(line, &record, config, split, names)?;
        progress.advance(1);
    }
    // The csv crate takes a quote that is never closed for one that closes at the end of the file.
    if file.ends_in_quotes(start) { Err(file.unclosed_quote(start)) } else { Ok(()) }
}

fn separator(config: &DataConfig) -> u8 {
    if config.format == DataFormat::Tsv { b'\t' } else { b',' }
}

/// Where the config's columns stand.
struct Columns {
    id: Option<usize>,
    texts: Vec<usize>,
    labels: usize,
}

impl Columns {
    fn find(path: &Path, header: &StringRecord, config: &DataConfig) -> Result<Self, DataError> {
        let find = |key, column: &str| find_column(path, header, key, column);
        let id = config.id_column.as_deref().map(|column| find("id_column", column)).transpose()?;
        let texts = config
            .text_columns
            .iter()
            .map(|column| find("text_columns", column))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { id, texts, labels: find("labels_column", &config.labels_column)? })
    }

    fn push(
        &self,
        line: u64,
        record: &StringRecord,
        config: &DataConfig,
        split: &mut RawSplit,
        names: &mut Names,
    ) -> Result<(), DataError> {
        let id = match self.id {
            Some(column) => record[column].to_owned(),
            None => format!("{}-{}", split.key, record.position().map_or(0, csv::Position::record)),
        };
        let texts: Vec<&str> = self.texts.iter().map(|&column| &record[column]).collect();
        let labels = &record[self.labels];
        // An empty separator splits nothing: the column holds one label.
        let labels: Vec<&str> = match config.label_separator.as_str() {
            "" => vec![labels],
            separator => labels.split(separator).collect(),
        };
        let labels = labels.into_iter().map(str::trim).filter(|label| !label.is_empty());
        split.push(line, &id, &texts.join("\n"), labels, names)
    }
}

fn find_column(
    path: &Path,
    header: &StringRecord,
    key: &'static str,
    column: &str,
) -> Result<usize, DataError> {
    let mut places = header.iter().enumerate().filter(|(_, name)| name.trim() == column);
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Ok(place),
        (Some(_), Some(_)) => {
            Err(DataError::RepeatedColumn { path: path.to_owned(), column: column.to_owned(), key })
        }
        (None, _) => {
            let columns: Vec<String> = header.iter().map(str::to_owned).collect();
            Err(DataError::Column {
                path: path.to_owned(),
                column: column.to_owned(),
                key,
                nearest: nearest(column, &columns),
                columns,
            })
        }
    }
}

/// A whole file.
struct Table<'a> {
    path: &'a Path,
    text: &'a str,
    separator: u8,
}

impl Table<'_> {
    /// Line ends between where the csv crate says that a record starts and where it does: with
    /// CRLF, and before blank lines, it points at what the last record left.
    fn line_ends_at(&self, start: usize) -> u64 {
        let skipped = self.text.as_bytes()[start..].iter();
        skipped.take_while(|&&byte| byte == b'\r' || byte == b'\n').filter(|&&b| b == b'\n').count()
            as u64
    }

    /// `start`: where the record before the error starts.
    fn told(&self, error: &csv::Error, start: usize) -> DataError {
        let (position, problem) = match error.kind() {
            ErrorKind::UnequalLengths { pos, expected_len, len } => {
                (pos.as_ref(), format!("the record has {len} fields, the header {expected_len}"))
            }
            kind => (kind.position(), error.to_string()),
        };
        let byte = position.map_or(start, |position| position.byte() as usize);
        if self.ends_in_quotes(byte) {
            return self.unclosed_quote(byte);
        }
        let line = position.map_or(1, csv::Position::line) + self.line_ends_at(byte);
        self.wrong(line, problem)
    }

    fn unclosed_quote(&self, start: usize) -> DataError {
        let line = 1 + line_ends(&self.text.as_bytes()[..start]) + self.line_ends_at(start);
        self.wrong(line, "a quote that opens in this record is never closed".to_owned())
    }

    fn wrong(&self, line: u64, problem: String) -> DataError {
        let separator = if self.separator == b'\t' { "tabs" } else { "commas" };
        DataError::Csv { path: self.path.to_owned(), line, separator, problem }
    }

    /// Whether what stands from `start` to the end of the file ends inside quotes.
    fn ends_in_quotes(&self, start: usize) -> bool {
        #[derive(PartialEq)]
        enum At {
            FieldStart,
            Plain,
            Quoted,
            /// Behind a quote in quotes, which closes them or is the first of two.
            Closed,
        }
        let mut at = At::FieldStart;
        for &byte in &self.text.as_bytes()[start..] {
            at = match (at, byte) {
                (At::Quoted, b'"') => At::Closed,
                (At::Quoted, _) | (At::FieldStart | At::Closed, b'"') => At::Quoted,
                (_, b'\r' | b'\n') => At::FieldStart,
                (_, byte) if byte == self.separator => At::FieldStart,
                _ => At::Plain,
            };
        }
        at == At::Quoted
    }
}
