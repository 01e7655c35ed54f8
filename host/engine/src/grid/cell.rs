//! One cell of a grid: what it is to be, and what its folder says it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alhost_record::{RecordError, Records, RunManifest, StrategyManifest};
use anyhow::Context as _;
use serde_json::Value;

use super::outcome::{Outcome, State};

/// One run of the grid.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Name of its data set.
    pub data: String,
    pub strategy: String,
    pub seed: u64,
    /// The folder of its records.
    pub folder: PathBuf,
    /// The config of its data set, in the bench's own folder.
    pub config: PathBuf,
    /// Rounds until its budget is spent.
    pub rounds: usize,
    pub expected: Arc<Expected>,
    /// Names everything that its records depend on, as far as it can be told without opening data
    /// and model.
    pub stamp: String,
    pub state: State,
    /// Seconds that its rounds took, where it is finished.
    pub seconds: Option<f64>,
}

/// The manifest's content, as far as the grid decides it.
#[derive(Clone, Debug)]
pub struct Expected {
    pub config: Value,
    pub config_hash: String,
    pub strategy: StrategyManifest,
    /// Chooses the initial set, where it is not drawn at random.
    pub initial_set: Option<StrategyManifest>,
}

impl Cell {
    /// Cells of one group share the initial set and the model of round 0.
    pub fn group(&self) -> (&str, u64) {
        (&self.data, self.seed)
    }

    /// `reuters, alps, seed 2`.
    pub fn name(&self) -> String {
        format!("{}, {}, seed {}", self.data, self.strategy, self.seed)
    }

    /// An error if the folder has records of something else; they stay as they are.
    pub fn check_folder(&self) -> Result<(), RecordError> {
        let Some(written) = alhost_record::read_manifest(&self.folder)? else { return Ok(()) };
        let now = RunManifest {
            format: RunManifest::FORMAT,
            strategy: self.strategy.clone(),
            seed: self.seed,
            plugin: self.expected.strategy.plugin.clone(),
            params: self.expected.strategy.params.clone(),
            asked: self.expected.strategy.asked.clone(),
            initial_set: self.expected.initial_set.clone(),
            config: self.expected.config.clone(),
            config_hash: self.expected.config_hash.clone(),
            ..written.clone()
        };
        alhost_record::same_run(&self.folder, &written, &now)
    }

    /// Takes over what its folder says of it.
    pub fn look(&mut self) {
        let outcome = Outcome::read(&self.folder, &self.stamp);
        self.seconds = outcome.as_ref().map(|outcome| outcome.seconds);
        self.state = outcome.map_or(State::Waiting, |outcome| outcome.state);
    }

    /// Writes into its folder that it is finished, or why it has failed.
    pub(super) fn keep(&self, state: State) -> anyhow::Result<()> {
        let seconds = match &state {
            State::Finished => {
                let records = self.finished()?;
                let records = records.context("its records are not those of a finished run")?;
                records.rounds.iter().map(|round| round.cost.spent().total()).sum()
            }
            _ => 0.0,
        };
        Outcome::of(&self.folder, &self.stamp, state, seconds).keep(&self.folder)?;
        Ok(())
    }

    /// Notes why it cannot be done, in its folder. Where that cannot be written, nobody can be told but who asks now.
    pub fn fail(&mut self, reason: &str) {
        self.state = State::Failed(reason.to_owned());
        if let Err(error) = self.keep(self.state.clone()) {
            tracing::warn!("{}: {error}", self.name());
        }
    }

    /// The records of a finished run; `None` if there is something left to do.
    pub fn finished(&self) -> Result<Option<Records>, RecordError> {
        let records = alhost_record::read(&self.folder)?;
        Ok(records.is_finished().then_some(records))
    }

    /// Rounds that are recorded.
    pub fn rounds_done(&self) -> usize {
        lines(&self.folder.join("rounds.jsonl"))
    }

    /// Grows with each step that the run takes.
    pub fn steps_done(&self) -> usize {
        self.rounds_done() + lines(&self.folder.join("selections.jsonl"))
    }
}

fn lines(path: &Path) -> usize {
    let bytes = fs_err::read(path).unwrap_or_default();
    bytes.split(|&byte| byte == b'\n').count() - 1
}
