//! Plans a grid: which cells it has, and which of them an earlier bench finished. Nothing is run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_config::{ConfigFile, RunConfig};
use alhost_record::place;

use super::{BenchFolder, Cell, Expected, State, stamp};
use crate::plan::{Plan, Planned, Shelf};

/// Everything that planning needs to know of the outside.
pub struct Outside<'a> {
    pub shelf: Shelf<'a>,
    /// Looks up `${NAME}` in a config.
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// The files of a config's checkpoint, as far as they are on this machine.
    pub checkpoint_files: &'a dyn Fn(&RunConfig) -> Vec<PathBuf>,
}

/// The cells of one data set, below the bench's `folder`: all strategies of a seed follow each other.
pub fn cells(
    config: &ConfigFile,
    folder: &Path,
    outside: &Outside<'_>,
) -> anyhow::Result<Vec<Cell>> {
    let checked = config.clone().check(outside.lookup)?;
    let plan = Plan::of(&checked, &[], &outside.shelf)?;
    let mut files = alhost_data::files(&checked.data);
    files.extend((outside.checkpoint_files)(&checked));
    let cell = |seed: u64, planned: &Planned| -> anyhow::Result<Cell> {
        let expected = Expected {
            config: checked.agreed(),
            config_hash: checked.hash(),
            strategy: planned.manifest()?,
            initial_set: plan.initial.as_ref().map(Planned::manifest).transpose()?,
        };
        Ok(Cell {
            data: config.name.clone(),
            strategy: planned.instance.clone(),
            seed,
            folder: place(folder, &config.name, &planned.instance, seed),
            config: BenchFolder::config(folder, &config.name),
            rounds: rounds(&checked),
            stamp: stamp(&expected, &files),
            expected,
            state: State::Waiting,
        })
    };
    let of_seed = |&seed: &u64| plan.strategies.iter().map(move |planned| (seed, planned));
    config.seeds.iter().flat_map(of_seed).map(|(seed, planned)| cell(seed, planned)).collect()
}

fn rounds(config: &RunConfig) -> usize {
    let rounds = &config.r#loop;
    1 + (rounds.budget - rounds.initial).div_ceil(rounds.query_size)
}

/// Finds the cells that an earlier bench finished: `finished` has their stamps, by folder. Records that cannot
/// be read cost their cell.
pub fn look(cells: &mut [Cell], finished: &BTreeMap<PathBuf, String>) {
    for cell in cells {
        if finished.get(&cell.folder) != Some(&cell.stamp) {
            continue;
        }
        cell.state = match cell.finished() {
            Ok(Some(_)) => State::Finished,
            Ok(None) => State::Waiting,
            Err(error) => State::Failed(error.to_string()),
        };
    }
}
