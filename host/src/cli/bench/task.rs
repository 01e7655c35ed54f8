//! One job of a grid: a cell, a group of cells, or the first round of one. It can be given again and again, by anybody
//! and anywhere, and does what is missing.

use std::process::ExitCode;

use alhost_config::GridFile;
use alhost_engine::grid::{BenchFolder, Cell, Executor as _, GridPlan, State, Unit};
use anyhow::{Context as _, ensure};

use super::args::BenchArgs;
use super::local::Local;
use super::planning::plan;
use crate::cli::progress::Bars;
use crate::cli::terminal::{say, tell_error};

/// As a shell has it after a Ctrl-C.
const INTERRUPTED: u8 = 130;

pub(super) fn task(
    (unit, number): (Unit, usize),
    args: &BenchArgs,
    grid: &GridFile,
    bars: &Bars,
) -> anyhow::Result<ExitCode> {
    let mut plan = plan(grid)?;
    let inner = BenchFolder::inner(&grid.folder);
    if let Some(name) = &args.planned {
        plan.facts.check(&inner, name)?;
    }
    let mine = cells(&plan, unit, number)?;
    let unwritable = "the records cannot be written from this machine\n\
                      hint: give a folder that all machines can write, with --out or `out` in the grid";
    fs_err::create_dir_all(&inner).context(unwritable)?;
    BenchFolder::write_configs(&grid.folder, &grid.configs).context(unwritable)?;
    for &cell in &mine {
        plan.cells[cell].check_folder()?;
    }
    let is_left = |cell: &usize| is_left(&plan.cells[*cell], unit);
    let left: Vec<usize> = mine.iter().copied().filter(is_left).collect();
    if !left.is_empty() {
        let mut local = Local::new(args, grid, None, bars);
        local.only_begin = unit == Unit::Beginning;
        local.execute(&mut plan, &left)?;
    }
    Ok(if unit == Unit::Beginning { begun(&plan.cells[mine[0]]) } else { ended(&plan, &mine) })
}

fn cells(plan: &GridPlan, unit: Unit, number: usize) -> anyhow::Result<Vec<usize>> {
    let (found, n, what) = match unit {
        Unit::Group => {
            let groups = plan.groups();
            let cells = groups.get(number).map(|cells| cells.clone().collect());
            (cells, groups.len(), "groups")
        }
        Unit::Cell | Unit::Beginning => {
            let n = plan.cells.len();
            ((number < n).then(|| vec![number]), n, "cells")
        }
    };
    ensure!(found.is_some(), "{} has {n} {what}, from 0: there is no {number}", plan.name);
    Ok(found.unwrap_or_default())
}

fn is_left(cell: &Cell, unit: Unit) -> bool {
    match unit {
        Unit::Beginning => cell.state != State::Finished && cell.rounds_done() == 0,
        Unit::Group | Unit::Cell => cell.state != State::Finished,
    }
}

/// A first round that failed is its cell's affair, whose folder says why: others need not wait for it.
fn begun(cell: &Cell) -> ExitCode {
    match &cell.state {
        State::Failed(reason) => {
            tell_error(&anyhow::anyhow!("{}: {reason}", cell.name()));
            ExitCode::SUCCESS
        }
        State::Finished => ExitCode::SUCCESS,
        _ if cell.rounds_done() > 0 => ExitCode::SUCCESS,
        _ => ExitCode::from(INTERRUPTED),
    }
}

fn ended(plan: &GridPlan, mine: &[usize]) -> ExitCode {
    let (mut n_failed, mut n_left) = (0, 0);
    for &number in mine {
        let cell = &plan.cells[number];
        match &cell.state {
            State::Finished => say!("{}: finished", cell.name()),
            State::Failed(reason) => {
                tell_error(&anyhow::anyhow!("{}: {reason}", cell.name()));
                n_failed += 1;
            }
            State::Waiting | State::Queued | State::Running => {
                say!("{}: interrupted; the same command goes on", cell.name());
                n_left += 1;
            }
        }
    }
    match (n_failed, n_left) {
        (0, 0) => ExitCode::SUCCESS,
        (_, 0) => ExitCode::from(2),
        _ => ExitCode::from(INTERRUPTED),
    }
}
