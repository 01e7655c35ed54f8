//! Our CSV, for spreadsheets: `id`, `text`, `labels` as a JSON list in the cell, `status`, `by`; `at` and `seconds`
//! are read where they are there.

use super::Status;
use super::lines::Suggested;
use crate::answer::{Answer, Taken};
use crate::error::quoted;
use crate::names::Names;
use crate::table::Row;
use crate::task::Task;
use crate::time;

const COLUMNS: [&str; 9] =
    ["id", "text", "labels", "status", "by", "suggestions", "round", "rank", "alhost_project"];

pub(crate) fn export(tasks: &[Task], project: &str) -> Vec<(String, Vec<u8>)> {
    const TAKES_ALL: &str = "memory takes all, and each row has a cell for each column";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).expect(TAKES_ALL);
    for (rank, task) in (1..).zip(tasks) {
        let suggestions = serde_json::to_string(&Suggested::all(task)).expect("names are JSON");
        let (round, rank) = (task.round.to_string(), rank.to_string());
        let row = [&task.id, &task.text, "", "", "", &suggestions, &round, &rank, project];
        writer.write_record(row).expect(TAKES_ALL);
    }
    vec![("tasks.csv".to_owned(), writer.into_inner().expect(TAKES_ALL))]
}

/// Reads a row.
pub(crate) fn row(place: &str, row: &Row<'_>, names: &Names<'_>, taken: &mut Taken) {
    taken.project(row.get("alhost_project"));
    match answer(place, row, names) {
        Ok(Some(answer)) => taken.push(answer),
        Ok(None) => taken.unanswered += 1,
        Err(why) => taken.reject(place, why),
    }
}

fn answer(place: &str, row: &Row<'_>, names: &Names<'_>) -> Result<Option<Answer>, String> {
    let get = |column: &str| row.get(column).map(str::to_owned);
    let labels = row.get("labels");
    let skipped = match Status::of(row.get("status"), labels.is_some())? {
        Status::Unanswered => return Ok(None),
        Status::Skipped => true,
        Status::Labeled => false,
    };
    let seconds = row.get("seconds").and_then(|seconds| seconds.parse::<f64>().ok());
    Ok(Some(Answer {
        place: place.to_owned(),
        id: get("id"),
        text: get("text"),
        labels: labels.map_or(Ok(Vec::new()), |cell| labels_of(cell, names))?,
        skipped,
        by: get("by"),
        at: row.get("at").map_or(Ok(None), time::of_text)?,
        seconds: seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
    }))
}

/// Reads a list in a cell. One label that somebody typed as it is does, if the project has it.
fn labels_of(cell: &str, names: &Names<'_>) -> Result<Vec<String>, String> {
    match serde_json::from_str(cell) {
        Ok(labels) => Ok(labels),
        Err(_) if names.has(cell) => Ok(vec![cell.to_owned()]),
        Err(_) => Err(format!(
            "its labels {} are neither a list such as `[\"grain\", \"trade\"]` nor one label of the project",
            quoted(cell)
        )),
    }
}
