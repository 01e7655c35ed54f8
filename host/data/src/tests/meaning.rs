//! Tests of what the labels of a file mean: the same in all formats, whatever notation, spelling or
//! number they come in. Else they are refused, or noted with the key that mends it.

use ::parquet::basic::Compression;

use super::parquet::{Column, make};
use super::*;

/// Makes data sets of CSV, JSONL and Parquet in which the labels of the texts of train are these
/// strings; test has the first text alone.
fn of_strings(fields: &[&'static str]) -> Vec<(DataConfig, TempDir)> {
    let rows = |fields: &[&str]| {
        let quoted = |field: &&str| format!("\"{}\"", field.replace('"', "\"\""));
        let rows =
            fields.iter().enumerate().map(|(i, field)| format!("text {i},{}\n", quoted(field)));
        format!("text,labels\n{}", rows.collect::<String>())
    };
    let lines = |fields: &[&str]| -> String {
        let line = |(i, field): (usize, &&str)| {
            serde_json::json!({"text": format!("text {i}"), "labels": field}).to_string() + "\n"
        };
        fields.iter().enumerate().map(line).collect()
    };
    let csv = folder(&[("train.csv", &rows(fields)), ("test.csv", &rows(&fields[..1]))]);
    let jsonl = folder(&[("train.jsonl", &lines(fields)), ("test.jsonl", &lines(&fields[..1]))]);
    let parquet = tempfile::tempdir().unwrap();
    for (name, fields) in [("train.parquet", fields), ("test.parquet", &fields[..1])] {
        let texts: Vec<String> = (0..fields.len()).map(|i| format!("text {i}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let labels = Column::OneText(fields.to_vec());
        make(&parquet.path().join(name), &texts, &labels, None, Compression::SNAPPY);
    }
    let names = |format, ending: &str| DataConfig {
        train: format!("train.{ending}"),
        dev: String::new(),
        test: format!("test.{ending}"),
        ..config(format)
    };
    vec![
        (names(DataFormat::Csv, "csv"), csv),
        (names(DataFormat::Jsonl, "jsonl"), jsonl),
        (names(DataFormat::Parquet, "parquet"), parquet),
    ]
}

/// Reads the labels of the texts of train, or the error.
fn read(config: &DataConfig, folder: &TempDir) -> Result<Vec<Vec<String>>, String> {
    let loaded = load(config, folder.path(), &Silent).map_err(|error| error.to_string())?;
    let train = &loaded.dataset.train;
    let labels = |text| row(&loaded.dataset, train, text).into_iter().map(str::to_owned).collect();
    Ok((0..train.ids.len()).map(labels).collect())
}

fn notes(config: &DataConfig, folder: &TempDir) -> String {
    load(config, folder.path(), &Silent).unwrap().notes.join("\n")
}

#[test]
fn lists_written_as_text_are_lists_in_all_formats() {
    for fields in [
        ["[\"a\", \"b\"]", "[\"c\"]"],
        ["['a', 'b']", "['c']"],
        ["{'b', 'a'}", "{'c'}"],
        ["('a', 'b')", "('c',)"],
        ["['a' 'b']", "['c']"],
        ["array(['a', 'b'], dtype=object)", "array(['c'], dtype=object)"],
        ["{\"choices\": [\"a\", \"b\"]}", "c"],
        ["{\"a\": 1, \"b\": 1, \"c\": 0}", "{\"a\": 0, \"b\": 0, \"c\": 1}"],
        [" a ; b;", "c"],
    ] {
        for (config, folder) in of_strings(&fields) {
            let read = read(&config, &folder);
            assert_eq!(
                read,
                Ok(vec![vec!["a".into(), "b".into()], vec!["c".into()]]),
                "{fields:?}"
            );
        }
    }
}

#[test]
fn vectors_of_zeros_and_ones_are_understood_in_all_formats() {
    let fields = ["[1, 0, 1]", "[0, 1, 0]"];
    let expected = Ok(vec![vec!["0".to_owned(), "2".to_owned()], vec!["1".to_owned()]]);
    for fields in [fields, ["[1. 0. 1.]", "[0. 1. 0.]"], ["1;0;1", "0;1;0"]] {
        for (config, folder) in of_strings(&fields) {
            assert_eq!(read(&config, &folder), expected, "{fields:?}");
            assert!(notes(&config, &folder).contains("multi-hot"));
            fs_err::write(folder.path().join("labels.txt"), "x\ny\nz\n").unwrap();
            assert_eq!(read(&config, &folder).unwrap()[0], ["x", "z"]);
            fs_err::write(folder.path().join("labels.txt"), "x\ny\n").unwrap();
            assert!(read(&config, &folder).unwrap_err().contains("of 3 labels"), "{fields:?}");
        }
    }
    // Sets of the labels 0 and 1 are no vectors.
    for (config, folder) in of_strings(&["0;1", "1"]) {
        assert_eq!(read(&config, &folder).unwrap()[0], ["0", "1"]);
    }
}

#[test]
fn what_was_taken_for_a_name_is_refused_with_the_key() {
    let check = |fields: &[&'static str], parts: &[&str]| {
        for (config, folder) in of_strings(fields) {
            let told = read(&config, &folder).unwrap_err();
            for part in parts.iter().chain(&["train.", "\nhint: "]) {
                assert!(told.contains(part), "{fields:?}: no `{part}` in {told}");
            }
            // Somebody who says that each field is one label is believed.
            let whole = DataConfig { label_separator: String::new(), ..config };
            let read = read(&whole, &folder).unwrap();
            assert_eq!(read.concat().len(), fields.len(), "{fields:?}");
        }
    };
    check(&["a#b", "b#c", "a#c"], &["data.label_separator = \"#\""]);
    check(&["a|b", "b|c", "a|c"], &["data.label_separator = \"|\""]);
    check(&["a, b", "b, c", "a, c"], &["data.label_separator = \",\""]);
    check(&["a\tb", "b\tc", "a\tc"], &["data.label_separator = \"\\t\""]);
    check(&["a\nb", "b\nc", "a\nc"], &["data.label_separator = \"\\n\""]);
    check(&["[a, b]", "[b]", "c"], &["a list or an object", "`[a, b]`"]);
    check(&["<a/>", "<b/>", "c"], &["a list or an object"]);
    check(&["\"a\"", "\"b\"", "c"], &["a list or an object"]);
    let values = &["a:1", "b:0", "c:0.5"];
    check(values, &["values behind them"]);
}

#[test]
fn what_is_seldom_or_harmless_is_noted() {
    let check = |fields: &[&'static str], part: &str| {
        for (config, folder) in of_strings(fields) {
            let notes = notes(&config, &folder);
            assert!(notes.contains(part), "{fields:?}: no `{part}` in {notes}");
        }
    };
    check(&["a", "b", "c", "d", "a|b"], "in 1 of 6 texts");
    check(&["Grain", "grain"], "differ from another only by case");
    check(&["crude  oil", "crude oil"], "white space or Unicode form");
    check(&["ﬁsh", "fish"], "differ from another");
    check(&["a b", "a", "b"], "are made of others with ` `");
    check(&["nan", "a"], "a missing value");
    check(&["true", "false"], "`data.label_columns` names it");
    check(&["a", "a", "a"], "nothing to learn");
}

#[test]
fn clean_labels_are_not_remarked_on() {
    for fields in [
        ["music/jazz;art", "music/rock", "art/film"],
        ["topic:cocoa", "place:uk;topic:cocoa", "place:us"],
        ["New York", "New Jersey", "Sci/Tech"],
        ["fish, frozen;meat, fresh", "fish, fresh", "meat, frozen"],
        ["cs.LG;cs.AI", "stat.ML", "cs.AI"],
        ["3;7", "30", "7"],
        ["C++", "C#", "R&D"],
    ] {
        for (config, folder) in of_strings(&fields) {
            let loaded = load(&config, folder.path(), &Silent).unwrap();
            let about = loaded.notes.iter().filter(|note| note.starts_with("labels:"));
            assert_eq!(about.count(), 0, "{fields:?}: {:?}", loaded.notes);
        }
    }
}

#[test]
fn one_label_has_one_name_in_all_formats() {
    for fields in [["é ", "e\u{301}"], ["\u{a0}é", "é\u{200b}"]] {
        for (config, folder) in of_strings(&fields) {
            assert_eq!(read(&config, &folder).unwrap(), [["é"], ["é"]]);
            fs_err::write(folder.path().join("labels.txt"), " e\u{301} \n").unwrap();
            assert_eq!(read(&config, &folder).unwrap(), [["é"], ["é"]]);
        }
    }
}

#[test]
fn numbers_stand_for_the_lines_of_a_list_in_all_formats() {
    for fields in [["2;0", "1"], ["[2, 0]", "[1]"], ["2.0;0.0", "1.0"]] {
        for (config, folder) in of_strings(&fields) {
            assert_eq!(read(&config, &folder).unwrap(), [vec!["0", "2"], vec!["1"]]);
            fs_err::write(folder.path().join("labels.txt"), "x\ny\nz\n").unwrap();
            assert_eq!(read(&config, &folder).unwrap(), [vec!["x", "z"], vec!["y"]]);
            fs_err::write(folder.path().join("labels.txt"), "x\ny\n").unwrap();
            let told = read(&config, &folder).unwrap_err();
            assert!(told.contains("label 2, but"), "{told}");
        }
    }
    let numbers = TRAIN.replace("\"b\", \"a\"", "2, 0.0").replace("\"c\"", "true");
    let folder = folder(&[("train.jsonl", &numbers), ("test.jsonl", &numbers.replace("id", "x"))]);
    let config = DataConfig { dev: String::new(), ..config(DataFormat::Jsonl) };
    assert_eq!(read(&config, &folder).unwrap(), [vec!["0", "2"], vec!["1"]]);
}

/// Returns JSON lines of texts that begin with `key`, one for each of the ids between the `|`; `-`
/// stands for a text without an id.
fn lines_with_ids(key: &str, ids: &str) -> String {
    let line = |(i, id): (usize, &str)| {
        let id = if id == "-" { String::new() } else { format!("\"id\": {id}, ") };
        format!("{{{id}\"text\": \"{key} {i}\", \"labels\": [\"a\"]}}\n")
    };
    ids.split('|').enumerate().map(line).collect()
}

/// Checks the ids that train and test get from those in their files, and a part of the notes.
fn check_ids(train: &str, test: &str, expected: [&[&str]; 2], note: &str) {
    let folder = folder(&[
        ("train.jsonl", &lines_with_ids("n", train)),
        ("test.jsonl", &lines_with_ids("t", test)),
    ]);
    let config = DataConfig { dev: String::new(), ..config(DataFormat::Jsonl) };
    let loaded = load(&config, folder.path(), &Silent).unwrap();
    assert_eq!(loaded.dataset.train.ids, expected[0]);
    assert_eq!(loaded.dataset.test.as_ref().unwrap().ids, expected[1]);
    assert!(loaded.notes.join("\n").contains(note), "{:?}", loaded.notes);
    let made = DataConfig { id_column: Some(String::new()), ..config };
    let loaded = load(&made, folder.path(), &Silent).unwrap();
    assert_eq!(loaded.dataset.test.as_ref().unwrap().ids[0], "test-1");
}

#[test]
fn ids_are_made_where_there_are_none_and_told_apart_where_they_restart() {
    check_ids("-|-", "-", [&["train-1", "train-2"], &["test-1"]], "");
    check_ids("null|\"\"", "\" \"", [&["train-1", "train-2"], &["test-1"]], "");
    check_ids("7.0|\" 8 \"", "12.0", [&["7", "8"], &["12"]], "");
    check_ids(
        "0|1",
        "0",
        [&["train-0", "train-1"], &["test-0"]],
        "ids: 1 stand in more than one split",
    );
    check_ids(
        "1|2|5",
        "1|2",
        [&["train-1", "train-2", "train-5"], &["test-1", "test-2"]],
        "counts anew",
    );
    check_ids(
        "\"x1\"|\"x2\"",
        "\"x1\"|\"x2\"",
        [&["train-x1", "train-x2"], &["test-x1", "test-x2"]],
        "ids: 2",
    );
}

#[test]
fn the_same_text_in_two_splits_is_no_restart() {
    let lines = "{\"id\": 0, \"text\": \"x\", \"labels\": [\"a\"]}\n{\"id\": 1, \"text\": \"y\", \"labels\": [\"a\"]}\n";
    let folder = folder(&[("train.jsonl", lines), ("test.jsonl", lines)]);
    let config = DataConfig { dev: String::new(), ..config(DataFormat::Jsonl) };
    fails(&config, &folder, &["test.jsonl:1: id `0` is already used", "data.id_column = \"\""]);
}

#[test]
fn a_line_for_each_label_and_splits_without_label_are_noted() {
    let lines = TEST.replace("\"4\"", "\"8\"") + "\n" + &TEST.replace("\"a\", \"d\"", "\"a\"");
    assert!(
        load_jsonl(&small("test", &lines)).notes.join("\n").contains("1 of them with other labels")
    );
    let keep = DataConfig { unlabeled: OnUnlabeled::Keep, ..config(DataFormat::Jsonl) };
    let none = small("test", &TEST.replace("\"a\", \"d\"", ""));
    let notes = load(&keep, none.path(), &Silent).unwrap().notes.join("\n");
    assert!(
        notes.contains("test: no text has a label") && notes.contains("all scores will be 0"),
        "{notes}"
    );
    let missing = small("train", &TRAIN.replace("\"one\"", "\"nan\""));
    assert!(
        load_jsonl(&missing).notes.join("\n").contains("train: 1 texts are what programs write")
    );
}
