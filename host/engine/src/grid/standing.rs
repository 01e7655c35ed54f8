//! The progress of a bench.

use std::time::{Duration, Instant};

use super::cell::Cell;
use super::outcome::State;

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    pub cells: usize,
    pub finished: usize,
    /// Names, with rounds done.
    pub running: Vec<String>,
    pub failed: usize,
    /// Rounds recorded of those that all cells have.
    pub rounds: (usize, usize),
    /// Time left, once there is something to go by.
    pub left: Option<Duration>,
}

/// Counts rounds, and reads only the records that can have grown.
pub(super) struct Rounds {
    /// The rounds of each cell at its last look, and whether it ran then.
    seen: Vec<(usize, bool)>,
    before: usize,
    started: Instant,
}

impl Rounds {
    pub(super) fn of(cells: &[Cell]) -> Self {
        let seen: Vec<(usize, bool)> =
            cells.iter().map(|cell| (cell.rounds_done(), false)).collect();
        let before = seen.iter().map(|(done, _)| done).sum();
        Self { seen, before, started: Instant::now() }
    }

    pub(super) fn standing(&mut self, cells: &[Cell]) -> Standing {
        let mut standing = Standing { cells: cells.len(), ..Standing::default() };
        for (cell, seen) in cells.iter().zip(&mut self.seen) {
            let runs = cell.state == State::Running;
            // Once more after it has ended: its last round was written since.
            if runs || seen.1 {
                *seen = (cell.rounds_done(), runs);
            }
            standing.add(cell, seen.0);
        }
        let (now, all) = standing.rounds;
        let here = now.saturating_sub(self.before);
        let elapsed = self.started.elapsed();
        standing.left = (here > 0).then(|| elapsed.mul_f64((all - now) as f64 / here as f64));
        standing
    }
}

impl Standing {
    fn add(&mut self, cell: &Cell, done: usize) {
        // A run that ends early has no more to do, and one that failed neither.
        let all = match &cell.state {
            State::Finished | State::Failed(_) => done,
            State::Waiting | State::Queued | State::Running => cell.rounds.max(done),
        };
        self.rounds.0 += done;
        self.rounds.1 += all;
        match &cell.state {
            State::Finished => self.finished += 1,
            State::Failed(_) => self.failed += 1,
            State::Running => self.running.push(format!("{} ({done}/{all})", cell.name())),
            State::Waiting | State::Queued => {}
        }
    }
}
