//! Finds the files that a data set is read from: names as given, with `.gz` or `.zst`, under the
//! other names that are usual for a dev set, and the shards that a name with `*` stands for.

use std::path::{Path, PathBuf};

use alhost_config::DataFormat;

use super::error::DataError;
use super::vocabulary::nearest;

/// The files of a split, in the order in which they are read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    /// Says what a person would not expect of the choice.
    pub(super) note: Option<String>,
}

/// The file `name` in `folder`; where it does not exist as written, `name.gz` or `name.zst`.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let paths = ["", ".gz", ".zst"].map(|ending| folder.join(format!("{name}{ending}")));
    // What is there and no file, such as a pipe, is opened too: the error says what it is.
    let first = |is_meant: fn(&Path) -> bool| paths.iter().find(|path| is_meant(path));
    first(Path::is_file).or_else(|| first(Path::exists).filter(|_| !name.is_empty())).cloned()
}

/// One file of the data set, or an error that lists what the folder has instead.
pub(super) fn find_one(folder: &Path, key: &'static str, name: &str) -> Result<PathBuf, DataError> {
    find(folder, name).map_or_else(|| Err(missing(folder, key, name)), Ok)
}

/// The files of a split, or an error that lists what the folder has instead.
pub(super) fn find_split(
    format: DataFormat,
    folder: &Path,
    key: &'static str,
    name: &str,
) -> Result<Found, DataError> {
    look_for(format, folder, key, name).map_or_else(|| Err(missing(folder, key, name)), Ok)
}

/// The files of a split, if there are any.
pub(super) fn look_for(format: DataFormat, folder: &Path, key: &str, name: &str) -> Option<Found> {
    if let Some(found) = of_name(format, folder, key, name) {
        return Some(found);
    }
    let mut others = other_names(format, key, name).into_iter();
    let (other, found) = others.find_map(|other| {
        let found = of_name(format, folder, key, &other)?;
        Some((other, found))
    })?;
    let taken = format!("{key}: read from `{other}`, since there is no `{name}`");
    Some(Found { note: Some(found.note.unwrap_or(taken)), ..found })
}

fn of_name(format: DataFormat, folder: &Path, key: &str, name: &str) -> Option<Found> {
    if format == DataFormat::Parquet && name.contains('*') {
        return shards(folder, key, name);
    }
    let file = find(folder, name).filter(|_| !name.is_empty())?;
    Some(Found { files: vec![file], note: None })
}

/// Returns the names under which the file of a split may lie as well, where the config says the
/// usual one.
fn other_names(format: DataFormat, key: &str, name: &str) -> Vec<String> {
    const DEV: [&str; 4] = ["dev", "validation", "valid", "val"];
    if format.usual_file(key) != Some(name) {
        return Vec::new();
    }
    let stem = |name: &str| name.split(['.', '*']).next().unwrap_or(name).to_owned();
    let mut names = vec![name.to_owned()];
    if DEV.contains(&stem(name).as_str()) {
        let rest = &name[stem(name).len()..];
        names.extend(DEV.iter().map(|dev| format!("{dev}{rest}")));
    }
    // An array of objects is usually called `.json`, and many call lines of them so, too.
    if format == DataFormat::Jsonl {
        let with = |name: &String| name.replace(".jsonl", ".json");
        names.extend(names.iter().map(with).collect::<Vec<_>>());
    }
    names.retain(|other| other != name);
    names
}

/// The files of a name with a `*`, which stands for any characters; sorted. Of several families, such as
/// `train-0.parquet` and `train_unlabeled-0.parquet` for `train*.parquet`, the one that is called as the
/// name begins is meant.
fn shards(folder: &Path, key: &str, name: &str) -> Option<Found> {
    let (before, after) = name.split_once('*')?;
    let (below, before) = before.rsplit_once('/').unwrap_or(("", before));
    let folder = folder.join(below);
    let is_meant = |name: &String| {
        name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    };
    let mut names = file_names(&folder);
    names.retain(is_meant);
    let mut families: Vec<String> = names.iter().map(|name| family(name)).collect();
    families.sort_unstable();
    families.dedup();
    let mut note = None;
    if families.len() > 1 {
        let exact = before.trim_end_matches(['-', '_', '.']);
        let all = names.len();
        if families.iter().any(|family| family == exact) {
            names.retain(|name| family(name) == exact);
        }
        note = Some(format!(
            "{key}: the files of `{name}` are of {} kinds ({}); read: {} of {all}, {}",
            families.len(),
            listed(&families),
            names.len(),
            listed(&names)
        ));
    }
    let files: Vec<PathBuf> = names.into_iter().map(|name| folder.join(name)).collect();
    (!files.is_empty()).then_some(Found { files, note })
}

/// A file's name without its ending and its number among the shards.
fn family(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or(name);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts: Vec<&str> = stem.split('-').collect();
    if let [.., first, "of", last] = parts[..]
        && is_number(first)
        && is_number(last)
    {
        parts.truncate(parts.len() - 3);
    }
    let stem = parts.join("-");
    stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_']).to_owned()
}

fn missing(folder: &Path, key: &'static str, name: &str) -> DataError {
    let shown = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    if !folder.exists() {
        return DataError::NoFolder { path: shown(folder.to_owned()) };
    }
    if !folder.is_dir() {
        return DataError::NotAFolder { path: shown(folder.to_owned()) };
    }
    let found = file_names(folder);
    let nearest = nearest(name, &found);
    DataError::Missing { key, path: shown(folder.join(name)), found, nearest }
}

fn file_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs_err::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    names
}

/// Lists at most eight names, so that a folder of thousands does not fill the screen.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what is read of a folder with these files, and a part of the note; an empty part
    /// stands for no note.
    fn check(
        format: DataFormat,
        (key, name): (&str, &str),
        there: &[&str],
        expected: &[&str],
        note: &str,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for name in there {
            fs_err::write(folder.path().join(name), "").unwrap();
        }
        let found = look_for(format, folder.path(), key, name);
        let files: Vec<PathBuf> = found.as_ref().map_or(Vec::new(), |found| found.files.clone());
        let names: Vec<&str> =
            files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, expected, "{name} of {there:?}");
        let told = found.and_then(|found| found.note).unwrap_or_default();
        assert!(told.contains(note) && told.is_empty() == note.is_empty(), "{told}");
    }

    #[test]
    fn shards_of_another_kind_are_left_out_and_said() {
        let parquet = |there: &[&str], expected: &[&str], note: &str| {
            check(DataFormat::Parquet, ("train", "train*.parquet"), there, expected, note);
        };
        let plain = |there: &[&str]| parquet(there, there, "");
        plain(&["train.parquet"]);
        plain(&["train-0.parquet", "train-1.parquet"]);
        plain(&["train0.parquet", "train1.parquet"]);
        let own = ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"];
        for other in
            ["train_unlabeled-00000-of-00001.parquet", "train2k-0.parquet", "training.parquet"]
        {
            parquet(&[own[0], own[1], other], &own, "of 2 kinds");
        }
        let strange = ["train_a-0.parquet", "train_b-0.parquet"];
        parquet(&strange, &strange, "read: 2 of 2");
        parquet(&["test.parquet"], &[], "");
    }

    #[test]
    fn a_dev_set_is_found_under_its_other_names() {
        let other = |format, (key, name), there: &str| {
            let note = format!("{key}: read from `");
            check(format, (key, name), &[there, "x.jsonl"], &[there], &note);
        };
        for there in ["dev.parquet", "valid-0.parquet"] {
            other(DataFormat::Parquet, ("dev", "validation*.parquet"), there);
        }
        for there in ["valid.jsonl", "validation.jsonl.gz", "dev.json", "val.json"] {
            other(DataFormat::Jsonl, ("dev", "dev.jsonl"), there);
        }
        other(DataFormat::Jsonl, ("train", "train.jsonl"), "train.json");
        other(DataFormat::Csv, ("dev", "dev.csv"), "validation.csv");
        // A name that somebody chose is not replaced.
        check(DataFormat::Csv, ("dev", "my.csv"), &["validation.csv", "dev.csv"], &[], "");
        check(DataFormat::Csv, ("dev", ""), &["dev.csv"], &[], "");
    }
}
