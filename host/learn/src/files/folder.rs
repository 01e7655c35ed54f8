//! The folder of a checkpoint. What is read of it but for the weights has a name here, so that the list
//! of files that a checkpoint is made of cannot miss one.

use std::path::{Path, PathBuf};

use alhost_base::{Unreadable, foreign};
use serde_json::{Map, Value};

/// A part that the folder of a checkpoint may hold, as one of a few files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Config,
    Tokenizer,
    TokenizerConfig,
    SpecialTokens,
    AddedTokens,
    Pooling,
    /// The description of a classifier that alhost wrote, which is read for what it tells of the
    /// tokenizer's files.
    Classifier,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Config,
        Self::Tokenizer,
        Self::TokenizerConfig,
        Self::SpecialTokens,
        Self::AddedTokens,
        Self::Pooling,
        Self::Classifier,
    ];

    /// Returns the names of the part's file, of which the first that a folder has is read.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Config => &["config.json"],
            Self::Tokenizer => crate::tokenizer::FILES,
            Self::TokenizerConfig => &["tokenizer_config.json"],
            Self::SpecialTokens => &["special_tokens_map.json"],
            Self::AddedTokens => &["added_tokens.json"],
            Self::Pooling => &[crate::files::pooling::FILE],
            Self::Classifier => &["classifier.json"],
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder<'a>(pub(crate) &'a Path);

impl Folder<'_> {
    /// The file of a part, if there is one.
    pub(crate) fn file(self, part: Part) -> Option<PathBuf> {
        let mut files = part.names().iter().map(|name| self.0.join(name));
        // A pipe or a folder counts too: the reader says that it is none.
        files.find(|file| file.symlink_metadata().is_ok())
    }

    /// Returns the files of all parts that there are.
    pub(crate) fn files(self) -> Vec<PathBuf> {
        Part::ALL.into_iter().filter_map(|part| self.file(part)).collect()
    }

    /// An object in JSON, with its path; `None` where there is no such file.
    pub(crate) fn object(self, part: Part) -> Result<Option<Object>, Unreadable> {
        /// The largest are configs that name each label, of which there may be a million.
        const MOST_BYTES: u64 = 64 << 20;
        let Some(path) = self.file(part) else { return Ok(None) };
        let text = foreign::read_text(&path, MOST_BYTES)?;
        match serde_json::from_str(&text) {
            Ok(entries) => Ok(Some(Object { path, entries })),
            Err(error) => Err(Unreadable::new(
                &path,
                format!("is no object in JSON: {error}"),
                "fetch the file again, or correct it",
            )),
        }
    }
}

/// A file that holds an object in JSON.
pub(crate) struct Object {
    pub(crate) path: PathBuf,
    pub(crate) entries: Map<String, Value>,
}

impl Object {
    /// A key that holds something else than it should.
    pub(crate) fn wrong(&self, key: &str, expected: &str) -> Unreadable {
        let found = self.entries.get(key).map(Value::to_string).unwrap_or_default();
        let found: String = found.chars().take(60).collect();
        let problem = format!("`{key}` is {found}, but must be {expected}");
        Unreadable::new(&self.path, problem, "correct the file, or fetch it again")
    }
}
