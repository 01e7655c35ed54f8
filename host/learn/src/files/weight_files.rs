//! The files of a folder that hold a checkpoint's weights: one, or the shards that an index names.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use alhost_base::{Unreadable, foreign};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The first that a folder has is read, as upstream does.
pub(crate) const NAMES: &[&str] = &[
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// The index of a BERT of 24 layers has 0.04 MB.
const MOST_OF_INDEX: u64 = 8 << 20;

/// Files of weights, as far as their names go.
pub(crate) struct WeightFiles {
    /// The index, or the only file: what messages name.
    pub(crate) named: PathBuf,
    /// The files that are read, in this order.
    pub(crate) parts: Vec<PathBuf>,
}

impl WeightFiles {
    /// Finds the weights; `None` where the folder has none. An index is read; the files that it
    /// names must be there.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, Unreadable> {
        let Some(named) = NAMES.iter().map(|name| folder.join(name)).find(|path| is_there(path))
        else {
            return Ok(None);
        };
        if !is_index(&named) {
            return Ok(Some(Self { parts: vec![named.clone()], named }));
        }
        let parts = shards(&named)?;
        if let Some(missing) = parts.iter().find(|part| !is_there(part)) {
            let name = missing.file_name().unwrap_or_default().display();
            let problem = format!("names the shard `{name}`, which is not beside it");
            return Err(Unreadable::new(&named, problem, "fetch that file too"));
        }
        Ok(Some(Self { named, parts }))
    }

    /// Every file that is read.
    pub(crate) fn all(self) -> Vec<PathBuf> {
        let index = is_index(&self.named).then_some(self.named);
        index.into_iter().chain(self.parts).collect()
    }

    /// blake3 of the parts' bytes in a row, in hex. Of one file, that is the file's.
    pub(crate) fn hash(&self) -> Result<String, Unreadable> {
        let mut hasher = blake3::Hasher::new();
        for part in &self.parts {
            let read = hasher.update_reader(foreign::open(part)?);
            read.map_err(|error| Unreadable::of(part, &error))?;
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Whether there is something of this name, be it a broken link: then opening it says what is wrong.
pub(crate) fn is_there(path: &Path) -> bool {
    let found = fs_err::symlink_metadata(path);
    !matches!(found, Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

pub(crate) fn is_index(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// The files that an index names, all of its own folder, in the order of their names.
pub(crate) fn shards(index: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    #[derive(Deserialize)]
    struct Index {
        /// File by tensor.
        weight_map: Map<String, Value>,
    }
    let bad = |problem: String| {
        Unreadable::new(index, problem, "the index is damaged; fetch or save it again")
    };
    let text = foreign::read_text(index, MOST_OF_INDEX)?;
    let read = serde_json::from_str::<Index>(&text);
    let read = read.map_err(|error| bad(format!("is no index of shards: {error}")))?;
    let mut names = BTreeSet::new();
    for (tensor, file) in &read.weight_map {
        let name = file.as_str().ok_or_else(|| bad(format!("names no file for `{tensor}`")))?;
        let is_name = matches!(Path::new(name).components().collect::<Vec<_>>()[..],
            [Component::Normal(only)] if only == name);
        let is_weights = [".safetensors", ".bin"].iter().any(|ending| name.ends_with(ending));
        if !is_name || !is_weights {
            return Err(bad(format!(
                "names {name:?} as a shard, which is no file of weights beside it"
            )));
        }
        names.insert(name);
    }
    if names.is_empty() {
        return Err(bad("names no shards".to_owned()));
    }
    Ok(names.into_iter().map(|name| index.with_file_name(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(index: &str, expected: Result<&[&str], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors.index.json");
        fs_err::write(&path, index).unwrap();
        match (shards(&path), expected) {
            (Ok(found), Ok(expected)) => {
                let found: Vec<_> = found.iter().map(|path| path.file_name().unwrap()).collect();
                assert_eq!(found, expected, "{index}");
            }
            (Err(error), Err(expected)) => {
                let error = error.to_string();
                assert!(error.contains(expected) && error.contains("hint: "), "{index}: {error}");
            }
            (found, _) => panic!("{index}: {found:?}"),
        }
    }

    #[test]
    fn an_index_names_shards_beside_it() {
        let index = r#"{"metadata": {}, "weight_map": {"a": "2.bin", "b": "1.bin", "c": "2.bin"}}"#;
        check(index, Ok(&["1.bin", "2.bin"]));
        for name in
            ["../1.bin", "/etc/1.bin", "a/1.bin", "", ".", "..", "1.bin/", "./1.bin", "1.txt"]
        {
            check(&format!(r#"{{"weight_map": {{"a": {name:?}}}}}"#), Err("as a shard"));
        }
        check(r#"{"weight_map": {"a": 3}}"#, Err("names no file for `a`"));
        check(r#"{"weight_map": {}}"#, Err("names no shards"));
        check("{}", Err("no index of shards"));
        check("version https://git-lfs.github.com/spec/v1\n", Err("git lfs pull"));
    }
}
