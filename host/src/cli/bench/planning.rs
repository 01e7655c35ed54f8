//! Plans a grid with what this machine has.

use std::collections::{BTreeMap, BTreeSet};

use alhost_config::{GridFile, RunConfig};
use alhost_engine::grid::{self, GridPlan, Outside};
use alhost_learn::{Checkpoint, LIBTORCH, identity};

use crate::cli::environment;
use crate::cli::run::shelf;

/// Fetches the checkpoints that are not on this machine, once: the workers would all do it. One that
/// cannot be had costs its own cells, and no others.
pub(super) fn fetch(grid: &GridFile) -> anyhow::Result<()> {
    let places = environment::places();
    let mut names = BTreeSet::new();
    for config in &grid.configs {
        names.insert(config.clone().check(&environment::lookup)?.model.checkpoint.clone());
    }
    for name in names {
        if let Err(error) = Checkpoint::fetch(&name, &places) {
            tracing::warn!("{error}");
        }
    }
    Ok(())
}

pub(super) fn plan(grid: &GridFile) -> anyhow::Result<GridPlan> {
    let places = environment::places();
    let checkpoint = |config: &RunConfig| Checkpoint::files(&config.model.checkpoint, &places);
    let build = identity::build().map_or("unknown", |build| &build[..8]);
    let program = BTreeMap::from([
        ("alhost".to_owned(), format!("{}, build {build}", env!("CARGO_PKG_VERSION"))),
        ("libtorch".to_owned(), LIBTORCH.to_owned()),
    ]);
    let outside = Outside {
        shelf: shelf(),
        lookup: &environment::lookup,
        checkpoint_files: &checkpoint,
        program,
    };
    grid::plan(grid, &outside)
}
