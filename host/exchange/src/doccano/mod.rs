//! doccano: texts go out with their ids as metadata, and labels as the file that is imported under "Labels".
//! JSONL, JSON and CSV come back, from a project for text classification.
//!
//! What the model suggests goes out as metadata, which doccano shows beside the text. doccano would import it
//! as labels, too; but its export does not say which labels a person has confirmed, so that the model's own
//! would come back as a person's.

mod joined;

use serde_json::json;

use crate::answer::{Answer, Taken};
use crate::error::{ExportError, check_names};
use crate::format::Format;
use crate::json::{self, Object};
use crate::names::Names;
use crate::table::Row;
use crate::task::{LabelSet, Task};

/// Characters in the name of a label that doccano stores.
const LONGEST_NAME: usize = 100;

const UNCONFIRMED: &str = "doccano's files do not say which texts a person has confirmed: those without a label \
                           were taken as texts that no label is right for; choose \"export only approved \
                           documents\" in doccano";

pub(crate) fn export(
    tasks: &[Task],
    labels: &LabelSet,
    project: &str,
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    check_names(Format::Doccano, &labels.names)?;
    for name in &labels.names {
        if name.chars().count() > LONGEST_NAME {
            let problem =
                format!("has more than the {LONGEST_NAME} characters that doccano stores");
            return Err(ExportError::label(name, problem));
        }
        if name.trim() != name {
            let problem = "begins or ends with white space, which doccano cuts off";
            return Err(ExportError::label(name, problem));
        }
    }
    let mut bytes = Vec::new();
    for (rank, task) in (1..).zip(tasks) {
        let suggestions = task.suggestions.iter();
        let suggestions = suggestions.map(|s| format!("{} {:.2}", s.label, s.probability));
        let line = json!({
            "text": task.text,
            "label": [],
            "alhost_id": task.id,
            "alhost_project": project,
            "rank": rank,
            "round": task.round,
            "suggestions": suggestions.collect::<Vec<_>>().join(", "),
        });
        json::push_line(&mut bytes, &line);
    }
    let types: Vec<_> = labels.names.iter().map(|name| json!({"text": name})).collect();
    Ok(vec![("tasks.jsonl".to_owned(), bytes), ("labels.json".to_owned(), json::pretty(&types))])
}

/// Reads an item of JSONL.
pub(crate) fn item(place: &str, item: &Object, _names: &Names<'_>, taken: &mut Taken) {
    taken.project(json::text(item, "alhost_project"));
    let answer = Answer {
        place: place.to_owned(),
        id: json::name(item.get("alhost_id")),
        text: json::text(item, "text").map(str::to_owned),
        ..Answer::default()
    };
    let labels = item.get("label").map_or(Err("it has no `label`".to_owned()), json::labels);
    take(answer, labels, taken);
}

/// Reads a row of CSV.
pub(crate) fn row(place: &str, row: &Row<'_>, names: &Names<'_>, taken: &mut Taken) {
    taken.project(row.get("alhost_project"));
    let get = |column: &str| row.get(column).map(str::to_owned);
    let (id, text) = (get("alhost_id"), get("text"));
    let answer = Answer { place: place.to_owned(), id, text, ..Answer::default() };
    let labels = row.get("label").map_or(Ok(Vec::new()), |cell| joined::labels(cell, names));
    take(answer, labels, taken);
}

fn take(answer: Answer, labels: Result<Vec<String>, String>, taken: &mut Taken) {
    match labels {
        Ok(labels) => {
            if labels.is_empty() {
                taken.note(UNCONFIRMED);
            }
            taken.push(Answer { labels, ..answer });
        }
        Err(why) => taken.reject(&answer.place, why),
    }
}
