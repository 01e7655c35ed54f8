//! Prodigy's `choice` interface: tasks with options go out, and come back with an answer (`db-out`). The order
//! of the file is the strategy's. Prodigy states no limit to the options of a task; it shows all of them, and
//! its keys reach the first ten, so suggestions stand first.

use serde_json::{Value, json};

use crate::answer::{Answer, Taken};
use crate::error::{ExportError, check_names, quoted};
use crate::format::Format;
use crate::json::{self, Object};
use crate::names::Names;
use crate::task::{LabelSet, Task};
use crate::time;

/// Options in a file, since each task has all of them: some hundred megabytes.
const MOST_OPTIONS: usize = 5_000_000;

pub(crate) fn export(
    tasks: &[Task],
    labels: &LabelSet,
    project: &str,
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    check_names(Format::Prodigy, &labels.names)?;
    let (n_texts, n_labels) = (tasks.len(), labels.names.len());
    if n_texts.saturating_mul(n_labels) > MOST_OPTIONS {
        return Err(ExportError::TooManyOptions { n_texts, n_labels, most: MOST_OPTIONS });
    }
    let mut bytes = Vec::new();
    for (rank, task) in (1..).zip(tasks) {
        let suggested: Vec<&str> = task.suggestions.iter().map(|s| s.label.as_str()).collect();
        let first = task.suggestions.iter().map(
            |s| json!({"id": s.label, "text": s.label, "meta": format!("{:.2}", s.probability)}),
        );
        let others = labels.names.iter().filter(|name| !suggested.contains(&name.as_str()));
        let others = others.map(|name| json!({"id": name, "text": name}));
        let line = json!({
            "text": task.text,
            "options": first.chain(others).collect::<Vec<_>>(),
            "accept": suggested,
            "config": {"choice_style": "multiple"},
            "meta": {"alhost_id": task.id, "alhost_project": project, "rank": rank, "round": task.round},
        });
        json::push_line(&mut bytes, &line);
    }
    Ok(vec![("tasks.jsonl".to_owned(), bytes)])
}

/// Reads a task with its answer.
pub(crate) fn item(place: &str, item: &Object, _names: &Names<'_>, taken: &mut Taken) {
    let meta = item.get("meta").and_then(Value::as_object);
    taken.project(meta.and_then(|meta| json::text(meta, "alhost_project")));
    let given = match item.get("answer") {
        None | Some(Value::Null) => {
            taken.unanswered += 1;
            return;
        }
        Some(given) => given,
    };
    let answer = Answer {
        place: place.to_owned(),
        id: meta.and_then(|meta| json::name(meta.get("alhost_id"))),
        text: json::text(item, "text").map(str::to_owned),
        by: json::name(item.get("_annotator_id")).or_else(|| json::name(item.get("_session_id"))),
        ..Answer::default()
    };
    match answered(answer, given, item) {
        Ok(answer) => taken.push(answer),
        Err(why) => taken.reject(place, why),
    }
}

fn answered(answer: Answer, given: &Value, item: &Object) -> Result<Answer, String> {
    let answer = Answer { at: time::of_value(item.get("_timestamp"))?, ..answer };
    match given.as_str() {
        Some("ignore") => Ok(Answer { skipped: true, ..answer }),
        Some("reject") => {
            Err("it was rejected, which does not say what the right labels are".to_owned())
        }
        Some("accept") => match item.get("accept") {
            Some(accepted) => Ok(Answer { labels: json::labels(accepted)?, ..answer }),
            None => {
                Err("it has no `accept`: it was not answered in the `choice` interface".to_owned())
            }
        },
        _ => {
            let given = quoted(&given.to_string());
            Err(format!("its answer {given} is none of accept, reject and ignore"))
        }
    }
}
