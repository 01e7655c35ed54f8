//! XMC's `filter_labels_*.txt`: pairs of a text and a label that mean the same thing, such as a product
//! and itself, which no experiment is to learn or to be praised for.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::error::DataError;
use super::labels::Labels;
use super::matrix::BLOCK;
use super::read::{open, utf8};

/// Names of these files in the XMC repository, by split.
pub(super) const USUAL: [(&str, &str); 2] =
    [("train", "filter_labels_train.txt"), ("test", "filter_labels_test.txt")];

/// The pairs of one file.
pub(super) struct Filter {
    path: PathBuf,
    /// Text and label, both from 0, with the line.
    pairs: Vec<(u64, u64, u64)>,
}

impl Filter {
    /// Reads a pair a line: the number of a text and that of a label, from 0.
    pub(super) fn read(path: &Path) -> Result<Self, DataError> {
        let mut pairs = Vec::new();
        open(path)?.blocks(BLOCK, |block| {
            for (number, line) in block.lines() {
                let text = utf8(path, number, line)?;
                let parts: Option<Vec<u64>> =
                    text.split_ascii_whitespace().map(|part| part.parse().ok()).collect();
                match parts.as_deref() {
                    Some([]) => {}
                    Some(&[text, label]) => pairs.push((text, label, number)),
                    _ => {
                        return Err(wrong(path, number, "is no pair of text and label".to_owned()));
                    }
                }
            }
            Ok(())
        })?;
        Ok(Self { path: path.to_owned(), pairs })
    }

    pub(super) fn apply(&self, labels: &Labels) -> Result<Labels, DataError> {
        let (n_texts, n_labels) = (labels.len() as u64, labels.n_labels() as u64);
        let outside = |pair: &&(u64, u64, u64)| pair.0 >= n_texts || pair.1 >= n_labels;
        if let Some((text, label, line)) = self.pairs.iter().find(outside) {
            let problem = format!(
                "text {text} and label {label}, but there are {n_texts} texts and {n_labels} labels, \
                 both from 0"
            );
            return Err(wrong(&self.path, *line, problem));
        }
        let pairs: HashSet<(u64, u64)> = self.pairs.iter().map(|pair| (pair.0, pair.1)).collect();
        let mut kept = Labels::new(labels.n_labels());
        for (text, row) in (0..).zip(labels.rows()) {
            let row =
                row.iter().copied().filter(|&label| !pairs.contains(&(text, u64::from(label))));
            kept.push(&row.collect::<Vec<_>>());
        }
        Ok(kept)
    }
}

fn wrong(path: &Path, line: u64, problem: String) -> DataError {
    DataError::Filter { path: path.to_owned(), line, problem }
}
