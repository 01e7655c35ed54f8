//! Labeling projects from the command line: made, labeled by way of files, shipped.

use alhost_exchange::Format;
use serde_json::{Value, json};

use crate::page::{annotations, labels_of, project, rows};
use crate::support::{Sandbox, plugin};

#[test]
fn a_project_is_whole_explains_itself_and_is_made_once() {
    let sandbox = project(true);
    for file in ["project.toml", "texts.jsonl", "labels.txt", "guidelines.md", "annotations.jsonl"]
    {
        assert!(sandbox.path("p").join(file).is_file(), "{file}");
    }
    let status = sandbox.alhost(&["label", "status", "p"]).ok();
    assert!(status.stdout.contains("0 of 60 texts labeled"), "{}", status.stdout);
    let again = ["label", "new", "p", "--texts", "texts.jsonl"];
    sandbox.alhost(&again).refused(&["p exists already", "hint: "]);
}

#[test]
fn what_cannot_become_a_project_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    sandbox.write("empty.txt", "\n");
    sandbox.write("a.csv", "body,title\none,two\n");
    sandbox.write("twice.jsonl", "{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\"a\",\"text\":\"y\"}\n");
    sandbox.write("texts.txt", "one\ntwo\nthree\nfour\n");
    sandbox.write("few.txt", "one\ntwo\nthree\n");
    sandbox.write("labels.txt", "a\nb\na\n");
    let check = |args: &[&str], parts: &[&str]| {
        let args = [&["label", "new"], args].concat();
        sandbox.alhost(&args).refused(parts);
        assert!(!sandbox.path("q").exists(), "{args:?}");
    };
    check(&["q", "--texts", "none.jsonl"], &["none.jsonl"]);
    check(&["q", "--texts", "empty.txt"], &["empty.txt", "no text"]);
    check(&["q", "--texts", "a.csv"], &["no column `text`", "--column"]);
    check(&["q", "--texts", "twice.jsonl"], &["`a`", "already used"]);
    check(&["q", "--texts", "texts.txt", "--labels", "labels.txt"], &["labels.txt", "second time"]);
    check(&["q", "--texts", "few.txt"], &["few.txt has 3 texts", "hint: "]);
    check(&["q", "--texts", "texts.txt", "--plugin", "nobody"], &["nobody"]);
    check(&["q/../q q", "--texts", "texts.txt"], &["cannot be the name"]);
    sandbox.alhost(&["label", "status", "q"]).refused(&["is no labeling project", "hint: "]);
}

/// What a person at the tool answers, the gold labels, as the tool itself writes it.
fn filled_in(format: Format, sandbox: &Sandbox, n: usize) -> String {
    let gold = rows(sandbox);
    let of = |id: &Value| labels_of(gold.iter().find(|row| row["id"] == *id).unwrap());
    if format == Format::LabelStudio {
        let mut tasks: Vec<Value> = serde_json::from_str(&sandbox.read("out/tasks.json")).unwrap();
        assert_eq!(tasks.len(), n);
        for task in &mut tasks {
            let labels = of(&task["data"]["alhost_id"]);
            let result = json!([{ "id": "r", "type": "choices", "from_name": "labels",
                "to_name": "text", "value": { "choices": labels } }]);
            task["annotations"] = json!([{ "id": 1, "completed_by": 3, "was_cancelled": false,
                "result": result, "lead_time": 4.5, "created_at": "2026-01-02T03:04:05.678Z" }]);
        }
        return json!(tasks).to_string();
    }
    let back = |line: &str| {
        let mut task: Value = serde_json::from_str(line).unwrap();
        if format == Format::Doccano {
            task["label"] = json!(of(&task["alhost_id"]));
            task["id"] = json!(7);
            return task.to_string();
        }
        let (id, text) = (&task["id"], &task["text"]);
        json!({ "id": id, "text": text, "labels": of(id), "by": "3" }).to_string()
    };
    let lines: Vec<String> = sandbox.read("out/tasks.jsonl").lines().map(back).collect();
    assert_eq!(lines.len(), n);
    lines.join("\n")
}

#[test]
fn batches_go_out_to_a_tool_and_come_back() {
    for format in [Format::LabelStudio, Format::Doccano, Format::Jsonl] {
        let sandbox = project(true);
        let next = ["label", "next", "p", "-n", "10", "-o", "out", "--to", format.name()];
        sandbox.alhost(&next).ok();
        sandbox.write("done.json", &filled_in(format, &sandbox, 10));
        let import = ["label", "import", "p", "done.json"];
        let took = sandbox.alhost(&import).ok();
        assert!(took.stdout.contains("10 answers taken"), "{format}: {}", took.stdout);
        assert!(took.stdout.contains("10 of 10 texts of the batch"), "{}", took.stdout);
        for line in annotations(&sandbox) {
            let row = rows(&sandbox).into_iter().find(|row| row["id"] == line["id"]).unwrap();
            assert_eq!(line["labels"].as_array().unwrap().len(), labels_of(&row).len());
            assert_eq!(line["from"], "done.json");
        }
        let again = sandbox.alhost(&import).ok();
        assert!(again.stdout.contains("0 answers taken") && again.stdout.contains("10 were there"));
        assert_eq!(annotations(&sandbox).len(), 10);
        // The batch is labeled: the next one is chosen by a trained classifier.
        sandbox.alhost(&next).ok();
        let status = sandbox.alhost(&["label", "status", "p", "--json"]).ok();
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(status["rounds"].as_array().unwrap().len(), 1, "{format}");
        assert_eq!(status["batch"], json!({ "done": 0, "of": 10 }));
    }
}

/// Imports what is refused, and looks that it took nothing.
fn check_refused(sandbox: &Sandbox, content: &str, parts: &[&str]) {
    sandbox.write("back.jsonl", content);
    let ran = sandbox.alhost(&["label", "import", "p", "back.jsonl"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_ne!(ran.code, Some(0), "{content}: {said}");
    for part in parts {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert_eq!(annotations(sandbox), Vec::<Value>::new(), "{content}");
}

/// The tasks of a batch of ten.
fn tasks(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.alhost(&["label", "next", "p", "-n", "10", "-o", "out", "--to", "jsonl"]).ok();
    let tasks = sandbox.read("out/tasks.jsonl");
    tasks.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_cannot_be_imported_is_told_and_takes_nothing() {
    let sandbox = project(true);
    let tasks = tasks(&sandbox);
    let id = &tasks[0]["id"];
    let check = |content: &str, parts: &[&str]| check_refused(&sandbox, content, parts);
    let line = |id: &Value, labels: &[&str]| json!({ "id": id, "labels": labels }).to_string();
    check(&line(&json!("../../etc/passwd"), &["l0"]), &["there is no text `../../etc/passwd`"]);
    check(&line(id, &["no such label"]), &["there is no label `no such label`"]);
    let changed = json!({ "id": id, "text": "another text", "labels": [] }).to_string();
    check(&changed, &["is another one than it was"]);
    let selected = sandbox.read("p/runs/p/random/seed-1/selections.jsonl");
    let rows = rows(&sandbox);
    let unasked = rows.iter().filter(|row| !selected.contains(row["id"].as_str().unwrap()));
    // Some of them are of the audit, whose texts may be answered at any time.
    let lines: Vec<String> = unasked.map(|row| line(&row["id"], &[])).collect();
    sandbox.write("back.jsonl", &lines.join("\n"));
    let ran = sandbox.alhost(&["label", "import", "p", "back.jsonl"]);
    assert!(ran.stdout.contains("nobody was asked about this text yet"), "{}", ran.stdout);
    assert!(annotations(&sandbox).len() < 15, "{}", ran.stdout);
}

#[test]
fn damaged_files_and_those_of_others_are_not_imported() {
    let sandbox = project(true);
    let tasks = tasks(&sandbox);
    let (id, text) = (&tasks[0]["id"], &tasks[0]["text"]);
    let check = |content: &str, parts: &[&str]| check_refused(&sandbox, content, parts);
    check("", &["back.jsonl"]);
    check(&format!("{{\"id\": {id}, \"text\": {text}, \"lab"), &["back.jsonl"]);
    check("<html>", &["back.jsonl"]);
    let other = json!({ "id": id, "text": text, "labels": [], "alhost_project": "other" });
    check(&other.to_string(), &["other"]);
    let new = json!({ "id": id, "labels": ["brand new"] }).to_string();
    check(&new, &["there is no label `brand new`"]);
    let took = sandbox.alhost(&["label", "import", "p", "back.jsonl", "--add-labels"]).ok();
    assert!(took.stdout.contains("1 labels are new: brand new"), "{}", took.stdout);
    assert!(sandbox.read("p/labels.txt").ends_with("brand new\n"));
}

#[test]
fn all_that_was_labeled_ships_as_a_classifier_that_predicts() {
    let sandbox = project(true);
    for _ in 0..4 {
        sandbox.alhost(&["label", "next", "p", "-n", "10", "-o", "out", "--to", "jsonl"]).ok();
        sandbox.write("done.jsonl", &filled_in(Format::Jsonl, &sandbox, 10));
        sandbox.alhost(&["label", "import", "p", "done.jsonl"]).ok();
    }
    let shipped = sandbox.alhost(&["train", "--labels-of", "p"]).ok();
    let said = shipped.stdout;
    assert!(said.contains("trained on 40 texts, 8 of them of the audit; 0 were skipped"), "{said}");
    assert!(said.contains("micro-F1 before it was trained on the audit: "), "{said}");
    let predicted = sandbox.alhost(&["predict", "p/classifier", "texts.jsonl", "--top", "2"]).ok();
    assert_eq!(predicted.stdout.lines().count(), 60);
    let cvirs = plugin("cvirs").display().to_string();
    let other = ["label", "status", "p", "--set", &format!("strategy.random.plugin={cvirs}")];
    assert!(sandbox.alhost(&other).code.is_some(), "a key that changes ends in a message");
    sandbox
        .alhost(&["train", "--labels-of", "p", "--head", "cnn"])
        .refused(&["has its own config", "hint: "]);
}
