//! The sums on the CPU: blocks of rows, each of which is added by one thread, so that threads change no bit.

use rayon::prelude::*;

use super::arithmetic::{Arithmetic, Changed, Shifted};
use super::kernel::{Kernel, exp};
use super::rows::Rows;
use crate::compute::ComputeError;
use crate::compute::distance::dot_products;

/// Rows of a block. The products of two blocks take 1 MiB.
pub(super) const BLOCK: usize = 512;

pub(super) struct OnHost {
    rows: Vec<f32>, // [n, cols]
    squares: Vec<f32>,
    cols: usize,
}

/// Some of the rows.
struct Part<'a> {
    rows: &'a [f32], // [part, cols]
    squares: &'a [f32],
}

impl OnHost {
    pub(super) fn new(rows: &Rows<'_>, unit: f64) -> Self {
        let squares = rows.squares().iter().map(|s| (s * unit * unit) as f32).collect();
        Self { rows: rows.to_f32(unit), squares, cols: rows.n_cols() }
    }

    fn part(&self, first: usize) -> Part<'_> {
        let end = self.squares.len().min(first + BLOCK);
        let rows = &self.rows[first * self.cols..end * self.cols];
        Part { rows, squares: &self.squares[first..end] }
    }

    fn gather(&self, rows: &[u32]) -> (Vec<f32>, Vec<f32>) {
        let of = |&row: &u32| {
            let first = row as usize * self.cols;
            &self.rows[first..first + self.cols]
        };
        let squares = rows.iter().map(|&row| self.squares[row as usize]).collect();
        (rows.iter().flat_map(of).copied().collect(), squares)
    }

    /// Squared distances of the rows of one part from those of another, [one, another].
    fn between(&self, one: &Part<'_>, another: &Part<'_>, squares: &mut Vec<f32>) {
        let n = another.squares.len();
        squares.clear();
        squares.resize(one.squares.len() * n, 0.0);
        if self.cols > 0 {
            dot_products(one.rows, another.rows, self.cols, squares);
        }
        for (of_row, square) in squares.chunks_exact_mut(n).zip(one.squares) {
            for (product, other) in of_row.iter_mut().zip(another.squares) {
                *product = square + other - 2.0 * *product;
            }
        }
    }

    /// Squared distances of `n` rows from `first` on from some of the rows of `others`, [n, others].
    pub(super) fn squares(
        &self,
        first: usize,
        others: &Self,
        first_other: usize,
    ) -> (Vec<f32>, usize) {
        let (part, others) = (self.part(first), others.part(first_other));
        let mut squares = Vec::new();
        self.between(&part, &others, &mut squares);
        (squares, others.squares.len())
    }
}

impl Arithmetic for OnHost {
    fn gains(
        &self,
        kernel: Shifted,
        low: &[f32],
        weights: &[f32],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, ComputeError> {
        let n = self.squares.len();
        let mut sums = vec![0.0; n];
        for first in (0..n).step_by(BLOCK) {
            if cancelled() {
                return Err(ComputeError::Cancelled);
            }
            let part = self.part(first);
            let end = first + part.squares.len();
            let (low_here, weights_here) = (&low[first..end], &weights[first..end]);
            // What each block of other rows adds to these, while these add to it.
            let others = sums[first..].par_chunks_mut(BLOCK).enumerate();
            let added: Vec<Vec<f64>> = others
                .map_init(Vec::new, |k, (number, of_others)| {
                    let first_other = first + number * BLOCK;
                    let other = self.part(first_other);
                    self.between(&part, &other, k);
                    apply(kernel, k);
                    if number > 0 {
                        add_to_columns(k, low_here, weights_here, of_others);
                    }
                    let end = first_other + of_others.len();
                    row_sums(k, &low[first_other..end], &weights[first_other..end])
                })
                .collect();
            for added in added {
                sums[first..end].iter_mut().zip(added).for_each(|(sum, more)| *sum += more);
            }
        }
        Ok(sums)
    }

    fn growth(
        &self,
        kernel: Shifted,
        rows: &[u32],
        changed: &Changed,
    ) -> Result<Vec<f64>, ComputeError> {
        let (data, squares) = self.gather(rows);
        let part = Part { rows: &data, squares: &squares };
        let blocks: Vec<Vec<f64>> = (0..changed.rows.len().div_ceil(BLOCK))
            .into_par_iter()
            .map_init(Vec::new, |k, block| {
                let here = block * BLOCK..changed.rows.len().min((block + 1) * BLOCK);
                let (data, squares) = self.gather(&changed.rows[here.clone()]);
                self.between(&part, &Part { rows: &data, squares: &squares }, k);
                apply(kernel, k);
                let (low, high) = (&changed.low[here.clone()], &changed.high[here.clone()]);
                for k in k.chunks_exact_mut(here.len()) {
                    k.iter_mut()
                        .zip(high)
                        .for_each(|(k, high)| *k = if *k < *high { *k } else { *high });
                }
                row_sums(k, low, &changed.weights[here])
            })
            .collect();
        let mut sums = vec![0.0; rows.len()];
        for block in blocks {
            sums.iter_mut().zip(block).for_each(|(sum, more)| *sum += more);
        }
        Ok(sums)
    }

    fn block(&self) -> usize {
        BLOCK
    }
}

/// Makes K of squared distances.
fn apply(Shifted { kernel, shift }: Shifted, squares: &mut [f32]) {
    match kernel {
        Kernel::Gaussian { rate } => {
            let (rate, shift) = (-rate as f32, shift as f32);
            for square in squares {
                let shifted = *square + shift;
                *square = exp(rate * if shifted > 0.0 { shifted } else { 0.0 });
            }
        }
        Kernel::Ball { square: limit } => {
            let limit = (limit - shift) as f32;
            for square in squares {
                *square = f32::from(u8::from(*square < limit));
            }
        }
    }
}

/// For each row of `k` the sum of weight max(0, k - low).
fn row_sums(k: &[f32], low: &[f32], weights: &[f32]) -> Vec<f64> {
    const LANES: usize = 8;
    let sum_of = |k: &[f32]| {
        let mut sums = [0.0; LANES];
        let parts = k.chunks(LANES).zip(low.chunks(LANES)).zip(weights.chunks(LANES));
        for ((k, low), weights) in parts {
            for (lane, ((k, low), weight)) in k.iter().zip(low).zip(weights).enumerate() {
                sums[lane] += above(*k, *low) * weight;
            }
        }
        f64::from(sums.iter().sum::<f32>())
    };
    k.chunks_exact(low.len()).map(sum_of).collect()
}

/// Adds to each column of `k` the sum of weight max(0, k - low), where low and weight are those of the row.
fn add_to_columns(k: &[f32], low: &[f32], weights: &[f32], to: &mut [f64]) {
    let mut sums = vec![0.0; to.len()];
    for ((k, low), weight) in k.chunks_exact(to.len()).zip(low).zip(weights) {
        for (sum, k) in sums.iter_mut().zip(k) {
            *sum += above(*k, *low) * weight;
        }
    }
    to.iter_mut().zip(sums).for_each(|(to, sum)| *to += f64::from(sum));
}

fn above(k: f32, low: f32) -> f32 {
    let more = k - low;
    if more > 0.0 { more } else { 0.0 }
}
