//! Tests of reading Parquet, on files made as Hugging Face's library makes them.

use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::parser::parse_message_type;

use super::*;

/// The labels of a text, as a column has them.
pub(super) enum Column {
    Texts(Vec<Vec<&'static str>>),
    Numbers(Vec<Vec<i64>>),
    OneText(Vec<&'static str>),
    OneNumber(Vec<i64>),
}

const LIST: &str = "optional group labels (LIST) { repeated group list { optional";

fn schema(labels: &Column) -> String {
    let column = match labels {
        Column::Texts(_) => format!("{LIST} binary element (UTF8); }} }}"),
        Column::Numbers(_) => format!("{LIST} int64 element; }} }}"),
        Column::OneText(_) => "optional binary labels (UTF8);".to_owned(),
        Column::OneNumber(_) => "optional int64 labels;".to_owned(),
    };
    format!("message schema {{ optional binary text (UTF8); optional int64 other; {column} }}")
}

/// Makes a file with the columns `text`, `other` and `labels`.
pub(super) fn make(
    path: &Path,
    texts: &[&str],
    labels: &Column,
    features: Option<&str>,
    codec: Compression,
) {
    let features = features.map(|features| {
        let value = format!("{{\"info\": {{\"features\": {{\"labels\": {features}}}}}}}");
        vec![KeyValue::new("huggingface".to_owned(), value)]
    });
    let properties =
        WriterProperties::builder().set_compression(codec).set_key_value_metadata(features).build();
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let schema = Arc::new(parse_message_type(&schema(labels)).unwrap());
    let mut writer =
        SerializedFileWriter::new(file.unwrap(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let ones = vec![1; texts.len()];

    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&bytes(texts), Some(&ones), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let other: Vec<i64> = (0..texts.len() as i64).collect();
    column.typed::<Int64Type>().write_batch(&other, Some(&ones), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    write_labels(&mut column, labels);
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

fn write_labels(column: &mut SerializedColumnWriter<'_>, labels: &Column) {
    match labels {
        Column::Texts(rows) => {
            let (defined, repeated) = levels(rows.iter().map(Vec::len));
            let values = bytes(&rows.concat());
            let column = column.typed::<ByteArrayType>();
            column.write_batch(&values, Some(&defined), Some(&repeated)).unwrap();
        }
        Column::Numbers(rows) => {
            let (defined, repeated) = levels(rows.iter().map(Vec::len));
            let column = column.typed::<Int64Type>();
            column.write_batch(&rows.concat(), Some(&defined), Some(&repeated)).unwrap();
        }
        Column::OneText(values) => {
            let (values, ones) = (bytes(values), vec![1; values.len()]);
            column.typed::<ByteArrayType>().write_batch(&values, Some(&ones), None).unwrap();
        }
        Column::OneNumber(values) => {
            let ones = vec![1; values.len()];
            column.typed::<Int64Type>().write_batch(values, Some(&ones), None).unwrap();
        }
    }
}

fn bytes(texts: &[&str]) -> Vec<ByteArray> {
    texts.iter().map(|&text| ByteArray::from(text)).collect()
}

/// Definition and repetition levels of lists of these lengths.
fn levels(lengths: impl Iterator<Item = usize>) -> (Vec<i16>, Vec<i16>) {
    let (mut defined, mut repeated) = (Vec::new(), Vec::new());
    for length in lengths {
        // An empty list is there, but has no element.
        defined.extend(std::iter::repeat_n(if length == 0 { 1 } else { 3 }, length.max(1)));
        repeated.extend((0..length.max(1)).map(|place| i16::from(place > 0)));
    }
    (defined, repeated)
}

fn parquet_config() -> DataConfig {
    DataConfig {
        train: "train-*.parquet".to_owned(),
        dev: String::new(),
        test: "train-00000*".to_owned(),
        ..config(DataFormat::Parquet)
    }
}

/// Loads a data set: train is one file with these labels, test another like it.
fn loaded(labels: &Column, features: Option<&str>) -> Result<Dataset, String> {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["one", "two"];
    make(&folder.path().join("train-0.parquet"), &texts, labels, features, Compression::SNAPPY);
    make(&folder.path().join("test.parquet"), &texts, labels, features, Compression::SNAPPY);
    let config = DataConfig { test: "test.parquet".to_owned(), ..parquet_config() };
    load(&config, folder.path(), &Silent).map(|l| l.dataset).map_err(|error| error.to_string())
}

#[test]
fn labels_are_texts_or_numbers_one_or_many() {
    let check = |labels: Column, features: Option<&str>, expected: [&[&str]; 2]| {
        let dataset = loaded(&labels, features).unwrap();
        assert_eq!(dataset.train.texts.iter().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(dataset.train.ids, ["train-1", "train-2"]);
        assert_eq!(row(&dataset, &dataset.train, 0), expected[0]);
        assert_eq!(row(&dataset, &dataset.train, 1), expected[1]);
        dataset.vocabulary
    };
    let names = r#"{"names": ["x", "y", "z"], "_type": "ClassLabel"}"#;
    let list = format!(r#"{{"feature": {names}, "_type": "List"}}"#);
    check(Column::Texts(vec![vec!["b", "a"], vec!["c"]]), None, [&["a", "b"], &["c"]]);
    check(Column::OneText(vec!["b", "a"]), None, [&["b"], &["a"]]);
    check(Column::OneNumber(vec![7, 30]), None, [&["7"], &["30"]]);
    let vocabulary = check(Column::OneNumber(vec![2, 0]), Some(names), [&["z"], &["x"]]);
    assert_eq!(vocabulary, ["x", "y", "z"]);
    let numbers = || Column::Numbers(vec![vec![2, 0], vec![1]]);
    check(numbers(), Some(&list), [&["x", "z"], &["y"]]);
    check(numbers(), Some(&format!("[{names}]")), [&["x", "z"], &["y"]]);
    check(numbers(), None, [&["0", "2"], &["1"]]);
}

#[test]
fn several_files_and_all_codecs_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(::parquet::basic::GzipLevel::default()),
        Compression::ZSTD(::parquet::basic::ZstdLevel::default()),
    ];
    for (shard, codec) in codecs.into_iter().enumerate() {
        let path = folder.path().join(format!("train-{shard}-of-4.parquet"));
        let text = format!("text {shard}");
        make(&path, &[&text], &Column::OneText(vec!["a"]), None, codec);
    }
    let path = folder.path().join("test.parquet");
    make(&path, &["t"], &Column::OneText(vec!["a"]), None, Compression::SNAPPY);
    let config = DataConfig { test: "test*.parquet".to_owned(), ..parquet_config() };
    let dataset = load(&config, folder.path(), &Silent).unwrap().dataset;
    let texts: Vec<&str> = dataset.train.texts.iter().collect();
    assert_eq!(texts, ["text 0", "text 1", "text 2", "text 3"]);
    assert_eq!(dataset.train.ids[3], "train-4");
    let ids = DataConfig { id_column: Some("other".to_owned()), ..config.clone() };
    let parts = ["id `0` is already used", "train-*.parquet:1"];
    fails(&ids, &folder, &parts);
    let wrong = DataConfig { labels_column: "label".to_owned(), ..config.clone() };
    fails(&wrong, &folder, &["no column `label`", "labels_column", "mean `labels`"]);
    let number = DataConfig { text_columns: vec!["other".to_owned()], ..config.clone() };
    let parts = ["train-0-of-4.parquet:1", "`other`", "must have text", "`labels` (BYTE_ARRAY)"];
    fails(&number, &folder, &parts);
    let none = DataConfig { train: "dev-*.parquet".to_owned(), ..config.clone() };
    fails(&none, &folder, &["dev-*.parquet: no such file", "`test.parquet`"]);
    let whole = fs_err::read(&path).unwrap();
    fs_err::write(&path, &whole[..whole.len() / 2]).unwrap();
    fails(&config, &folder, &["test.parquet", "whole, and a Parquet file"]);
}

#[test]
fn a_number_without_a_name_is_named() {
    let names = r#"{"names": ["x", "y"], "_type": "ClassLabel"}"#;
    let error = loaded(&Column::OneNumber(vec![0, 2]), Some(names)).unwrap_err();
    let parts = ["train-0.parquet:2: label 2", "train-0.parquet has 2 labels", "hint: "];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    // Which is how a text without a label is written.
    let error = loaded(&Column::OneNumber(vec![0, -1]), Some(names)).unwrap_err();
    assert!(error.contains("has no label"), "{error}");
}

/// Files of Hugging Face's own library, see `tests/fixtures/formats/README.md`.
#[test]
fn what_hugging_face_datasets_writes_is_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/formats");
    let check = |name: &str, labels: &str, expected: &[&[&str]]| {
        let config = DataConfig {
            train: name.to_owned(),
            dev: String::new(),
            test: "test.parquet".to_owned(),
            labels_column: labels.to_owned(),
            unlabeled: OnUnlabeled::Keep,
            ..config(DataFormat::Parquet)
        };
        let folder = tempfile::tempdir().unwrap();
        for copy in [name, "test.parquet"] {
            fs_err::copy(fixtures.join(name), folder.path().join(copy)).unwrap();
        }
        let dataset = load(&config, folder.path(), &Silent).unwrap().dataset;
        for (text, expected) in expected.iter().enumerate() {
            assert_eq!(row(&dataset, &dataset.train, text), *expected, "{name}, text {text}");
        }
        dataset
    };
    let lists: [&[&str]; 3] = [&["grain", "wheat"], &[], &["trade"]];
    let dataset = check("class-labels.parquet", "labels", &lists);
    assert_eq!(dataset.train.texts.get(2), "Größe & trade");
    check("one-label.parquet", "label", &[&["pos"], &["neg"]]);
    check("names.parquet", "labels", &[&["x", "y"], &["y"]]);
}
