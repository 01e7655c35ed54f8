//! Plans a grid: which cells it has, what they follow from, and which of them are done. Nothing is run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alhost_config::{ConfigFile, EncoderMode, GridFile, RunConfig};
use alhost_plugin_api::features::MLM_SURPRISAL;
use alhost_record::{StrategyManifest, place};

use super::facts::Facts;
use super::{BenchFolder, Cell, Expected, State, stamp};
use crate::plan::{Plan, Planned, Shelf};

/// Everything that planning needs to know of the outside.
pub struct Outside<'a> {
    pub shelf: Shelf<'a>,
    /// Looks up `${NAME}` in a config.
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// The files of a config's checkpoint, as far as they are on this machine.
    pub checkpoint_files: &'a dyn Fn(&RunConfig) -> Vec<PathBuf>,
    /// The program that does the work, by what it is made of: `alhost`, `libtorch`.
    pub program: BTreeMap<String, String>,
}

/// A grid that is ready to be done.
pub struct GridPlan {
    pub name: String,
    /// Folder of everything of this grid.
    pub folder: PathBuf,
    /// Data set by data set; all strategies of a seed follow each other.
    pub cells: Vec<Cell>,
    /// Data sets in the grid's order.
    pub data: Vec<DataSet>,
    pub facts: Facts,
}

/// A data set of a grid.
pub struct DataSet {
    pub name: String,
    /// Whether the encoder stays as it is, so that cells share most of their work.
    pub is_frozen: bool,
    /// The strategy whose first round computes most of what the cells share: one that asks for the losses of a
    /// masked language model, else the first.
    pub pioneer: String,
}

/// Plans all cells of `grid`, and looks what became of them.
pub fn plan(grid: &GridFile, outside: &Outside<'_>) -> anyhow::Result<GridPlan> {
    let mut facts = Facts(outside.program.clone());
    let (mut cells, mut data) = (Vec::new(), Vec::new());
    for config in &grid.configs {
        let checked = config.clone().check(outside.lookup)?;
        let mut files = alhost_data::files(&checked.data);
        files.extend((outside.checkpoint_files)(&checked));
        for file in &files {
            facts.0.insert(format!("file {}", file.display()), stamp::of_file(file));
        }
        let strategies = Plan::of(&checked, &[], &outside.shelf)?;
        data.push(DataSet {
            name: config.name.clone(),
            is_frozen: checked.model.encoder == EncoderMode::Frozen,
            pioneer: pioneer(&strategies),
        });
        cells.extend(cells_of(config, &checked, &grid.folder, (&files, &strategies))?);
    }
    add_cells(&mut facts, &cells);
    cells.iter_mut().for_each(Cell::look);
    Ok(GridPlan { name: grid.name.clone(), folder: grid.folder.clone(), cells, data, facts })
}

/// The cells of one data set, below the bench's `folder`.
fn cells_of(
    config: &ConfigFile,
    checked: &RunConfig,
    folder: &Path,
    (files, plan): (&[PathBuf], &Plan),
) -> anyhow::Result<Vec<Cell>> {
    let initial_set = plan.initial.as_ref().map(Planned::manifest).transpose()?;
    let expect = |planned: &Planned| -> anyhow::Result<(String, Arc<Expected>, String)> {
        let expected = Expected {
            config: checked.agreed(),
            config_hash: checked.hash(),
            strategy: planned.manifest()?,
            initial_set: initial_set.clone(),
        };
        let stamp = stamp(&expected, files);
        Ok((planned.instance.clone(), Arc::new(expected), stamp))
    };
    let expected: Vec<_> = plan.strategies.iter().map(expect).collect::<anyhow::Result<_>>()?;
    let cell = |seed: u64, (strategy, expected, stamp): &(String, Arc<Expected>, String)| Cell {
        data: config.name.clone(),
        strategy: strategy.clone(),
        seed,
        folder: place(folder, &config.name, strategy, seed),
        config: BenchFolder::config(folder, &config.name),
        rounds: rounds(checked),
        stamp: stamp.clone(),
        expected: Arc::clone(expected),
        state: State::Waiting,
        seconds: None,
    };
    let of_seed = |&seed: &u64| expected.iter().map(move |expected| cell(seed, expected));
    Ok(config.seeds.iter().flat_map(of_seed).collect())
}

fn pioneer(plan: &Plan) -> String {
    let asks = |planned: &&Planned| planned.needs().contains(&MLM_SURPRISAL);
    let pioneer = plan.strategies.iter().find(asks).or(plan.strategies.first());
    pioneer.map(|planned| planned.instance.clone()).unwrap_or_default()
}

fn rounds(config: &RunConfig) -> usize {
    let rounds = &config.r#loop;
    1 + (rounds.budget - rounds.initial).div_ceil(rounds.query_size)
}

/// Adds configs, plugins and the cells in their order, by whose numbers jobs know them.
fn add_cells(facts: &mut Facts, cells: &[Cell]) {
    let mut add = |name: String, value: &str| facts.0.insert(name, value.to_owned());
    let mut names = Vec::new();
    for cell in cells {
        let expected = &cell.expected;
        add(format!("config of {}", cell.data), &expected.config_hash);
        add(format!("plugin {}", cell.strategy), &of_strategy(&expected.strategy));
        if let Some(initial) = &expected.initial_set {
            add(format!("initial set of {}", cell.data), &of_strategy(initial));
        }
        names.push(cell.name());
    }
    let hash = blake3::hash(names.join("\n").as_bytes()).to_hex();
    add("cells".to_owned(), &format!("{}, {}", names.len(), &hash[..8]));
}

fn of_strategy(strategy: &StrategyManifest) -> String {
    let hash = blake3::hash(stamp::of_strategy(strategy).as_bytes()).to_hex();
    format!("{} {}, {}", strategy.plugin.id, strategy.plugin.version, &hash[..8])
}

impl GridPlan {
    /// Returns the numbers of the cells that are not finished.
    pub fn left(&self) -> Vec<usize> {
        let is_left = |&number: &usize| self.cells[number].state != State::Finished;
        (0..self.cells.len()).filter(is_left).collect()
    }

    /// Returns the cells of each group: those of one data set and seed, which follow each other.
    pub fn groups(&self) -> Vec<std::ops::Range<usize>> {
        let mut start = 0;
        let chunks = self.cells.chunk_by(|a, b| a.group() == b.group());
        let range = |chunk: &[Cell]| {
            let range = start..start + chunk.len();
            start = range.end;
            range
        };
        chunks.map(range).collect()
    }

    /// Returns the cells of a data set, by its number.
    pub fn cells_of(&self, data: usize) -> BTreeSet<usize> {
        let name = &self.data[data].name;
        (0..self.cells.len()).filter(|&number| self.cells[number].data == *name).collect()
    }
}
