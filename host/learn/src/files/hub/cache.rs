//! The hub's cache on disk:
//!
//! ```text
//! models--<owner>--<name>/
//!   refs/<revision>             the commit that a branch or tag is at
//!   snapshots/<commit>/<file>   a link to a blob
//!   blobs/<etag>                a file's content
//!   .no_exist/<commit>/<file>   empty: the commit has no such file
//! ```

use std::io;
use std::path::{Path, PathBuf};

use alhost_base::{aside, foreign};

pub(super) const DEFAULT: &str = "main";

/// A commit or a token has some dozen bytes.
const MOST_OF_NOTE: u64 = 10_000;

pub(super) struct Repo {
    hub: PathBuf,
    name: String,
}

impl Repo {
    /// Returns the place of a repository in the cache; `id` is `name` or `owner/name`.
    pub(super) fn new(hub: &Path, id: &str) -> Self {
        Self { hub: hub.to_owned(), name: format!("models--{}", id.replace('/', "--")) }
    }

    /// Returns what the cache has of a branch, tag or commit (it may be cut short, to 7 digits or
    /// more). Without one, it is of the default branch, or where that is not known the only commit
    /// that is there.
    pub(super) fn snapshot(&self, revision: Option<&str>) -> Option<Snapshot> {
        let name = revision.unwrap_or(DEFAULT);
        let noted = foreign::read_text(&self.folder().join("refs").join(name), MOST_OF_NOTE).ok();
        let noted = noted.map(|commit| commit.trim().to_owned()).filter(|commit| is_commit(commit));
        if let Some(commit) = noted {
            return Some(self.at(&commit));
        }
        let commits = self.commits();
        let fitting: Vec<&String> = match revision {
            None => commits.iter().collect(),
            Some(start) if start.len() >= 7 => {
                commits.iter().filter(|commit| commit.starts_with(start)).collect()
            }
            Some(_) => Vec::new(),
        };
        let [only] = fitting[..] else { return None };
        Some(self.at(only))
    }

    pub(super) fn at(&self, commit: &str) -> Snapshot {
        let repo = self.folder();
        Snapshot { folder: repo.join("snapshots").join(commit), commit: commit.to_owned(), repo }
    }

    pub(super) fn keep_ref(&self, revision: &str, commit: &str) -> io::Result<()> {
        if revision == commit {
            return Ok(());
        }
        aside::replace(&self.folder().join("refs").join(revision), commit.as_bytes())
    }

    /// Returns the path of our lock, which lies where other programs have theirs.
    pub(super) fn lock_path(&self) -> PathBuf {
        self.hub.join(".locks").join(&self.name).join("alhost.lock")
    }

    fn folder(&self) -> PathBuf {
        self.hub.join(&self.name)
    }

    fn commits(&self) -> Vec<String> {
        let Ok(entries) = fs_err::read_dir(self.folder().join("snapshots")) else {
            return Vec::new();
        };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| is_commit(name)).collect()
    }
}

/// Whether a name is safe as one of a folder.
pub(super) fn is_commit(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The token of a login, which lies beside the cache.
pub(super) fn token(hub: &Path) -> Option<String> {
    let text = foreign::read_text(&hub.parent()?.join("token"), MOST_OF_NOTE).ok()?;
    Some(text.trim().to_owned()).filter(|token| !token.is_empty())
}

/// The files of one commit.
pub(super) struct Snapshot {
    repo: PathBuf,
    folder: PathBuf,
    commit: String,
}

impl Snapshot {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn commit(&self) -> &str {
        &self.commit
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub(super) fn has(&self, file: &str) -> bool {
        self.path(file).is_file()
    }

    /// Whether the file is there, or known not to be in the repository.
    pub(super) fn is_known(&self, file: &str) -> bool {
        self.has(file) || self.absent(file).exists()
    }

    pub(super) fn note_absent(&self, file: &str) -> io::Result<()> {
        aside::replace(&self.absent(file), b"")
    }

    fn absent(&self, file: &str) -> PathBuf {
        self.repo.join(".no_exist").join(&self.commit).join(file)
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.repo.join("blobs").join(etag)
    }

    /// A blob on its way. Its name stays, so that the next process can go on with it; where nothing
    /// keeps two from writing to it at the same time, it is of one `process` alone.
    pub(super) fn part(&self, etag: &str, process: Option<u32>) -> PathBuf {
        let process = process.map_or_else(String::new, |process| format!("-{process}"));
        self.repo.join("blobs").join(format!("{etag}{process}.alhost-part"))
    }

    /// Gives a blob its name in the snapshot: by a link, or where there are none, by moving it.
    pub(super) fn link(&self, file: &str, blob: &Path) -> io::Result<PathBuf> {
        let path = self.path(file);
        let folder = path.parent().unwrap_or(&self.folder);
        fs_err::create_dir_all(folder)?;
        let depth = 2 + Path::new(file).components().count();
        let up: PathBuf = (1..depth).map(|_| "..").collect();
        let target = up.join("blobs").join(blob.file_name().unwrap_or_default());
        if fs_err::symlink_metadata(&path).is_ok() {
            fs_err::remove_file(&path)?; // A link to what is no longer there.
        }
        match fs_err::os::unix::fs::symlink(&target, &path) {
            Ok(()) => (),
            // Another process was here first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
            Err(error) => {
                tracing::debug!("{error}: the file is moved");
                fs_err::rename(blob, &path)?;
            }
        }
        Ok(path)
    }
}

/// A part that is whole becomes a blob.
pub(super) fn finish(part: &Path, blob: &Path) -> io::Result<()> {
    fs_err::File::open(part)?.sync_all()?;
    fs_err::rename(part, blob)?;
    aside::sync_folder(blob.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_found_by_its_name_its_commit_or_as_the_only_one() {
        let hub = tempfile::tempdir().unwrap();
        let repo = Repo::new(hub.path(), "me/m");
        let of = |revision| repo.snapshot(revision).map(|snapshot| snapshot.commit);
        assert_eq!(of(None), None);
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        fs_err::create_dir_all(repo.at(&a).folder()).unwrap();
        assert_eq!(of(None), Some(a.clone()));
        assert_eq!(of(Some("v1")), None, "another revision than was asked for is none");
        assert_eq!(of(Some("main")), None);
        assert_eq!(of(Some(&a)), Some(a.clone()));
        assert_eq!(of(Some("aaaaaaa")), Some(a.clone()));
        assert_eq!(of(Some("aaaaaa")), None);

        fs_err::create_dir_all(repo.at(&b).folder()).unwrap();
        assert_eq!(of(None), None, "which of the two is not known");
        repo.keep_ref("main", &b).unwrap();
        repo.keep_ref("feature/x", &a).unwrap();
        assert_eq!(of(None), Some(b.clone()));
        assert_eq!(of(Some("feature/x")), Some(a.clone()));
        fs_err::write(repo.folder().join("refs/main"), "../../..").unwrap();
        assert_eq!(of(None), None, "what is no commit is not followed");
    }

    #[test]
    fn a_blob_gets_its_name_in_any_folder_and_again_where_it_was_lost() {
        let hub = tempfile::tempdir().unwrap();
        let repo = Repo::new(hub.path(), "m");
        let snapshot = repo.at("abc");
        let blob = snapshot.blob("e1");
        fs_err::create_dir_all(blob.parent().unwrap()).unwrap();
        for file in ["config.json", "1_Pooling/config.json"] {
            fs_err::write(&blob, "x").unwrap();
            let path = snapshot.link(file, &blob).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), "x");
            fs_err::remove_file(&blob).unwrap();
            assert!(!snapshot.has(file));
            fs_err::write(&blob, "y").unwrap();
            snapshot.link(file, &blob).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), "y");
        }
        assert!(!snapshot.is_known("vocab.txt"));
        snapshot.note_absent("vocab.txt").unwrap();
        assert!(snapshot.is_known("vocab.txt") && !snapshot.has("vocab.txt"));
    }
}
