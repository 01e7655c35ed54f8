//! JSONL: one object a line, `{"id": .., "text": .., "labels": [..]}`, or under the keys that the config
//! names; others are ignored.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use alhost_base::progress::Progress;
use alhost_config::DataConfig;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::columns::{ALL, is_index, truth};
use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::read::Source;
use super::record::{Field, Label, Record};
use super::{objects, structure};

/// A line of which the labels are not asked for.
#[derive(Deserialize)]
pub(super) struct Unlabeled<'a> {
    #[serde(borrow, default)]
    id: Id<'a>,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
}

impl<'a> Unlabeled<'a> {
    pub(super) fn id(self) -> Option<Cow<'a, str>> {
        self.id.0
    }
}

/// Reads a split.
pub(super) fn read(
    source: Source,
    config: &DataConfig,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let path = source.path.clone();
    let keys = Keys::of(config);
    objects::read(
        source,
        progress,
        |line, text| keys.record(&path, line, text),
        |record| split.push(record, names),
    )
}

/// Reads the object of a line; none for a blank one.
pub(super) fn parse<'a, R: Deserialize<'a>>(
    path: &Path,
    number: u64,
    line: &'a [u8],
) -> Option<Result<R, DataError>> {
    let text = objects::object(path, number, line).transpose()?;
    let read = |text| serde_json::from_str(text).map_err(|error| told(path, number, &error));
    Some(text.and_then(read))
}

pub(super) fn told(path: &Path, line: u64, error: &serde_json::Error) -> DataError {
    let message = error.to_string();
    let problem = message.split(" at line ").next().unwrap_or(&message).to_owned();
    // An object of an array may be of several lines.
    let line = line + (error.line() as u64).saturating_sub(1);
    let (path, column) = (path.to_owned(), error.column());
    if error.is_data() {
        DataError::Field { path, line, column, problem }
    } else {
        DataError::Json { path, line, column, problem }
    }
}

/// Reads the title of a label, in a list of labels as JSON lines; its `uid` where it has no title.
pub(super) fn title(path: &Path, line: u64, text: &str) -> Result<String, DataError> {
    let value: Value = serde_json::from_str(text).map_err(|error| told(path, line, &error))?;
    let title = value["title"].as_str().map(str::trim).filter(|title| !title.is_empty());
    let title = title.map(str::to_owned).or_else(|| match &value["uid"] {
        Value::String(uid) => Some(uid.clone()),
        Value::Number(uid) => Some(uid.to_string()),
        _ => None,
    });
    title.ok_or_else(|| {
        let problem = "a label needs a `title` or a `uid`".to_owned();
        DataError::Vocabulary { path: path.to_owned(), line, problem }
    })
}

/// The keys that are read of each object.
struct Keys<'k> {
    /// Is absent where no object has an id of its own.
    id: Option<&'k str>,
    /// Whether the config names it; else objects may lack it.
    id_is_named: bool,
    texts: &'k [String],
    labels: &'k str,
    /// Keys of 0 and 1, a label each, in the place of `labels`.
    each: &'k [String],
    separator: &'k str,
}

impl<'k> Keys<'k> {
    fn of(config: &'k DataConfig) -> Self {
        let named = config.id_column.as_deref();
        Self {
            id: Some(named.unwrap_or("id")).filter(|id| !id.is_empty()),
            id_is_named: named.is_some_and(|id| !id.is_empty()),
            texts: &config.text_columns,
            labels: &config.labels_column,
            each: &config.label_columns,
            separator: &config.label_separator,
        }
    }

    fn record<'a>(&self, path: &Path, line: u64, text: &'a str) -> Result<Record<'a>, DataError> {
        let mut from = serde_json::Deserializer::from_str(text);
        let fields = self.deserialize(&mut from).and_then(|fields| from.end().map(|()| fields));
        let fields = fields.map_err(|error| told(path, line, &error))?;
        let missing = |key, name: &str| missing(path, line, text, key, name);
        if self.id_is_named && !fields.has_id {
            return Err(missing("id_column", self.id.unwrap_or_default()));
        }
        let mut parts = Vec::with_capacity(self.texts.len());
        for (part, name) in fields.texts.into_iter().zip(self.texts) {
            parts.push(part.ok_or_else(|| missing("text_columns", name))?);
        }
        let content = match parts.len() {
            1 => parts.swap_remove(0),
            _ => Cow::Owned(parts.join("\n")),
        };
        let field = match fields.labels {
            Some(field) => field,
            None if self.each.is_empty() => return Err(missing("labels_column", self.labels)),
            None => Field::Labels(self.of_each(path, line, text, fields.each)?),
        };
        Ok(Record::new(line, fields.id, content, field, self.separator))
    }

    /// Returns the labels of which an object says 1.
    fn of_each<'a>(
        &self,
        path: &Path,
        line: u64,
        text: &str,
        each: Vec<(Cow<'a, str>, Value)>,
    ) -> Result<Vec<Label<'a>>, DataError> {
        let is_there = |name: &&String| **name == ALL || each.iter().any(|(key, _)| *key == **name);
        if let Some(name) = self.each.iter().find(|name| !is_there(name)) {
            return Err(missing(path, line, text, "label_columns", name));
        }
        let mut labels = Vec::new();
        for (name, value) in each {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let is = truth(if value == "null" { "" } else { &value });
            let column = || name.clone().into_owned();
            let wrong =
                |found| DataError::NoTruth { path: path.to_owned(), line, column: column(), found };
            if is.map_err(wrong)? {
                labels.push(Label::Name(name));
            }
        }
        Ok(labels)
    }

    fn is_each(&self, name: &str) -> bool {
        let is_meant = |each: &String| {
            each == name || (each == ALL && self.id != Some(name) && !is_index(name))
        };
        self.each.iter().any(is_meant)
    }
}

/// A key that an object lacks.
fn missing(path: &Path, line: u64, text: &str, key: &'static str, name: &str) -> DataError {
    let table: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let there: Vec<String> = table.into_iter().map(|(name, _)| name).collect();
    DataError::Key {
        path: path.to_owned(),
        line,
        name: name.to_owned(),
        key,
        nearest: super::vocabulary::nearest(name, &there),
        there,
    }
}

/// The values of an object's keys that are read.
struct Fields<'a> {
    id: Option<Cow<'a, str>>,
    /// Whether there is the key, be it with null.
    has_id: bool,
    texts: Vec<Option<Cow<'a, str>>>,
    labels: Option<Field<'a>>,
    each: Vec<(Cow<'a, str>, Value)>,
}

impl<'de> DeserializeSeed<'de> for &Keys<'_> {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Fields<'de>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Keys<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let texts = vec![None; self.texts.len()];
        let mut fields = Fields { id: None, has_id: false, texts, labels: None, each: Vec::new() };
        while let Some(Text(name)) = map.next_key()? {
            let twice = || de::Error::custom(format!("duplicate field `{name}`"));
            if let Some(place) = self.texts.iter().position(|text| *text == *name) {
                let Text(text) = map.next_value()?;
                if fields.texts[place].replace(text).is_some() {
                    return Err(twice());
                }
            } else if self.id == Some(&*name) {
                let Id(id) = map.next_value()?;
                if std::mem::replace(&mut fields.has_id, true) {
                    return Err(twice());
                }
                fields.id = id;
            } else if self.each.is_empty() && *name == *self.labels {
                let LabelField(field) = map.next_value()?;
                if fields.labels.replace(field).is_some() {
                    return Err(twice());
                }
            } else if self.is_each(&name) {
                fields.each.push((name, map.next_value()?));
            } else {
                let _ignored: IgnoredAny = map.next_value()?;
            }
        }
        Ok(fields)
    }
}

/// A text that is borrowed: a `Cow<str>` alone would be copied, since serde borrows only through a
/// struct of its own.
#[derive(Clone, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// An id: a string, or a whole number, which is what many exports write; null is none.
#[derive(Default)]
struct Id<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl<'de> Visitor<'de> for IdVisitor {
            type Value = Option<Cow<'de, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`id` as a string or a whole number")
            }
            fn visit_borrowed_str<E: de::Error>(self, id: &'de str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Borrowed(id)))
            }
            fn visit_str<E: de::Error>(self, id: &str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(id.to_owned())))
            }
            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(id.to_string())))
            }
            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(id.to_string())))
            }
            fn visit_f64<E: de::Error>(self, id: f64) -> Result<Self::Value, E> {
                let whole = structure::whole(None, Some(id));
                let whole =
                    whole.ok_or_else(|| E::invalid_type(de::Unexpected::Float(id), &self))?;
                Ok(Some(Cow::Owned(whole.to_string())))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
        }
        from.deserialize_any(IdVisitor).map(Id)
    }
}

/// The labels of a text: a list, one string, one number, or an object that holds them.
struct LabelField<'a>(Field<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for LabelField<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FieldVisitor).map(LabelField)
    }
}

/// Reads what [`LabelField`] holds.
struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels: a list of names or whole numbers, or one of them")
    }
    fn visit_borrowed_str<E: de::Error>(self, field: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Undivided(Cow::Borrowed(field)))
    }
    fn visit_str<E: de::Error>(self, field: &str) -> Result<Self::Value, E> {
        Ok(Field::Undivided(Cow::Owned(field.to_owned())))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        // What Hugging Face's data sets have for a text without a label.
        let labels = Some(Label::Number(number)).filter(|_| number != -1);
        Ok(Field::Labels(labels.into_iter().collect()))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_i64(number.try_into().map_err(E::custom)?)
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        let whole = structure::whole(None, Some(number));
        let unexpected = || E::invalid_type(de::Unexpected::Float(number), &self);
        let whole = whole.ok_or_else(unexpected)?;
        FieldVisitor.visit_i64(whole)
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Field::Labels(Vec::new()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut labels = Vec::with_capacity(seq.size_hint().unwrap_or(0));
        while let Some(Item(label)) = seq.next_element()? {
            labels.push(label);
        }
        Ok(Field::Labels(labels))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        let labels = structure::of_value(&value);
        let expected = "labels are an object, which must hold one list or say 0 or 1 of each";
        labels.map(Field::Labels).ok_or_else(|| de::Error::custom(expected))
    }
}

/// A label in a list.
struct Item<'a>(Label<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Label<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label: a string or a whole number")
            }
            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Label::Name(Cow::Borrowed(name)))
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Label::Name(Cow::Owned(name.to_owned())))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Label::Number(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                number.try_into().map(Label::Number).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
                let whole = structure::whole(None, Some(number)).map(Label::Number);
                whole.ok_or_else(|| E::invalid_type(de::Unexpected::Float(number), &self))
            }
            fn visit_bool<E: de::Error>(self, is: bool) -> Result<Self::Value, E> {
                Ok(Label::Number(i64::from(is)))
            }
        }
        from.deserialize_any(ItemVisitor).map(Item)
    }
}
