//! Our own formats, for scripts and spreadsheets: JSON lines and CSV.

pub(crate) mod lines;
pub(crate) mod rows;

use crate::error::quoted;

/// What a person did with a text.
enum Status {
    Labeled,
    Skipped,
    Unanswered,
}

impl Status {
    /// Tells it by the status, where there is one, and by whether there are labels.
    fn of(status: Option<&str>, has_labels: bool) -> Result<Self, String> {
        match status {
            Some("skipped") => Ok(Self::Skipped),
            Some("labeled") if !has_labels => Err(
                "it is `labeled` without labels; write `[]` for a text that no label is right for"
                    .to_owned(),
            ),
            Some("labeled") => Ok(Self::Labeled),
            None if has_labels => Ok(Self::Labeled),
            None => Ok(Self::Unanswered),
            Some(other) => Err(unknown(other)),
        }
    }
}

fn unknown(status: &str) -> String {
    format!("its status {} is neither `labeled` nor `skipped`", quoted(status))
}
