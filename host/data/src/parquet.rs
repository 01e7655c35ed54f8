//! Parquet, as Hugging Face's data sets have it: columns that the config names, in one file or in
//! several that a name with `*` stands for.

use std::borrow::Cow;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use alhost_base::progress::Progress;
use alhost_base::{Unreadable, foreign};
use alhost_config::DataConfig;
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::columns::{Columns, LabelsAt, labels_of_each, no_column, truth};
use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::record::{Field as LabelField, Label, Record};
use super::structure::whole;

/// The column of labels.
pub(super) struct LabelColumn {
    pub(super) has_numbers: bool,
    /// The names of a `ClassLabel`, which Hugging Face's library writes beside the schema.
    pub(super) names: Option<Vec<String>>,
}

/// Finds the column of labels; none where the file has no such column.
pub(super) fn label_column(
    path: &Path,
    config: &DataConfig,
) -> Result<Option<LabelColumn>, DataError> {
    let table = Table::open(path)?;
    let name = &config.labels_column;
    if !config.label_columns.is_empty() || !table.names().contains(name) {
        return Ok(None);
    }
    let metadata = table.reader.metadata().file_metadata();
    let leaves = metadata.schema_descr().columns();
    let is_it = |leaf: &&_| column_of(leaf) == name.as_str();
    let has_numbers = leaves
        .iter()
        .find(is_it)
        .is_some_and(|leaf| matches!(leaf.physical_type(), Physical::INT32 | Physical::INT64));
    let entries = metadata.key_value_metadata().into_iter().flatten();
    let names = entries
        .filter(|entry| entry.key == "huggingface")
        .filter_map(|entry| serde_json::from_str(entry.value.as_deref()?).ok())
        .find_map(|value: serde_json::Value| class_names(&value["info"]["features"][name]));
    Ok(Some(LabelColumn { has_numbers, names }))
}

fn column_of(leaf: &parquet::schema::types::ColumnDescPtr) -> &str {
    leaf.path().parts().first().map_or("", String::as_str)
}

/// The names in `{"names": [..], "_type": "ClassLabel"}`, which may be the feature of a list.
fn class_names(feature: &serde_json::Value) -> Option<Vec<String>> {
    if let Some(names) = feature["names"].as_array() {
        return names.iter().map(|name| name.as_str().map(str::to_owned)).collect();
    }
    match feature {
        serde_json::Value::Array(items) => items.iter().find_map(class_names),
        serde_json::Value::Object(table) => table.get("feature").and_then(class_names),
        _ => None,
    }
}

/// Reads a split. A text's line is its row, counted over all files.
pub(super) fn read(
    files: &[PathBuf],
    config: &DataConfig,
    split: &mut RawSplit,
    names: &mut Names,
    notes: &mut Vec<String>,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let mut row = 0;
    for path in files {
        let table = Table::open(path)?;
        let columns = Columns::find(path, &table.names(), config)?;
        let read = Projection::of(columns);
        let failed = |error| wrong(path, &error);
        let rows = RowIter::from_file(Some(read.schema(&table)?), &*table.reader);
        for (in_file, record) in (1..).zip(rows.map_err(failed)?) {
            let record = record.map_err(failed)?;
            row += 1;
            let fields: Vec<&Field> = record.get_column_iter().map(|(_, field)| field).collect();
            let at = At { path, row: in_file, table: &table, config };
            split.push(read.record(&at, row, &fields)?, names)?;
            progress.advance(1);
        }
        if path == &files[0] {
            notes.extend(read.columns.note(split.key));
        }
    }
    Ok(())
}

fn wrong(path: &Path, error: &ParquetError) -> DataError {
    DataError::Parquet { path: path.to_owned(), problem: error.to_string() }
}

struct Table<'a> {
    path: &'a Path,
    reader: Box<dyn FileReader>,
}

impl<'a> Table<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let failed = |source| DataError::Read { path: path.to_owned(), source };
        let mut file = foreign::open(path)?;
        let mut start = Vec::new();
        (&mut file).take(512).read_to_end(&mut start).map_err(failed)?;
        if !start.starts_with(b"PAR1") {
            let known = foreign::mistaken(&start);
            let (what, hint) =
                known.unwrap_or((foreign::looks_like(&start), "check `data.format`"));
            return Err(Unreadable::new(path, format!("is {what}, not Parquet"), hint).into());
        }
        file.rewind().map_err(failed)?;
        let reader = SerializedFileReader::new(file.into_file());
        let reader = reader.map_err(|error| wrong(path, &error))?;
        Ok(Self { path, reader: Box::new(reader) })
    }

    fn columns(&self) -> &[std::sync::Arc<Type>] {
        self.reader.metadata().file_metadata().schema().get_fields()
    }

    fn names(&self) -> Vec<String> {
        self.columns().iter().map(|field| field.name().to_owned()).collect()
    }

    /// Lists names and types, for a message.
    fn described(&self) -> String {
        let described = self.columns().iter().map(|field| {
            let kind = if field.is_primitive() {
                field.get_physical_type().to_string()
            } else {
                "nested".to_owned()
            };
            format!("`{}` ({kind})", field.name())
        });
        described.collect::<Vec<_>>().join(", ")
    }
}

/// Columns among those that are read.
struct Projection {
    /// Columns of the file that are read, sorted.
    read: Vec<usize>,
    columns: Columns,
}

impl Projection {
    fn of(columns: Columns) -> Self {
        let Columns { id, texts, labels } = columns;
        let mut read: Vec<usize> = texts.iter().copied().chain(id).collect();
        match &labels {
            LabelsAt::One(column) => read.push(*column),
            LabelsAt::Each(each) | LabelsAt::Guessed(each) => {
                read.extend(each.iter().map(|(column, _)| *column));
            }
        }
        read.sort_unstable();
        read.dedup();
        let place = |column: usize| read.binary_search(&column).unwrap_or_default();
        let placed = |each: Vec<(usize, String)>| {
            each.into_iter().map(|(column, name)| (place(column), name)).collect()
        };
        let labels = match labels {
            LabelsAt::One(column) => LabelsAt::One(place(column)),
            LabelsAt::Each(each) => LabelsAt::Each(placed(each)),
            LabelsAt::Guessed(each) => LabelsAt::Guessed(placed(each)),
        };
        let texts = texts.into_iter().map(place).collect();
        let columns = Columns { id: id.map(place), texts, labels };
        Self { read, columns }
    }

    fn schema(&self, table: &Table<'_>) -> Result<Type, DataError> {
        let schema = table.reader.metadata().file_metadata().schema();
        let fields = self.read.iter().map(|&column| table.columns()[column].clone()).collect();
        Type::group_type_builder(schema.name())
            .with_fields(fields)
            .build()
            .map_err(|error| wrong(table.path, &error))
    }

    fn record<'a>(
        &'a self,
        at: &At<'_>,
        row: u64,
        fields: &[&'a Field],
    ) -> Result<Record<'a>, DataError> {
        let id = match (self.columns.id, &at.config.id_column) {
            (Some(place), Some(column)) => match fields[place] {
                Field::Null => None,
                field => {
                    let id = text(field).or_else(|| number(field).map(|n| n.to_string().into()));
                    Some(
                        id.ok_or_else(|| at.wrong("id_column", column, field, "text or a number"))?,
                    )
                }
            },
            _ => None,
        };
        let mut texts = Vec::with_capacity(self.columns.texts.len());
        for (&place, column) in self.columns.texts.iter().zip(&at.config.text_columns) {
            let text = text(fields[place]);
            texts
                .push(text.ok_or_else(|| at.wrong("text_columns", column, fields[place], "text"))?);
        }
        let content = match texts.len() {
            1 => texts.swap_remove(0),
            _ => Cow::Owned(texts.join("\n")),
        };
        let labels = match &self.columns.labels {
            LabelsAt::One(place) => labels(at, fields[*place])?,
            LabelsAt::Each(each) | LabelsAt::Guessed(each) => {
                let labels = labels_of_each(each, |place| truth_of(fields[place]));
                LabelField::Labels(labels.map_err(|found| self.no_truth(at, found))?)
            }
        };
        Ok(Record::new(row, id, content, labels, &at.config.label_separator))
    }

    fn no_truth(&self, at: &At<'_>, (column, found): (&str, String)) -> DataError {
        if matches!(self.columns.labels, LabelsAt::Guessed(_)) {
            let labels = &at.config.labels_column;
            return no_column(at.path, &at.table.names(), "labels_column", labels);
        }
        let (path, column) = (at.path.to_owned(), column.to_owned());
        DataError::NoTruth { path, line: at.row, column, found }
    }
}

fn truth_of(field: &Field) -> Result<bool, String> {
    match field {
        Field::Null => Ok(false),
        Field::Bool(is) => Ok(*is),
        other => match (text(other), number(other)) {
            (Some(text), _) => truth(&text),
            (None, Some(number)) => truth(&number.to_string()),
            (None, None) => Err(other.to_string().chars().take(40).collect()),
        },
    }
}

/// The labels of a text: one, or a list.
fn labels<'a>(at: &At<'_>, field: &'a Field) -> Result<LabelField<'a>, DataError> {
    let one = |field: &'a Field| {
        if let Some(name) = text(field) {
            return Ok(Label::Name(name));
        }
        let number = match field {
            Field::Bool(is) => Some(i64::from(*is)),
            other => number(other),
        };
        let expected = "labels as text or whole numbers, one or a list";
        let column = &at.config.labels_column;
        number.map(Label::Number).ok_or_else(|| at.wrong("labels_column", column, field, expected))
    };
    Ok(match field {
        Field::Null => LabelField::Labels(Vec::new()),
        Field::Double(number) if number.is_nan() => LabelField::Labels(Vec::new()),
        Field::ListInternal(list) => {
            LabelField::Labels(list.elements().iter().map(one).collect::<Result<_, _>>()?)
        }
        // What Hugging Face's data sets have for a text without a label, where there is one each.
        _ if number(field) == Some(-1) => LabelField::Labels(Vec::new()),
        field => match one(field)? {
            Label::Name(name) => LabelField::Undivided(name),
            number @ Label::Number(_) => LabelField::Labels(vec![number]),
        },
    })
}

/// Says where a record stands.
struct At<'a> {
    path: &'a Path,
    row: u64,
    table: &'a Table<'a>,
    config: &'a DataConfig,
}

impl At<'_> {
    fn wrong(&self, key: &'static str, column: &str, found: &Field, expected: &str) -> DataError {
        let found = match found {
            Field::Null => "nothing (null)".to_owned(),
            other => {
                let shown: String = other.to_string().chars().take(40).collect();
                format!("`{shown}`")
            }
        };
        DataError::ParquetValue {
            path: self.path.to_owned(),
            row: self.row,
            column: column.to_owned(),
            key,
            found,
            expected: expected.to_owned(),
            columns: self.table.described(),
        }
    }
}

fn text(field: &Field) -> Option<Cow<'_, str>> {
    match field {
        Field::Str(text) => Some(Cow::Borrowed(text)),
        // Some writers leave out that the bytes are UTF-8.
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok().map(Cow::Borrowed),
        _ => None,
    }
}

/// A whole number, be it of a type of whole numbers or not.
fn number(field: &Field) -> Option<i64> {
    match *field {
        Field::Byte(number) => Some(i64::from(number)),
        Field::Short(number) => Some(i64::from(number)),
        Field::Int(number) => Some(i64::from(number)),
        Field::Long(number) => Some(number),
        Field::UByte(number) => Some(i64::from(number)),
        Field::UShort(number) => Some(i64::from(number)),
        Field::UInt(number) => Some(i64::from(number)),
        Field::ULong(number) => i64::try_from(number).ok(),
        Field::Float(number) => whole(None, Some(f64::from(number))),
        Field::Double(number) => whole(None, Some(number)),
        _ => None,
    }
}
