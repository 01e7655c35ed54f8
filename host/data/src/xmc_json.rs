//! The XMC repository's JSON lines: `{"uid": .., "title": .., "content": .., "target_ind": [..]}`.

use std::borrow::Cow;
use std::path::Path;

use alhost_base::progress::Progress;
use alhost_config::DataConfig;
use serde_json::{Map, Value};

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::read::Source;
use super::record::{Field, Label, Record};
use super::structure::whole;
use super::{jsonl, objects};

/// The fields of a text: `data.text_columns`, or title and content where it says nothing.
fn fields(config: &DataConfig) -> Vec<&str> {
    if config.text_columns == DataConfig::default().text_columns {
        return vec!["title", "content"];
    }
    config.text_columns.iter().map(String::as_str).collect()
}

/// Reads a split; its labels are numbers.
pub(super) fn read(
    source: Source,
    config: &DataConfig,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = source.path.clone();
    let fields = fields(config);
    let id = config.id_column.as_deref().unwrap_or("uid");
    objects::read(
        source,
        progress,
        |line, text| parse(&path, line, text, &fields, id),
        |record| split.push(record, names),
    )
}

fn parse(
    path: &Path,
    line: u64,
    text: &str,
    fields: &[&str],
    id: &str,
) -> Result<Record<'static>, DataError> {
    let table: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| jsonl::told(path, line, &error))?;
    let wrong = |problem| DataError::XmcRecord { path: path.to_owned(), line, problem };
    let content = content(&table, fields).map_err(wrong)?;
    let labels = Field::Labels(labels(&table).map_err(wrong)?);
    let id = match table.get(id) {
        Some(Value::String(id)) => Some(Cow::Owned(id.clone())),
        Some(Value::Number(id)) => Some(Cow::Owned(id.to_string())),
        _ => None,
    };
    Ok(Record::new(line, id, Cow::Owned(content), labels, ""))
}

fn content(table: &Map<String, Value>, fields: &[&str]) -> Result<String, String> {
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
    Ok(parts.join("\n"))
}

/// Reads the labels of `target_ind` without those of which `target_rel` is 0.
fn labels(table: &Map<String, Value>) -> Result<Vec<Label<'static>>, String> {
    let list = |key: &str| table.get(key).and_then(Value::as_array);
    let indices = list("target_ind").ok_or("there is no list `target_ind`")?;
    let relevances = list("target_rel");
    if let Some(relevances) = relevances.filter(|relevances| relevances.len() != indices.len()) {
        let (n, m) = (indices.len(), relevances.len());
        return Err(format!("`target_ind` has {n} entries, but `target_rel` {m}"));
    }
    let mut labels = Vec::with_capacity(indices.len());
    for (place, index) in indices.iter().enumerate() {
        let number = whole(index.as_i64(), index.as_f64());
        let number = number.ok_or_else(|| format!("`{index}` is no label number"))?;
        let relevance = relevances.map_or(Some(1.0), |all| all[place].as_f64());
        let relevance = relevance.ok_or("`target_rel` must be numbers")?;
        if relevance.abs() > 0.0 {
            labels.push(Label::Number(number));
        }
    }
    Ok(labels)
}
