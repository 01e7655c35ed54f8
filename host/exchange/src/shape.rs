//! Tells by the names of keys and columns which tool a file comes from.

use std::path::Path;

use alhost_base::Unreadable;

use crate::error::quoted;
use crate::format::Format;
use crate::json::{Item, Object};
use crate::table::Table;

/// A shape that answers come in; a tool may have several.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    StudioTasks,
    /// `JSON_MIN`.
    StudioMinimal,
    StudioTable,
    /// As the client writes records to disk.
    ArgillaRecords,
    /// As the client pushes them to the hub.
    ArgillaFlat,
    DoccanoItems,
    DoccanoTable,
    Prodigy,
    OwnItems,
    OwnTable,
}

impl Shape {
    pub(crate) fn format(self) -> Format {
        match self {
            Self::StudioTasks | Self::StudioMinimal | Self::StudioTable => Format::LabelStudio,
            Self::ArgillaRecords | Self::ArgillaFlat => Format::Argilla,
            Self::DoccanoItems | Self::DoccanoTable => Format::Doccano,
            Self::Prodigy => Format::Prodigy,
            Self::OwnItems => Format::Jsonl,
            Self::OwnTable => Format::Csv,
        }
    }

    fn of_object(object: &Object) -> Option<Self> {
        let has = |key: &str| object.contains_key(key);
        let any = |keys: &[&str]| keys.iter().any(|key| has(key));
        let is_object = |key: &str| object.get(key).is_some_and(serde_json::Value::is_object);
        let ends = |end: &str| object.keys().any(|key| key.ends_with(end));
        if is_object("data") && any(&["annotations", "completions", "predictions", "drafts"]) {
            return Some(Self::StudioTasks);
        }
        if has("annotation_id") && has("lead_time") {
            return Some(Self::StudioMinimal);
        }
        if is_object("fields") && any(&["responses", "suggestions"]) {
            return Some(Self::ArgillaRecords);
        }
        if has("_server_id")
            || ends(".responses")
            || ends(".responses.status")
            || ends(".suggestion")
        {
            return Some(Self::ArgillaFlat);
        }
        if any(&["_input_hash", "_task_hash", "answer"]) || (has("options") && has("accept")) {
            return Some(Self::Prodigy);
        }
        if has("label") || has("Comments") {
            return Some(Self::DoccanoItems);
        }
        (any(&["labels", "status"]) && any(&["id", "text"])).then_some(Self::OwnItems)
    }

    fn of_columns(columns: &[String]) -> Option<Self> {
        let has = |name: &str| columns.iter().any(|column| column == name);
        if has("annotation_id") {
            return Some(Self::StudioTable);
        }
        if has("label") || has("Comments") {
            return Some(Self::DoccanoTable);
        }
        (has("labels") && (has("id") || has("text"))).then_some(Self::OwnTable)
    }
}

/// Tells the shape of items by the first that has one: a tool writes all of them alike.
pub(crate) fn of_items(
    path: &Path,
    items: &[Item<'_>],
    expected: Option<Format>,
) -> Result<Shape, Unreadable> {
    let Some(first) = items.first() else {
        let hint = "export again: nothing was in what was chosen for it";
        return Err(Unreadable::new(path, "holds no items", hint));
    };
    for item in items {
        if let Some(shape) = Shape::of_object(&item.object(path)?) {
            return checked(path, shape, expected);
        }
    }
    let keys: Vec<String> = first.object(path)?.into_iter().map(|(key, _)| key).collect();
    Err(unknown(path, "items have the keys", &keys))
}

pub(crate) fn of_table(
    path: &Path,
    table: &Table<'_>,
    expected: Option<Format>,
) -> Result<Shape, Unreadable> {
    match Shape::of_columns(&table.columns) {
        Some(shape) => checked(path, shape, expected),
        None => Err(unknown(path, "first line has the columns", &table.columns)),
    }
}

fn checked(path: &Path, shape: Shape, expected: Option<Format>) -> Result<Shape, Unreadable> {
    match expected {
        Some(expected) if expected != shape.format() => {
            let found = shape.format();
            let problem = format!("looks like {}, not like {}", found.title(), expected.title());
            let hint = format!("import it as `{found}`, or check that it is the file you mean");
            Err(Unreadable::new(path, problem, hint))
        }
        _ => Ok(shape),
    }
}

fn unknown(path: &Path, what: &str, names: &[String]) -> Unreadable {
    let shown: Vec<String> = names.iter().take(8).map(|name| quoted(name)).collect();
    let more = if names.len() > shown.len() { ", ..." } else { "" };
    let problem = format!("is no export that is known: its {what} {}{more}", shown.join(", "));
    let hint = "read are Label Studio's JSON, JSON_MIN and CSV, Argilla's records, doccano's and \
                Prodigy's JSONL, and JSONL and CSV with `id` and `labels`";
    Unreadable::new(path, problem, hint)
}
