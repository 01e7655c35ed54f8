//! Argilla 2: a dataset goes out as its Python client loads it from disk (`rg.Dataset.from_disk`), and records
//! come back as the client writes them to disk (`to_disk`, `records.to_json`), or flattened as it pushes them
//! to the hub (`to_datasets`, `to_list(flatten=True)`). The latter has the status of each response.

use serde_json::{Value, json};

use crate::answer::{Answer, Taken};
use crate::error::{ExportError, check_names, quoted};
use crate::format::Format;
use crate::json::{self, Object};
use crate::names::Names;
use crate::task::{LabelSet, Task};

/// Argilla's server refuses a question with more.
const MOST_LABELS: usize = 500;

/// The name of the question.
const QUESTION: &str = "labels";

const NO_STATUS: &str = "Argilla's records on disk do not say which responses were drafts or discarded: all \
                         were taken as submitted; `records.to_list(flatten=True)` has the status";

pub(crate) fn export(
    tasks: &[Task],
    labels: &LabelSet,
    project: &str,
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    check_names(Format::Argilla, &labels.names)?;
    if labels.names.len() > MOST_LABELS {
        return Err(ExportError::TooManyLabels { most: MOST_LABELS, n_labels: labels.names.len() });
    }
    let records: Vec<Value> =
        (1..).zip(tasks).map(|(rank, task)| record_of(task, rank, project)).collect();
    // What Argilla allows in a name.
    let name = format!("alhost-{}", alhost_base::text::file_name(project));
    Ok(vec![
        (".argilla/dataset.json".to_owned(), json::pretty(&json!({"name": name}))),
        (".argilla/settings.json".to_owned(), json::pretty(&settings(labels))),
        ("records.json".to_owned(), json::pretty(&records)),
    ])
}

fn record_of(task: &Task, rank: usize, project: &str) -> Value {
    let (names, scores): (Vec<_>, Vec<_>) =
        task.suggestions.iter().map(|s| (s.label.as_str(), s.number())).unzip();
    let suggestion =
        json!({"value": names, "score": scores, "agent": format!("alhost-r{}", task.round)});
    json!({
        "id": task.id,
        "fields": {"text": task.text},
        "metadata": {"alhost_project": project, "rank": rank, "round": task.round},
        "suggestions": if names.is_empty() { json!({}) } else { json!({QUESTION: suggestion}) },
    })
}

fn settings(labels: &LabelSet) -> Value {
    let options = labels.names.iter().map(|name| json!({"value": name, "text": name}));
    let whole = json!({"type": "integer"});
    json!({
        "fields": [
            {"name": "text", "title": "text", "required": true, "settings": {"type": "text", "use_markdown": false}},
        ],
        "questions": [{
            "name": QUESTION,
            "title": QUESTION,
            "required": true,
            "settings": {
                "type": "multi_label_selection",
                "options": options.collect::<Vec<_>>(),
                "options_order": "suggestion",
            },
        }],
        "metadata": [
            {"name": "alhost_project", "title": "alhost_project", "settings": {"type": "terms"}},
            {"name": "rank", "title": "rank", "settings": whole},
            {"name": "round", "title": "round", "settings": whole},
        ],
        "vectors": [],
        "allow_extra_metadata": true,
    })
}

/// Reads a record as it lies on disk.
pub(crate) fn record(place: &str, item: &Object, _names: &Names<'_>, taken: &mut Taken) {
    let inner = |key: &str| item.get(key).and_then(Value::as_object);
    taken.project(inner("metadata").and_then(|metadata| json::text(metadata, "alhost_project")));
    let text = inner("fields").and_then(|fields| json::text(fields, "text")).map(str::to_owned);
    let about = Answer { id: json::name(item.get("id")), text, ..Answer::default() };
    let responses = inner("responses").and_then(|responses| responses.get(QUESTION));
    let responses = responses.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if responses.is_empty() {
        taken.unanswered += 1;
    } else {
        taken.note(NO_STATUS);
    }
    for (response, number) in responses.iter().zip(1..) {
        let place = place_of(place, number, responses.len());
        let by = json::name(response.get("user_id"));
        respond(Answer { place, by, ..about.clone() }, &response["value"], None, taken);
    }
}

/// Reads a record as it lies on the hub.
pub(crate) fn flat(place: &str, item: &Object, _names: &Names<'_>, taken: &mut Taken) {
    let list = |end: &str| {
        let list = item.get(&format!("{QUESTION}.responses{end}")).and_then(Value::as_array);
        list.map_or(&[][..], Vec::as_slice)
    };
    taken.project(json::text(item, "alhost_project"));
    let text = json::text(item, "text").map(str::to_owned);
    let about = Answer { id: json::name(item.get("id")), text, ..Answer::default() };
    let (values, users, statuses) = (list(""), list(".users"), list(".status"));
    let is_answer = |status: Option<&Value>| status.and_then(Value::as_str) != Some("draft");
    if !(0..values.len()).any(|response| is_answer(statuses.get(response))) {
        taken.unanswered += 1;
    }
    for (response, value) in values.iter().enumerate() {
        let place = place_of(place, response + 1, values.len());
        let by = json::name(users.get(response));
        let status = statuses.get(response).and_then(Value::as_str);
        respond(Answer { place, by, ..about.clone() }, value, status, taken);
    }
}

fn place_of(place: &str, response: usize, n_responses: usize) -> String {
    if n_responses == 1 { place.to_owned() } else { format!("{place}, response {response}") }
}

/// Takes a response by its status, where that is known.
fn respond(answer: Answer, value: &Value, status: Option<&str>, taken: &mut Taken) {
    match status {
        Some("draft") => taken.drafts += 1,
        Some("discarded") => taken.push(Answer { skipped: true, ..answer }),
        Some("submitted") | None => {
            let labels = if value.is_null() { Ok(Vec::new()) } else { json::labels(value) };
            match labels {
                Ok(labels) => taken.push(Answer { labels, ..answer }),
                Err(why) => taken.reject(&answer.place, why),
            }
        }
        Some(other) => {
            let why =
                format!("its status {} is none of submitted, discarded and draft", quoted(other));
            taken.reject(&answer.place, why);
        }
    }
}
