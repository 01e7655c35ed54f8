//! `alhost.lock`: which very files a run may use, by id and hash. Written by `alhost plugin pin`,
//! enforced by `alhost run --locked`, and kept under version control beside a config, so that an
//! experiment is repeated with the plugins that it was made with.

use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, aside, foreign};
use alhost_plugin_host::PluginFile;
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Sorted by id, at most one for each.
    #[serde(default)]
    plugin: Vec<Pin>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub id: String,
    pub version: String,
    /// BLAKE3 of the file, in hex.
    pub blake3: String,
}

#[derive(Debug, Error)]
pub enum LockError {
    #[error("cannot read the pinned plugins: {0}")]
    Read(#[from] Unreadable),
    #[error("cannot write the pinned plugins: {0}")]
    Write(#[from] std::io::Error),
    #[error("{} is no lock file: {why}\nhint: it is written by `alhost plugin pin`; delete it and pin again", path.display())]
    Parse { path: PathBuf, why: String },
    #[error("plugin `{id}` ({}) is not pinned in {}\nhint: if this is the file you mean, `alhost plugin pin {}`", file.display(), lock.display(), file.display())]
    NotPinned { id: String, file: PathBuf, lock: PathBuf },
    #[error("plugin `{id}` ({}) is not the file that is pinned in {}\n  pinned: {} {}\n  found:  {} {}\nhint: build or fetch the pinned version again, or accept this file with `alhost plugin pin {}`", file.display(), lock.display(), pinned.version, pinned.blake3, found.version, found.blake3, file.display())]
    Other { id: String, file: PathBuf, lock: PathBuf, pinned: Box<Pin>, found: Box<Pin> },
}

/// A lock file of a thousand plugins has less.
const MOST_BYTES: u64 = 1 << 20;

impl Lock {
    pub fn read(path: &Path) -> Result<Self, LockError> {
        if !path.exists() {
            let hint = "`alhost plugin pin PLUGIN` begins a lock file";
            return Err(Unreadable::new(path, "no such file", hint).into());
        }
        let text = foreign::read_text(path, MOST_BYTES)?;
        toml::from_str(&text)
            .map_err(|error| LockError::Parse { path: path.to_owned(), why: error.to_string() })
    }

    /// Reads the file; one that does not exist pins nothing.
    pub fn read_if_there(path: &Path) -> Result<Option<Self>, LockError> {
        if path.exists() { Self::read(path).map(Some) } else { Ok(None) }
    }

    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let pins = toml::to_string(self).expect("three strings a plugin can be written");
        let head =
            "# The plugins that `alhost run --locked` accepts. Written by `alhost plugin pin`.";
        Ok(aside::replace(path, format!("{head}\n\n{pins}").as_bytes())?)
    }

    /// Pins a file, and gives back what was pinned for its id before.
    pub fn pin(&mut self, file: &PluginFile) -> Option<Pin> {
        let id = &file.manifest.id;
        let before = self.plugin.iter().position(|pin| pin.id == *id);
        let before = before.map(|place| self.plugin.remove(place));
        self.plugin.push(pin_of(file));
        self.plugin.sort_by(|a, b| a.id.cmp(&b.id));
        before
    }

    /// Whether exactly this file is pinned. `path` is the lock's, for the message.
    pub fn check(&self, path: &Path, file: &PluginFile) -> Result<(), LockError> {
        let id = file.manifest.id.clone();
        let (lock, found) = (path.to_owned(), pin_of(file));
        match self.plugin.iter().find(|pin| pin.id == id) {
            Some(pinned) if pinned.blake3 == found.blake3 => Ok(()),
            Some(pinned) => Err(LockError::Other {
                id,
                file: file.path.clone(),
                lock,
                pinned: Box::new(pinned.clone()),
                found: Box::new(found),
            }),
            None => Err(LockError::NotPinned { id, file: file.path.clone(), lock }),
        }
    }
}

fn pin_of(file: &PluginFile) -> Pin {
    Pin {
        id: file.manifest.id.clone(),
        version: file.manifest.version.clone(),
        blake3: file.hash.clone(),
    }
}
