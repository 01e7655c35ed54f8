//! `alhost bench GRID --status`: how a grid stands, by its folders and Slurm's queue.

use std::collections::BTreeMap;
use std::process::ExitCode;

use alhost_base::text;
use alhost_cluster::{self as cluster, Commands, GridName, Queue, SlurmError};
use alhost_engine::grid::{BenchFolder, GridPlan, Row, State, Tally};

use super::queued;
use crate::cli::progress::minutes;
use crate::cli::tables::{align, new_table};
use crate::cli::terminal::say;

pub(super) fn status(mut plan: GridPlan) -> anyhow::Result<ExitCode> {
    let name = queued::name(&plan)?;
    let queue = match Commands::default().queue(None) {
        Err(SlurmError::Missing(_)) => None,
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
        Ok(queue) => Some(queue),
    };
    match &queue {
        Some(queue) if !queue.tasks(&name).is_empty() => queued::look(&mut plan, queue, &name),
        _ => take_over_local(&mut plan),
    }
    let tally = Tally::of(&plan.cells);
    say!("{}", table(&tally));
    tell_failures(&plan);
    for line in queue.iter().flat_map(|queue| of_queue(queue, &name)) {
        say!("{line}");
    }
    if let Some(left) = tally.until_done {
        say!("what runs and waits will be done in about {}", minutes(left));
    }
    say!("records: {}", plan.folder.display());
    Ok(ExitCode::SUCCESS)
}

/// Where a bench on this machine is at work, it has written down what runs.
fn take_over_local(plan: &mut GridPlan) {
    if !BenchFolder::is_open(&plan.folder) {
        return;
    }
    let seen = BenchFolder::running(&plan.folder);
    for cell in plan.cells.iter_mut().filter(|cell| cell.state == State::Waiting) {
        if seen.contains(&cell.folder) {
            cell.state = State::Running;
        }
    }
}

fn table(tally: &Tally) -> comfy_table::Table {
    let mut table = new_table();
    table.set_header(["data set", "strategy", "finished", "running", "queued", "failed", "left"]);
    let total = tally.total();
    let is_one = tally.rows.len() == 1;
    let rows = tally.rows.iter().chain((!is_one).then_some(&total));
    for Row { data, strategy, finished, running, queued, failed, left } in rows {
        let counts = [finished, running, queued, failed, left].map(|n| match n {
            0 => "·".to_owned(),
            n => n.to_string(),
        });
        let names = [data, strategy].map(|name| text::in_line(name).into_owned());
        table.add_row(names.into_iter().chain(counts));
    }
    align(&mut table);
    table
}

/// So many failed cells are told.
const TOLD: usize = 20;

fn tell_failures(plan: &GridPlan) {
    let failed = plan.cells.iter().filter_map(|cell| match &cell.state {
        State::Failed(reason) => Some((cell, reason)),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    for (cell, reason) in failed.iter().take(TOLD) {
        say!("failed: {}: {reason}", cell.name());
    }
    if failed.len() > TOLD {
        say!("and {} more failed; cell.json in the folder of each says why", failed.len() - TOLD);
    }
}

/// What Slurm says of the jobs that wait, and of those that were submitted before the grid changed.
fn of_queue(queue: &Queue, name: &GridName) -> Vec<String> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for task in queue.tasks(name) {
        if let cluster::State::Waiting { reason } = &task.state {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let reasons: Vec<String> =
        reasons.iter().map(|(reason, n)| format!("{n} for {}", text::in_line(reason))).collect();
    let mut lines = Vec::new();
    if !reasons.is_empty() {
        lines.push(format!("tasks that wait, by Slurm's reason: {}", reasons.join(", ")));
    }
    let n = queue.outdated(name).count();
    if n > 0 {
        lines.push(format!(
            "{n} tasks in the queue are of this grid as it was before it changed, and will do nothing: \
             `--cancel` takes them out"
        ));
    }
    lines
}
