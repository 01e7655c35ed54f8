//! Exchanges texts and labels with annotation tools: [`export`] writes tasks as a tool imports them, and
//! [`import`] reads what it exports. The shapes of the files are those of the tools' own sources. What names a
//! text travels with it: its id in the field `alhost_id` (or where the tool has a place for ids), the project
//! in `alhost_project`, and its place in the strategy's order in `rank`, from 1.

mod answer;
mod argilla;
mod doccano;
mod error;
mod file;
mod format;
mod json;
mod label_studio;
mod names;
mod own;
mod prodigy;
mod shape;
mod table;
mod task;
mod time;

use std::path::Path;

use alhost_base::Unreadable;

pub use answer::{Answer, Imported};
pub use error::ExportError;
pub use format::{Format, UnknownFormat};
pub use task::{LabelSet, Suggestion, Task};

use answer::Taken;
use file::Content;
use names::Names;
use shape::Shape;

/// Returns what is written for a tool: the name of each file, which may have a folder in it, and its bytes.
/// `project` is the name of the project, by which an import tells whose texts these are.
pub fn export(
    format: Format,
    tasks: &[Task],
    labels: &LabelSet,
    project: &str,
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    match format {
        Format::LabelStudio => label_studio::export(tasks, labels, project),
        Format::Argilla => argilla::export(tasks, labels, project),
        Format::Doccano => doccano::export(tasks, labels, project),
        Format::Prodigy => prodigy::export(tasks, labels, project),
        Format::Jsonl => Ok(own::lines::export(tasks, project)),
        Format::Csv => Ok(own::rows::export(tasks, project)),
    }
}

/// Reads what a tool exported. The tool is told by the content; `format`, where given, must be the same.
///
/// What cannot be read as a whole is an error. A single item that cannot be used is in
/// [`Imported::rejected`], with the reason, and the others are taken. Labels are as the file has them:
/// whether the project has them all is for the caller to say. Answers to one text stand together, the
/// oldest first.
pub fn import(
    path: &Path,
    format: Option<Format>,
    labels: &LabelSet,
) -> Result<Imported, Unreadable> {
    let text = file::read(path)?;
    let names = Names::of(labels);
    let mut taken = Taken::default();
    let shape = match file::content(path, &text)? {
        Content::Items(items) => {
            let shape = shape::of_items(path, &items, format)?;
            let read = reader(shape);
            for item in &items {
                read(&item.place.to_string(), &item.object(path)?, &names, &mut taken);
            }
            shape
        }
        Content::Table(table) => {
            let shape = shape::of_table(path, &table, format)?;
            table.rows(path, |place, row| match shape {
                Shape::StudioTable => label_studio::row(place, row, &names, &mut taken),
                Shape::DoccanoTable => doccano::row(place, row, &names, &mut taken),
                _ => own::rows::row(place, row, &names, &mut taken),
            })?;
            shape
        }
    };
    taken.imported(path, shape.format())
}

/// Reads one item into what is taken: its place, its object, and the labels of the project.
type Reader = fn(&str, &json::Object, &Names<'_>, &mut Taken);

fn reader(shape: Shape) -> Reader {
    match shape {
        Shape::StudioTasks => label_studio::task,
        Shape::StudioMinimal => label_studio::minimal,
        Shape::ArgillaRecords => argilla::record,
        Shape::ArgillaFlat => argilla::flat,
        Shape::DoccanoItems => doccano::item,
        Shape::Prodigy => prodigy::item,
        _ => own::lines::item,
    }
}
