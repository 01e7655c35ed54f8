//! Parquet, as Hugging Face's data sets have it: columns that the config names, in one file or in
//! several that a name with `*` stands for.

use std::path::{Path, PathBuf};

use fs_err::File;
use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::error::DataError;
use super::raw::{Names, RawSplit};
use super::vocabulary::{Vocabulary, nearest};
use crate::config::DataConfig;
use crate::progress::Progress;

/// The column of labels.
pub(super) struct LabelColumn {
    pub(super) has_numbers: bool,
    /// The names of a `ClassLabel`, which Hugging Face's library writes beside the schema.
    pub(super) names: Option<Vec<String>>,
}

pub(super) fn label_column(path: &Path, config: &DataConfig) -> Result<LabelColumn, DataError> {
    let table = Table::open(path)?;
    let name = &config.labels_column;
    table.find("labels_column", name)?;
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
    Ok(LabelColumn { has_numbers, names })
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
    numbered: Option<&Vocabulary>,
    split: &mut RawSplit,
    names: &mut Names,
    progress: &dyn Progress,
) -> Result<(), DataError> {
    let mut row = 0;
    for path in files {
        let table = Table::open(path)?;
        let columns = Columns::find(&table, config)?;
        let failed = |error| wrong(path, &error);
        let rows = RowIter::from_file(Some(columns.projection(&table)?), &*table.reader);
        for (in_file, record) in (1..).zip(rows.map_err(failed)?) {
            let record = record.map_err(failed)?;
            row += 1;
            let at = At { path, row: in_file, table: &table };
            columns.push(&at, row, &record, config, numbered, split, names)?;
            progress.advance(1);
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
        let file = File::open(path).map_err(failed)?.into_file();
        let reader = SerializedFileReader::new(file).map_err(|error| wrong(path, &error))?;
        Ok(Self { path, reader: Box::new(reader) })
    }

    fn columns(&self) -> &[std::sync::Arc<Type>] {
        self.reader.metadata().file_metadata().schema().get_fields()
    }

    /// The place of a column.
    fn find(&self, key: &'static str, column: &str) -> Result<usize, DataError> {
        let columns: Vec<String> =
            self.columns().iter().map(|field| field.name().to_owned()).collect();
        let place = columns.iter().position(|name| name == column);
        place.ok_or_else(|| DataError::Column {
            path: self.path.to_owned(),
            column: column.to_owned(),
            key,
            nearest: nearest(column, &columns),
            columns,
        })
    }

    /// Names and types, for a message.
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

/// Where the columns of the config stand among those that are read.
struct Columns {
    /// Of the file, sorted: those that are read.
    read: Vec<usize>,
    id: Option<usize>,
    texts: Vec<usize>,
    labels: usize,
}

impl Columns {
    fn find(table: &Table<'_>, config: &DataConfig) -> Result<Self, DataError> {
        let id =
            config.id_column.as_deref().map(|name| table.find("id_column", name)).transpose()?;
        let texts = config.text_columns.iter().map(|name| table.find("text_columns", name));
        let texts = texts.collect::<Result<Vec<_>, _>>()?;
        let labels = table.find("labels_column", &config.labels_column)?;
        let mut read: Vec<usize> = texts.iter().copied().chain(id).chain([labels]).collect();
        read.sort_unstable();
        read.dedup();
        let place = |column: usize| read.binary_search(&column).unwrap_or_default();
        let texts = texts.into_iter().map(place).collect();
        Ok(Self { id: id.map(place), texts, labels: place(labels), read })
    }

    fn projection(&self, table: &Table<'_>) -> Result<Type, DataError> {
        let schema = table.reader.metadata().file_metadata().schema();
        let fields = self.read.iter().map(|&column| table.columns()[column].clone()).collect();
        Type::group_type_builder(schema.name())
            .with_fields(fields)
            .build()
            .map_err(|error| wrong(table.path, &error))
    }

    #[allow(clippy::too_many_arguments, reason = "a record, where it stands and where it goes")]
    fn push(
        &self,
        at: &At<'_>,
        row: u64,
        record: &Row,
        config: &DataConfig,
        numbered: Option<&Vocabulary>,
        split: &mut RawSplit,
        names: &mut Names,
    ) -> Result<(), DataError> {
        let fields: Vec<&Field> = record.get_column_iter().map(|(_, field)| field).collect();
        let id = match (self.id, &config.id_column) {
            (Some(place), Some(column)) => {
                let id =
                    text(fields[place]).or_else(|| number(fields[place]).map(|n| n.to_string()));
                id.ok_or_else(|| at.wrong("id_column", column, fields[place], "text or a number"))?
            }
            _ => format!("{}-{row}", split.key),
        };
        let mut texts = Vec::with_capacity(self.texts.len());
        for (&place, column) in self.texts.iter().zip(&config.text_columns) {
            let text = text(fields[place]);
            texts
                .push(text.ok_or_else(|| at.wrong("text_columns", column, fields[place], "text"))?);
        }
        let labels = labels(at, fields[self.labels], config, numbered)?;
        split.push(row, &id, &texts.join("\n"), labels.iter().map(String::as_str), names)
    }
}

/// The labels of a text: one, or a list.
fn labels(
    at: &At<'_>,
    field: &Field,
    config: &DataConfig,
    numbered: Option<&Vocabulary>,
) -> Result<Vec<String>, DataError> {
    let one = |field: &Field| {
        if let Some(name) = text(field) {
            return Ok(name);
        }
        let column = &config.labels_column;
        let expected = "labels as text or whole numbers, one or a list";
        let number =
            number(field).ok_or_else(|| at.wrong("labels_column", column, field, expected))?;
        let Some(vocabulary) = numbered else { return Ok(number.to_string()) };
        let name = usize::try_from(number).ok().and_then(|number| vocabulary.labels.get(number));
        name.cloned().ok_or_else(|| {
            let n = vocabulary.labels.len();
            let expected = format!("numbers from 0, below {n}, since so many labels have names");
            at.wrong("labels_column", column, field, &expected)
        })
    };
    match field {
        Field::Null => Ok(Vec::new()),
        Field::ListInternal(list) => list.elements().iter().map(one).collect(),
        // What Hugging Face's data sets have for a text without a label, where there is one each.
        _ if number(field) == Some(-1) => Ok(Vec::new()),
        field => Ok(vec![one(field)?]),
    }
}

/// Where a record stands.
struct At<'a> {
    path: &'a Path,
    row: u64,
    table: &'a Table<'a>,
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

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        // Some writers leave out that the bytes are UTF-8.
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok().map(str::to_owned),
        _ => None,
    }
}

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
        _ => None,
    }
}
