//! Verdicts, which are what cases say of a plugin.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a case ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Pass,
    /// The plugin broke a promise.
    Fail,
    /// The plugin ended the process that it ran in.
    Crash,
    /// The case says nothing about this plugin, or cannot be run here.
    Skip,
    /// The plugin does what is allowed, but hardly meant.
    Warn,
}

/// One case's answer about one plugin.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub id: &'static str,
    /// Strictness from which the case is run.
    pub level: u8,
    /// Sentence that says what it checks.
    pub meaning: &'static str,
    pub status: Status,
    /// Words for what was found; empty for a pass.
    pub detail: String,
    pub seconds: f64,
}

impl Verdict {
    /// Whether it says no.
    pub fn is_bad(&self) -> bool {
        matches!(self.status, Status::Fail | Status::Crash)
    }

    /// The part of the id before the point.
    pub fn group(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Skip => "skip",
            Self::Warn => "warn",
        })
    }
}

/// Why a case does not pass, inside the process that runs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Problem {
    Fail(String),
    /// A failure as `Fail`, and so basic that no later case could say anything.
    Blocks(String),
    Skip(String),
    Warn(String),
}

impl Problem {
    /// Returns what was found.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Fail(why) | Self::Blocks(why) | Self::Skip(why) | Self::Warn(why) => why,
        }
    }
}

/// Result of the function of a case.
pub(super) type Checked = Result<(), Problem>;

/// Fails with this message, unless `promise` holds.
pub(super) fn demand(promise: bool, message: impl FnOnce() -> String) -> Checked {
    if promise { Ok(()) } else { Err(Problem::Fail(message())) }
}

/// How a case's process tells its answer.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Told {
    pub(super) status: Status,
    pub(super) detail: String,
    /// Whether later cases would only say the same.
    pub(super) blocks: bool,
}

impl From<Checked> for Told {
    fn from(checked: Checked) -> Self {
        let (status, detail, blocks) = match checked {
            Ok(()) => (Status::Pass, String::new(), false),
            Err(Problem::Fail(why)) => (Status::Fail, why, false),
            Err(Problem::Blocks(why)) => (Status::Fail, why, true),
            Err(Problem::Skip(why)) => (Status::Skip, why, false),
            Err(Problem::Warn(why)) => (Status::Warn, why, false),
        };
        Self { status, detail, blocks }
    }
}
