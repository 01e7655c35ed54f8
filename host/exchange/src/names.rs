//! The project's labels while a file is read: names that a format runs together are told apart by them.

use std::collections::HashSet;

use crate::error::quoted;
use crate::task::LabelSet;

/// The names of a [`LabelSet`], quick to look up.
pub(crate) struct Names<'a> {
    known: HashSet<&'a str>,
    longest: usize,
    separator: Option<&'a str>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(labels: &'a LabelSet) -> Self {
        let known: HashSet<&str> = labels.names.iter().map(String::as_str).collect();
        let longest = known.iter().map(|name| name.len()).max().unwrap_or(0);
        let separator = labels.separator.as_deref().filter(|separator| !separator.is_empty());
        Self { known, longest, separator }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// The bytes of the longest name.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// Whether names are paths from the root of a hierarchy.
    pub(crate) fn are_paths(&self) -> bool {
        self.separator.is_some()
    }

    /// Puts the name of a label together from its path.
    pub(crate) fn join(&self, path: &[&str]) -> Result<String, String> {
        match (path, self.separator) {
            ([], _) => Err("a path of a label has no part".to_owned()),
            ([name], _) => Ok((*name).to_owned()),
            (path, Some(separator)) => Ok(path.join(separator)),
            (path, None) => Err(format!(
                "its label is a path, {}, but the labels of this project have no separator",
                quoted(&path.join(" > "))
            )),
        }
    }
}
