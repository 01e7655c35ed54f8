//! Checkpoints of the Hugging Face hub. What its cache has is used, and the hub is not asked; what is
//! missing is fetched into the cache, by one process at a time. The cache is laid out as every program
//! of Hugging Face's has it: <https://huggingface.co/docs/huggingface_hub/guides/manage-cache>.

mod cache;
mod client;

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use alhost_base::Unreadable;
use fs_err::{File, OpenOptions};

use self::cache::{Repo, Snapshot};
use self::client::{Client, Found, Trouble};
use crate::files::checkpoint::Places;
use crate::files::weight_files::{self, WeightFiles};
use crate::{ModelError, tokenizer};

const PUBLIC: &str = "https://huggingface.co";

const CONFIG: &str = "config.json";

/// Says how a vocabulary is to be split.
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Says itself how its vocabulary is to be split.
const SELF_CONTAINED: &str = "tokenizer.json";

/// Files that a repository may have or not. They are asked for before the tokenizer and the
/// weights: where those are, it is known which of these there are.
const OPTIONAL: [&str; 4] =
    [TOKENIZER_CONFIG, "added_tokens.json", "special_tokens_map.json", "1_Pooling/config.json"];

/// `name` or `owner/name`, by the hub's rules, and behind an `@` a branch, tag or commit, if any.
#[derive(Clone, Copy)]
struct Id<'a> {
    /// The id as the user has it, for messages.
    whole: &'a str,
    repo: &'a str,
    revision: Option<&'a str>,
}

impl<'a> Id<'a> {
    fn parse(whole: &'a str) -> Option<Self> {
        let (repo, revision) = match whole.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (whole, None),
        };
        let is_repo =
            repo.len() <= 96 && repo.split('/').count() <= 2 && repo.split('/').all(is_part);
        let is_revision = |revision: &str| {
            let is_part = |part: &str| !part.starts_with('.') && part.chars().all(is_allowed);
            revision.len() <= 250
                && revision.split('/').all(|part| !part.is_empty() && is_part(part))
        };
        (is_repo && revision.is_none_or(is_revision)).then_some(Self { whole, repo, revision })
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

/// Whether a text can be an owner or a name. Two dashes would stand for a slash in the cache.
fn is_part(part: &str) -> bool {
    let ends = ['-', '.'];
    !part.is_empty()
        && part.chars().all(is_allowed)
        && !part.starts_with(ends)
        && !part.ends_with(ends)
        && !part.contains("--")
        && !part.contains("..")
}

pub(crate) fn is_id(name: &str) -> bool {
    Id::parse(name).is_some()
}

/// The commit that a folder of the hub's cache holds; None for any other folder.
pub(crate) fn commit(folder: &Path) -> Option<String> {
    let (commit, snapshots) = (folder.file_name()?, folder.parent()?);
    let repo = snapshots.parent()?.file_name()?.to_str()?;
    let is_it = snapshots.ends_with("snapshots") && repo.starts_with("models--");
    is_it.then(|| commit.to_string_lossy().into_owned())
}

/// Returns the cache's folder with the checkpoint's files, after fetching those that are missing.
/// `name` is an id.
pub(crate) fn fetch(name: &str, places: &Places) -> Result<PathBuf, ModelError> {
    let none = || ModelError::NoCheckpoint {
        name: name.to_owned(),
        reason: "this is no id of the hub".to_owned(),
    };
    let id = Id::parse(name).ok_or_else(none)?;
    let repo = Repo::new(&places.hub_cache, id.repo);
    let cached = repo.snapshot(id.revision);
    let lack = Lack::of(cached.as_ref());
    let usable = match &lack {
        Lack::Nothing(folder) => return Ok(folder.clone()),
        Lack::Splitting(folder) => Some(folder.clone()),
        Lack::File(_) => None,
    };
    let lacking = lack.file();
    if places.hub_offline {
        return usable.ok_or_else(|| offline(id, places, lacking));
    }
    // What is nearly whole is completed, though its branch may be further by now.
    let nearly = cached.as_ref().filter(|_| usable.is_some()).map(Snapshot::commit);
    let revision = nearly.or(id.revision).unwrap_or(cache::DEFAULT);
    let fetched = fetch_missing(id, &repo, revision, places);
    match (fetched, usable) {
        (Ok(folder), _) => Ok(folder),
        (Err(error), Some(folder)) => {
            let first = error.to_string().lines().next().unwrap_or_default().to_owned();
            tracing::warn!(
                "{name}: going on with what the cache has, without `{lacking}`: {first}"
            );
            Ok(folder)
        }
        (Err(error), None) => Err(error),
    }
}

/// The lack of something in the cache.
enum Lack {
    Nothing(PathBuf),
    /// There is enough to go on with, but whether there is a `tokenizer_config.json` is not known.
    Splitting(PathBuf),
    /// The cache is short of a file that has to be there, by its names.
    File(String),
}

impl Lack {
    fn of(snapshot: Option<&Snapshot>) -> Self {
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.has(CONFIG)) else {
            return Self::File(CONFIG.to_owned());
        };
        let tokenizer = tokenizer::FILES.iter().find(|file| snapshot.has(file));
        let Some(tokenizer) = tokenizer else { return Self::File(tokenizer::FILES.join("` or `")) };
        let folder = snapshot.folder().to_owned();
        match WeightFiles::find(&folder) {
            Ok(Some(files)) if files.parts.iter().all(|part| part.exists()) => (),
            Ok(_) => return Self::File(weight_files::NAMES.join("` or `")),
            // An index that cannot be read, or whose shards are not all there.
            Err(Unreadable { .. }) => return Self::File("shards of the weights".to_owned()),
        }
        if *tokenizer != SELF_CONTAINED && !snapshot.is_known(TOKENIZER_CONFIG) {
            return Self::Splitting(folder);
        }
        Self::Nothing(folder)
    }

    fn file(&self) -> &str {
        match self {
            Self::Nothing(_) => "",
            Self::Splitting(_) => TOKENIZER_CONFIG,
            Self::File(names) => names,
        }
    }
}

fn offline(id: Id<'_>, places: &Places, file: &str) -> ModelError {
    ModelError::Hub {
        name: id.whole.to_owned(),
        file: file.to_owned(),
        endpoint: endpoint(places).to_owned(),
        reason: format!(
            "the cache {} does not have it, and HF_HUB_OFFLINE is set (or TRANSFORMERS_OFFLINE)",
            places.hub_cache.display()
        ),
        hint: "unset it where there is a network, or give a folder as `model.checkpoint`"
            .to_owned(),
    }
}

fn endpoint(places: &Places) -> &str {
    places.hub_endpoint.as_deref().unwrap_or(PUBLIC).trim_end_matches('/')
}

/// Fetches everything that the checkpoint needs and the cache does not have, of one commit.
fn fetch_missing(
    id: Id<'_>,
    repo: &Repo,
    revision: &str,
    places: &Places,
) -> Result<PathBuf, ModelError> {
    let lock = lock(repo, id.whole);
    // Another process may have fetched it meanwhile.
    if let Lack::Nothing(folder) = Lack::of(repo.snapshot(id.revision).as_ref()) {
        return Ok(folder);
    }
    let token = places.hub_token.clone().or_else(|| cache::token(&places.hub_cache));
    let client = Client::new(endpoint(places), id.repo, revision, token);
    let error = |file: &str, trouble: Trouble| ModelError::Hub {
        name: id.whole.to_owned(),
        file: file.to_owned(),
        endpoint: endpoint(places).to_owned(),
        reason: trouble.reason,
        hint: trouble.hint,
    };
    let config = client.look(CONFIG).and_then(|found| found.ok_or_else(no_such_file));
    let config = config.map_err(|trouble| error(CONFIG, trouble))?;
    let snapshot = repo.at(&config.commit);
    let process = lock.is_none().then(std::process::id);
    let fetch = Fetch { id, client, snapshot, process };
    fetch.all(&config).map_err(|failed| match failed {
        Failed::Fetching(file, trouble) => error(&file, trouble),
        Failed::Reading(unreadable) => unreadable.into(),
    })?;
    // Last: a name stands for a whole snapshot.
    repo.keep_ref(revision, &config.commit)?;
    Ok(fetch.snapshot.folder().to_owned())
}

/// Waits until no other process fetches from this repository. None where the file system has no locks;
/// then two processes may fetch the same.
fn lock(repo: &Repo, name: &str) -> Option<File> {
    let path = repo.lock_path();
    let open = || -> std::io::Result<File> {
        fs_err::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        OpenOptions::new().create(true).append(true).open(&path)
    };
    let file = match open() {
        Ok(file) => file,
        Err(error) => {
            tracing::debug!("{error}: {name} may be fetched twice");
            return None;
        }
    };
    let locked = match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            tracing::warn!("waiting for another process that fetches {name}");
            file.lock()
        }
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(()),
    };
    match locked {
        Ok(()) => Some(file),
        Err(error) => {
            tracing::debug!("{}: {error}: {name} may be fetched twice", path.display());
            None
        }
    }
}

fn no_such_file() -> Trouble {
    Trouble::new("the repository has no such file", "the encoder must be a BERT checkpoint")
}

/// One commit of one repository, on its way into the cache.
struct Fetch<'a> {
    id: Id<'a>,
    client: Client,
    snapshot: Snapshot,
    /// The id of this process, where nothing keeps another from fetching the same.
    process: Option<u32>,
}

/// The reason why a file could not be had.
enum Failed {
    Fetching(String, Trouble),
    Reading(Unreadable),
}

impl Fetch<'_> {
    /// Fetches everything that the checkpoint needs.
    fn all(&self, config: &Found) -> Result<(), Failed> {
        let failed = |file: &str| {
            let file = file.to_owned();
            move |trouble| Failed::Fetching(file, trouble)
        };
        self.keep(CONFIG, config).map_err(failed(CONFIG))?;
        for file in OPTIONAL {
            self.get(file).map_err(failed(file))?;
        }
        self.any_of(tokenizer::FILES)?;
        let weights = self.any_of(weight_files::NAMES)?;
        if weight_files::is_index(&weights) {
            for shard in weight_files::shards(&weights).map_err(Failed::Reading)? {
                self.any_of(&[&shard.file_name().unwrap_or_default().to_string_lossy()])?;
            }
        }
        Ok(())
    }

    /// Fetches the first of `files` that the repository has.
    fn any_of(&self, files: &[&str]) -> Result<PathBuf, Failed> {
        for file in files {
            match self.get(file) {
                Ok(Some(path)) => return Ok(path),
                Ok(None) => (),
                Err(trouble) => return Err(Failed::Fetching((*file).to_owned(), trouble)),
            }
        }
        Err(Failed::Fetching(files.join("` or `"), no_such_file()))
    }

    /// Returns a file, fetched where the cache does not have it. `None` means that the repository
    /// does not have it either, which is noted in the cache.
    fn get(&self, file: &str) -> Result<Option<PathBuf>, Trouble> {
        if self.snapshot.has(file) {
            return Ok(Some(self.snapshot.path(file)));
        }
        if self.snapshot.is_known(file) {
            return Ok(None);
        }
        let Some(found) = self.client.look(file)? else {
            self.snapshot.note_absent(file).map_err(|error| Trouble::disk(&error))?;
            return Ok(None);
        };
        self.keep(file, &found).map(Some)
    }

    fn keep(&self, file: &str, found: &Found) -> Result<PathBuf, Trouble> {
        if found.commit != self.snapshot.commit() {
            let hint = "the same command fetches the new one, and `@` with a commit keeps to one";
            return Err(Trouble::new("the repository changed in the meantime", hint));
        }
        if self.snapshot.has(file) {
            return Ok(self.snapshot.path(file));
        }
        let blob = self.snapshot.blob(&found.etag);
        if !blob.exists() {
            let endpoint = self.client.endpoint();
            tracing::info!(
                "fetching {file} ({} bytes) of {} from {endpoint}",
                found.size,
                self.id.whole
            );
            let part = self.snapshot.part(&found.etag, self.process);
            self.client.download(file, found, &part)?;
            cache::finish(&part, &blob).map_err(|error| Trouble::disk(&error))?;
        }
        self.snapshot.link(file, &blob).map_err(|error| Trouble::disk(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_id_is_a_name_or_an_owner_and_a_name_and_may_have_a_revision() {
        let commit = format!("me/m@{}", "a".repeat(40));
        for name in [
            "bert-base-uncased",
            "google-bert/bert-base-uncased",
            "a/b_c.d",
            "me/m@v1.0",
            "m@refs/pr/1",
            &commit,
        ] {
            assert!(is_id(name), "{name}");
        }
        for name in [
            "",
            "./folder",
            "/folder",
            "a/b/c",
            "../up",
            "a b",
            "a/",
            "a--b",
            "a/b..c",
            "a/-b",
            "a/b.",
            "me/m@",
            "me/m@a b",
            "me/m@../x",
            "me/m@a//b",
            "me/m@/a",
            "me/m@a@b",
            "@v1",
            "a%2fb",
        ] {
            assert!(!is_id(name), "{name}");
        }
        assert!(!is_id(&"a".repeat(97)));
    }

    #[test]
    fn a_commit_is_told_of_folders_of_the_cache_alone() {
        let of = |folder| commit(Path::new(folder));
        assert_eq!(of("/hub/models--me--m/snapshots/abc"), Some("abc".to_owned()));
        for other in ["/hub/models--me--m", "/a/snapshots/abc", "abc", "/"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
