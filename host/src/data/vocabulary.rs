//! Which labels there are, and in which order: from a file, or from the labels of train and dev.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::read::{find, open, utf8};
use crate::config::DataConfig;

/// The name of a vocabulary file that is used without being asked for.
pub(super) const USUAL_NAME: &str = "labels.txt";

/// A vocabulary read from a file.
pub(super) struct Vocabulary {
    pub(super) path: PathBuf,
    pub(super) labels: Vec<String>,
    /// From a label's name to its id.
    ids: HashMap<String, u32>,
    /// Whether the config names it, or it was found in the data folder.
    pub(super) named: bool,
}

impl Vocabulary {
    /// The file that the config names, else `labels.txt` if the data folder has one.
    pub(super) fn open(config: &DataConfig, folder: &Path) -> Result<Option<Self>, DataError> {
        let path = match &config.vocabulary {
            Some(name) => super::read::find_split(folder, "vocabulary", name)?,
            None => match find(folder, USUAL_NAME) {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let (labels, ids) = read(&path)?;
        Ok(Some(Self { path, labels, ids, named: config.vocabulary.is_some() }))
    }

    /// Labels that are known already; no two are the same.
    pub(super) fn of(path: PathBuf, labels: Vec<String>) -> Self {
        let ids = labels.iter().zip(0..).map(|(label, id)| (label.clone(), id)).collect();
        Self { path, labels, ids, named: true }
    }

    pub(super) fn id(&self, label: &str) -> Option<u32> {
        self.ids.get(label).copied()
    }
}

type Labels = (Vec<String>, HashMap<String, u32>);

fn read(path: &Path) -> Result<Labels, DataError> {
    let bytes = open(path)?.bytes()?;
    let text = utf8(path, 1, &bytes)?;
    let mut labels: Vec<String> = Vec::new();
    let mut ids = HashMap::new();
    for (line, label) in (1..).zip(text.lines()) {
        if label.is_empty() {
            continue;
        }
        if ids.insert(label.to_owned(), labels.len() as u32).is_some() {
            let problem = format!("label `{label}` stands here for the second time");
            return Err(DataError::Vocabulary { path: path.to_owned(), line, problem });
        }
        labels.push(label.to_owned());
    }
    if labels.is_empty() {
        let problem = "the vocabulary has no label".to_owned();
        return Err(DataError::Vocabulary { path: path.to_owned(), line: 1, problem });
    }
    Ok((labels, ids))
}

/// The name that was probably meant, if one is close enough.
pub(super) fn nearest(given: &str, names: &[String]) -> Option<String> {
    /// Jaro-Winkler similarity below which two names have little to do with each other.
    const SIMILAR: f64 = 0.75;
    let lower = given.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        // The first of equals, so that the hint does not depend on the order of iteration.
        .rev()
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.clone())
}
