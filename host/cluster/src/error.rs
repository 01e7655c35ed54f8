//! Says what is wrong with settings, with a job, and with what Slurm answers.

use std::io;
use std::path::PathBuf;

/// A key of `[slurm]` that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{key}` in [slurm] {problem}\nhint: {hint}")]
pub struct BadSetting {
    pub key: String,
    pub problem: String,
    pub hint: String,
}

/// A job that no script can be written for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}: {problem}\nhint: {hint}", folder.display())]
pub struct BadJob {
    /// Where the job's logs should go.
    pub folder: PathBuf,
    pub problem: String,
    pub hint: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    #[error(
        "there is no `{0}` here\nhint: submit from a login node of the cluster; on some, `module load slurm` comes first"
    )]
    Missing(String),
    #[error("`{program}` cannot be run: {source}\nhint: see whether it runs by hand")]
    NotRun { program: String, source: io::Error },
    /// `sbatch` does not take a job. `keys` are those of `[slurm]` that its words are about, as far as they tell.
    #[error("sbatch refuses the job `{name}`: {words}\nhint: {}", hint_for(keys))]
    Refused { name: String, words: String, keys: Vec<String> },
    #[error(
        "`{program}` fails: {words}\nhint: the same command again does what is left, once Slurm answers"
    )]
    Failed { program: String, words: String },
    #[error(
        "`{program}` answers what is not understood: `{answer}`\nhint: see what it prints by hand; a wrapper may add to it"
    )]
    Unexpected { program: String, answer: String },
    /// The folder of the logs cannot be made. The error names it.
    #[error("{0}\nhint: Slurm loses what a job prints where the folder of its log is missing")]
    Folder(#[source] io::Error),
}

fn hint_for(keys: &[String]) -> String {
    if keys.is_empty() {
        return "see [slurm] in the grid file; `sbatch --help` lists what it takes".to_owned();
    }
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("see {} in [slurm] of the grid file", keys.join(", "))
}
