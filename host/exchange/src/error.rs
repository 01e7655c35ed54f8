//! Why tasks cannot be written for a tool, and how a stranger's words are shown in messages.

use alhost_base::text;

use crate::format::Format;

/// Each message says what does not fit; the last line is a hint.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(
        "{} needs the list of labels, and this project has none yet\n\
         hint: export as `jsonl` or `csv`, or give the project its labels first", format.title()
    )]
    NoLabels { format: Format },

    #[error(
        "Argilla takes at most {most} labels in a question, and this project has {n_labels}\n\
         hint: label on alhost's own page, which searches in labels, or export to `label-studio`; Argilla \
         itself refuses such a dataset"
    )]
    TooManyLabels { most: usize, n_labels: usize },

    #[error("the label {label:?} {problem}\nhint: rename it, or export to another format")]
    Label { label: String, problem: String },

    #[error(
        "Prodigy wants all labels beside each text: {n_texts} texts with {n_labels} labels are more than \
         {most} options\n\
         hint: export fewer texts at a time, or to another format"
    )]
    TooManyOptions { n_texts: usize, n_labels: usize, most: usize },
}

impl ExportError {
    pub(crate) fn label(label: &str, problem: impl Into<String>) -> Self {
        Self::Label { label: label.to_owned(), problem: problem.into() }
    }
}

/// Refuses an empty list of labels, and a label without a name.
pub(crate) fn check_names(format: Format, names: &[String]) -> Result<(), ExportError> {
    if names.is_empty() {
        return Err(ExportError::NoLabels { format });
    }
    let nameless = names.iter().find(|name| name.is_empty());
    nameless.map_or(Ok(()), |name| Err(ExportError::label(name, "has no name")))
}

/// The beginning of a stranger's text for the middle of a sentence.
pub(crate) fn quoted(given: &str) -> String {
    format!("`{}`", text::in_line(&text::shortened(given, 60)))
}
