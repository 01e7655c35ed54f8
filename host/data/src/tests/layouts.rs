//! Layouts that people have: a column a label, other separators, no header, JSON arrays, other keys, the
//! tables of `LibMultiLabel`, XMC's filters; and quotes, which are strict.

use super::formats::written;
use super::*;

/// Checks the texts and labels of train, which these lines of `[data]` read from files of this
/// ending and content; test has the same.
#[track_caller]
fn check(lines: &str, ending: &str, content: &str, expected: &[(&str, &[&str])]) {
    let (loaded, _folder) = loaded(lines, ending, content);
    let train = &loaded.dataset.train;
    let read: Vec<(&str, Vec<&str>)> = (0..train.ids.len())
        .map(|text| (train.texts.get(text), row(&loaded.dataset, train, text)))
        .collect();
    let expected: Vec<(&str, Vec<&str>)> =
        expected.iter().map(|(text, labels)| (*text, labels.to_vec())).collect();
    assert_eq!(read, expected, "{content}");
}

fn set_up(lines: &str, ending: &str, content: &str) -> (DataConfig, TempDir) {
    let lines = format!("format = \"{ending}\"\ndev = \"\"\n{lines}");
    let files = [format!("train.{ending}"), format!("test.{ending}")];
    (written(&lines), folder(&files.each_ref().map(|file| (file.as_str(), content))))
}

fn loaded(lines: &str, ending: &str, content: &str) -> (Loaded, TempDir) {
    let (config, folder) = set_up(lines, ending, content);
    (load(&config, folder.path(), &Silent).unwrap(), folder)
}

#[track_caller]
fn refused(lines: &str, ending: &str, content: &str, parts: &[&str]) {
    let (config, folder) = set_up(lines, ending, content);
    fails(&config, &folder, parts);
}

const TWO: [(&str, &[&str]); 2] = [("one", &["a", "b"]), ("two", &["c"])];

#[test]
fn a_column_for_each_label_is_read() {
    let table = "text,a,b,c\none,1,1,0\ntwo,0.0,False,TRUE\n";
    for lines in ["label_columns = \"*\"", "label_columns = [\"a\", \"b\", \"c\"]", ""] {
        check(lines, "csv", table, &TWO);
    }
    let indexed = "Unnamed: 0,id,text,a,b,c\n0,x,one,1,1,0\n1,y,two,0,0,1\n";
    check("label_columns = \"*\"", "csv", indexed, &TWO);
    assert!(loaded("", "csv", table).0.notes[0].contains("data.label_columns = \"*\""));
    let objects = "{\"text\": \"one\", \"a\": 1, \"b\": true, \"c\": null}\n{\"text\": \"two\", \"a\": 0, \"b\": 0.0, \"c\": 1}\n";
    check("label_columns = \"*\"", "jsonl", objects, &TWO);
    refused("label_columns = [\"d\"]", "csv", table, &["no column `d`", "data.label_columns"]);
    refused("label_columns = [\"d\"]", "jsonl", objects, &["missing field `d`", "`a`"]);
    let counts = table.replace("one,1", "one,-1");
    refused("label_columns = \"*\"", "csv", &counts, &["train.csv:2: column `a` has `-1`"]);
    // What only looks like a table of labels lacks its column of labels.
    refused("", "csv", &counts, &["no column `labels`", "data.label_columns"]);
}

#[test]
fn separators_and_headers_are_as_the_config_or_the_file_says() {
    let plain = "text,labels\none,a;b\ntwo,c\n";
    let semicolons = "text;labels\none;a,b\ntwo;c\n";
    check("separator = \";\"\nlabel_separator = \",\"", "csv", semicolons, &TWO);
    check("label_separator = \",\"", "csv", &format!("sep=;\r\n{semicolons}"), &TWO);
    check("separator = \"|\"", "csv", &plain.replace(',', "|"), &TWO);
    check("separator = \"\\t\"", "csv", &plain.replace(',', "\t"), &TWO);
    refused("", "csv", semicolons, &["data.separator = \";\""]);
    refused("", "csv", &plain.replace(',', "\t"), &["data.separator = \"\\t\""]);
    refused("", "tsv", plain, &["data.separator = \",\""]);
    let sep = format!("sep=;\n{semicolons}x\n");
    refused("label_separator = \",\"", "csv", &sep, &["train.csv:5: the record has 1 fields"]);

    let bare = "one,a;b\ntwo,c\n";
    let numbered = "header = false\ntext_columns = [\"1\"]\nlabels_column = \"2\"";
    check(numbered, "csv", bare, &TWO);
    refused(
        "header = false",
        "csv",
        bare,
        &["no column `text`", "columns are called by their numbers"],
    );
    refused("", "csv", bare, &["no column `text`", "data.header = false"]);
    // LibMultiLabel's, without and with an id.
    let lines = "header = false\nquote = false\nlabel_separator = \" \"\n";
    let without = format!("{lines}text_columns = [\"2\"]\nlabels_column = \"1\"");
    check(&without, "tsv", "a b\tone\nc\ttwo\n", &TWO);
    let with = format!("{lines}id_column = \"1\"\ntext_columns = [\"3\"]\nlabels_column = \"2\"");
    let (config, folder) = set_up(&with, "tsv", "7\ta b\t\"one\n8\tc\ttwo\n");
    fs_err::write(folder.path().join("test.tsv"), "9\ta\tx\n").unwrap();
    let dataset = load(&config, folder.path(), &Silent).unwrap().dataset;
    assert_eq!((&dataset.train.ids[1], dataset.train.texts.get(0)), (&"8".to_owned(), "\"one"));
}

#[test]
fn arrays_and_other_keys_of_objects_are_read() {
    let object = "{\"text\": \"one\", \"labels\": [\"a\", \"b\"]}";
    let other = "{\"labels\": \"c\", \"text\": \"two\"}";
    check("", "jsonl", &format!("[{object}, {other}]"), &TWO);
    check("", "jsonl", &format!("\u{feff}\n[\n{object},\r\n{other}\n]\n"), &TWO);
    refused(
        "",
        "jsonl",
        &format!("[{object},\n {{\"text\": 3}}]"),
        &["train.jsonl:2:", "expected a string"],
    );
    refused("", "jsonl", &format!("[{object},\n"), &["train.jsonl:2:", "EOF while parsing"]);
    let doccano = "{\"id\": 1, \"data\": \"one\", \"label\": [\"a\", \"b\"]}\n{\"data\": \"two\", \"label\": [\"c\"]}";
    let (config, folder) =
        set_up("text_columns = [\"data\"]\nlabels_column = \"label\"", "jsonl", doccano);
    fs_err::write(folder.path().join("test.jsonl"), doccano.replace("\"id\": 1", "\"id\": 2"))
        .unwrap();
    let dataset = load(&config, folder.path(), &Silent).unwrap().dataset;
    assert_eq!((dataset.train.texts.get(1), &*dataset.train.ids[1]), ("two", "train-2"));
    refused("", "jsonl", doccano, &["missing field `text`", "`data`"]);
    let titled = "{\"text\": \"one\", \"title\": \"T\", \"labels\": [\"a\"]}\n";
    check("text_columns = [\"title\", \"text\"]", "jsonl", titled, &[("T\none", &["a"])]);
    refused("id_column = \"nr\"", "jsonl", titled, &["missing field `nr`", "data.id_column"]);
}

#[test]
fn quotes_are_strict_and_can_be_switched_off() {
    let cases = [
        ("text,labels\n\"on\"e,a\n", "train.csv:2: a quote closes"),
        ("text,labels\none,a\n5\" disk,b\n", "train.csv:3: a quote in a field"),
        ("text,labels\n \"one\",a\n", "train.csv:2: a quote in a field"),
        ("text,labels\n\"one,a\ntwo,b\n", "train.csv:2: a quote that opens"),
    ];
    for (table, part) in cases {
        refused("", "csv", table, &[part, "`data.quote = false`"]);
        loaded("quote = false", "csv", table);
    }
    // Two texts that begin with a quote swallow what is between them.
    let swallowing = "labels\ttext\na\t\"one\nb\ttwo\nc\tsaid \"three\"\n";
    refused("", "tsv", swallowing, &["train.tsv:4: a quote closes"]);
    let unseen = "labels\ttext\na\t\"one\nb\ttwo\nc\tthree\"\n";
    refused("", "tsv", unseen, &["train.tsv:2: 1 quoted fields", "swallowed"]);
    assert_eq!(loaded("quote = false", "tsv", unseen).0.dataset.train.ids.len(), 3);
    assert_eq!(loaded("quote = true", "tsv", unseen).0.dataset.train.ids.len(), 1);
    let commas = loaded("", "csv", &unseen.replace('\t', ",")).0;
    assert!(commas.notes[0].contains("data.quote = false"), "{:?}", commas.notes);
}

#[test]
fn pairs_of_xmc_filters_are_taken_out() {
    let files = [
        ("train.raw.txt", "one\ntwo\n"),
        ("trn_X_Y.txt", "2 3\n0:1 1:1\n2:1 0:1\n"),
        ("test.raw.txt", "three\n"),
        ("tst_X_Y.txt", "1 3\n0:1\n"),
        ("filter_labels_train.txt", "0 0\r\n1 2\n0 2\n"),
    ];
    let folder = folder(&files);
    let plain = load(&written("format = \"xmc\""), folder.path(), &Silent).unwrap();
    assert!(plain.notes[0].contains("data.train_filter"), "{:?}", plain.notes);
    let filtered = written("format = \"xmc\"\ntrain_filter = \"filter_labels_train.txt\"");
    let loaded = load(&filtered, folder.path(), &Silent).unwrap();
    let rows: Vec<&[u32]> = loaded.dataset.train.labels.rows().collect();
    assert_eq!(rows, [&[1][..], &[0]]);
    for (pair, part) in
        [("0 3", ":1: text 0 and label 3"), ("a 1", ":1: is no pair"), ("2 0", "2 texts")]
    {
        fs_err::write(folder.path().join("filter_labels_train.txt"), pair).unwrap();
        fails(&filtered, &folder, &[part, "filter_labels_train.txt"]);
    }
}
