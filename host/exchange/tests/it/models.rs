//! Small models of the other tools: each reads the files that were exported for it, as the tool would, and writes what
//! people answered as the tool's own exporter does.

use serde_json::{Map, Value, json};

use crate::case::{Case, Given};

pub(crate) type Files = Vec<(String, Vec<u8>)>;

pub(crate) fn file<'f>(files: &'f Files, name: &str) -> &'f [u8] {
    &files.iter().find(|(file, _)| file == name).unwrap().1
}

pub(crate) fn items(files: &Files, name: &str) -> Vec<Value> {
    let bytes = file(files, name);
    if bytes.starts_with(b"[") {
        return serde_json::from_slice(bytes).unwrap();
    }
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn lines(items: &[Value]) -> Vec<u8> {
    items
        .iter()
        .flat_map(|item| [item.to_string(), "\n".to_owned()])
        .collect::<String>()
        .into_bytes()
}

/// Seconds since 1970 as Django writes them. All of the made-up ones lie on one day.
pub(crate) fn iso(at: u64) -> String {
    let seconds = at - 1_787_270_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("2026-08-21T{hours:02}:{minutes:02}:{:02}.123456Z", seconds % 60)
}

/// Argilla's records on disk, without those that were skipped.
pub(crate) fn argilla_disk(files: &Files, case: &Case) -> Vec<u8> {
    let mut items = items(files, "records.json");
    for (item, given) in items.iter_mut().zip(&case.given) {
        let responses: Vec<Value> = (given.iter().filter(|given| !given.skipped))
            .map(|given| json!({"value": given.labels, "user_id": given.person.to_string()}))
            .collect();
        item["responses"] = json!({});
        if !responses.is_empty() {
            item["responses"]["labels"] = Value::from(responses);
        }
        item["vectors"] = json!({});
        item["_server_id"] = json!("c3f4");
    }
    Value::from(items).to_string().into_bytes()
}

/// Argilla's records as they are pushed to the hub, where each record has the keys of all.
pub(crate) fn argilla_flat(files: &Files, case: &Case) -> Vec<u8> {
    let mut flat = Vec::new();
    for (mut item, given) in items(files, "records.json").into_iter().zip(&case.given) {
        let mut record = Map::new();
        for key in ["fields", "metadata"] {
            record.extend(item[key].as_object().unwrap().clone());
        }
        record.insert("id".to_owned(), item["id"].take());
        record.insert("_server_id".to_owned(), json!("c3f4"));
        let each = |value: &dyn Fn(&Given) -> Value| {
            if given.is_empty() { Value::Null } else { given.iter().map(value).collect() }
        };
        let value = |given: &Given| if given.skipped { Value::Null } else { json!(given.labels) };
        let status = |given: &Given| json!(if given.skipped { "discarded" } else { "submitted" });
        record.insert("labels.responses".to_owned(), each(&value));
        record.insert(
            "labels.responses.users".to_owned(),
            each(&|given| json!(given.person.to_string())),
        );
        record.insert("labels.responses.status".to_owned(), each(&status));
        for (end, key) in [("", "value"), (".score", "score"), (".agent", "agent")] {
            record.insert(
                format!("labels.suggestion{end}"),
                item["suggestions"]["labels"][key].take(),
            );
        }
        flat.push(Value::Object(record));
    }
    lines(&flat)
}

/// What doccano exports of one member of a project: the confirmed examples, with sorted labels.
pub(crate) fn doccano(files: &Files, case: &Case, person: u64) -> Vec<Value> {
    let mut exported = Vec::new();
    for ((item, given), n) in items(files, "tasks.jsonl").into_iter().zip(&case.given).zip(1..) {
        let Some(given) = given.iter().find(|given| given.person == person && !given.skipped)
        else {
            continue;
        };
        let mut labels = given.labels.clone();
        labels.sort();
        let mut item = item.as_object().unwrap().clone();
        item.insert("id".to_owned(), json!(n));
        item.insert("label".to_owned(), json!(labels));
        item.insert("Comments".to_owned(), json!([]));
        exported.push(Value::Object(item));
    }
    exported
}

pub(crate) fn doccano_lines(exported: &[Value]) -> Vec<u8> {
    lines(exported)
}

/// The same as CSV, with labels joined by `#`.
pub(crate) fn doccano_table(exported: &[Value]) -> Vec<u8> {
    let columns = [
        "id",
        "text",
        "alhost_id",
        "alhost_project",
        "rank",
        "round",
        "suggestions",
        "label",
        "Comments",
    ];
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).unwrap();
    for item in exported {
        writer
            .write_record(columns.map(|column| match &item[column] {
                Value::String(text) => text.clone(),
                Value::Array(labels) => {
                    labels.iter().map(|label| label.as_str().unwrap()).collect::<Vec<_>>().join("#")
                }
                other => other.to_string(),
            }))
            .unwrap();
    }
    writer.into_inner().unwrap()
}

/// What Prodigy's `db-out` writes: a line for each person.
pub(crate) fn prodigy(files: &Files, case: &Case) -> Vec<u8> {
    let mut exported = Vec::new();
    for (item, given) in items(files, "tasks.jsonl").into_iter().zip(&case.given) {
        for given in given {
            let mut item = item.clone();
            item["accept"] = json!(given.labels);
            item["answer"] = json!(if given.skipped { "ignore" } else { "accept" });
            item["_input_hash"] = json!(-1_487_516_519);
            item["_annotator_id"] = json!(given.person.to_string());
            item["_timestamp"] = json!(given.at);
            exported.push(item);
        }
    }
    lines(&exported)
}

/// Our JSON lines, filled in: a line for each person.
pub(crate) fn own_lines(files: &Files, case: &Case) -> Vec<u8> {
    let mut filled = Vec::new();
    for (item, given) in items(files, "tasks.jsonl").into_iter().zip(&case.given) {
        if given.is_empty() {
            filled.push(item.clone());
        }
        for given in given {
            let mut item = item.clone();
            item["labels"] = json!(given.labels);
            item["status"] = json!(if given.skipped { "skipped" } else { "labeled" });
            item["by"] = json!(given.person.to_string());
            item["at"] = json!(iso(given.at));
            filled.push(item);
        }
    }
    lines(&filled)
}

/// Our CSV, filled in and saved with another separator, as spreadsheets may do.
pub(crate) fn own_rows(files: &Files, case: &Case, separator: u8) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(file(files, "tasks.csv"));
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    writer.write_record(&columns).unwrap();
    for (record, given) in reader.records().map(Result::unwrap).zip(&case.given) {
        if given.is_empty() {
            writer.write_record(&record).unwrap();
        }
        for given in given {
            writer
                .write_record(columns.iter().zip(&record).map(
                    |(column, cell)| match column.as_str() {
                        "labels" => json!(given.labels).to_string(),
                        "status" => if given.skipped { "skipped" } else { "labeled" }.to_owned(),
                        "by" => given.person.to_string(),
                        _ => cell.to_owned(),
                    },
                ))
                .unwrap();
        }
    }
    writer.into_inner().unwrap()
}
