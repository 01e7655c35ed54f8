//! Names for labels that the files of a data set give as numbers: from a list, a line each, or the
//! numbers themselves.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use alhost_config::{DataConfig, DataFormat};

use super::error::DataError;
use super::locate::{find, find_one, find_split};
use super::read::{open, utf8};
use super::record::tidy;
use super::vocabulary::Vocabulary;
use super::{jsonl, matrix, parquet};

/// Names that the list usually has: ours, the raw text of XMC data sets, and their JSON lines.
pub(super) const USUAL: [&str; 3] = ["labels.txt", "label.raw.txt", "lbl.json"];

/// The labels by number, of the formats where it is known before anything is read that they have numbers.
pub(super) fn of(
    config: &DataConfig,
    folder: &Path,
    notes: &mut Vec<String>,
) -> Result<Option<Vocabulary>, DataError> {
    match config.format {
        DataFormat::Xmc | DataFormat::XmcJson => {}
        DataFormat::Parquet => return of_parquet(config, folder),
        _ => return Ok(None),
    }
    let path = match &config.vocabulary {
        Some(name) => Some(find_one(folder, "vocabulary", name)?),
        None => USUAL.iter().find_map(|name| find(folder, name)),
    };
    let labels = match (&path, config.format) {
        (Some(path), _) => read(path, notes)?,
        (None, DataFormat::XmcJson) => {
            find_one(folder, "vocabulary", USUAL[2])?;
            Vec::new()
        }
        (None, _) => {
            let path = matrix_file(config, folder, "train")?;
            (0..matrix::n_labels(&path)?).map(|number| number.to_string()).collect()
        }
    };
    let path = path.unwrap_or_else(|| folder.to_owned());
    Ok(Some(Vocabulary::of(path, labels)))
}

/// The names in the metadata of a Parquet file, unless the config names a list.
fn of_parquet(config: &DataConfig, folder: &Path) -> Result<Option<Vocabulary>, DataError> {
    if config.vocabulary.is_some() {
        return Ok(None);
    }
    let found = find_split(config.format, folder, "train", &config.train)?;
    let Some(first) = found.files.into_iter().next() else { return Ok(None) };
    let column = parquet::label_column(&first, config)?.filter(|column| column.has_numbers);
    Ok(column.and_then(|column| column.names).map(|names| Vocabulary::of(first, distinct(names).0)))
}

/// The list that the config names, or `labels.txt` in the folder: the names of numbers, whatever the
/// format of the texts.
pub(super) fn listed(
    config: &DataConfig,
    folder: &Path,
    notes: &mut Vec<String>,
) -> Result<Option<Vocabulary>, DataError> {
    let path = match &config.vocabulary {
        Some(name) => Some(find_one(folder, "vocabulary", name)?),
        None => find(folder, USUAL[0]),
    };
    path.map(|path| Ok(Vocabulary::of(path.clone(), read(&path, notes)?))).transpose()
}

/// The file with the labels of a split.
pub(super) fn matrix_file(
    config: &DataConfig,
    folder: &Path,
    split: &'static str,
) -> Result<PathBuf, DataError> {
    let (key, given) = match split {
        "train" => ("train_labels", &config.train_labels),
        "dev" => ("dev_labels", &config.dev_labels),
        _ => ("test_labels", &config.test_labels),
    };
    let usual = config.format.usual_labels(split).unwrap_or_default();
    find_one(folder, key, given.as_deref().unwrap_or(usual))
}

/// Reads a name a line, or objects with `title` and `uid`.
fn read(path: &Path, notes: &mut Vec<String>) -> Result<Vec<String>, DataError> {
    let bytes = open(path)?.bytes()?;
    let text = utf8(path, 1, &bytes)?;
    let names = if text.trim_start().starts_with('{') {
        (1..)
            .zip(text.lines())
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(number, line)| jsonl::title(path, number, line))
            .collect::<Result<Vec<String>, DataError>>()?
    } else {
        text.lines().map(|name| tidy(name.into()).into_owned()).collect()
    };
    let (names, changed) = distinct(names);
    if changed > 0 {
        let path = path.display();
        notes.push(format!(
            "{path}: {changed} label names that are empty or used before got their number added"
        ));
    }
    Ok(names)
}

/// Tells names apart by their numbers, since products share titles; also counts those that it
/// changed.
fn distinct(names: Vec<String>) -> (Vec<String>, usize) {
    let mut seen: HashSet<String> = HashSet::with_capacity(names.len());
    let mut changed = 0;
    let distinct = names.into_iter().enumerate().map(|(number, mut name)| {
        if name.is_empty() || seen.contains(&name) {
            changed += 1;
            while name.is_empty() || seen.contains(&name) {
                let space = if name.is_empty() { "" } else { " " };
                name = format!("{name}{space}#{number}");
            }
        }
        seen.insert(name.clone());
        name
    });
    (distinct.collect(), changed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_get_their_number_where_they_must() {
        let check = |names: &[&str], expected: &[&str]| {
            assert_eq!(distinct(names.iter().map(|&n| n.to_owned()).collect()).0, expected);
        };
        check(&["a", "b"], &["a", "b"]);
        check(&["a", "a", "", ""], &["a", "a #1", "#2", "#3"]);
        check(&["a #2", "a", "a"], &["a #2", "a", "a #2 #2"]);
    }

    proptest! {
        #[test]
        fn no_two_names_are_the_same(names in prop::collection::vec("[a#0-3 ]{0,4}", 0..30)) {
            let (distinct, _) = distinct(names.clone());
            let set: HashSet<&String> = distinct.iter().collect();
            prop_assert_eq!(set.len(), names.len());
        }
    }
}
