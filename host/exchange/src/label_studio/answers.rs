//! What Label Studio exports: each annotation is the answer of one person. JSON has the skipped ones
//! (`was_cancelled`) and drafts; `JSON_MIN` and CSV leave them out.

use serde_json::Value;

use super::FIELD;
use super::value::{labels, labels_of_cell};
use crate::answer::{Answer, Taken};
use crate::error::quoted;
use crate::json::{self, Object};
use crate::names::Names;
use crate::table::Row;
use crate::time;

/// Reads a task of JSON with its annotations.
pub(crate) fn task(place: &str, item: &Object, names: &Names<'_>, taken: &mut Taken) {
    let list = |key: &str| item.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let annotations = match list("annotations") {
        // Their name in exports of old.
        [] => list("completions"),
        annotations => annotations,
    };
    taken.drafts += list("drafts").len();
    let empty = Object::new();
    let data = item.get("data").and_then(Value::as_object).unwrap_or(&empty);
    taken.project(json::text(data, "alhost_project"));
    if annotations.is_empty() {
        taken.unanswered += 1;
    }
    for (annotation, number) in annotations.iter().zip(1..) {
        let place = match annotations.len() {
            1 => place.to_owned(),
            _ => format!("{place}, annotation {number}"),
        };
        let answer = Answer { place: place.clone(), ..about(data) };
        match annotated(answer, annotation, names) {
            Ok(answer) => taken.push(answer),
            Err(why) => taken.reject(&place, why),
        }
    }
}

/// Begins an answer with the text that it is about.
fn about(data: &Object) -> Answer {
    let text = json::text(data, "text").map(str::to_owned);
    Answer { id: json::name(data.get("alhost_id")), text, ..Answer::default() }
}

fn annotated(answer: Answer, annotation: &Value, names: &Names<'_>) -> Result<Answer, String> {
    let annotation = annotation.as_object().ok_or("its annotation is no object")?;
    let is = |key: &str| annotation.get(key).and_then(Value::as_bool).unwrap_or(false);
    let skipped = is("was_cancelled") || is("skipped");
    let results = annotation.get("result").and_then(Value::as_array);
    let results = results.map_or(&[][..], Vec::as_slice);
    let is_ours = |result: &&Value| result["from_name"].as_str() == Some(FIELD);
    let other = results.iter().find(|result| !is_ours(result));
    if let Some(other) = other.filter(|_| !results.iter().any(|result| is_ours(&result))) {
        return Err(format!(
            "it answers {} and not `{FIELD}`; name the field so in the labeling configuration",
            quoted(&other["from_name"].to_string())
        ));
    }
    let mut all = Vec::new();
    for result in results.iter().filter(is_ours).filter(|_| !skipped) {
        all.extend(labels(&result["value"], names)?);
    }
    timed(
        Answer { labels: all, skipped, by: person(annotation.get("completed_by")), ..answer },
        annotation,
    )
}

/// Adds when an answer was given, and how long it took.
fn timed(answer: Answer, annotation: &Object) -> Result<Answer, String> {
    let updated = time::of_value(annotation.get("updated_at"))?;
    let at =
        updated.map_or_else(|| time::of_value(annotation.get("created_at")), |at| Ok(Some(at)))?;
    let seconds = annotation.get("lead_time").and_then(Value::as_f64);
    Ok(Answer { at, seconds, ..answer })
}

/// A number, or an object with an address.
fn person(by: Option<&Value>) -> Option<String> {
    match by {
        Some(Value::Object(person)) => {
            json::name(person.get("email")).or_else(|| json::name(person.get("id")))
        }
        by => json::name(by),
    }
}

/// Reads an item of `JSON_MIN`, which is one annotation, or a task without any.
pub(crate) fn minimal(place: &str, item: &Object, names: &Names<'_>, taken: &mut Taken) {
    taken.project(json::text(item, "alhost_project"));
    if item.get("annotation_id").is_none_or(Value::is_null) {
        taken.unanswered += 1;
        return;
    }
    let by = person(item.get("annotator"));
    let answer = Answer { place: place.to_owned(), by, ..about(item) };
    let read = labels(item.get(FIELD).unwrap_or(&Value::Null), names)
        .and_then(|labels| timed(Answer { labels, ..answer }, item));
    match read {
        Ok(answer) => taken.push(answer),
        Err(why) => taken.reject(place, why),
    }
}

/// Reads a row of CSV, which has the fields of `JSON_MIN`.
pub(crate) fn row(place: &str, row: &Row<'_>, names: &Names<'_>, taken: &mut Taken) {
    taken.project(row.get("alhost_project"));
    if row.get("annotation_id").is_none() {
        taken.unanswered += 1;
        return;
    }
    match answer_of_row(place, row, names) {
        Ok(answer) => taken.push(answer),
        Err(why) => taken.reject(place, why),
    }
}

fn answer_of_row(place: &str, row: &Row<'_>, names: &Names<'_>) -> Result<Answer, String> {
    let get = |column: &str| row.get(column).map(str::to_owned);
    let labels = row.get(FIELD).map_or(Ok(Vec::new()), |cell| labels_of_cell(cell, names))?;
    let at = row.get("updated_at").or_else(|| row.get("created_at")).map(time::of_text);
    Ok(Answer {
        place: place.to_owned(),
        id: get("alhost_id"),
        text: get("text"),
        labels,
        skipped: false,
        by: get("annotator"),
        at: at.transpose()?.flatten(),
        seconds: row.get("lead_time").and_then(|seconds| seconds.parse().ok()),
    })
}
