//! What Slurm's queue has of a grid.

use std::collections::BTreeSet;

use alhost_cluster::{self as cluster, GridName, Queue};
use alhost_engine::grid::{GridPlan, State, Unit};

/// Names a grid's jobs.
pub(super) fn name(plan: &GridPlan) -> std::io::Result<GridName> {
    GridName::of(&plan.folder, &plan.facts.name())
}

/// Notes which of the cells that are not finished run or wait.
pub(super) fn look(plan: &mut GridPlan, queue: &Queue, name: &GridName) {
    let numbers = |n: usize| (0..n as u32).collect::<BTreeSet<u32>>();
    let groups = plan.groups();
    let in_groups = queue.cells(name, Unit::Group.kind(), &numbers(groups.len()));
    for (group, task) in in_groups {
        for cell in groups[group as usize].clone() {
            note(plan, cell, &task.state);
        }
    }
    for (cell, task) in queue.cells(name, Unit::Cell.kind(), &numbers(plan.cells.len())) {
        note(plan, cell as usize, &task.state);
    }
}

fn note(plan: &mut GridPlan, cell: usize, state: &cluster::State) {
    let cell = &mut plan.cells[cell];
    if cell.state != State::Finished {
        cell.state = match state {
            cluster::State::Waiting { .. } => State::Queued,
            _ => State::Running,
        };
    }
}
