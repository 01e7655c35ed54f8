//! Says what is wrong with a config: where it stands, what is wrong, and what would be right.

use std::fmt;

use alhost_base::Unreadable;

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// Place of the mistake: `configs/x.toml:12:3`, the `--set` that gave the value, or the key
    /// where it is a default.
    pub at: String,
    pub message: String,
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Read(#[from] Unreadable),
    /// Everything that was found, so that a user need not try once for each mistake.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

impl ConfigError {
    pub(super) fn one(at: &str, message: &str, hint: Option<String>) -> Self {
        Self::Wrong(vec![Problem { at: at.to_owned(), message: message.to_owned(), hint }])
    }

    /// Adds the hint to each problem that has none yet.
    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        if let Self::Wrong(problems) = &mut self {
            for problem in problems {
                problem.hint.get_or_insert_with(|| hint.to_owned());
            }
        }
        self
    }
}

/// Puts serde's words, which speak of Rust types, into those of users, who write numbers.
pub(super) fn for_people(message: &str) -> String {
    let mut words = message.trim_end().to_owned();
    for (ours, theirs) in [
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected f64", "expected a number"),
        ("expected path string", "expected a string"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
    ] {
        if let Some(at) = words.find(ours)
            && words[at + ours.len()..].is_empty()
        {
            words.replace_range(at.., theirs);
        }
    }
    if let Some(at) = words.find("expected struct ") {
        words.replace_range(at.., "expected a table");
    }
    if words.ends_with("value was too large") {
        "a whole number is at most 9223372036854775807".clone_into(&mut words);
    }
    words.replace('\n', " ")
}

/// Returns `line:column`, both from 1, of a byte offset.
pub(super) fn line_and_column(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    format!("{line}:{}", before[line_start..].chars().count() + 1)
}
