//! docs/label.md, done as it says: every command of its `sh` blocks in their order, with a person's answers in between.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::page::{Page, adjust, labels_of, rows};
use crate::support::{Sandbox, plugin, workspace};

/// The commands that the page has its reader run, without `alhost`.
fn commands() -> Vec<Vec<String>> {
    let page = fs_err::read_to_string(workspace().join("docs/label.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let commands = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    let words = |line: String| {
        let command =
            line.strip_prefix("$ alhost ").unwrap_or_else(|| panic!("no command: {line}"));
        command.split_whitespace().map(str::to_owned).collect()
    };
    commands.map(words).collect()
}

/// The reader's files: a table of texts, a list of labels, and texts of later.
fn files(sandbox: &Sandbox) -> BTreeMap<String, Vec<String>> {
    let gold: BTreeMap<String, Vec<String>> = rows(sandbox)
        .iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), labels_of(row)))
        .collect();
    let cell = |value: &Value| format!("\"{}\"", value.as_str().unwrap().replace('"', "\"\""));
    let row = |row: &Value| format!("{},{}\n", cell(&row["id"]), cell(&row["text"]));
    let table: String = rows(sandbox).iter().map(row).collect();
    sandbox.write("tickets.csv", &format!("id,text\n{table}"));
    let mut labels: Vec<&str> = gold.values().flatten().map(String::as_str).collect();
    labels.sort_unstable();
    labels.dedup();
    sandbox.write("labels.txt", &(labels.join("\n") + "\n"));
    sandbox.write("more.jsonl", &sandbox.read("data/test.jsonl"));
    gold
}

/// Answers at the page, until the first batch of 50 is done.
fn label_a_batch(sandbox: &Sandbox, serve: &[&str], gold: &BTreeMap<String, Vec<String>>) {
    let page = Page::serve_by(sandbox, &[serve, &["--listen", "127.0.0.1:0"]].concat());
    loop {
        let text = page.next("kim").unwrap();
        let answered = page.answer("kim", &text["id"], &gold[text["id"].as_str().unwrap()]);
        assert_eq!(answered.status, 200, "{}", answered.body);
        if text["left"] == 1 {
            return;
        }
    }
}

/// What somebody exports from Label Studio who has labeled all of its tasks.
fn label_in_the_tool(sandbox: &Sandbox, gold: &BTreeMap<String, Vec<String>>) -> usize {
    let mut tasks: Vec<Value> = serde_json::from_str(&sandbox.read("batch/tasks.json")).unwrap();
    for task in &mut tasks {
        let labels = &gold[task["data"]["alhost_id"].as_str().unwrap()];
        task["annotations"] = json!([{ "id": 1, "completed_by": 2, "was_cancelled": false, "result": [{
            "type": "choices", "from_name": "labels", "to_name": "text", "value": { "choices": labels } }] }]);
    }
    sandbox.write("export.json", &json!(tasks).to_string());
    tasks.len()
}

#[test]
fn the_way_from_a_table_of_texts_to_a_shipped_classifier_can_be_followed() {
    let sandbox = Sandbox::new();
    let gold = files(&sandbox);
    // A strategy and a model that take no minute.
    let random = plugin("random").display().to_string();
    let mut done = Vec::new();
    for command in commands() {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let name = args[..args.len().min(2)].join(" ");
        if name == "label serve" {
            label_a_batch(&sandbox, &args, &gold);
        } else if name == "label new" {
            sandbox.alhost(&[&args[..], &["--plugin", &random]].concat()).ok();
            adjust(&sandbox, args[2]);
        } else {
            sandbox.alhost(&args).ok();
        }
        if name == "label next" {
            assert!(label_in_the_tool(&sandbox, &gold) > 0);
        }
        done.push(name);
    }
    let begun = ["label new", "label serve", "label next", "label import", "label status"];
    assert_eq!(done[..5], begun);
    assert_eq!(done.len(), 8, "{done:?}");
    // What the page promises of the end.
    assert_eq!(sandbox.read("labeled.jsonl").lines().count(), 20);
    let model = sandbox.path("tickets/sentence-transformers");
    for file in ["model.safetensors", "thresholds.json", "README.md"] {
        assert!(model.join(file).is_file(), "{file}");
    }
    let answered = sandbox.read("tickets/annotations.jsonl").lines().count();
    assert_eq!(answered, 60, "all texts have their answer");
}
