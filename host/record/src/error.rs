//! Errors that say what is wrong with a record, and what to do about it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(
        "{path} is being written by {}\n\
         hint: wait for it, or choose another --out",
        who.as_deref().unwrap_or("another process")
    )]
    Locked { path: PathBuf, who: Option<String> },
    #[error(
        "{path} has records of another configuration:\n  {}\n\
         hint: choose another --out or --set name=..., or delete {path} to start over",
        differences.join("\n  ")
    )]
    OtherConfiguration { path: PathBuf, differences: Vec<String> },
    #[error(
        "{path}:{line}: not a record of this version: {message}\n\
         hint: no kill leaves this behind; restore the file, or delete its folder to start over"
    )]
    Corrupt { path: PathBuf, line: usize, message: String },
    #[error(
        "{path}: {message}\n\
         hint: no kill leaves this behind; restore the folder, or delete it to start over"
    )]
    Inconsistent { path: PathBuf, message: String },
    #[error(
        "{path}: a record that could not be read again is not written: {problem}\n\
         hint: what was recorded before is kept; this should not happen, so please report it"
    )]
    Unsound { path: PathBuf, problem: String },
    #[error(
        "{path} has format {found}, and this alhost reads {known}\n\
         hint: use the alhost that wrote it, or another --out"
    )]
    Format { path: PathBuf, found: u64, known: u32 },
    #[error(transparent)]
    Unreadable(#[from] alhost_base::Unreadable),
    /// A write that failed, above all on a full disk. The source names the file.
    #[error(
        "{source}\n\
         hint: what was recorded before is kept; make room, give the same command again, and it \
         goes on from there"
    )]
    Write { source: io::Error },
    /// The source names the file.
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl RecordError {
    pub(super) fn write(source: io::Error) -> Self {
        Self::Write { source }
    }
}
