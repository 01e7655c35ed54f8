//! Files that cannot be used, and tasks that a tool could not take: what is said about them.

use std::path::Path;

use alhost_exchange::{Format, Imported, LabelSet, Suggestion, Task, export, import};
use proptest::prelude::*;
use serde_json::{Value, json};

fn labels(names: &[&str]) -> LabelSet {
    LabelSet { names: names.iter().map(|name| (*name).to_owned()).collect(), separator: None }
}

fn read(content: &[u8], format: Option<Format>) -> Result<Imported, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported");
    fs_err::write(&path, content).unwrap();
    import(&path, format, &labels(&["grain", "trade"])).map_err(|error| error.to_string())
}

fn check(content: &[u8], expected: &str) {
    let error = read(content, None).unwrap_err();
    let start = String::from_utf8_lossy(&content[..content.len().min(40)]).into_owned();
    assert!(error.contains("exported: ") && error.contains("\nhint: "), "{start:?}: {error}");
    assert!(error.contains(expected), "{start:?}: {error}");
}

#[test]
fn what_is_no_export_is_told() {
    check(b"", "is empty");
    check(b" \r\n", "is empty");
    check("\u{feff}".as_bytes(), "is empty");
    check(b"[]", "holds no items");
    check(b"[1, 2]", "item 1: is no object");
    check(b"{\n  \"name\": \"settings\"\n}", "is one JSON object, not a list of items");
    check(b"[{\"a\": 1, \"b\": 2}]", "its items have the keys `a`, `b`");
    check(b"a,b\n1,2\n", "its first line has the columns `a`, `b`");
    check(b"some prose", "its first line has the columns `some prose`");
    check(b"<View/>", "is XML");
    check(b"<!DOCTYPE html><p>Sign in", "a web page");
    check(b"PK\x03\x04\xff\xff", "is a zip archive, not text");
    check(b"\x1f\x8b\x08\xff", "is gzip, not text");
    check(
        b"{\"id\": \"a\", \"labels\": [\"caf\xe9\"]}\n",
        "line 1, byte 28: not UTF-8; perhaps Latin-1",
    );
    check(b"\xff\xfe[\0{\0", "it looks like UTF-16");
}

#[test]
fn a_file_of_another_tool_than_was_said_is_refused() {
    let doccano = b"{\"text\": \"t\", \"label\": [\"grain\"]}";
    let error = read(doccano, Some(Format::Jsonl)).unwrap_err();
    assert!(error.contains("looks like doccano, not like alhost's own JSONL"), "{error}");
    assert!(error.contains("hint: import it as `doccano`"), "{error}");
    assert!(read(doccano, Some(Format::Doccano)).is_ok());
}

#[test]
fn texts_of_two_projects_are_not_mixed() {
    check(
        b"{\"id\": \"a\", \"labels\": [], \"alhost_project\": \"one\"}\n\
          {\"id\": \"a\", \"labels\": [], \"alhost_project\": \"two\"}\n",
        "holds texts of several projects: `one`, `two`",
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported");
    fs_err::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = import(&path, None, &labels(&[])).unwrap_err().to_string();
    assert!(error.contains("has 1099511627776 bytes, and at most 536870912 are read"), "{error}");
    let error = import(folder.path(), None, &labels(&[])).unwrap_err().to_string();
    assert!(error.contains("is a folder"), "{error}");
    let error = import(Path::new("/nowhere"), None, &labels(&[])).unwrap_err().to_string();
    assert!(error.contains("no such file"), "{error}");
}

#[test]
fn nothing_is_nested_too_deeply_to_be_told() {
    let deep = |n: usize| "[".repeat(n);
    check(deep(1_000_000).as_bytes(), "malformed JSON");
    let whole = format!("[{{\"id\": \"a\", \"labels\": {}{}}}]", deep(1_000), "]".repeat(1_000));
    check(whole.as_bytes(), "malformed JSON: recursion limit exceeded");
}

#[test]
fn wherever_json_is_cut_it_is_refused() {
    let item = json!({"data": {"text": "é\n", "alhost_id": "a"}, "annotations": [], "drafts": []});
    let array = format!("[{item}, {item}]");
    for cut in (1..array.len()).filter(|&cut| array.is_char_boundary(cut)) {
        check(&array.as_bytes()[..cut], "malformed JSON");
    }
    let lines = "{\"id\": \"a\", \"labels\": []}\n{\"id\": \"b\", \"labels\": []}";
    for cut in 1..lines.len() {
        let is_whole = cut == 25 || cut == 26;
        assert_eq!(read(&lines.as_bytes()[..cut], None).is_ok(), is_whole, "{cut}");
    }
    let error = read(&lines.as_bytes()[..40], None).unwrap_err();
    assert!(error.contains("line 2, column 14: malformed JSON: EOF"), "{error}");
    assert!(error.contains("seems to be cut off"), "{error}");
}

#[test]
fn tasks_that_a_tool_cannot_take_are_refused() {
    let task = Task { id: "a".to_owned(), text: "t".to_owned(), round: 0, suggestions: Vec::new() };
    let refused = |format: Format, names: &[&str], expected: &str| {
        let tasks = vec![task.clone(); 10];
        let error = export(format, &tasks, &labels(names), "demo").unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("\nhint: "), "{error}");
    };
    for format in [Format::LabelStudio, Format::Argilla, Format::Doccano, Format::Prodigy] {
        refused(format, &[], "needs the list of labels");
        refused(format, &["a", ""], "the label \"\" has no name");
    }
    let many: Vec<String> = (0..501).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    refused(
        Format::Argilla,
        &many,
        "takes at most 500 labels in a question, and this project has 501",
    );
    assert!(export(Format::Argilla, &[], &labels(&many[1..]), "demo").is_ok());
    let vast = vec!["x"; 500_001];
    refused(Format::Prodigy, &vast, "10 texts with 500001 labels are more than 5000000 options");
    refused(Format::Doccano, &[&"x".repeat(101)], "more than the 100 characters");
    refused(Format::Doccano, &[" a"], "white space, which doccano cuts off");
}

/// A value of any kind, likely to stand where it should not.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec![
            "grain",
            "labels",
            "skipped",
            "accept",
            "2026-13-01T00:00:00Z",
            ""
        ])
        .prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "text",
        "labels",
        "choices",
        "taxonomy",
        "value",
        "result",
        "from_name",
    ]);
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..3).prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

const KEYS: [&str; 22] = [
    "id",
    "text",
    "labels",
    "status",
    "by",
    "at",
    "data",
    "annotations",
    "drafts",
    "annotation_id",
    "lead_time",
    "fields",
    "responses",
    "labels.responses",
    "labels.responses.status",
    "label",
    "answer",
    "accept",
    "options",
    "meta",
    "metadata",
    "alhost_id",
];

proptest! {
    #[test]
    fn whatever_stands_under_the_keys_is_an_answer_or_told(
        items in prop::collection::vec(
            prop::collection::vec((prop::sample::select(KEYS.to_vec()), value()), 1..8),
            1..4,
        ),
    ) {
        let items: Vec<Value> = items
            .into_iter()
            .map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            .collect();
        let lines: Vec<String> = items.iter().map(Value::to_string).collect();
        let array = read(Value::from(items).to_string().as_bytes(), None);
        let lines = read(lines.join("\n").as_bytes(), None);
        match (&array, &lines) {
            (Ok(array), Ok(lines)) => prop_assert_eq!(array.answers.len(), lines.answers.len()),
            (Err(array), Err(_)) => prop_assert!(array.contains("\nhint: "), "{}", array),
            _ => prop_assert!(false, "{:?}, {:?}", array, lines),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(start in "(\\[|\\{|id,labels\n|)", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _answers_or_not = read(&[start.as_bytes(), &bytes].concat(), None);
    }

    #[test]
    fn no_table_makes_it_panic(table in "(id|text|labels|status|label|annotation_id|alhost_id|[\",;\n\r\t=\\[\\]a#]){0,30}") {
        let _answers_or_not = read(table.as_bytes(), None);
    }

    #[test]
    fn suggestions_may_be_anything(label in "\\PC{0,8}", probability: f32) {
        let suggestions = vec![Suggestion { label, probability }];
        let task = Task { id: String::new(), text: String::new(), round: 0, suggestions };
        for format in Format::ALL {
            prop_assert!(export(format, std::slice::from_ref(&task), &labels(&["a"]), "").is_ok());
        }
    }
}
