//! JSONL: one object a line, `{"id": .., "text": .., "labels": [..]}`; other keys are ignored.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::read::{Source, utf8};
use crate::progress::Progress;

/// Bytes parsed at a time: bounds the memory beside the data set itself, and is far more than
/// what threads cost.
const BLOCK: usize = 8 << 20;
/// Lines that one thread takes at a time.
const LINES: usize = 256;

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, deserialize_with = "id")]
    id: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow)]
    labels: Vec<Label<'a>>,
}

/// A line of which the labels are not asked for.
#[derive(Deserialize)]
pub(super) struct Unlabeled<'a> {
    #[serde(borrow, deserialize_with = "id")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
}

/// `Vec<Cow<str>>` would copy each string; serde borrows only through a struct of its own.
#[derive(Deserialize)]
struct Label<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads a split. Lines are parsed in parallel and kept in the file's order.
pub(super) fn read(
    source: Source,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = source.path.clone();
    source.blocks(BLOCK, |block| {
        let lines = block.lines();
        // Errors are looked at in the file's order, so that the first one is reported.
        let parsed: Vec<_> = lines
            .par_chunks(LINES)
            .flat_map_iter(|lines| {
                let path = &path;
                lines.iter().filter_map(move |&(number, line)| parse(path, number, line))
            })
            .collect();
        progress.advance(parsed.len() as u64);
        for record in parsed {
            let (line, record): (u64, Record<'_>) = record?;
            let labels = record.labels.iter().map(|label| &*label.0);
            split.push(line, &record.id, &record.text, labels, names)?;
        }
        Ok(())
    })
}

/// The record of a line with its number; none for a blank one.
pub(super) fn parse<'a, R: Deserialize<'a>>(
    path: &Path,
    number: u64,
    line: &'a [u8],
) -> Option<Result<(u64, R), DataError>> {
    let text = match utf8(path, number, line) {
        Ok(text) => text,
        Err(error) => return Some(Err(error)),
    };
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return None;
    }
    if !trimmed.starts_with('{') {
        // serde would take a list as the fields in order.
        let column = text.len() - trimmed.len() + 1;
        let problem = "expected an object".to_owned();
        return Some(Err(DataError::Json { path: path.to_owned(), line: number, column, problem }));
    }
    Some(match serde_json::from_str(text) {
        Ok(record) => Ok((number, record)),
        Err(error) => Err(told(path, number, &error)),
    })
}

pub(super) fn told(path: &Path, line: u64, error: &serde_json::Error) -> DataError {
    let message = error.to_string();
    let problem = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let (path, column) = (path.to_owned(), error.column());
    if error.is_data() {
        DataError::Field { path, line, column, problem }
    } else {
        DataError::Json { path, line, column, problem }
    }
}

/// The title of a label, in a list of labels as JSON lines; its `uid` where it has no title.
pub(super) fn title(path: &Path, line: u64, text: &str) -> Result<String, DataError> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| told(path, line, &error))?;
    let title = value["title"].as_str().map(str::trim).filter(|title| !title.is_empty());
    let title = title.map(str::to_owned).or_else(|| match &value["uid"] {
        serde_json::Value::String(uid) => Some(uid.clone()),
        serde_json::Value::Number(uid) => Some(uid.to_string()),
        _ => None,
    });
    title.ok_or_else(|| {
        let problem = "a label needs a `title` or a `uid`".to_owned();
        DataError::Vocabulary { path: path.to_owned(), line, problem }
    })
}

/// An id: a string, or a whole number, which is what many exports write.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Id;
    impl<'de> Visitor<'de> for Id {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`id` as a string or a whole number")
        }
        fn visit_borrowed_str<E: de::Error>(self, id: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(id))
        }
        fn visit_str<E: de::Error>(self, id: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(id.to_owned()))
        }
        fn visit_u64<E: de::Error>(self, id: u64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(id.to_string()))
        }
        fn visit_i64<E: de::Error>(self, id: i64) -> Result<Self::Value, E> {
            Ok(Cow::Owned(id.to_string()))
        }
    }
    deserializer.deserialize_any(Id)
}
