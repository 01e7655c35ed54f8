//! A split as it stands in its file: label names not yet matched with a vocabulary.

use std::collections::HashMap;
use std::path::PathBuf;

use super::error::DataError;
use super::texts::Texts;
use crate::config::OnUnlabeled;

/// All label names met so far, each with a number in order of appearance.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    pub(super) names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = u32::try_from(self.names.len()).expect("fewer than 2^32 distinct labels");
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }
}

/// One split file. Text `i` stands on line `lines[i]`.
pub(super) struct RawSplit {
    /// The key of `[data]` that names the file: `train`, `dev` or `test`.
    pub(super) key: &'static str,
    pub(super) path: PathBuf,
    pub(super) ids: Vec<String>,
    pub(super) texts: Texts,
    pub(super) lines: Vec<u64>,
    /// The label numbers of text `i` are `labels[offsets[i]..offsets[i + 1]]`.
    labels: Vec<u32>,
    offsets: Vec<u64>,
    unlabeled: OnUnlabeled,
    pub(super) dropped: usize,
}

impl RawSplit {
    pub(super) fn new(key: &'static str, path: PathBuf, unlabeled: OnUnlabeled) -> Self {
        Self {
            key,
            path,
            ids: Vec::new(),
            texts: Texts::default(),
            lines: Vec::new(),
            labels: Vec::new(),
            offsets: vec![0],
            unlabeled,
            dropped: 0,
        }
    }

    pub(super) fn labels(&self, text: usize) -> &[u32] {
        &self.labels[self.offsets[text] as usize..self.offsets[text + 1] as usize]
    }

    /// Appends the record that stands on `line`; leaves it out if it has no label and the config
    /// says `drop`.
    pub(super) fn push<'a>(
        &mut self,
        line: u64,
        id: &str,
        text: &str,
        labels: impl Iterator<Item = &'a str>,
        names: &mut Names,
    ) -> Result<(), DataError> {
        let start = self.labels.len();
        for label in labels {
            if label.is_empty() {
                let (path, id) = (self.path.clone(), id.to_owned());
                return Err(DataError::EmptyLabel { path, line, id });
            }
            self.labels.push(names.number(label));
        }
        if self.labels.len() == start {
            match self.unlabeled {
                OnUnlabeled::Keep => {}
                OnUnlabeled::Drop => {
                    self.dropped += 1;
                    return Ok(());
                }
                OnUnlabeled::Error => {
                    let (path, id) = (self.path.clone(), id.to_owned());
                    return Err(DataError::Unlabeled { path, line, id });
                }
            }
        }
        self.offsets.push(self.labels.len() as u64);
        self.ids.push(id.to_owned());
        self.texts.push(text);
        self.lines.push(line);
        Ok(())
    }
}
