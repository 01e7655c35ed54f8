//! Tests of reading a data set: each format, each mistake and its message, and random bytes.

use std::path::{Path, PathBuf};

use alhost_base::progress::Silent;
use alhost_config::{DataConfig, DataFormat, OnUnlabeled};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

mod demo;
mod figures;
mod formats;
mod layouts;
mod meaning;
mod openers;
mod parquet;

/// Real data beside the repository, or where `ALHOST_SHARED` says; none on most machines.
pub(super) fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("ALHOST_SHARED").map_or(beside, PathBuf::from).join("data");
    if !folder.is_dir() {
        println!("{}: not there, so nothing is tested", folder.display());
        return None;
    }
    Some(folder)
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs_err::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn config(format: DataFormat) -> DataConfig {
    DataConfig { format, path: Some(".".to_owned()), ..DataConfig::default() }
}

const TRAIN: &str = r#"{"id": "1", "text": "one", "labels": ["b", "a"]}
{"id": 2, "text": "two\nlines", "labels": ["c"], "date": [1, {"x": null}]}
"#;
const DEV: &str = r#"{"id": "3", "text": "three", "labels": ["d", "a"]}"#;
const TEST: &str = r#"{"id": "4", "text": "four", "labels": ["a", "d"]}"#;

/// The small data set, with one split replaced.
fn small(replaced: &str, content: &str) -> TempDir {
    let of = |name: &str, usual| if replaced == name { content.to_owned() } else { usual };
    let (train, dev, test) =
        (of("train", TRAIN.to_owned()), of("dev", DEV.to_owned()), of("test", TEST.to_owned()));
    folder(&[("train.jsonl", &train), ("dev.jsonl", &dev), ("test.jsonl", &test)])
}

fn load_jsonl(folder: &TempDir) -> Loaded {
    load(&config(DataFormat::Jsonl), folder.path(), &Silent).unwrap()
}

#[track_caller]
fn fails(config: &DataConfig, folder: &TempDir, parts: &[&str]) {
    let error = load(config, folder.path(), &Silent).unwrap_err().to_string();
    for part in parts.iter().chain(&["\nhint: "]) {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

fn row<'a>(dataset: &'a Dataset, split: &'a Split, text: usize) -> Vec<&'a str> {
    split.labels.row(text).iter().map(|&l| dataset.vocabulary[l as usize].as_str()).collect()
}

#[test]
fn jsonl_is_read_in_order() {
    let loaded = load_jsonl(&small("", ""));
    let dataset = &loaded.dataset;
    assert_eq!(dataset.vocabulary, ["a", "b", "c", "d"]);
    assert_eq!(dataset.train.ids, ["1", "2"]);
    assert_eq!(dataset.train.texts.iter().collect::<Vec<_>>(), ["one", "two\nlines"]);
    assert_eq!(row(dataset, &dataset.train, 0), ["a", "b"]);
    assert_eq!(row(dataset, dataset.dev.as_ref().unwrap(), 0), ["a", "d"]);
    assert_eq!(loaded.notes, ["train: 1 label of the vocabulary in no text"]);
}

#[test]
fn blank_lines_crlf_and_a_byte_order_mark_do_no_harm() {
    let plain = load_jsonl(&small("", ""));
    let other = format!("\u{feff}{}\r\n\r\n  \r\n", TRAIN.trim_end().replace('\n', "\r\n"));
    assert_eq!(load_jsonl(&small("train", &other)).hash, plain.hash);
}

#[test]
fn malformed_lines_are_named() {
    let good = r#"{"id": "9", "text": "t", "labels": ["a"]}"#;
    let cases: [(&str, &[&str]); 14] = [
        (r#"{"id": "8", "text": "t", "labels": ["a"]"#, &["malformed JSON", "EOF"]),
        (r#"["8", "t", ["a"]]"#, &["malformed JSON", "expected an object"]),
        ("{", &["malformed JSON"]),
        ("id,text,labels", &["malformed JSON", "expected an object"]),
        (r#"{"id": "8", "text": "\ud800", "labels": ["a"]}"#, &["malformed JSON", "hex escape"]),
        (r#"{"id": "8", "labels": ["a"]}"#, &["missing field `text`"]),
        (r#"{"id": "8", "text": "t"}"#, &["missing field `labels`"]),
        (r#"{"id": "8", "id": "7", "text": "t", "labels": []}"#, &["duplicate field `id`"]),
        (r#"{"id": 8.5, "text": "t", "labels": ["a"]}"#, &["a whole number"]),
        (r#"{"id": "8", "text": null, "labels": ["a"]}"#, &["null", "string"]),
        (r#"{"id": "8", "text": "t", "label": ["a"]}"#, &["missing field `labels`", "`label`"]),
        (r#"{"id": "8", "text": "t", "labels": 0.5}"#, &["floating point `0.5`", "labels:"]),
        (r#"{"id": "8", "text": "t", "labels": [["a"]]}"#, &["sequence", "a label: a string"]),
        (r#"{"id": "8", "text": "t", "labels": {"a": "b", "c": 1}}"#, &["an object, which must"]),
    ];
    for (bad, parts) in cases {
        let folder = small("train", &format!("{good}\n\n{bad}\n{good}\n"));
        let parts: Vec<&str> = parts.iter().copied().chain(["train.jsonl:3:"]).collect();
        fails(&config(DataFormat::Jsonl), &folder, &parts);
    }
}

#[test]
fn the_first_of_many_errors_is_reported() {
    let good = r#"{"id": "9", "text": "t", "labels": ["a"]}"#;
    let lines: Vec<&str> = (0..5000).map(|line| if line < 700 { good } else { "x" }).collect();
    // Line 2 repeats the id of line 1, which is found only when all is read.
    fails(&config(DataFormat::Jsonl), &small("train", &lines.join("\n")), &["train.jsonl:701:1"]);
}

#[test]
fn a_wrong_encoding_is_named() {
    let folder = small("", "");
    let path = folder.path().join("train.jsonl");
    fs_err::write(&path, [TRAIN.as_bytes(), b"{\"id\": \"caf\xe9\"}"].concat()).unwrap();
    let windows = ["train.jsonl:3:12: not UTF-8", "Windows-1252", "iconv"];
    fails(&config(DataFormat::Jsonl), &folder, &windows);
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(TRAIN.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    fs_err::write(&path, utf16).unwrap();
    fails(&config(DataFormat::Jsonl), &folder, &["train.jsonl:1:1: not UTF-8", "UTF-16"]);
}

#[test]
fn ids_are_unique_within_and_across_splits() {
    let within = r#"{"id": "1", "text": "t", "labels": ["a"]}
{"id": "1", "text": "u", "labels": ["a"]}"#;
    let parts = ["train.jsonl:2: id `1`", "train.jsonl:1"];
    fails(&config(DataFormat::Jsonl), &small("train", within), &parts);
    let across = r#"{"id": "2", "text": "t", "labels": ["a"]}"#;
    let parts = ["test.jsonl:1: id `2`", "train.jsonl:2"];
    fails(&config(DataFormat::Jsonl), &small("test", across), &parts);
}

#[test]
fn an_unknown_label_is_an_error_where_there_is_a_vocabulary() {
    let folder = small("dev", r#"{"id": "3", "text": "t", "labels": ["music", "msuic"]}"#);
    let write = |name: &str| {
        fs_err::write(folder.path().join(name), "music\r\nd\na\n\nb\nc\n").unwrap();
    };
    let parts = ["dev.jsonl:1: label `msuic` is not among the 5 labels of", "mean `music`"];
    write("labels.txt");
    fails(&config(DataFormat::Jsonl), &folder, &parts);
    fs_err::remove_file(folder.path().join("labels.txt")).unwrap();
    let loaded = load_jsonl(&folder);
    assert_eq!(loaded.dataset.vocabulary, ["a", "b", "c", "msuic", "music"]);
    write("names");
    let named = DataConfig { vocabulary: Some("names".to_owned()), ..config(DataFormat::Jsonl) };
    fails(&named, &folder, &parts);
}

#[test]
fn a_vocabulary_fixes_the_order() {
    let folder = small("", "");
    fs_err::write(folder.path().join("labels.txt"), "d\nc\nb\nunused\na").unwrap();
    let loaded = load_jsonl(&folder);
    assert_eq!(loaded.dataset.vocabulary, ["d", "c", "b", "unused", "a"]);
    assert_eq!(loaded.dataset.train.labels.row(0), [2, 4]);
    assert!(loaded.notes[0].contains("labels.txt"), "{:?}", loaded.notes);
    assert!(loaded.notes[1].contains("train: 2 labels"), "{:?}", loaded.notes);
    fs_err::write(folder.path().join("labels.txt"), "a\nb\na\n").unwrap();
    fails(&config(DataFormat::Jsonl), &folder, &["labels.txt:3", "`a`", "second time"]);
    fs_err::write(folder.path().join("labels.txt"), "\n").unwrap();
    fails(&config(DataFormat::Jsonl), &folder, &["no label"]);
}

#[test]
fn labels_of_test_alone_are_dropped_and_counted() {
    let test = r#"{"id": "4", "text": "four", "labels": ["new", "a"]}
{"id": "5", "text": "five", "labels": ["new", "newer"]}
{"id": "6", "text": "six", "labels": ["b"]}"#;
    let folder = small("test", test);
    let loaded = load_jsonl(&folder);
    assert_eq!(loaded.dataset.test.as_ref().unwrap().ids, ["4", "6"]);
    assert_eq!(loaded.dataset.test.as_ref().unwrap().texts.get(1), "six");
    assert_eq!(row(&loaded.dataset, loaded.dataset.test.as_ref().unwrap(), 0), ["a"]);
    let note =
        "test: 2 labels found in neither train nor dev dropped, and 1 text that had no other";
    assert_eq!(loaded.notes[0], note);
    let keep = DataConfig { unlabeled: OnUnlabeled::Keep, ..config(DataFormat::Jsonl) };
    let kept = load(&keep, folder.path(), &Silent).unwrap();
    assert_eq!(kept.dataset.test.as_ref().unwrap().ids, ["4", "5", "6"]);
    assert!(kept.dataset.test.as_ref().unwrap().labels.row(1).is_empty());
    let folder = small("test", r#"{"id": "5", "text": "five", "labels": ["new"]}"#);
    fails(&config(DataFormat::Jsonl), &folder, &["test.jsonl: no text is left", "data.test"]);
}

#[test]
fn texts_without_label_are_refused_dropped_or_kept() {
    let folder = small("train", &format!("{TRAIN}{}", r#"{"id": "7", "text": "x", "labels": []}"#));
    let with = |unlabeled| DataConfig { unlabeled, ..config(DataFormat::Jsonl) };
    let parts = ["train.jsonl:3: text `7` has no label", "`data.unlabeled = \"drop\"`"];
    fails(&with(OnUnlabeled::Error), &folder, &parts);
    let dropped = load(&with(OnUnlabeled::Drop), folder.path(), &Silent).unwrap();
    assert_eq!(dropped.dataset.train.ids, ["1", "2"]);
    assert_eq!(dropped.notes[0], "train: 1 text without label dropped");
    let kept = load(&with(OnUnlabeled::Keep), folder.path(), &Silent).unwrap();
    assert_eq!(kept.dataset.train.ids, ["1", "2", "7"]);
    assert_eq!(kept.dataset.train.labels.row(2), [0; 0]);

    let all_dropped = small("dev", r#"{"id": "7", "text": "x", "labels": []}"#);
    fails(&with(OnUnlabeled::Drop), &all_dropped, &["dev.jsonl: no text is left", "1 without"]);
}

#[test]
fn empty_labels_are_refused_and_repeated_ones_counted() {
    let folder = small("dev", r#"{"id": "3", "text": "t", "labels": ["a", ""]}"#);
    fails(&config(DataFormat::Jsonl), &folder, &["dev.jsonl:1: text `3` has an empty label"]);
    let loaded = load_jsonl(&small("dev", r#"{"id": "3", "text": "t", "labels": ["d", "d"]}"#));
    assert_eq!(loaded.notes[0], "dev: 1 label repeated in one text counted once");
    assert_eq!(loaded.dataset.dev.unwrap().labels.row(0), [3]);
}

#[test]
fn missing_files_are_named_with_what_there_is() {
    let folder = small("", "");
    fs_err::rename(folder.path().join("dev.jsonl"), folder.path().join("devel.jsonl")).unwrap();
    let parts = [
        "dev.jsonl: no such file",
        "`data.dev = \"devel.jsonl\"`?",
        "`data.dev = \"\"` runs without",
    ];
    fails(&config(DataFormat::Jsonl), &folder, &parts);
    let without = DataConfig { dev: String::new(), ..config(DataFormat::Jsonl) };
    let loaded = load(&without, folder.path(), &Silent).unwrap();
    assert!(loaded.dataset.dev.is_none());
    let nowhere = DataConfig { path: Some("nowhere".to_owned()), ..config(DataFormat::Jsonl) };
    fails(&nowhere, &folder, &["nowhere: the data folder does not exist", "data.path"]);
    let unset = DataConfig { path: None, ..config(DataFormat::Jsonl) };
    fails(&unset, &folder, &["`data.path` is not set"]);
    let vocabulary = DataConfig { vocabulary: Some("x".to_owned()), ..without };
    fails(&vocabulary, &folder, &["x: no such file", "data.vocabulary"]);
}

#[test]
fn empty_splits_are_refused() {
    for (split, content) in [("train", ""), ("dev", "\n\n"), ("test", "\u{feff}")] {
        let parts = [&format!("{split}.jsonl: no text in it"), &format!("data.{split}")];
        fails(&config(DataFormat::Jsonl), &small(split, content), &parts.map(String::as_str));
    }
}

#[test]
fn repeated_and_wordless_texts_are_noted() {
    let loaded = load_jsonl(&small(
        "test",
        r#"{"id": "4", "text": "one", "labels": ["a"]}
{"id": "5", "text": " ", "labels": ["a"]}"#,
    ));
    let expected = [
        "test: 1 text without a word",
        "train: 1 label of the vocabulary in no text",
        "1 text the same as an earlier one, 1 of them with other labels (is it a line for each label?)",
        "1 text in more than one split (test scores are a little too high)",
    ];
    assert_eq!(loaded.notes, expected);
}

#[test]
fn the_hash_changes_with_all_that_counts() {
    let hash = |split: &str, content: &str| load_jsonl(&small(split, content)).hash;
    let same = hash("", "");
    assert_eq!(hash("dev", &DEV.replace(", \"labels\"", ",  \"labels\"")), same);
    let replacements =
        [("\"3\"", "\"5\""), ("three", "thre"), ("[\"d\", \"a\"]", "[\"d\"]"), ("\"d\"", "\"e\"")];
    for (old, new) in replacements {
        let test = TEST.replace("\"d\"", "\"a\"");
        let dev = DEV.replace(old, new);
        let changed = folder(&[("train.jsonl", TRAIN), ("dev.jsonl", &dev), ("test.jsonl", &test)]);
        let usual = folder(&[("train.jsonl", TRAIN), ("dev.jsonl", DEV), ("test.jsonl", &test)]);
        assert_ne!(load_jsonl(&changed).hash, load_jsonl(&usual).hash, "{old} to {new}");
    }
}

#[test]
fn the_hash_of_texts_stays_while_labels_change() {
    let hash = |train: &str| {
        let folder = folder(&[("train.jsonl", train), ("dev.jsonl", DEV), ("test.jsonl", TEST)]);
        load_jsonl(&folder).dataset.texts_hash()
    };
    let line = |id: &str, text: &str, label: &str| {
        format!("{{\"id\": \"{id}\", \"text\": \"{text}\", \"labels\": [\"{label}\"]}}\n")
    };
    let train = |text: &str, label: &str| TRAIN.to_owned() + &line("more", text, label);
    assert_eq!(hash(&train("one more", "a")), hash(&train("one more", "d")));
    assert_ne!(hash(&train("one more", "a")), hash(&train("one less", "a")));
}

// CSV and TSV

fn csv_config(format: DataFormat) -> DataConfig {
    let ending = if format == DataFormat::Csv { "csv" } else { "tsv" };
    DataConfig {
        train: format!("train.{ending}"),
        dev: String::new(),
        test: format!("test.{ending}"),
        id_column: Some("nr".to_owned()),
        text_columns: vec!["title".to_owned(), "body".to_owned()],
        labels_column: "tags".to_owned(),
        ..config(format)
    }
}

const CSV_TEST: &str = "nr,title,body,tags\nt,x,y,a\n";

fn csv_folder(train: &str) -> TempDir {
    folder(&[("train.csv", train), ("test.csv", CSV_TEST)])
}

#[test]
fn csv_and_tsv_columns_are_found_by_name() {
    let train = "tags,nr,title,other,body\n a ;b,1,One,-,\"He said \"\"no\"\",\nthen left\"\n;c;,2,,,\"5\"\" disk\"\n";
    let loaded = load(&csv_config(DataFormat::Csv), csv_folder(train).path(), &Silent).unwrap();
    let dataset = &loaded.dataset;
    assert_eq!(dataset.train.ids, ["1", "2"]);
    assert_eq!(dataset.train.texts.get(0), "One\nHe said \"no\",\nthen left");
    assert_eq!(dataset.train.texts.get(1), "\n5\" disk");
    assert_eq!(row(dataset, &dataset.train, 0), ["a", "b"]);
    assert_eq!(row(dataset, &dataset.train, 1), ["c"]);

    let tsv = folder(&[
        ("train.tsv", "\u{feff}nr\ttitle\tbody\ttags\r\n1\tOne\tmore, here\ta|b;c\r\n"),
        ("test.tsv", "nr\ttitle\tbody\ttags\n2\t\t\ta"),
    ]);
    let config = DataConfig { label_separator: "|".to_owned(), ..csv_config(DataFormat::Tsv) };
    let dataset = load(&config, tsv.path(), &Silent).unwrap().dataset;
    assert_eq!(dataset.train.texts.get(0), "One\nmore, here");
    assert_eq!(dataset.vocabulary, ["a", "b;c"]);
}

#[test]
fn without_an_id_column_texts_are_numbered() {
    let config = DataConfig { id_column: None, ..csv_config(DataFormat::Csv) };
    let folder = csv_folder("title,body,tags\nx,y,a\nx,z,a\n");
    let dataset = load(&config, folder.path(), &Silent).unwrap().dataset;
    assert_eq!(
        (&dataset.train.ids[1], &dataset.test.as_ref().unwrap().ids[0]),
        (&"train-2".into(), &"test-1".into())
    );
}

#[test]
fn mistakes_in_csv_are_named() {
    let head = "nr,title,body,tags\n";
    let cases: [(String, &[&str]); 8] = [
        (format!("{head}1,x,y,a\n2,x,a\n"), &["train.csv:3:", "3 fields, the header 4"]),
        (format!("{head}1,\"x\n\n\",y,a\r\n2,x,a\r\n"), &["train.csv:5:", "3 fields"]),
        (format!("{head}1,x,y,a\n2,x,y,\"a\n3,x,y,b\n"), &["train.csv:3:", "never closed"]),
        (format!("{head}1,x,y,a\n2,\"x,y,a\n3,x,y,b\n"), &["train.csv:3:", "never closed"]),
        (format!("{head}1,x,y,\n"), &["train.csv:2: text `1` has no label"]),
        ("nr,titel,body,tags\n".to_owned(), &["no column `title`", "text_columns", "mean `titel`"]),
        ("nr,title,title,body,tags\n".to_owned(), &["more than one column `title`"]),
        (String::new(), &["no column `nr`", "the columns are nothing"]),
    ];
    for (train, parts) in cases {
        let error = load(&csv_config(DataFormat::Csv), csv_folder(&train).path(), &Silent);
        let error = error.unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }
    let folder = csv_folder("");
    let path = folder.path().join("train.csv");
    fs_err::write(path, b"nr,title,body,tags\n1,x,\xff,a\n").unwrap();
    fails(&csv_config(DataFormat::Csv), &folder, &["train.csv:2:5: not UTF-8"]);
}

// Any input

proptest! {
    #[test]
    fn jsonl_comes_back_as_it_was_written(
        texts in prop::collection::vec(("\\PC*", prop::collection::btree_set("[a-f\"é]", 1..5)), 1..30),
        crlf: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let lines: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(id, (text, labels))| {
                serde_json::json!({"labels": labels, "id": id.to_string(), "text": text}).to_string()
            })
            .collect();
        let folder = folder(&[("all.jsonl", &lines.join(end)), ("test.jsonl", "")]);
        let test = serde_json::json!({"id": "test", "text": "", "labels": texts[0].1}).to_string();
        fs_err::write(folder.path().join("test.jsonl"), test).unwrap();
        let config = DataConfig {
            train: "all.jsonl".to_owned(),
            dev: String::new(),
            ..config(DataFormat::Jsonl)
        };
        let dataset = load(&config, folder.path(), &Silent).unwrap().dataset;
        prop_assert_eq!(dataset.train.ids.len(), texts.len());
        for (number, (text, labels)) in texts.iter().enumerate() {
            prop_assert_eq!(&dataset.train.ids[number], &number.to_string());
            prop_assert_eq!(dataset.train.texts.get(number), text);
            let expected: Vec<&str> = labels.iter().map(String::as_str).collect();
            prop_assert_eq!(row(&dataset, &dataset.train, number), expected);
        }
    }

    #[test]
    fn random_bytes_never_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[\\{\\}\\[\\]\",:a0 \n\r\\\\\t]{0,80}".prop_map(String::into_bytes),
            "(nr,title,body,tags\n)?[a\",;\n\r\t ]{0,60}".prop_map(String::into_bytes),
        ],
        start in prop_oneof![
            Just(&b""[..]),
            Just(&[0x1f, 0x8b, 8][..]),
            Just(&[0x28, 0xb5, 0x2f, 0xfd][..]),
            Just(&b"{\"id\": \"1\", \"text\": \"\", \"labels\": [\"a\"]}\n"[..]),
        ],
    ) {
        let folder = folder(&[("test.csv", CSV_TEST), ("test.jsonl", TEST)]);
        let content = [start, &bytes].concat();
        fs_err::write(folder.path().join("train.csv"), &content).unwrap();
        fs_err::write(folder.path().join("train.jsonl"), &content).unwrap();
        let jsonl = DataConfig { dev: String::new(), ..config(DataFormat::Jsonl) };
        for config in [jsonl, csv_config(DataFormat::Csv)] {
            if let Err(error) = load(&config, folder.path(), &Silent) {
                prop_assert!(error.to_string().contains("\nhint: "), "{error}");
            }
        }
    }

    #[test]
    fn labels_keep_each_row_as_a_sorted_set(
        rows in prop::collection::vec(prop::collection::vec(0_u32..20, 0..12), 0..40),
    ) {
        let mut labels = Labels::new(20);
        for row in &rows {
            labels.push(row);
        }
        prop_assert_eq!(labels.len(), rows.len());
        let mut counts = vec![0; 20];
        for (text, row) in rows.iter().enumerate() {
            let set: std::collections::BTreeSet<u32> = row.iter().copied().collect();
            let expected: Vec<u32> = set.into_iter().collect();
            for &label in &expected {
                counts[label as usize] += 1;
            }
            prop_assert_eq!(labels.row(text), expected);
        }
        prop_assert_eq!(labels.n_assignments(), counts.iter().sum::<u32>() as usize);
        prop_assert_eq!(labels.counts(), counts);
        let (offsets, ids) = labels.csr();
        prop_assert_eq!(offsets.len(), rows.len() + 1);
        prop_assert_eq!(offsets[rows.len()] as usize, ids.len());
    }
}
