//! Knows which labels there are, and in which order: from a file, or from the labels of train and
//! dev.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use alhost_config::DataConfig;

use super::error::DataError;
use super::locate::{find, find_one};
use super::read::{open, utf8};
use super::record::tidy;

/// The name of a vocabulary file that is used without being asked for.
pub(super) const USUAL_NAME: &str = "labels.txt";

/// A vocabulary read from a file.
pub(super) struct Vocabulary {
    pub(super) path: PathBuf,
    pub(super) labels: Vec<String>,
    /// Ids of labels by name.
    ids: HashMap<String, u32>,
    /// Whether the config names it, or it was found in the data folder.
    named: bool,
}

impl Vocabulary {
    /// Reads the file that the config names, else `labels.txt` if the data folder has one.
    pub(super) fn open(config: &DataConfig, folder: &Path) -> Result<Option<Self>, DataError> {
        let path = match &config.vocabulary {
            Some(name) => find_one(folder, "vocabulary", name)?,
            None => match find(folder, USUAL_NAME) {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let (labels, ids) = read(&path)?;
        Ok(Some(Self { path, labels, ids, named: config.vocabulary.is_some() }))
    }

    /// Takes labels that are known already; no two are the same.
    pub(super) fn of(path: PathBuf, labels: Vec<String>) -> Self {
        let ids = labels.iter().zip(0..).map(|(label, id)| (label.clone(), id)).collect();
        Self { path, labels, ids, named: true }
    }

    /// Tells of a vocabulary that nobody named.
    pub(super) fn note(&self) -> Option<String> {
        let path = self.path.display();
        let note = || format!("vocabulary: taken from {path}, which was found beside the splits");
        (!self.named).then(note)
    }

    pub(super) fn id(&self, label: &str) -> Option<u32> {
        self.ids.get(label).copied()
    }
}

type Labels = (Vec<String>, HashMap<String, u32>);

pub(super) fn read(path: &Path) -> Result<Labels, DataError> {
    let bytes = open(path)?.bytes()?;
    let text = utf8(path, 1, &bytes)?;
    let mut labels: Vec<String> = Vec::new();
    let mut ids = HashMap::new();
    for (line, label) in (1..).zip(text.lines()) {
        let label = tidy(label.into()).into_owned();
        if label.is_empty() {
            continue;
        }
        if ids.insert(label.clone(), labels.len() as u32).is_some() {
            let problem = format!("label `{label}` stands here for the second time");
            return Err(DataError::Vocabulary { path: path.to_owned(), line, problem });
        }
        labels.push(label);
    }
    if labels.is_empty() {
        let problem = "the vocabulary has no label".to_owned();
        return Err(DataError::Vocabulary { path: path.to_owned(), line: 1, problem });
    }
    Ok((labels, ids))
}

/// The name that was probably meant, if one is close enough, or has it as a part: `comment_text` for
/// `text`.
pub(super) fn nearest(given: &str, names: &[String]) -> Option<String> {
    /// Jaro-Winkler similarity below which two names have little to do with each other.
    const SIMILAR: f64 = 0.75;
    let lower = given.to_lowercase();
    let similarity = |name: &String| {
        let name = name.trim().to_lowercase();
        let is_part = lower.len() > 2 && name.split(['_', '-', ' ', '.']).any(|part| part == lower);
        let similarity = strsim::jaro_winkler(&lower, &name);
        if is_part { similarity.max(SIMILAR) } else { similarity }
    };
    names
        .iter()
        .map(|name| (similarity(name), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        // The first of equals, so that the hint does not depend on the order of iteration.
        .rev()
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.clone())
}
