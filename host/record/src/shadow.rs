//! `shadow.jsonl`: what strategies that only watch a run would have selected.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::append::{self, Log};
use super::chain::Chain;
use super::error::RecordError;
use super::rounds::Seconds;
use super::run_dir::read_manifest;
use super::selections::SelectionRecord;

/// One line: one strategy's answer to one query of the run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowRecord {
    /// The round that would have been the first to train on the texts, as in `selections.jsonl`.
    pub round: usize,
    pub strategy: String,
    /// The strategy's selection; absent where it failed.
    pub selection: Option<SelectionRecord>,
    /// Likeness to what the run's own strategy selected.
    pub likeness: Option<Likeness>,
    /// Why the strategy gave no answer.
    pub error: Option<String>,
    /// The strategy's state after its answer, byte by byte.
    pub state: Vec<u8>,
    pub cost: ShadowCost,
}

/// How alike two selections of one query are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Likeness {
    /// Texts in both selections.
    pub common: usize,
    /// Share of the texts in both among those in either.
    pub jaccard: f64,
    /// Rank correlation between the scores of the common texts, where both gave some.
    pub spearman: Option<f64>,
    pub kendall: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShadowCost {
    /// Seconds of `features` and `select`, as if the strategy were alone.
    pub seconds: Seconds,
    pub actual: Seconds,
}

pub struct ShadowLog(Log);

impl ShadowLog {
    /// Opens the file in a run's folder, or begins it.
    pub fn open(folder: &Path) -> Result<(Self, Vec<ShadowRecord>), RecordError> {
        let (log, records) = Log::open(&folder.join(SHADOW), chain(folder)?)?;
        Ok((Self(log), records))
    }

    /// Appends a record, which is on disk once this returns.
    pub fn append(&mut self, record: &ShadowRecord) -> Result<(), RecordError> {
        self.0.append(record)
    }
}

/// Reads the shadows' lines; there are none for a run without shadows.
pub fn read_shadows(folder: &Path) -> Result<Vec<ShadowRecord>, RecordError> {
    let path = folder.join(SHADOW);
    if fs_err::exists(&path)? { Ok(append::read(&path, chain(folder)?)?.0) } else { Ok(Vec::new()) }
}

fn chain(folder: &Path) -> Result<Chain, RecordError> {
    let manifest = read_manifest(folder)?.ok_or_else(|| RecordError::Inconsistent {
        path: folder.to_owned(),
        message: "has no manifest.json".to_owned(),
    })?;
    Ok(Chain::new(&manifest, SHADOW))
}

const SHADOW: &str = "shadow.jsonl";
