//! Labels as ids of a vocabulary: one from a file, or the labels of train and dev.

use std::collections::{HashMap, HashSet};

use alhost_config::OnUnlabeled;

use super::error::DataError;
use super::load::counted;
use super::raw::RawSplit;
use super::texts::Texts;
use super::vocabulary::{Vocabulary, nearest};
use super::{Labels, Split};

/// The vocabulary, and for each place of `Names` the label's id in it.
pub(super) struct Matching {
    pub(super) vocabulary: Vec<String>,
    ids: Vec<Option<u32>>,
}

impl Matching {
    /// Matches labels with a vocabulary from a file, which must have every label of the files.
    pub(super) fn with_file(
        vocabulary: Vocabulary,
        names: &[String],
        splits: &[RawSplit],
    ) -> Result<Self, DataError> {
        let ids: Vec<Option<u32>> = names.iter().map(|name| vocabulary.id(name)).collect();
        for split in splits {
            for (text, row) in split.rows().enumerate() {
                if let Some(&label) = row.iter().find(|&&label| ids[label as usize].is_none()) {
                    let label = names[label as usize].clone();
                    let (path, line) = split.place(text);
                    return Err(DataError::UnknownLabel {
                        path: path.to_owned(),
                        line,
                        nearest: nearest(&label, &vocabulary.labels),
                        label,
                        n_labels: vocabulary.labels.len(),
                        vocabulary: vocabulary.path,
                    });
                }
            }
        }
        Ok(Self { vocabulary: vocabulary.labels, ids })
    }

    /// The sorted labels of these splits.
    pub(super) fn with_labels_of(splits: &[RawSplit], names: &[String]) -> Result<Self, DataError> {
        let mut seen = vec![false; names.len()];
        for &label in splits.iter().flat_map(RawSplit::rows).flatten() {
            seen[label as usize] = true;
        }
        let seen = names.iter().zip(seen).filter(|(_, seen)| *seen).map(|(name, _)| name);
        let mut vocabulary: Vec<String> = seen.cloned().collect();
        vocabulary.sort_unstable();
        // A number and a name may be the same.
        vocabulary.dedup();
        if vocabulary.is_empty() {
            return Err(DataError::EmptyVocabulary);
        }
        let places: HashMap<&str, u32> = vocabulary.iter().map(String::as_str).zip(0..).collect();
        let ids = names.iter().map(|name| places.get(name.as_str()).copied()).collect();
        Ok(Self { vocabulary, ids })
    }

    /// Replaces labels by their ids. Labels outside the vocabulary are dropped and counted, and so are
    /// texts that lose all their labels by it, unless texts without label are kept.
    pub(super) fn apply(
        &self,
        raw: RawSplit,
        unlabeled: OnUnlabeled,
        notes: &mut Vec<String>,
    ) -> Result<Split, DataError> {
        let mut labels = Labels::new(self.vocabulary.len());
        let mut lost_labels: HashSet<u32> = HashSet::new();
        let mut lost_texts = Vec::new();
        let mut without_label = 0;
        let mut repeated = 0;
        for text in 0..raw.len() {
            let places = raw.labels(text);
            let row: Vec<u32> = places.iter().filter_map(|&n| self.ids[n as usize]).collect();
            lost_labels.extend(places.iter().filter(|&&n| self.ids[n as usize].is_none()));
            if row.is_empty() && unlabeled != OnUnlabeled::Keep {
                without_label += usize::from(places.is_empty());
                lost_texts.push(text);
            } else {
                labels.push(&row);
                repeated += row.len() - labels.row(labels.len() - 1).len();
            }
        }
        let key = raw.key;
        if repeated > 0 {
            let count = counted(repeated, "label");
            notes.push(format!("{key}: {count} repeated in one text counted once"));
        }
        if !lost_labels.is_empty() {
            let count = counted(lost_labels.len(), "label");
            let also = match lost_texts.len() - without_label {
                0 => String::new(),
                n => format!(", and {} that had no other", counted(n, "text")),
            };
            notes.push(format!("{key}: {count} found in neither train nor dev dropped{also}"));
        }
        if lost_texts.len() == raw.len() {
            return Err(DataError::EmptySplit { key, path: raw.path, dropped: lost_texts.len() });
        }
        if key == "test" && labels.n_assignments() == 0 {
            notes.push(
                "test: no text has a label that can be learnt, so all scores will be 0".to_owned(),
            );
        }
        let (ids, texts) = without(raw.ids, raw.texts, &lost_texts);
        Ok(Split { ids, texts, labels })
    }
}

/// Looks for texts without a label: gives an error that names the first, or notes their number
/// where `Matching::apply` will drop them.
pub(super) fn check_unlabeled(
    splits: &[RawSplit],
    unlabeled: OnUnlabeled,
    notes: &mut Vec<String>,
) -> Result<(), DataError> {
    for split in splits {
        let mut empty = (0..split.len()).filter(|&text| split.labels(text).is_empty());
        let Some(first) = empty.next() else { continue };
        match unlabeled {
            OnUnlabeled::Keep => {}
            OnUnlabeled::Drop => {
                let dropped = 1 + empty.count();
                if dropped == split.len() {
                    let path = split.path.clone();
                    return Err(DataError::EmptySplit { key: split.key, path, dropped });
                }
                let count = counted(dropped, "text");
                notes.push(format!("{}: {count} without label dropped", split.key));
            }
            OnUnlabeled::Error => {
                let (path, line) = split.place(first);
                let id = split.ids[first].clone();
                return Err(DataError::Unlabeled { path: path.to_owned(), line, id });
            }
        }
    }
    Ok(())
}

/// The texts and their ids without those at the places in `left_out`, which are sorted.
fn without(ids: Vec<String>, texts: Texts, left_out: &[usize]) -> (Vec<String>, Texts) {
    if left_out.is_empty() {
        return (ids, texts);
    }
    let kept = |text: &usize| left_out.binary_search(text).is_err();
    let mut kept_texts = Texts::default();
    for text in (0..texts.len()).filter(kept) {
        kept_texts.push(texts.get(text));
    }
    let kept_ids = ids.into_iter().enumerate().filter(|(text, _)| kept(text)).map(|(_, id)| id);
    (kept_ids.collect(), kept_texts)
}
