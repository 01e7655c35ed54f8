//! The XMC repository's JSON lines: `{"uid": .., "title": .., "content": .., "target_ind": [..]}`.

use std::path::Path;

use rayon::prelude::*;
use serde_json::Value;

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::read::{Source, utf8};
use super::vocabulary::Vocabulary;
use super::{jsonl, matrix};
use crate::config::DataConfig;
use crate::progress::Progress;

struct Record {
    line: u64,
    id: Option<String>,
    text: String,
    /// Below the number of labels.
    labels: Vec<u32>,
}

/// The fields of a text: `data.text_columns`, or title and content where it says nothing.
fn fields(config: &DataConfig) -> Vec<&str> {
    if config.text_columns == DataConfig::default().text_columns {
        return vec!["title", "content"];
    }
    config.text_columns.iter().map(String::as_str).collect()
}

/// Lines are parsed in parallel and kept in the file's order.
pub(super) fn read(
    source: Source,
    config: &DataConfig,
    vocabulary: &Vocabulary,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = source.path.clone();
    let fields = fields(config);
    source.blocks(matrix::BLOCK, |block| {
        let parsed: Vec<Option<Result<Record, DataError>>> = block
            .lines()
            .par_iter()
            .map(|&(number, line)| parse(&path, number, line, &fields, vocabulary))
            .collect();
        progress.advance(parsed.len() as u64);
        for record in parsed.into_iter().flatten() {
            let record = record?;
            let id = record.id.unwrap_or_else(|| format!("{}-{}", split.key, record.line));
            let labels = record.labels.iter().map(|&l| vocabulary.labels[l as usize].as_str());
            split.push(record.line, &id, &record.text, labels, names)?;
        }
        Ok(())
    })
}

/// The record of a line; none for a blank one.
fn parse(
    path: &Path,
    line: u64,
    bytes: &[u8],
    fields: &[&str],
    vocabulary: &Vocabulary,
) -> Option<Result<Record, DataError>> {
    let text = match utf8(path, line, bytes) {
        Ok(text) if text.trim().is_empty() => return None,
        Ok(text) => text,
        Err(error) => return Some(Err(error)),
    };
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Some(Err(jsonl::told(path, line, &error))),
    };
    let record = record(&value, line, fields, vocabulary);
    Some(record.map_err(|problem| DataError::XmcRecord { path: path.to_owned(), line, problem }))
}

fn record(
    value: &Value,
    line: u64,
    fields: &[&str],
    vocabulary: &Vocabulary,
) -> Result<Record, String> {
    let table = value.as_object().ok_or("expected an object")?;
    let mut parts: Vec<&str> = Vec::new();
    for &field in fields {
        match table.get(field) {
            // Sets of titles alone have no `content`.
            None => {}
            Some(Value::String(text)) => parts.push(text),
            Some(other) => return Err(format!("`{field}` is {other}, but must be a string")),
        }
    }
    if !fields.iter().any(|&field| table.contains_key(field)) {
        return Err(format!("there is no `{}`", fields.join("` and no `")));
    }
    parts.retain(|part| !part.is_empty());
    let id = match table.get("uid") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let labels = labels(table, vocabulary)?;
    Ok(Record { line, id, text: parts.join("\n"), labels })
}

/// `target_ind` without those of which `target_rel` is 0.
fn labels(
    table: &serde_json::Map<String, Value>,
    vocabulary: &Vocabulary,
) -> Result<Vec<u32>, String> {
    let list = |key: &str| table.get(key).and_then(Value::as_array);
    let indices = list("target_ind").ok_or("there is no list `target_ind`")?;
    let relevances = list("target_rel");
    if let Some(relevances) = relevances.filter(|relevances| relevances.len() != indices.len()) {
        let (n, m) = (indices.len(), relevances.len());
        return Err(format!("`target_ind` has {n} entries, but `target_rel` {m}"));
    }
    let n_labels = vocabulary.labels.len();
    let mut labels = Vec::with_capacity(indices.len());
    for (place, index) in indices.iter().enumerate() {
        let number = index.as_u64().ok_or_else(|| format!("`{index}` is no label number"))?;
        if number >= n_labels as u64 {
            let names = vocabulary.path.display();
            return Err(format!("label {number}, but {names} has {n_labels} labels, from 0"));
        }
        let relevance = relevances.map_or(Some(1.0), |all| all[place].as_f64());
        let relevance = relevance.ok_or("`target_rel` must be numbers")?;
        if relevance.abs() > 0.0 {
            labels.push(number as u32);
        }
    }
    Ok(labels)
}
