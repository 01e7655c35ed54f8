//! The folder of one run: opened by one process at a time, appended to in a fixed order.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};

use super::append::{self, Log};
use super::checkpoint;
use super::error::RecordError;
use super::manifest::RunManifest;
use super::resume::{Resume, check_consistent};
use super::rounds::RoundRecord;
use super::selections::SelectionRecord;

/// Where the run of one strategy and seed lies.
pub fn place(out: &Path, name: &str, strategy: &str, seed: u64) -> PathBuf {
    out.join(name).join(strategy).join(format!("seed-{seed}"))
}

pub struct RunDir {
    path: PathBuf,
    selections: Log,
    rounds: Log,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl RunDir {
    /// Opens the folder of the run that `manifest` describes, or begins it. Records of another
    /// configuration are an error that names what differs, and stay as they are.
    pub fn open(path: &Path, manifest: &RunManifest) -> Result<(Self, Resume), RecordError> {
        fs_err::create_dir_all(path.join(CHECKPOINT)).map_err(RecordError::write)?;
        let lock = lock(path)?;
        let manifest_path = path.join(MANIFEST);
        let written = read_manifest(path)?;
        match &written {
            Some(written) => same_run(path, written, manifest)?,
            None => begin(path, manifest)?,
        }
        let (selections, selected) = Log::open(&path.join(SELECTIONS))?;
        let (rounds, recorded) = Log::open(&path.join(ROUNDS))?;
        checkpoint::sync_folder(path).map_err(RecordError::write)?;
        check_consistent(path, &selected, &recorded)?;
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

    /// Where to write the weights that `round` ends with, for [`RunDir::keep_model`].
    pub fn new_model(&self, round: usize) -> PathBuf {
        checkpoint::aside(&checkpoint::model_path(&self.checkpoint(), round))
    }

    /// Keeps the weights at [`RunDir::new_model`]; to be called before the round is appended.
    pub fn keep_model(&self, round: usize) -> Result<(), RecordError> {
        let path = checkpoint::model_path(&self.checkpoint(), round);
        checkpoint::put_in_place(&self.new_model(round), &path)
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
}

/// Reads a run's folder and changes nothing in it, even while a run goes on there.
pub fn read(path: &Path) -> Result<Records, RecordError> {
    Ok(Records {
        manifest: parse_manifest(&path.join(MANIFEST))?,
        selections: append::read(&path.join(SELECTIONS))?,
        rounds: append::read(&path.join(ROUNDS))?,
    })
}

pub(super) const MANIFEST: &str = "manifest.json";
const SELECTIONS: &str = "selections.jsonl";
const ROUNDS: &str = "rounds.jsonl";
const CHECKPOINT: &str = "checkpoint";

fn lock(path: &Path) -> Result<File, RecordError> {
    let name = path.join("lock");
    let file = OpenOptions::new().create(true).append(true).open(name);
    let file = file.map_err(RecordError::write)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecordError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(RecordError::Read(error)),
    }
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

/// An error that names what differs, unless a run that wrote `written` may go on as `now`.
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
    let last = rounds.len().checked_sub(1);
    let model_state = last.map(|last| checkpoint::model_path(&checkpoint, last));
    let model_state = model_state.filter(|path| path.exists());
    Ok(Resume { selections, rounds, strategy_state, model_state })
}

/// The manifest of the run in a folder; `None` if there is no such run.
pub fn read_manifest(folder: &Path) -> Result<Option<RunManifest>, RecordError> {
    let path = folder.join(MANIFEST);
    fs_err::exists(&path)?.then(|| parse_manifest(&path)).transpose()
}

fn parse_manifest(path: &Path) -> Result<RunManifest, RecordError> {
    let text = fs_err::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|error| RecordError::Corrupt {
        path: path.to_owned(),
        line: error.line(),
        message: error.to_string(),
    })
}

fn write_manifest(path: &Path, manifest: &RunManifest) -> Result<(), RecordError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("a manifest is plain data");
    text.push('\n');
    checkpoint::replace(path, text.as_bytes())
}
