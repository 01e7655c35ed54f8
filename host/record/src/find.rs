//! Finds runs: folders with a manifest, below a folder.

use std::path::{Path, PathBuf};

use super::error::RecordError;
use super::run_dir::MANIFEST;

/// Returns `path` itself if it is a run's folder, else all below it, sorted. Links are not
/// followed.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, RecordError> {
    if fs_err::exists(path.join(MANIFEST))? {
        return Ok(vec![path.to_owned()]);
    }
    let mut folders = Vec::new();
    for entry in fs_err::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    let mut found = Vec::new();
    for folder in folders {
        found.extend(find(&folder)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_at_any_depth_in_order() {
        let root = tempfile::tempdir().unwrap();
        for run in ["b/seed-1", "a/x/seed-2", "a/x/seed-1"] {
            fs_err::create_dir_all(root.path().join(run).join("checkpoint")).unwrap();
            fs_err::write(root.path().join(run).join(MANIFEST), "{}").unwrap();
        }
        fs_err::create_dir_all(root.path().join("empty")).unwrap();
        let all = find(root.path()).unwrap();
        let runs = ["a/x/seed-1", "a/x/seed-2", "b/seed-1"];
        assert_eq!(all, runs.map(|run| root.path().join(run)));
        assert_eq!(find(&all[0]).unwrap(), all[..1]);
        assert!(find(&root.path().join("absent")).unwrap_err().to_string().contains("absent"));
    }
}
