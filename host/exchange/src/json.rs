//! Items of JSON: the objects of an array, or an object a line; and what stands in them.

use std::fmt;
use std::path::Path;

use alhost_base::Unreadable;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::quoted;

pub(crate) type Object = Map<String, Value>;

/// Where an item stands, counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Item(usize),
    Line(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(number) => write!(f, "item {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// An item that is parsed when it is asked for, so that a file is held in memory once.
pub(crate) struct Item<'a> {
    pub(crate) place: Place,
    text: &'a str,
}

impl Item<'_> {
    pub(crate) fn object(&self, path: &Path) -> Result<Object, Unreadable> {
        serde_json::from_str(self.text).map_err(|error| {
            if error.is_data() {
                let problem = format!("{}: is no object, `{{...}}`", self.place);
                return Unreadable::new(path, problem, "check that this is a tool's export");
            }
            malformed(path, &self.place.to_string(), &error)
        })
    }
}

/// Cuts an array into its items.
pub(crate) fn array<'a>(path: &Path, text: &'a str) -> Result<Vec<Item<'a>>, Unreadable> {
    let items: Vec<&'a RawValue> = serde_json::from_str(text)
        .map_err(|error| malformed(path, &format!("line {}", error.line()), &error))?;
    let items = items.into_iter().zip(1..);
    Ok(items.map(|(item, n)| Item { place: Place::Item(n), text: item.get() }).collect())
}

/// Cuts a text into its lines that are not blank. Each is checked, so that half a file is refused before
/// anything of it is taken.
pub(crate) fn lines<'a>(path: &Path, text: &'a str) -> Result<Vec<Item<'a>>, Unreadable> {
    let mut items = Vec::new();
    for (line, number) in text.split('\n').zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let parsed: Result<&RawValue, _> = serde_json::from_str(line);
        if let Err(error) = parsed {
            if items.is_empty() && serde_json::from_str::<&RawValue>(text).is_ok() {
                let problem = "is one JSON object, not a list of items";
                return Err(Unreadable::new(path, problem, "export the texts, not the settings"));
            }
            return Err(malformed(path, &format!("line {number}"), &error));
        }
        items.push(Item { place: Place::Line(number), text: line });
    }
    Ok(items)
}

fn malformed(path: &Path, place: &str, error: &serde_json::Error) -> Unreadable {
    let message = error.to_string();
    let cause = message.split(" at line ").next().unwrap_or(&message);
    let hint = if error.is_eof() {
        "the file seems to be cut off; export it again"
    } else {
        "check that nothing was added to the file or taken from it"
    };
    let problem = format!("{place}, column {}: malformed JSON: {cause}", error.column());
    Unreadable::new(path, problem, hint)
}

/// The text under a key.
pub(crate) fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

/// What names a text or a person: a string, or a whole number.
pub(crate) fn name(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(name) if !name.is_empty() => Some(name.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// A list of names of labels.
pub(crate) fn labels(value: &Value) -> Result<Vec<String>, String> {
    let list = value.as_array().ok_or_else(|| told(value))?;
    list.iter().map(|label| label.as_str().map(str::to_owned).ok_or_else(|| told(label))).collect()
}

/// Says that a value is none of labels.
pub(crate) fn told(value: &Value) -> String {
    format!("its labels are {}, not a list of names", quoted(&value.to_string()))
}

/// One line of JSON lines.
pub(crate) fn push_line(bytes: &mut Vec<u8>, line: &impl serde::Serialize) {
    serde_json::to_writer(&mut *bytes, line)
        .expect("names and texts are JSON, and memory takes all");
    bytes.push(b'\n');
}

/// A whole file of JSON that people may want to look into.
pub(crate) fn pretty(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("names and texts are JSON, and memory takes all")
}
