//! Our JSON lines. A task goes out with `labels` and `status` of null; an answer has
//! `{"id", "text", "labels": [..], "status": "labeled" | "skipped", "by", "at", "seconds"}`, of which a line needs
//! `labels` and one of `id` and `text`.

use serde::Serialize;
use serde_json::Value;

use super::Status;
use crate::answer::{Answer, Taken};
use crate::json::{self, Object};
use crate::names::Names;
use crate::task::Task;
use crate::time;

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    text: &'a str,
    labels: Option<()>,
    status: Option<()>,
    suggestions: Vec<Suggested<'a>>,
    round: usize,
    rank: usize,
    alhost_project: &'a str,
}

/// A suggestion as our formats write it.
#[derive(Serialize)]
pub(super) struct Suggested<'a> {
    label: &'a str,
    probability: f32,
}

impl<'a> Suggested<'a> {
    pub(super) fn all(task: &'a Task) -> Vec<Self> {
        let suggestions = task.suggestions.iter();
        suggestions.map(|s| Self { label: &s.label, probability: s.probability }).collect()
    }
}

pub(crate) fn export(tasks: &[Task], project: &str) -> Vec<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    for (rank, task) in (1..).zip(tasks) {
        let line = Line {
            id: &task.id,
            text: &task.text,
            labels: None,
            status: None,
            suggestions: Suggested::all(task),
            round: task.round,
            rank,
            alhost_project: project,
        };
        json::push_line(&mut bytes, &line);
    }
    vec![("tasks.jsonl".to_owned(), bytes)]
}

/// Reads a line.
pub(crate) fn item(place: &str, item: &Object, _names: &Names<'_>, taken: &mut Taken) {
    taken.project(json::text(item, "alhost_project"));
    match answer(place, item) {
        Ok(Some(answer)) => taken.push(answer),
        Ok(None) => taken.unanswered += 1,
        Err(why) => taken.reject(place, why),
    }
}

fn answer(place: &str, item: &Object) -> Result<Option<Answer>, String> {
    let labels = item.get("labels").filter(|labels| !labels.is_null());
    let status = match item.get("status") {
        None | Some(Value::Null) => None,
        Some(Value::String(status)) => Some(status.as_str()),
        Some(other) => return Err(super::unknown(&other.to_string())),
    };
    let skipped = match Status::of(status, labels.is_some())? {
        Status::Unanswered => return Ok(None),
        Status::Skipped => true,
        Status::Labeled => false,
    };
    let seconds = item.get("seconds").and_then(Value::as_f64);
    Ok(Some(Answer {
        place: place.to_owned(),
        id: json::name(item.get("id")),
        text: json::text(item, "text").map(str::to_owned),
        labels: labels.map_or(Ok(Vec::new()), json::labels)?,
        skipped,
        by: json::name(item.get("by")),
        at: time::of_value(item.get("at"))?,
        seconds: seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
    }))
}
