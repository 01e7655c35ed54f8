//! Turns what the user wrote after `--plugin` into a file.

use std::path::{Path, PathBuf};

use alhost_base::Unreadable;

use crate::error::PluginError;

/// Folders in which plugins are looked for by id, in this order: those of `ALHOST_PLUGIN_PATH`, and
/// those beside the program. Nothing is ever taken from the working directory by id.
#[derive(Clone, Debug, Default)]
pub struct SearchPath(pub Vec<PathBuf>);

impl SearchPath {
    /// Makes the path of `listed`, the value of `ALHOST_PLUGIN_PATH`, and `program`, this
    /// executable.
    pub fn new(listed: Option<&str>, program: Option<&Path>) -> Self {
        let listed = listed.unwrap_or_default().split(':').filter(|folder| !folder.is_empty());
        let mut folders: Vec<PathBuf> = listed.map(PathBuf::from).collect();
        if let Some(beside) = program.and_then(Path::parent) {
            folders.push(beside.to_owned());
            folders.push(beside.join("plugins"));
        }
        Self(folders)
    }

    /// This path, then the folder of `plugin`: strategies that it asks are found beside it.
    #[must_use]
    pub fn beside(&self, plugin: &Path) -> Self {
        let folder = plugin.parent().map(Path::to_owned);
        Self(self.0.iter().cloned().chain(folder).collect())
    }

    /// Every `lib*.so` on the path.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in &self.0 {
            let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
            let mut here: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            here.retain(|path| is_library_name(path));
            here.sort();
            files.extend(here);
        }
        files
    }
}

/// The file of a plugin: a path (anything with a `/` or ending in `.so`), or an id.
///
/// A path that does not exist, such as the documented `target/libalps.so` before any xtask made
/// that link, is looked for in the folders `release` and `debug` beside it.
pub(crate) fn resolve(plugin: &str, search: &SearchPath) -> Result<PathBuf, PluginError> {
    let (candidates, hint) = if is_path(plugin) {
        let path = PathBuf::from(plugin);
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let name = path.file_name().unwrap_or_default().to_owned();
        let beside = ["release", "debug"].map(|profile| folder.join(profile).join(&name));
        let [release, debug] = beside;
        (vec![path, release, debug], "build it: `cargo build --release` in the plugin's folder")
    } else {
        let name = library_name(plugin);
        let found = search.0.iter().map(|folder| folder.join(&name)).collect();
        (found, "give the path of its lib*.so; `alhost plugin list` shows those found by id")
    };
    let is_there =
        |path: &&PathBuf| path.exists() || fs_err::metadata(path).is_err_and(|e| is_hidden(&e));
    let file = candidates.iter().find(|path| path.is_file());
    // What is there and no file, or cannot be looked at, is told as such by whoever opens it.
    if let Some(found) = file.or_else(|| candidates.iter().find(is_there)) {
        // `dlopen` takes a name without a slash for one on the system's own path.
        let path = fs_err::canonicalize(found);
        return Ok(path.map_err(|error| Unreadable::of(found, &error))?);
    }
    let mut tried = candidates.into_iter();
    let path = tried.next().unwrap_or_else(|| PathBuf::from(plugin));
    Err(PluginError::Missing { path, tried: tried.collect(), hint: hint.to_owned() })
}

fn is_hidden(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied
}

/// Whether a path is meant, not an id.
pub(crate) fn is_path(plugin: &str) -> bool {
    plugin.contains('/') || Path::new(plugin).extension().is_some_and(|e| e == "so")
}

/// Returns the name that cargo gives to the library of a crate whose name is `id`.
pub(crate) fn library_name(id: &str) -> String {
    format!("lib{}.so", id.replace('-', "_"))
}

fn is_library_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("lib") && path.extension().is_some_and(|extension| extension == "so")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_as_written_then_in_release_then_in_debug() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(folder.path()).unwrap();
        let asked = root.join("libx.so");
        let check = |expected: Option<&str>| {
            let got = resolve(asked.to_str().unwrap(), &SearchPath::default());
            assert_eq!(got.ok(), expected.map(|name| root.join(name)));
        };
        check(None);
        for name in ["debug/libx.so", "release/libx.so", "libx.so"] {
            let path = root.join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, "").unwrap();
            check(Some(name));
        }
    }

    #[test]
    fn what_is_there_but_no_file_is_not_called_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(folder.path()).unwrap();
        let asked = root.join("libx.so");
        fs_err::create_dir(&asked).unwrap();
        let found = || resolve(asked.to_str().unwrap(), &SearchPath::default()).unwrap();
        assert_eq!(found(), asked);
        fs_err::create_dir(root.join("release")).unwrap();
        fs_err::write(root.join("release/libx.so"), "").unwrap();
        assert_eq!(found(), root.join("release/libx.so"));
    }

    #[test]
    fn an_id_is_found_on_the_search_path_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs_err::canonicalize(folder.path()).unwrap();
        fs_err::write(root.join("libmy_strategy.so"), "").unwrap();
        let search = SearchPath::new(Some(root.to_str().unwrap()), None);
        assert_eq!(resolve("my-strategy", &search).unwrap(), root.join("libmy_strategy.so"));
        let message = resolve("other", &search).unwrap_err().to_string();
        assert!(message.contains("libother.so") && message.contains("hint:"), "{message}");
        assert_eq!(search.files(), [root.join("libmy_strategy.so")]);
        let beside = SearchPath::default().beside(&root.join("libcombine.so"));
        assert_eq!(resolve("my-strategy", &beside).unwrap(), root.join("libmy_strategy.so"));
    }
}
