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
    let (groups, cells) = (plan.groups(), numbers(plan.cells.len()));
    for (group, task) in queue.cells(name, Unit::Group.kind(), &numbers(groups.len())) {
        let mut state = of(&task.state);
        for cell in groups[group as usize].clone() {
            if note(plan, cell, state.clone()) {
                // A group's cells are done one after the other.
                state = State::Queued;
            }
        }
    }
    for (cell, task) in queue.cells(name, Unit::Cell.kind(), &cells) {
        note(plan, cell as usize, of(&task.state));
    }
    for (cell, task) in queue.cells(name, Unit::Beginning.kind(), &cells) {
        if of(&task.state) == State::Running {
            note(plan, cell as usize, State::Running);
        }
    }
}

fn of(state: &cluster::State) -> State {
    match state {
        cluster::State::Waiting { .. } => State::Queued,
        _ => State::Running,
    }
}

/// Notes a state, unless the cell is finished; says whether.
fn note(plan: &mut GridPlan, cell: usize, state: State) -> bool {
    let cell = &mut plan.cells[cell];
    if cell.state == State::Finished {
        return false;
    }
    cell.state = state;
    true
}
