//! A small model of Label Studio: it reads the configuration and the tasks that were exported for it, and writes
//! what people answered as its own converter does.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use crate::case::{Case, Given};
use crate::models::{Files, file, iso, items};

/// The names of the labels that Label Studio offers: what each `Choice` answers with, as paths.
pub(crate) fn offered(files: &Files) -> Vec<Vec<String>> {
    let config = std::str::from_utf8(file(files, "config.xml")).unwrap();
    let mut reader = Reader::from_str(config);
    let (mut path, mut all) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) if tag.name().as_ref() == "Choice" => {
                path.push(answered_with(&tag));
                all.push(path.clone());
            }
            Event::Empty(tag) if tag.name().as_ref() == "Choice" => {
                all.push([&path[..], &[answered_with(&tag)]].concat());
            }
            Event::End(tag) if tag.name().as_ref() == "Choice" => {
                path.pop();
            }
            Event::Eof => return all,
            _ => {}
        }
    }
}

fn answered_with(choice: &BytesStart<'_>) -> String {
    let get = |name: &str| {
        let attribute = choice.attributes().map(Result::unwrap);
        let attribute = attribute.into_iter().find(|attribute| attribute.key.as_ref() == name);
        attribute
            .map(|attribute| quick_xml::escape::unescape(&attribute.value).unwrap().into_owned())
    };
    get("alias").or_else(|| get("value")).unwrap()
}

/// Label Studio's JSON: with skipped annotations, the newest first as its database may give them.
pub(crate) fn annotated(files: &Files, case: &Case) -> Vec<Value> {
    let mut items = items(files, "tasks.json");
    for ((item, given), n) in items.iter_mut().zip(&case.given).zip(1..) {
        let annotations: Vec<Value> =
            given.iter().rev().map(|given| annotation(given, case)).collect();
        item["id"] = json!(n);
        item["drafts"] = json!([]);
        item["annotations"] = Value::from(annotations);
    }
    items
}

fn annotation(given: &Given, case: &Case) -> Value {
    let (kind, value) = match &case.labels.separator {
        Some(separator) => {
            let paths = given.labels.iter().map(|name| name.split(separator.as_str()));
            (
                "taxonomy",
                json!({"taxonomy": paths.map(Iterator::collect).collect::<Vec<Vec<&str>>>()}),
            )
        }
        None => ("choices", json!({"choices": given.labels})),
    };
    let result = json!({"id": "xY1", "type": kind, "from_name": "labels", "to_name": "text", "value": value});
    json!({
        "id": 7,
        "completed_by": given.person,
        "was_cancelled": given.skipped,
        "ground_truth": false,
        "lead_time": 4.3,
        "created_at": iso(given.at - 1),
        "updated_at": iso(given.at),
        "result": if given.labels.is_empty() { json!([]) } else { json!([result]) },
    })
}

/// Label Studio's `JSON_MIN`, made of its JSON: a task whose annotations were all skipped is not there.
pub(crate) fn minimal(tasks: &[Value]) -> Vec<Value> {
    let mut records = Vec::new();
    for task in tasks {
        let annotations = task["annotations"].as_array().unwrap();
        let nobody = json!({"result": []});
        let mut shown: Vec<&Value> =
            annotations.iter().filter(|a| a["was_cancelled"] == false).collect();
        if annotations.is_empty() {
            shown.push(&nobody);
        }
        for annotation in shown {
            let mut record = task["data"].as_object().unwrap().clone();
            record.insert("id".to_owned(), task["id"].clone());
            if let Some(result) = annotation["result"].get(0) {
                record.insert("labels".to_owned(), prettified(&result["value"]));
            }
            record.insert("annotator".to_owned(), annotation["completed_by"].clone());
            record.insert("annotation_id".to_owned(), annotation["id"].clone());
            for key in ["created_at", "updated_at", "lead_time"] {
                record.insert(key.to_owned(), annotation[key].clone());
            }
            records.push(Value::Object(record));
        }
    }
    records
}

/// The three shapes of one field.
fn prettified(value: &Value) -> Value {
    match value["choices"].as_array() {
        Some(choices) if choices.len() == 1 => choices[0].clone(),
        Some(_) => value.clone(),
        None => json!([value]),
    }
}

/// Label Studio's CSV, made of its `JSON_MIN`: sorted columns, quotes round all that is no number, and JSON with
/// `\/`.
pub(crate) fn table(records: &[Value]) -> Vec<u8> {
    let mut columns: Vec<&String> =
        records.iter().flat_map(|r| r.as_object().unwrap().keys()).collect();
    columns.sort();
    columns.dedup();
    let mut writer =
        csv::WriterBuilder::new().quote_style(csv::QuoteStyle::NonNumeric).from_writer(Vec::new());
    writer.write_record(&columns).unwrap();
    for record in records {
        writer
            .write_record(columns.iter().map(|column| match &record[column.as_str()] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                value @ (Value::Array(_) | Value::Object(_)) => {
                    value.to_string().replace('/', "\\/")
                }
                other => other.to_string(),
            }))
            .unwrap();
    }
    writer.into_inner().unwrap()
}
