//! A strategy run in a process apart from the case that asks, to compare answers across processes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hosts::Experiment;
use super::job::{Job, Task};
use super::process::{self, End, Left};
use super::subject::{Instance, Subject};
use super::verdict::Problem;

/// An experiment to run, or to go on with.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Probe {
    pub(super) seed: u64,
    pub(super) rounds: usize,
    /// Texts that the rounds before selected.
    pub(super) done: Vec<Vec<u32>>,
    /// State to load before the first round; none is loaded where it is empty.
    pub(super) state: Vec<u8>,
    /// Times that it all is done, each with an instance of its own.
    pub(super) times: usize,
}

/// Result of a probe, all rounds included.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Probed {
    pub(super) done: Vec<Vec<u32>>,
    pub(super) state: Vec<u8>,
    pub(super) error: Option<String>,
    /// Whether the error is another case's to tell.
    pub(super) is_elsewhere: bool,
}

/// Time longer than any case may take: the case's own deadline ends its probes too.
const WHILE_THE_CASE_LIVES: Duration = Duration::from_hours(1);

impl Probe {
    pub(super) fn new(seed: u64, rounds: usize) -> Self {
        Self { seed, rounds, done: Vec::new(), state: Vec::new(), times: 1 }
    }

    /// Runs the probe in this process.
    pub(super) fn run(&self, subject: &Subject) -> Probed {
        let answer = || {
            // Loaded once: a library stays for as long as the process.
            let library = subject.library()?;
            let mut probed = Probed::default();
            for _ in 0..self.times {
                probed = self.run_once(&mut subject.instance(&library)?)?;
            }
            Ok(probed)
        };
        answer().unwrap_or_else(|problem: Problem| Probed {
            error: Some(problem.message().to_owned()),
            is_elsewhere: matches!(problem, Problem::Skip(_)),
            ..Probed::default()
        })
    }

    fn run_once(&self, instance: &mut Instance) -> Result<Probed, Problem> {
        let failed = |doing: &str, error| Problem::Fail(format!("{doing}: {error}"));
        if !self.state.is_empty() {
            instance.load(&self.state).map_err(|error| failed("load", error))?;
        }
        let mut experiment = Experiment { done: self.done.clone(), ..Experiment::new(self.seed) };
        for _ in 0..self.rounds {
            experiment.step(instance).map_err(|error| failed("select", error))?;
        }
        let state = instance.save().map_err(|error| failed("save", error))?;
        Ok(Probed { done: experiment.done, state, ..Probed::default() })
    }

    /// Runs the probe in a process of its own, in a fresh folder.
    pub(super) fn apart(&self, subject: &Subject) -> Result<Probed, Problem> {
        let folder = tempfile::tempdir().map_err(cannot)?;
        let left = self.left_behind(subject, folder.path(), &BTreeMap::new())?;
        answer(left)
    }

    /// Runs the probe in a process of its own, in this folder and with these variables, and returns
    /// what it leaves.
    pub(super) fn left_behind(
        &self,
        subject: &Subject,
        folder: &std::path::Path,
        variables: &BTreeMap<&str, &str>,
    ) -> Result<Left, Problem> {
        let runner = std::env::current_exe().map_err(cannot)?;
        let task = Task::Probe(self.clone());
        let job = Job { subject: subject.clone(), task, answer: None };
        let variables: Vec<(&str, &str)> = variables.iter().map(|(&k, &v)| (k, v)).collect();
        process::run_in(folder, &runner, &job, &variables, WHILE_THE_CASE_LIVES).map_err(cannot)
    }
}

/// Returns what a probe's process says, if it was sound.
pub(super) fn answer(left: Left) -> Result<Probed, Problem> {
    let text = match left.end {
        End::Answer(text) => text,
        End::Hung => return Err(Problem::Fail("it did not come back".to_owned())),
        End::Died(cause) => return Err(Problem::Fail(format!("in a process of its own: {cause}"))),
    };
    let probed: Probed = serde_json::from_str(&text).map_err(cannot)?;
    match probed.error {
        Some(error) if probed.is_elsewhere => Err(Problem::Skip(error)),
        Some(error) => Err(Problem::Fail(error)),
        None => Ok(probed),
    }
}

/// Skips a case for what keeps it from being run at all.
pub(super) fn cannot(error: impl std::fmt::Display) -> Problem {
    Problem::Skip(format!("cannot be checked here: {error}"))
}
