//! Tests of the formats of the XMC field: what is read, what is refused, and round trips.

use std::io::Write;

use alhost_config::{ConfigFile, Overrides};

use super::*;

/// The config that a user writes with these lines in `[data]`; files lie in the folder `.`.
pub(super) fn written(lines: &str) -> DataConfig {
    let threshold = "[evaluation]\nthreshold = \"cardinality\"\n";
    let text = format!("{threshold}[data]\npath = \".\"\n{lines}");
    let file = ConfigFile::parse(&text, "test", &Overrides::default()).unwrap();
    file.check(&|_| None).unwrap().data.clone()
}

fn labels_of(dataset: &Dataset, split: &Split) -> Vec<Vec<String>> {
    (0..split.ids.len())
        .map(|text| row(dataset, split, text).into_iter().map(str::to_owned).collect())
        .collect()
}

const XMC: [(&str, &str); 4] = [
    ("train.raw.txt", "first text\nsecond, longer text\n"),
    ("trn_X_Y.txt", "2 3\n2:1 0:1\n1:1\n"),
    ("test.raw.txt", "third\n"),
    ("tst_X_Y.txt", "1 3\n0:1.0\n"),
];

/// The files of `XMC` with one replaced or added.
fn xmc(name: &str, content: &str) -> TempDir {
    let mut files: Vec<_> = XMC.iter().copied().filter(|file| file.0 != name).collect();
    files.push((name, content));
    folder(&files)
}

#[test]
fn texts_and_a_label_matrix_are_read() {
    let config = written("format = \"xmc\"");
    let loaded = load(&config, folder(&XMC).path(), &Silent).unwrap();
    let dataset = &loaded.dataset;
    assert_eq!(dataset.vocabulary, ["0", "1", "2"]);
    assert_eq!(dataset.train.ids, ["train-1", "train-2"]);
    assert_eq!(dataset.train.texts.get(1), "second, longer text");
    assert_eq!(labels_of(dataset, &dataset.train), [vec!["0", "2"], vec!["1"]]);
    assert!(dataset.dev.is_none());
    let named = xmc("label.raw.txt", "sport\nart\nsport\n");
    let loaded = load(&config, named.path(), &Silent).unwrap();
    assert_eq!(loaded.dataset.vocabulary, ["sport", "art", "sport #2"]);
    assert!(loaded.notes[0].contains("1 label names"), "{:?}", loaded.notes);
    // The older file with words has the same labels.
    let old = xmc("trn_X_Y.txt", "2 9 3\n2,0 4:1\n1 5:1 6:1\n");
    let old = load(&config, old.path(), &Silent).unwrap();
    assert_eq!(old.hash, load(&config, folder(&XMC).path(), &Silent).unwrap().hash);
}

#[test]
fn what_does_not_belong_together_is_named() {
    let config = written("format = \"xmc\"");
    let check = |name: &str, content: &str, parts: &[&str]| {
        fails(&config, &xmc(name, content), parts);
    };
    check("train.raw.txt", "one\n", &["train.raw.txt has 1 texts", "trn_X_Y.txt", "of 2"]);
    check("trn_X_Y.txt", "2 3\n0:1\n3:1\n", &["trn_X_Y.txt:3: label 3", "says 3 labels"]);
    check("trn_X_Y.txt", "3 3\n0:1\n1:1\n", &["says 3 rows, but there are 2"]);
    check("tst_X_Y.txt", "1 4\n0:1\n", &["tst_X_Y.txt: a matrix of 4 labels", "has 3"]);
    check("label.raw.txt", "a\nb\n", &["trn_X_Y.txt: a matrix of 3 labels", "label.raw.txt has 2"]);
    check("trn_X_Y.txt", "2 3\n0:1\n\n", &["train.raw.txt:2: text `train-2` has no label"]);
    let folder = folder(&XMC);
    fs_err::remove_file(folder.path().join("tst_X_Y.txt")).unwrap();
    fails(&config, &folder, &["tst_X_Y.txt: no such file", "data.test_labels"]);
    let missing = DataConfig { train: "none".to_owned(), ..config };
    fails(&missing, &folder, &["none: no such file", "data.train"]);
}

const LBL: &str = "{\"uid\": \"x\", \"title\": \"Art\"}\n{\"uid\": 7, \"title\": \"\"}\n";
const TRN: &str = r#"{"uid": "a", "title": "One", "content": "more", "target_ind": [1, 0], "target_rel": [1.0, 0.5]}
{"uid": 2, "title": "Two", "content": "", "target_ind": [0, 1], "target_rel": [1.0, 0.0]}
"#;
const TST: &str = r#"{"uid": "c", "title": "Three", "target_ind": [0]}"#;

fn xmc_json(train: &str) -> TempDir {
    let folder = folder(&[("tst.json", TST), ("lbl.json", LBL)]);
    let file = fs_err::File::create(folder.path().join("trn.json.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(train.as_bytes()).unwrap();
    gz.finish().unwrap();
    folder
}

#[test]
fn json_lines_with_label_numbers_are_read() {
    let config = written("format = \"xmc-json\"");
    let dataset = load(&config, xmc_json(TRN).path(), &Silent).unwrap().dataset;
    assert_eq!(dataset.vocabulary, ["Art", "7"]);
    assert_eq!(dataset.train.ids, ["a", "2"]);
    assert_eq!(dataset.train.texts.iter().collect::<Vec<_>>(), ["One\nmore", "Two"]);
    assert_eq!(labels_of(&dataset, &dataset.train), [vec!["Art", "7"], vec!["Art"]]);
    let titles = written("format = \"xmc-json\"\ntext_columns = [\"title\"]");
    let dataset = load(&titles, xmc_json(TRN).path(), &Silent).unwrap().dataset;
    assert_eq!(dataset.train.texts.get(0), "One");
}

#[test]
fn mistakes_in_json_lines_are_named() {
    let config = written("format = \"xmc-json\"");
    let check = |bad: &str, parts: &[&str]| {
        let parts: Vec<&str> = parts.iter().copied().chain(["trn.json.gz:3:"]).collect();
        fails(&config, &xmc_json(&format!("{TRN}{bad}\n")), &parts);
    };
    check(r#"{"title": "x", "target_ind": [2]}"#, &["label 2, but", "lbl.json has 2 labels"]);
    check(r#"{"title": "x"}"#, &["no list `target_ind`"]);
    check(r#"{"uid": "x", "target_ind": [0]}"#, &["no `title` and no `content`"]);
    check(r#"{"title": 3, "target_ind": [0]}"#, &["`title` is 3, but must be a string"]);
    check(r#"{"title": "x", "target_ind": [0], "target_rel": []}"#, &["1 entries, but", "0"]);
    check(r#"{"title": "x", "target_ind": ["a"]}"#, &["`\"a\"` is no label number"]);
    check("{", &["malformed JSON"]);
    check("[]", &["expected an object"]);
    let folder = xmc_json(TRN);
    let path = folder.path().join("trn.json.gz");
    let whole = fs_err::read(&path).unwrap();
    fs_err::write(&path, &whole[..whole.len() - 10]).unwrap();
    fails(&config, &folder, &["trn.json.gz: cannot be read", "whole"]);
    fs_err::remove_file(folder.path().join("lbl.json")).unwrap();
    fails(&config, &folder, &["lbl.json: no such file", "data.vocabulary"]);
}

#[test]
fn pairs_of_texts_and_labels_are_read() {
    let files = [
        ("train_texts.txt", "one\n\nthree\n"),
        ("train_labels.txt", "b a\nc\n\tb \n"),
        ("test_texts.txt", "four"),
        ("test_labels.txt", "a"),
    ];
    let config = written("format = \"pairs\"");
    let dataset = load(&config, folder(&files).path(), &Silent).unwrap().dataset;
    assert_eq!(dataset.vocabulary, ["a", "b", "c"]);
    assert_eq!(dataset.train.texts.iter().collect::<Vec<_>>(), ["one", "", "three"]);
    assert_eq!(labels_of(&dataset, &dataset.train), [vec!["a", "b"], vec!["c"], vec!["b"]]);
    let mut short = files;
    short[1].1 = "b a\nc\n";
    let parts = ["train_texts.txt has 3 texts", "train_labels.txt has the labels of 2"];
    fails(&config, &folder(&short), &parts);
}

#[test]
fn a_share_of_train_becomes_dev_and_a_part_of_test_is_kept() {
    let lines: Vec<String> = (0..50).map(|i| format!("text {i}")).collect();
    let labels: Vec<String> = (0..50).map(|i| format!("l{}", i % 5)).collect();
    let (lines, labels) = (lines.join("\n"), labels.join("\n"));
    let folder = folder(&[
        ("train_texts.txt", &lines),
        ("train_labels.txt", &labels),
        ("test_texts.txt", &lines),
        ("test_labels.txt", &labels),
    ]);
    let with = |more: &str| {
        let config = written(&format!("format = \"pairs\"\ndev_share = 0.1\n{more}"));
        load(&config, folder.path(), &Silent).unwrap()
    };
    let drawn = with("test_texts = 20");
    let (dataset, dev) = (&drawn.dataset, drawn.dataset.dev.as_ref().unwrap());
    assert_eq!(
        (dataset.train.ids.len(), dev.ids.len(), dataset.test.as_ref().unwrap().ids.len()),
        (45, 5, 20)
    );
    let mut all: Vec<&String> = dataset.train.ids.iter().chain(&dev.ids).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 50);
    // A text keeps its label.
    for split in [&dataset.train, dev, dataset.test.as_ref().unwrap()] {
        for text in 0..split.ids.len() {
            let number: usize = split.texts.get(text)[5..].parse().unwrap();
            assert_eq!(row(dataset, split, text), [format!("l{}", number % 5)]);
        }
    }
    assert!(drawn.notes[0].contains("dev: 5 of 50 train texts"), "{:?}", drawn.notes);
    assert!(drawn.notes[1].contains("test: 20 of 50"), "{:?}", drawn.notes);
    assert_eq!(with("test_texts = 20").hash, drawn.hash);
    assert_ne!(with("test_texts = 20\nsplit_seed = 2").hash, drawn.hash);
    assert_eq!(with("").dataset.test.as_ref().unwrap().ids.len(), 50);
}

/// Checks for the same texts and labels; for the same ids too where the format has them.
fn assert_same(a: &Dataset, b: &Dataset, has_ids: bool, text: fn(&str) -> String) {
    assert_eq!(a.vocabulary, b.vocabulary);
    assert_eq!(a.splits().count(), b.splits().count());
    for ((_, a), (_, b)) in a.splits().zip(b.splits()) {
        assert_eq!(a.labels, b.labels);
        let texts: Vec<String> = a.texts.iter().map(text).collect();
        assert_eq!(texts, b.texts.iter().collect::<Vec<_>>());
        assert!(!has_ids || a.ids == b.ids);
    }
}

#[test]
fn what_is_converted_is_read_back() {
    let source = small("train", &format!("{TRAIN}{}", r#"{"id": "9", "text": "", "labels": []}"#));
    let keep = DataConfig { unlabeled: OnUnlabeled::Keep, ..config(DataFormat::Jsonl) };
    let dataset = load(&keep, source.path(), &Silent).unwrap().dataset;
    for (format, has_ids) in
        [(DataFormat::Jsonl, true), (DataFormat::Xmc, false), (DataFormat::XmcJson, true)]
    {
        let out = tempfile::tempdir().unwrap();
        let result = write(&dataset, format, &out.path().join("new")).unwrap();
        let file = ConfigFile::parse(&result.section, "test", &Overrides::default()).unwrap();
        let back = load(&file.data, Path::new(""), &Silent).unwrap().dataset;
        let text = |text: &str| text.to_owned();
        let joined = |text: &str| text.replace('\n', " ");
        assert_same(&dataset, &back, has_ids, if has_ids { text } else { joined });
        assert_eq!(result.notes.len(), if has_ids { 0 } else { 2 }, "{:?}", result.notes);
        let error = write(&dataset, format, &out.path().join("new")).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_data_set_survives_conversion(
        texts in prop::collection::vec(("[^\r\n]{0,12}", prop::collection::vec(0_usize..4, 1..4)), 1..12),
    ) {
        let names = ["a", "b c", "d\"", "é"];
        let lines: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(id, (text, labels))| {
                let labels: Vec<&str> = labels.iter().map(|&label| names[label]).collect();
                serde_json::json!({"id": id, "text": text, "labels": labels}).to_string()
            })
            .collect();
        let test = r#"{"id": "t", "text": "t", "labels": ["a"]}"#;
        let source = folder(&[("train.jsonl", &lines.join("\n")), ("test.jsonl", test)]);
        fs_err::write(source.path().join("labels.txt"), names.join("\n")).unwrap();
        let config = DataConfig { dev: String::new(), ..config(DataFormat::Jsonl) };
        let dataset = load(&config, source.path(), &Silent).unwrap().dataset;
        for format in [DataFormat::Jsonl, DataFormat::Xmc, DataFormat::XmcJson] {
            let out = tempfile::tempdir().unwrap();
            let result = write(&dataset, format, out.path()).unwrap();
            let file = ConfigFile::parse(&result.section, "test", &Overrides::default()).unwrap();
            let back = load(&file.data, Path::new(""), &Silent).unwrap().dataset;
            let is_xmc = format == DataFormat::Xmc;
            let plain: fn(&str) -> String = |text| text.trim_start_matches('\u{feff}').to_owned();
            assert_same(&dataset, &back, !is_xmc, if is_xmc { plain } else { str::to_owned });
        }
    }
}
