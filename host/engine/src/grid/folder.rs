//! The bench's own files: what became of each cell, what was computed once, configs and logs of workers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use alhost_base::aside;
use alhost_base::lock::{Busy, Lock, try_lock};
use alhost_config::ConfigFile;
use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::error::BenchError;
use super::outcome::State;
use super::reused::ReusedBy;

pub struct BenchFolder {
    path: PathBuf,
    _lock: Lock,
}

/// A line of `cells.json`.
#[derive(Deserialize, Serialize)]
struct Entry {
    data: String,
    strategy: String,
    seed: u64,
    /// Relative to the bench's folder.
    folder: PathBuf,
    #[serde(flatten)]
    state: State,
    stamp: String,
}

#[derive(Deserialize, Serialize)]
struct Cells {
    name: String,
    cells: Vec<Entry>,
}

impl BenchFolder {
    /// Opens the folder for one bench at a time.
    pub fn open(path: &Path) -> Result<Self, BenchError> {
        let inner = path.join(INNER);
        fs_err::create_dir_all(&inner)?;
        let lock = try_lock(&inner.join("lock")).map_err(|busy| match busy {
            Busy::Held(who) => BenchError::Locked { path: path.to_owned(), who },
            Busy::Failed(error) => error.into(),
        })?;
        aside::sweep(path);
        aside::sweep(&inner);
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the bench's own files below that of the grid.
    pub fn inner(path: &Path) -> PathBuf {
        path.join(INNER)
    }

    /// Whether somebody does or submits the cells of the grid in this folder.
    pub fn is_open(path: &Path) -> bool {
        let lock = Self::inner(path).join("lock");
        lock.exists() && matches!(try_lock(&lock), Err(Busy::Held(_)))
    }

    /// The folders of the cells that ran when `cells.json` was written last.
    pub fn running(path: &Path) -> BTreeSet<PathBuf> {
        let text = fs_err::read_to_string(path.join(CELLS)).ok();
        let cells: Option<Cells> = text.and_then(|text| serde_json::from_str(&text).ok());
        let entries = cells.into_iter().flat_map(|cells| cells.cells);
        let running = entries.filter(|entry| entry.state == State::Running);
        running.map(|entry| path.join(entry.folder)).collect()
    }

    /// Writes the config of each data set for the workers. Several machines may do so at once.
    pub fn write_configs(path: &Path, configs: &[ConfigFile]) -> Result<(), BenchError> {
        for config in configs {
            let (file, text) = (Self::config(path, &config.name), config.to_toml());
            if fs_err::read_to_string(&file).ok().as_deref() != Some(&text) {
                aside::replace(&file, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The file that the config of a data set is written to for the workers.
    pub fn config(path: &Path, data: &str) -> PathBuf {
        path.join(INNER).join(format!("{data}.toml"))
    }

    /// The file of a worker's log.
    pub fn log(&self, worker: usize) -> PathBuf {
        self.path.join(INNER).join(format!("worker-{worker}.log"))
    }

    /// Writes `cells.json`: how it stood when somebody last looked. Nothing goes by it.
    pub fn keep_cells(&self, name: &str, cells: &[Cell]) -> Result<(), BenchError> {
        let entry = |cell: &Cell| Entry {
            data: cell.data.clone(),
            strategy: cell.strategy.clone(),
            seed: cell.seed,
            folder: cell.folder.strip_prefix(&self.path).unwrap_or(&cell.folder).to_owned(),
            state: cell.state.clone(),
            stamp: cell.stamp.clone(),
        };
        let cells = Cells { name: name.to_owned(), cells: cells.iter().map(entry).collect() };
        self.write_json(CELLS, &cells)
    }

    /// Writes `shared.json`.
    pub fn keep_reused(&self, reused: &[ReusedBy]) -> Result<(), BenchError> {
        self.write_json(SHARED, &reused)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), BenchError> {
        let mut text = serde_json::to_string_pretty(value).expect("this is plain data");
        text.push('\n');
        Ok(aside::replace(&self.path.join(name), text.as_bytes())?)
    }
}

/// A name that no data set can have.
const INNER: &str = ".bench";
const CELLS: &str = "cells.json";
const SHARED: &str = "shared.json";
