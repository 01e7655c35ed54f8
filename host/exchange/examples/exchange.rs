//! Writes a made-up project for an annotation tool, and reads what the tool exports of it, as JSON on standard
//! output: `exchange export FORMAT FOLDER [SEPARATOR]`, `exchange import FILE [SEPARATOR]`.

#![allow(clippy::print_stdout, reason = "what it says is its purpose")]

use std::error::Error;
use std::path::Path;

use alhost_exchange::{Answer, LabelSet, Suggestion, Task, export, import};
use serde_json::{Value, json};

/// Names that tools stumble over, and a few that they do not.
const NAMES: [&str; 20] = [
    "grain",
    "trade",
    "a#b",
    "a,b",
    "\"quoted\"",
    "{\"choices\":[\"grain\",\"trade\"]}",
    "[\"grain\"]",
    "<b>&amp;</b>",
    "US$100",
    "$text",
    "true",
    "null",
    "1",
    "line\nend",
    "économie, 日本",
    "👩‍🔬",
    "a/b",
    "a/c",
    "d/b",
    " outer space ",
];

const PROJECT: &str = "made-up \"project\"";

fn labels(separator: Option<&String>) -> LabelSet {
    let names = NAMES.iter().map(|name| (*name).to_owned());
    // A path has no empty part.
    let is_path = |name: &String| {
        separator.is_none_or(|s| name.split(s.as_str()).all(|part| !part.is_empty()))
    };
    LabelSet { names: names.filter(is_path).collect(), separator: separator.cloned() }
}

fn tasks(labels: &LabelSet) -> Vec<Task> {
    let task = |n: usize| {
        let suggestions = (0..n % 4).map(|k| Suggestion {
            label: labels.names[(n + 3 * k) % labels.names.len()].clone(),
            probability: 0.9 / (k + 1) as f32,
        });
        Task {
            id: format!("id-{n:03},\"é\""),
            text: format!("Text {n}, with \"quotes\",\na second line; $text <b>bold</b> 日本 👩‍🔬"),
            round: 3,
            suggestions: suggestions.collect(),
        }
    };
    (0..60).map(task).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", format, folder, ..] => {
            let labels = labels(arguments.get(3));
            for (name, bytes) in export(format.parse()?, &tasks(&labels), &labels, PROJECT)? {
                let path = Path::new(folder).join(name);
                fs_err::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                fs_err::write(path, bytes)?;
            }
            println!("{}", json!({"labels": labels.names, "project": PROJECT}));
        }
        ["import", file, ..] => {
            let imported = import(Path::new(file), None, &labels(arguments.get(2)))?;
            println!(
                "{}",
                json!({
                    "format": imported.format.name(),
                    "project": imported.project,
                    "unanswered": imported.unanswered,
                    "drafts": imported.drafts,
                    "rejected": imported.rejected,
                    "notes": imported.notes,
                    "answers": imported.answers.iter().map(of_answer).collect::<Vec<_>>(),
                })
            );
        }
        _ => {
            return Err(
                "say `export FORMAT FOLDER [SEPARATOR]` or `import FILE [SEPARATOR]`".into()
            );
        }
    }
    Ok(())
}

fn of_answer(answer: &Answer) -> Value {
    json!({
        "place": answer.place,
        "id": answer.id,
        "text": answer.text,
        "labels": answer.labels,
        "skipped": answer.skipped,
        "by": answer.by,
        "at": answer.at,
        "seconds": answer.seconds,
    })
}
