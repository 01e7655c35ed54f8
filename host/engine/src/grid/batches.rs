//! How cells are given to other machines: which of them together, and what is computed before.

use std::collections::BTreeSet;

use super::plan::{DataSet, GridPlan};

/// What a command is told to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// The first round of a cell, by which what its data set's cells share is computed: `--begin N`.
    Beginning,
    /// All cells of a data set and a seed, one after the other: `--group N`.
    Group,
    /// One cell: `--cell N`.
    Cell,
}

impl Unit {
    /// Names the kind in jobs' names.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Beginning => "begin",
            Self::Group => "groups",
            Self::Cell => "cells",
        }
    }

    /// The option of `alhost bench` that takes its number.
    pub fn option(self) -> &'static str {
        match self {
            Self::Beginning => "--begin",
            Self::Group => "--group",
            Self::Cell => "--cell",
        }
    }
}

/// Cells of a data set that are given away together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// Name of the data set.
    pub data: String,
    /// The cell whose first round comes before all else, so that what the cells share is computed once.
    pub begin: Option<u32>,
    /// [`Unit::Group`] or [`Unit::Cell`].
    pub unit: Unit,
    pub numbers: BTreeSet<u32>,
}

/// Says how the cells `left` are given away, data set by data set.
///
/// With a frozen encoder a cell takes less than opening data and model, and its strategies share nearly everything, so
/// a seed's cells go together; and one cell's first round comes before all others, so that the encoder reads all texts
/// once, while nobody waits for whoever came first. Fine-tuning takes far longer than opening, and shares the model of round 0 alone: each cell goes by itself.
pub fn batches(plan: &GridPlan, left: &BTreeSet<usize>) -> Vec<Batch> {
    let groups = plan.groups();
    let batch = |(number, data): (usize, &DataSet)| {
        let cells = plan.cells_of(number);
        let mine: BTreeSet<usize> = cells.intersection(left).copied().collect();
        if mine.is_empty() {
            return None;
        }
        let (unit, numbers) = if data.is_frozen {
            let has_any =
                |range: &std::ops::Range<usize>| mine.range(range.clone()).next().is_some();
            let of = |(group, range)| has_any(range).then_some(group as u32);
            (Unit::Group, groups.iter().enumerate().filter_map(of).collect())
        } else {
            (Unit::Cell, mine.iter().map(|&cell| cell as u32).collect())
        };
        // Where a cell has a round, what it shares is there.
        let is_begun = cells.iter().any(|&cell| plan.cells[cell].rounds_done() > 0);
        let is_pioneer = |&&cell: &&usize| plan.cells[cell].strategy == data.pioneer;
        let pioneer = mine.iter().find(is_pioneer).or(mine.first()).map(|&cell| cell as u32);
        let begin = pioneer.filter(|_| data.is_frozen && !is_begun);
        Some(Batch { data: data.name.clone(), begin, unit, numbers })
    };
    plan.data.iter().enumerate().filter_map(batch).collect()
}
