//! Errors that keep a bench from being run at all; what goes wrong in a cell costs that cell only.

use std::io;
use std::path::PathBuf;

use alhost_record::RecordError;

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(
        "{path} is being worked on by another bench{}\n\
         hint: wait for it, or choose another --out",
        who.as_ref().map(|who| format!(" ({who})")).unwrap_or_default()
    )]
    Locked { path: PathBuf, who: Option<String> },
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The source names the file.
    #[error(transparent)]
    File(#[from] io::Error),
}
