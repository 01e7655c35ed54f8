//! A job as it is asked for: a command, for all cells of an array or alone.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::Settings;

/// A job. [`Job::scripts`] writes what is submitted.
#[derive(Clone, Debug)]
pub struct Job {
    /// As [`crate::GridName::job`] makes it.
    pub name: String,
    /// Where the job's output goes, a file for each task. It is absolute; it is made before the job is submitted.
    pub folder: PathBuf,
    /// The program and its arguments.
    pub command: Vec<Word>,
    /// The cells of an array, each a task of its own. A job without it runs once.
    pub array: Option<BTreeSet<u32>>,
    /// Starts once that job has ended well, all of its tasks where it is an array. If one fails, this job leaves
    /// the queue.
    pub after_ok: Option<JobId>,
    pub settings: Settings,
}

/// A word of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Word {
    Text(String),
    /// The number of the task's cell.
    Cell,
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The number that Slurm gave a job: that of the whole array where it is one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct JobId(pub u32);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
