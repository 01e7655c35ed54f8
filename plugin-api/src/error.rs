//! The answer of a strategy that cannot go on.

use std::fmt;

/// An error for the person who runs the experiment: say what was wrong and what would have been
/// right. The host adds the strategy's name and the round.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The reason why a call failed, for the few cases in which somebody decides by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The strategy or the host could not do what was asked.
    Failed,
    /// The strategy panicked; it is not called again.
    Panicked,
    /// The user stopped the run.
    Cancelled,
}

/// Result of everything that can fail in this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a message: lower case, no full stop, literals in backticks.
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into() }
    }

    /// Makes the answer for when [`Context::cancelled`](crate::Context::cancelled) says so.
    pub fn cancelled() -> Self {
        Self { kind: ErrorKind::Cancelled, message: "cancelled".to_owned() }
    }

    pub(crate) fn panicked(message: String) -> Self {
        Self { kind: ErrorKind::Panicked, message }
    }

    /// Returns why the call failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message as given.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The kind as it crosses the boundary.
    pub(crate) fn code(&self) -> u32 {
        match self.kind {
            ErrorKind::Failed => 1,
            ErrorKind::Panicked => 2,
            ErrorKind::Cancelled => 3,
        }
    }

    /// The inverse of `code`; a code of a newer version reads as `Failed`.
    pub(crate) fn from_code(code: u32, message: String) -> Self {
        let kind = match code {
            2 => ErrorKind::Panicked,
            3 => ErrorKind::Cancelled,
            _ => ErrorKind::Failed,
        };
        Self { kind, message }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}
