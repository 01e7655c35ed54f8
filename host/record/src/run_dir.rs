//! The folder of one run: opened by one process at a time, appended to in a fixed order.

use std::path::{Path, PathBuf};

use alhost_base::lock::{Busy, Lock, try_lock};
use alhost_base::{aside, foreign};
use alhost_config::names_a_folder;
use serde_json::Value;

use super::append::{self, Log};
use super::chain::Chain;
use super::checkpoint;
use super::error::RecordError;
use super::manifest::RunManifest;
use super::resume::{Resume, check_consistent};
use super::rounds::RoundRecord;
use super::selections::SelectionRecord;
use crate::rounds::is_finished;

/// Most bytes of a manifest: far more than one has.
const LIMIT: u64 = 1 << 26;

/// Returns the folder of the run of one strategy and seed.
pub fn place(out: &Path, name: &str, strategy: &str, seed: u64) -> PathBuf {
    out.join(name).join(strategy).join(format!("seed-{seed}"))
}

pub struct RunDir {
    path: PathBuf,
    selections: Log,
    rounds: Log,
    _lock: Lock,
}

impl RunDir {
    /// Opens the folder of the run that `manifest` describes, or begins it. Records of another
    /// configuration are an error that names what differs, and stay as they are.
    pub fn open(path: &Path, manifest: &RunManifest) -> Result<(Self, Resume), RecordError> {
        fs_err::create_dir_all(path.join(CHECKPOINT)).map_err(RecordError::write)?;
        let lock = lock(path)?;
        aside::sweep(path);
        aside::sweep(&path.join(CHECKPOINT));
        let manifest_path = path.join(MANIFEST);
        let written = read_manifest(path)?;
        match &written {
            Some(written) => same_run(path, written, manifest)?,
            None => begin(path, manifest)?,
        }
        let chain = |file| Chain::new(manifest, file);
        let (selections, selected) = Log::open(&path.join(SELECTIONS), chain(SELECTIONS))?;
        let (rounds, recorded) = Log::open(&path.join(ROUNDS), chain(ROUNDS))?;
        aside::sync_folder(path).map_err(RecordError::write)?;
        check_consistent(path, &selected, &recorded)?;
        // A kill may have come between a round's record and this.
        if let (Some(newest), Some(last)) = (selected.len().checked_sub(1), recorded.last()) {
            checkpoint::forget_before(&path.join(CHECKPOINT), newest, last.round)?;
        }
        let resume = resume(path, selected, recorded)?;
        if let Some(mut written) = written
            && !resume.is_finished()
            && written.go_on(manifest, resume.rounds.len())
        {
            write_manifest(&manifest_path, &written)?;
        }
        Ok((Self { path: path.to_owned(), selections, rounds, _lock: lock }, resume))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a selection, and before it the strategy's state after making it. Only when this has
    /// returned may the selection be acted upon.
    ///
    /// # Panics
    /// If this is not the selection that comes next.
    pub fn append_selection(
        &mut self,
        selection: &SelectionRecord,
        strategy_state: &[u8],
    ) -> Result<(), RecordError> {
        assert_eq!(selection.round, self.selections.n_lines(), "selections come in order");
        checkpoint::write_state(&self.checkpoint(), selection.round, strategy_state)?;
        self.selections.append(selection)
    }

    /// Keeps a first selection with more texts in the place of the one that is there, on which nothing was
    /// trained.
    ///
    /// # Panics
    /// If there are others, or rounds.
    pub fn widen_first_selection(
        &mut self,
        selection: &SelectionRecord,
    ) -> Result<(), RecordError> {
        let here = (selection.round, self.selections.n_lines(), self.rounds.n_lines());
        assert_eq!(here, (0, 1, 0), "only the first selection, and before its round");
        self.selections.replace_all(selection)
    }

    /// Keeps a round, after the selection that was made in it.
    ///
    /// # Panics
    /// If this is not the round that comes next, or its selections are not there.
    pub fn append_round(&mut self, round: &RoundRecord) -> Result<(), RecordError> {
        assert_eq!(round.round, self.rounds.n_lines(), "rounds come in order");
        let selections = round.round + if round.stop.is_some() { 1 } else { 2 };
        assert_eq!(self.selections.n_lines(), selections, "a selection is kept before its round");
        self.rounds.append(round)?;
        checkpoint::forget_before(&self.checkpoint(), selections - 1, round.round)
    }

    /// Returns where to keep the weights that `round` ends with, before the round is appended.
    pub fn model_path(&self, round: usize) -> PathBuf {
        checkpoint::model_path(&self.checkpoint(), round)
    }

    /// BLAKE3 of the weights at [`RunDir::model_path`], for the round's record.
    pub fn model_hash(&self, round: usize) -> Result<String, RecordError> {
        checkpoint::hash(&self.model_path(round))
    }

    fn checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }
}

/// All of a run's records, for a report.
#[derive(Clone, Debug)]
pub struct Records {
    pub manifest: RunManifest,
    pub selections: Vec<SelectionRecord>,
    pub rounds: Vec<RoundRecord>,
    /// A kill left a line unfinished, which is not in here; going on with the run repairs it.
    pub is_torn: bool,
}

impl Records {
    /// Whether the last round said that it is the last.
    pub fn is_finished(&self) -> bool {
        is_finished(&self.rounds)
    }
}

/// Reads a run's folder and changes nothing in it, even while a run goes on there: the files of a
/// finished one must belong together.
pub fn read(path: &Path) -> Result<Records, RecordError> {
    let manifest = parse_manifest(&path.join(MANIFEST))?;
    let (mut selections, mut rounds) = ((Vec::new(), false), (Vec::new(), false));
    // A run that has just begun has neither.
    if fs_err::exists(path.join(ROUNDS))? {
        rounds = append::read(&path.join(ROUNDS), Chain::new(&manifest, ROUNDS))?;
        selections = append::read(&path.join(SELECTIONS), Chain::new(&manifest, SELECTIONS))?;
    }
    let is_torn = selections.1 || rounds.1;
    let records = Records { manifest, selections: selections.0, rounds: rounds.0, is_torn };
    if records.is_finished() {
        check_consistent(path, &records.selections, &records.rounds)?;
    }
    Ok(records)
}

pub(super) const MANIFEST: &str = "manifest.json";
const SELECTIONS: &str = "selections.jsonl";
const ROUNDS: &str = "rounds.jsonl";
const CHECKPOINT: &str = "checkpoint";

fn lock(path: &Path) -> Result<Lock, RecordError> {
    try_lock(&path.join("lock")).map_err(|busy| match busy {
        Busy::Held(who) => RecordError::Locked { path: path.to_owned(), who },
        Busy::Failed(error) => RecordError::write(error),
    })
}

/// Writes the manifest of a run that begins.
fn begin(path: &Path, manifest: &RunManifest) -> Result<(), RecordError> {
    for name in [SELECTIONS, ROUNDS] {
        if fs_err::exists(path.join(name))? {
            let message = format!("has {name} but no {MANIFEST}");
            return Err(RecordError::Inconsistent { path: path.to_owned(), message });
        }
    }
    write_manifest(&path.join(MANIFEST), manifest)
}

/// Returns an error that names what differs, unless a run that wrote `written` may go on as `now`.
pub fn same_run(path: &Path, written: &RunManifest, now: &RunManifest) -> Result<(), RecordError> {
    let differences = written.differences(now);
    if differences.is_empty() {
        return Ok(());
    }
    Err(RecordError::OtherConfiguration { path: path.to_owned(), differences })
}

fn resume(
    path: &Path,
    selections: Vec<SelectionRecord>,
    rounds: Vec<RoundRecord>,
) -> Result<Resume, RecordError> {
    let checkpoint = path.join(CHECKPOINT);
    let last = selections.len().checked_sub(1);
    let strategy_state = last.map(|last| checkpoint::read_state(&checkpoint, last)).transpose()?;
    let model_state =
        rounds.last().map(|last| model_state(&checkpoint, last)).transpose()?.flatten();
    Ok(Resume { selections, rounds, strategy_state, model_state })
}

/// The weights that the last round ended with, where it kept some: they must be the ones that its record names.
/// A finished run needs them no more.
fn model_state(checkpoint: &Path, last: &RoundRecord) -> Result<Option<PathBuf>, RecordError> {
    let path = checkpoint::model_path(checkpoint, last.round);
    let Some(expected) = last.weights.as_ref().filter(|_| last.stop.is_none()) else {
        return Ok(Some(path).filter(|path| path.exists()));
    };
    if checkpoint::hash(&path)? != *expected {
        let message = "not the weights that the last round ended with".to_owned();
        return Err(RecordError::Inconsistent { path, message });
    }
    Ok(Some(path))
}

/// The manifest of the run in a folder; `None` if there is no such run.
pub fn read_manifest(folder: &Path) -> Result<Option<RunManifest>, RecordError> {
    let path = folder.join(MANIFEST);
    fs_err::exists(&path)?.then(|| parse_manifest(&path)).transpose()
}

fn parse_manifest(path: &Path) -> Result<RunManifest, RecordError> {
    let corrupt = |line, message| RecordError::Corrupt { path: path.to_owned(), line, message };
    let told = |error: serde_json::Error| corrupt(error.line(), error.to_string());
    let text = foreign::read_text(path, LIMIT)?;
    let value: Value = serde_json::from_str(&text).map_err(told)?;
    // First, since another version's manifest may have other keys.
    let found = value["format"].as_u64();
    if let Some(found) = found.filter(|&found| found != u64::from(RunManifest::FORMAT)) {
        return Err(RecordError::Format {
            path: path.to_owned(),
            found,
            known: RunManifest::FORMAT,
        });
    }
    let manifest: RunManifest = serde_json::from_str(&text).map_err(told)?;
    if !names_a_folder(&manifest.strategy) {
        return Err(corrupt(1, "`strategy` is no name of a folder".to_owned()));
    }
    if manifest.name.as_deref().is_some_and(|name| !names_a_folder(name)) {
        return Err(corrupt(1, "`name` is no name of a folder".to_owned()));
    }
    Ok(manifest)
}

fn write_manifest(path: &Path, manifest: &RunManifest) -> Result<(), RecordError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("a manifest is plain data");
    text.push('\n');
    aside::replace(path, text.as_bytes()).map_err(RecordError::write)
}
