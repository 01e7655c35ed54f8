//! The gains of rows in f64, and how far each row is reached.

use std::ops::Range;

use rayon::prelude::*;

use super::kernel::Kernel;
use super::rows::Rows;
use crate::compute::distance::BLOCK;

/// How far each row is reached by what is fixed and picked.
pub(super) struct Reached<'a> {
    rows: &'a Rows<'a>,
    kernel: Kernel,
    weights: Option<&'a [f64]>,
    /// The squared distance of each row to the nearest fixed row or pick.
    near: Vec<f64>,
    /// K of that.
    reach: Vec<f64>,
}

/// The gain of a row: the sum over j of u max(0, K - m).
#[derive(Default)]
pub(super) struct Gain {
    pub(super) row: u32,
    pub(super) sum: f64,
    /// The rows that it is nearer to than what is fixed and picked, with their squared distances.
    nearer: Vec<(u32, f64)>,
}

impl<'a> Reached<'a> {
    pub(super) fn new(
        rows: &'a Rows<'a>,
        (kernel, weights): (Kernel, Option<&'a [f64]>),
        near: Vec<f64>,
    ) -> Self {
        let reach = near.iter().map(|&s| kernel.of(s)).collect();
        Self { rows, kernel, weights, near, reach }
    }

    /// K of each row with the nearest fixed row or pick.
    pub(super) fn reach(&self) -> &[f64] {
        &self.reach
    }

    /// The sum over rows of u m.
    pub(super) fn total(&self) -> f64 {
        self.reach.iter().enumerate().map(|(row, m)| self.weight(row) * m).sum()
    }

    /// The gains of some rows. Sums are of blocks of rows, in the order of the blocks.
    pub(super) fn gains(&self, rows: &[u32]) -> Vec<Gain> {
        let n = self.rows.len();
        let blocks: Vec<Vec<Gain>> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let others = block * BLOCK..n.min((block + 1) * BLOCK);
                rows.iter().map(|&row| self.gain_of(row, others.clone())).collect()
            })
            .collect();
        let start = |&row: &u32| Gain { row, ..Gain::default() };
        let mut gains: Vec<Gain> = rows.iter().map(start).collect();
        for block in blocks {
            for (gain, part) in gains.iter_mut().zip(block) {
                gain.sum += part.sum;
                gain.nearer.extend(part.nearer);
            }
        }
        gains
    }

    /// What a row gains of some others.
    fn gain_of(&self, row: u32, others: Range<usize>) -> Gain {
        let mut gain = Gain { row, ..Gain::default() };
        for j in others {
            let square = self.rows.squared_distance(row as usize, self.rows, j);
            if square < self.near[j] {
                let more = self.kernel.of(square) - self.reach[j];
                gain.sum += self.weight(j) * more.max(0.0);
                gain.nearer.push((j as u32, square));
            }
        }
        gain
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// Picks a row. Whether any row is reached farther than before.
    pub(super) fn take(&mut self, gain: &Gain) -> bool {
        let mut is_farther = false;
        for &(j, square) in &gain.nearer {
            let (near, reach) = (&mut self.near[j as usize], &mut self.reach[j as usize]);
            let k = self.kernel.of(square);
            is_farther |= k > *reach;
            (*near, *reach) = (square, reach.max(k));
        }
        is_farther
    }
}

impl Gain {
    pub(super) fn is_ahead_of(&self, other: &Gain) -> bool {
        is_ahead((self.sum, self.row), (other.sum, other.row))
    }
}

/// Whether a value and its row come before another: larger, or as large and of a lower row.
pub(super) fn is_ahead(one: (f64, u32), another: (f64, u32)) -> bool {
    one.0.total_cmp(&another.0).then(another.1.cmp(&one.1)).is_gt()
}
