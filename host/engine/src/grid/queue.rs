//! Which cell comes next: cells of one group follow each other on one worker, so that what they
//! share is at hand, and groups are split only where workers would be idle.

use std::collections::BTreeSet;

/// Cells by number, in the order of the grid.
pub(super) struct Queue {
    /// One entry a cell.
    groups: Vec<usize>,
    waiting: BTreeSet<usize>,
    running: BTreeSet<usize>,
    deaths: Vec<Deaths>,
}

/// Workers that died on a cell one after the other, without a step in between.
#[derive(Clone, Copy, Default)]
struct Deaths {
    count: usize,
    /// Counts the steps that the cell had taken at the last death.
    steps: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Cell(usize),
    /// A cell that is running may yet come back.
    Wait,
    Nothing,
}

impl Queue {
    /// `groups` has the group of each cell; `waiting` those that have something left to do.
    pub(super) fn new(groups: Vec<usize>, waiting: impl IntoIterator<Item = usize>) -> Self {
        let deaths = vec![Deaths::default(); groups.len()];
        Self { groups, waiting: waiting.into_iter().collect(), running: BTreeSet::new(), deaths }
    }

    /// Chooses for a worker whose last cell was `last`.
    pub(super) fn next(&mut self, last: Option<usize>) -> Next {
        let group = |cell: usize| self.groups[cell];
        let taken = |cell: usize| self.running.iter().any(|&other| group(other) == group(cell));
        let of_mine = |cell: usize| last.is_some_and(|last| group(last) == group(cell));
        let waiting = || self.waiting.iter().copied();
        let best = waiting()
            .find(|&cell| of_mine(cell))
            .or_else(|| waiting().find(|&cell| !taken(cell)))
            .or_else(|| waiting().next());
        let Some(cell) = best else {
            return if self.running.is_empty() { Next::Nothing } else { Next::Wait };
        };
        self.waiting.remove(&cell);
        self.running.insert(cell);
        Next::Cell(cell)
    }

    pub(super) fn done(&mut self, cell: usize) {
        self.running.remove(&cell);
    }

    /// A worker died on the cell, which has taken `steps` so far. It is tried again unless so many
    /// have died at this step; says whether.
    pub(super) fn died(&mut self, cell: usize, steps: usize, most: usize) -> bool {
        self.running.remove(&cell);
        let deaths = &mut self.deaths[cell];
        let before = if deaths.steps == steps { deaths.count } else { 0 };
        *deaths = Deaths { count: before + 1, steps };
        let again = deaths.count < most;
        if again {
            self.waiting.insert(cell);
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of three cells.
    fn queue() -> Queue {
        Queue::new(vec![0, 0, 0, 1, 1, 1], 0..6)
    }

    #[test]
    fn one_worker_takes_all_cells_in_order() {
        let mut queue = queue();
        let mut last = None;
        for cell in 0..6 {
            assert_eq!(queue.next(last), Next::Cell(cell));
            queue.done(cell);
            last = Some(cell);
        }
        assert_eq!(queue.next(last), Next::Nothing);
    }

    #[test]
    fn workers_keep_to_groups_of_their_own_until_they_would_be_idle() {
        let mut queue = queue();
        assert_eq!(queue.next(None), Next::Cell(0));
        assert_eq!(queue.next(None), Next::Cell(3), "the first group is taken");
        queue.done(0);
        assert_eq!(queue.next(Some(0)), Next::Cell(1));
        assert_eq!(queue.next(None), Next::Cell(2), "a third worker splits a group");
        queue.done(2);
        assert_eq!(queue.next(Some(2)), Next::Cell(4), "and then the other one");
        queue.done(1);
        assert_eq!(queue.next(Some(1)), Next::Cell(5));
        assert_eq!(queue.next(Some(1)), Next::Wait);
    }

    #[test]
    fn a_cell_whose_worker_died_comes_back_a_few_times() {
        let mut queue = Queue::new(vec![0], [0]);
        assert_eq!(queue.next(None), Next::Cell(0));
        assert!(queue.died(0, 4, 3));
        assert_eq!(queue.next(Some(0)), Next::Cell(0));
        assert!(queue.died(0, 4, 3));
        assert_eq!(queue.next(None), Next::Cell(0));
        assert!(queue.died(0, 5, 3), "a step was taken in between");
        assert_eq!(queue.next(None), Next::Cell(0));
        assert!(queue.died(0, 5, 3));
        assert_eq!(queue.next(None), Next::Cell(0));
        assert!(!queue.died(0, 5, 3));
        assert_eq!(queue.next(None), Next::Nothing);
    }
}
