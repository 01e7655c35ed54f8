//! Errors while a data set is prepared, in words for the person who has its files.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Each message says what was found where and what was expected; the last line is a hint.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("no recipe for `{name}`\nhint: {}the recipes are {}", meant(nearest.as_deref()), listed(names))]
    NoRecipe { name: String, names: Vec<String>, nearest: Option<String> },

    #[error(
        "{}: the source folder does not exist\n\
         hint: it is the folder with the files as you obtained them", path.display()
    )]
    NoSource { path: PathBuf },

    #[error(
        "{}: no `{wanted}`, nor with `.gz` or `.zst`, nor in a `.zip` or `.tar`; the folder holds {}\n\
         hint: {title}: {obtain}; licence: {licence}", folder.display(), listed(found)
    )]
    Missing {
        folder: PathBuf,
        wanted: String,
        found: Vec<String>,
        title: &'static str,
        obtain: &'static str,
        licence: &'static str,
    },

    #[error(
        "{}: more than one file could be `{wanted}`: {}\n\
         hint: leave one of them in the folder", folder.display(), listed(found)
    )]
    Ambiguous { folder: PathBuf, wanted: String, found: Vec<String> },

    #[error(
        "{place}: cannot be read: {source}\n\
         hint: check that you may read it and that it is whole; an interrupted download leaves a \
         truncated file"
    )]
    Read { place: String, source: std::io::Error },

    #[error(
        "{place}:{line}:{column}: not {expected} ({found})\n\
         hint: the distribution's own file is {expected}; convert a copy of another encoding with \
         `iconv`, or fetch the file again"
    )]
    Encoding {
        place: String,
        line: u64,
        column: usize,
        expected: &'static str,
        found: &'static str,
    },

    /// `place` is a file, with the line or the member of the archive where that helps.
    #[error("{place}: {problem}\nhint: {hint}")]
    Malformed { place: String, problem: String, hint: String },

    #[error(
        "{place}: the hierarchy of labels has a cycle: {}\n\
         hint: a label cannot stand above itself; check the file against the distribution's",
        chain(cycle)
    )]
    Cycle { place: String, cycle: Vec<String> },

    #[error(
        "document `{document}` has the label `{label}`, which is none of the {n_labels} labels of \
         the hierarchy\n\
         hint: {}use a hierarchy of the same edition as the documents, or choose what becomes of \
         such labels: `--unknown-labels drop` or `--unknown-labels keep`", meant(nearest.as_deref())
    )]
    UnknownLabel { document: String, label: String, n_labels: usize, nearest: Option<String> },

    #[error(
        "no {part} text is left: {}\n\
         hint: a data set needs train, dev and test; try a smaller `--min-count`, another leaf \
         rule or another split",
        told(reasons)
    )]
    EmptyPart { part: &'static str, reasons: Vec<(String, u64)> },

    #[error(
        "two documents have the id `{id}`, {}\n\
         hint: ids must be unique within and across the splits; check that no file is there twice \
         and that the splits were not mixed up",
        both(first, second)
    )]
    SharedId { id: String, first: &'static str, second: &'static str },

    #[error(
        "{}: the folder for the data set is not empty\n\
         hint: name another folder, or delete this one first", path.display()
    )]
    NotEmpty { path: PathBuf },

    #[error("`{option}` does not apply to {recipe}: {reason}\nhint: {hint}")]
    NotOffered { option: &'static str, recipe: &'static str, reason: String, hint: String },

    #[error(
        "`{option} {given}`: {expected}\nhint: `alhost data prepare --help` tells what it means"
    )]
    Value { option: &'static str, given: String, expected: String },

    #[error("{place}: cannot be written: {source}\nhint: check the folder and the space left")]
    Write { place: String, source: std::io::Error },
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let mut text =
        names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        let _infallible = write!(text, " and {} more", names.len() - SHOWN);
    }
    text
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!("did you mean `{name}`? "))
}

fn chain(cycle: &[String]) -> String {
    cycle.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" below ")
}

fn told(reasons: &[(String, u64)]) -> String {
    if reasons.is_empty() {
        return "none was left out, but the source or the split gives it none".to_owned();
    }
    reasons.iter().map(|(why, n)| format!("{n} {why}")).collect::<Vec<_>>().join(", ")
}

fn both(first: &str, second: &str) -> String {
    if first == second {
        format!("both in {first}")
    } else {
        format!("one in {first} and one in {second}")
    }
}

/// The likeness from which on a name is suggested; see [`alhost_base::near::nearest`].
pub(crate) const LIKE_ENOUGH: f64 = 0.8;
