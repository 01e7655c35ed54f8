//! Runs Slurm's own programs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use alhost_base::text;

use crate::queue::FORMAT;
use crate::{JobId, Limits, Queue, Script, Settings, SlurmError, refusal};

/// Where Slurm's programs are.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    /// The folder that they are in; `None` looks for them on the path.
    pub bin: Option<PathBuf>,
}

/// What a user can have in the environment that would make another job of ours (`man sbatch`, input environment
/// variables). `sbatch` follows it rather than the script. What chooses a partition, an account and the like is left.
const OF_SBATCH: [&str; 13] = [
    "SBATCH_ARRAY_INX",
    "SBATCH_CLUSTERS",
    "SBATCH_ERROR",
    "SBATCH_IGNORE_PBS",
    "SBATCH_INPUT",
    "SBATCH_JOB_NAME",
    "SBATCH_NO_REQUEUE",
    "SBATCH_OPEN_MODE",
    "SBATCH_OUTPUT",
    "SBATCH_REQUEUE",
    "SBATCH_SIGNAL",
    "SBATCH_WAIT",
    "SLURM_CLUSTERS",
];

/// The same for `squeue`, which would leave jobs out.
const OF_SQUEUE: [&str; 14] = [
    "SQUEUE_ACCOUNT",
    "SQUEUE_ALL",
    "SQUEUE_ARRAY_UNIQUE",
    "SQUEUE_FEDERATION",
    "SQUEUE_FORMAT",
    "SQUEUE_FORMAT2",
    "SQUEUE_LICENSES",
    "SQUEUE_LOCAL",
    "SQUEUE_NAMES",
    "SQUEUE_PARTITION",
    "SQUEUE_QOS",
    "SQUEUE_STATES",
    "SQUEUE_USERS",
    "SLURM_CLUSTERS",
];

impl Commands {
    /// Asks how large arrays may be.
    pub fn limits(&self) -> Result<Limits, SlurmError> {
        let config = answer("scontrol", self.command("scontrol").args(["show", "config"]))?;
        Limits::parse(&config).ok_or_else(|| SlurmError::Unexpected {
            program: "scontrol show config".to_owned(),
            answer: "no `MaxArraySize`, or 0".to_owned(),
        })
    }

    /// Submits a script, after it has made the folder of its logs. `settings` are those of the job, to tell which
    /// of them a refusal is about. The job starts in the folder that this process is in.
    pub fn submit(&self, script: &Script, settings: &Settings) -> Result<JobId, SlurmError> {
        fs_err::create_dir_all(&script.folder).map_err(SlurmError::Folder)?;
        let mut command = self.command("sbatch");
        command.arg("--parsable");
        for name in OF_SBATCH {
            command.env_remove(name);
        }
        let output = output("sbatch", &mut command, &script.text)?;
        if !output.status.success() {
            let words = words(&output);
            let keys = refusal::keys(&words, settings);
            return Err(SlurmError::Refused { name: script.name.clone(), words, keys });
        }
        // `17`, or `17;cluster`. Some clusters have a greeting printed before it.
        let answer = String::from_utf8_lossy(&output.stdout);
        let last = answer.trim_end().lines().last().unwrap_or_default();
        let id = last.split(';').next().unwrap_or_default().trim();
        id.parse().map(JobId).map_err(|_| SlurmError::Unexpected {
            program: "sbatch".to_owned(),
            answer: text::in_line(&answer).into_owned(),
        })
    }

    /// Asks what is in the queue, by one call of `squeue`: a user's jobs, or everybody's, as far as the cluster
    /// shows them.
    pub fn queue(&self, user: Option<&str>) -> Result<Queue, SlurmError> {
        let mut command = self.command("squeue");
        command.args(["--noheader", "--array", "--format", FORMAT]);
        if let Some(user) = user {
            command.args(["--user", user]);
        }
        for name in OF_SQUEUE {
            command.env_remove(name);
        }
        Queue::parse(&answer("squeue", &mut command)?)
    }

    /// Cancels jobs, with all of their tasks. One that has ended meanwhile is no error.
    pub fn cancel(&self, jobs: &BTreeSet<JobId>) -> Result<(), SlurmError> {
        if jobs.is_empty() {
            return Ok(());
        }
        let mut command = self.command("scancel");
        command.args(jobs.iter().map(ToString::to_string));
        let output = output("scancel", &mut command, "")?;
        let words = words(&output);
        let has_ended = |line: &str| {
            line.contains("Invalid job id") || line.contains("already completing or completed")
        };
        if output.status.success() || words.lines().all(has_ended) && !words.is_empty() {
            return Ok(());
        }
        Err(SlurmError::Failed { program: "scancel".to_owned(), words })
    }

    fn command(&self, program: &str) -> Command {
        match &self.bin {
            Some(bin) => Command::new(bin.join(program)),
            None => Command::new(OsStr::new(program)),
        }
    }
}

/// Runs a program that has to succeed, and returns what it prints.
fn answer(program: &str, command: &mut Command) -> Result<String, SlurmError> {
    let output = output(program, command, "")?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(SlurmError::Failed { program: program.to_owned(), words: words(&output) })
}

/// Runs a program to its end, with `input` to read.
fn output(program: &str, command: &mut Command, input: &str) -> Result<Output, SlurmError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => SlurmError::Missing(program.to_owned()),
        _ => SlurmError::NotRun { program: program.to_owned(), source },
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().expect("it was asked for two lines above");
    // One that has ended already says more by its words than by not having read.
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(failed)?;
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(output),
    }
}

/// What a program says of its failure, made harmless.
fn words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = text::visible(said.trim()).into_owned();
    if said.is_empty() && !output.status.success() {
        return format!("it ends with {} and says nothing", output.status);
    }
    said
}
