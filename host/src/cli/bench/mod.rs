//! `alhost bench`: from a grid file to finished cells and a table, here or on other machines.

mod args;
mod conclude;
mod jobs;
mod lists;
mod local;
mod planning;
mod queued;
mod slurm;
mod status;
mod task;

use std::process::ExitCode;
use std::time::Instant;

use alhost_cluster::Settings;
use alhost_config::GridFile;
use alhost_engine::grid::{BenchFolder, Cell, Executor, Handled};
use anyhow::Context as _;

use super::progress::Bars;
pub(super) use args::BenchArgs;
use args::On;

pub(super) fn bench(args: &BenchArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let grid = GridFile::read(&args.grid, &args.overrides())?;
    let settings = Settings::try_from(grid.slurm.clone())
        .with_context(|| format!("{}: [slurm]", args.grid.display()))?;
    if let Some(task) = args.task() {
        return task::task(task, args, &grid, bars);
    }
    if !(args.status || args.dry_run || args.cancel) {
        planning::fetch(&grid)?;
    }
    let mut plan = planning::plan(&grid)?;
    if args.cancel {
        return slurm::cancel(&plan);
    }
    if args.status {
        return status::status(plan);
    }
    plan.cells.iter().try_for_each(Cell::check_folder)?;
    let left = plan.left();
    if args.dry_run {
        executor(args, &grid, settings, None, bars).execute(&mut plan, &left)?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = BenchFolder::open(&grid.folder)?;
    BenchFolder::write_configs(&grid.folder, &grid.configs)?;
    folder.keep_cells(&plan.name, &plan.cells)?;
    if !left.is_empty() {
        let mut executor = executor(args, &grid, settings, Some(&folder), bars);
        let handled = executor.execute(&mut plan, &left);
        folder.keep_cells(&plan.name, &plan.cells)?;
        if handled? == Handled::GivenAway {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let code = conclude::conclude(&plan, &folder, started.elapsed())?;
    conclude::write_report(&grid.folder, !left.is_empty());
    Ok(code)
}

/// Whoever is to do the cells. `folder` is that of the grid, where something is to be done at all.
fn executor<'a>(
    args: &'a BenchArgs,
    grid: &GridFile,
    settings: Settings,
    folder: Option<&'a BenchFolder>,
    bars: &'a Bars,
) -> Box<dyn Executor + 'a> {
    match args.on {
        On::Local => Box::new(local::Local::new(args, grid, folder, bars)),
        On::Slurm => Box::new(slurm::Slurm { args, settings }),
        On::Commands => Box::new(lists::Lists { args, settings }),
    }
}
