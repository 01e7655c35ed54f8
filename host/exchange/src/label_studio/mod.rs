//! Label Studio: a labeling configuration and tasks with predictions go out; JSON, `JSON_MIN` and CSV come
//! back. With a separator, labels are a `Taxonomy`, whose answers are paths; without one, `Choices`.
//!
//! Label Studio's free edition has no loop of its own, so the order of a strategy travels as a score: of `n`
//! tasks, the one of rank `r` has the score `(n - r + 1) / n`. Sorting the tasks by prediction score from
//! high to low gives the strategy's order, as sorting by `rank` from low to high does. The probabilities
//! are in the data, under `suggestions`.

mod answers;
mod config;
mod value;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{ExportError, check_names};
use crate::format::Format;
use crate::json;
use crate::task::{LabelSet, Task};

pub(crate) use answers::{minimal, row, task};

/// The name of the field that labels are answered in.
const FIELD: &str = "labels";

#[derive(Serialize)]
struct Data<'a> {
    text: &'a str,
    alhost_id: &'a str,
    alhost_project: &'a str,
    rank: usize,
    round: usize,
    suggestions: Vec<Value>,
}

pub(crate) fn export(
    tasks: &[Task],
    labels: &LabelSet,
    project: &str,
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    check_names(Format::LabelStudio, &labels.names)?;
    let config = config::config(labels)?;
    let items: Vec<Value> = (1..)
        .zip(tasks)
        .map(|(rank, task)| {
            let suggestions = task.suggestions.iter();
            let data = Data {
                text: &task.text,
                alhost_id: &task.id,
                alhost_project: project,
                rank,
                round: task.round,
                suggestions: suggestions.map(|s| json!([s.label, s.number()])).collect(),
            };
            let prediction = prediction(task, labels, rank, tasks.len());
            json!({"data": data, "predictions": [prediction]})
        })
        .collect();
    Ok(vec![("config.xml".to_owned(), config), ("tasks.json".to_owned(), json::pretty(&items))])
}

/// The prediction of a task of so many. One without a suggestion is there for its score.
fn prediction(task: &Task, labels: &LabelSet, rank: usize, n_tasks: usize) -> Value {
    let suggested: Vec<&str> = task.suggestions.iter().map(|s| s.label.as_str()).collect();
    let (kind, value) = if labels.separator.is_some() {
        let paths: Vec<Vec<&str>> = suggested.iter().map(|name| labels.path(name)).collect();
        ("taxonomy", json!({"taxonomy": paths}))
    } else {
        ("choices", json!({"choices": suggested}))
    };
    let result = json!({
        "id": format!("r{rank}"),
        "type": kind,
        "from_name": FIELD,
        "to_name": "text",
        "value": value,
    });
    json!({
        "model_version": format!("alhost-r{}", task.round),
        "score": (n_tasks - rank + 1) as f64 / n_tasks as f64,
        "result": if suggested.is_empty() { vec![] } else { vec![result] },
    })
}
