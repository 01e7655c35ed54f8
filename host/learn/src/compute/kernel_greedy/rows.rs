//! Rows as the rules see them, divided by their lengths where that is asked for, with distances in f64.

use rayon::prelude::*;

use crate::compute::MatrixView;
use crate::compute::distance::{BLOCK, dot};

/// Squared distances below this count as 0, so that copies of a row are copies.
pub(super) const SAME: f64 = 1e-12;

/// A row is divided by no less than this.
const SHORT: f64 = 1e-12;

pub(super) struct Rows<'a> {
    raw: MatrixView<'a>,
    /// What each row is multiplied by.
    scales: Vec<f64>,
    /// The squared length of each row after that.
    squares: Vec<f64>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(raw: MatrixView<'a>, normalize: bool) -> Self {
        let of_row = |row: usize| {
            let square = dot(raw.row(row), raw.row(row));
            match square.sqrt() {
                _ if !normalize => (1.0, square),
                length if length < SHORT => (SHORT.recip(), square / SHORT.powi(2)),
                // Exactly, so that all rows are equally far from one of zeros.
                length => (length.recip(), 1.0),
            }
        };
        let both = (0..raw.rows).into_par_iter().with_min_len(BLOCK).map(of_row);
        let (scales, squares) = both.unzip();
        Self { raw, scales, squares }
    }

    pub(super) fn len(&self) -> usize {
        self.raw.rows
    }

    pub(super) fn n_cols(&self) -> usize {
        self.raw.cols
    }

    pub(super) fn squares(&self) -> &[f64] {
        &self.squares
    }

    /// The squared distance of row `i` from row `j` of the others; the same bits the other way round.
    pub(super) fn squared_distance(&self, i: usize, others: &Rows<'_>, j: usize) -> f64 {
        let scale = self.scales[i] * others.scales[j];
        let product = dot(self.raw.row(i), others.raw.row(j)) * scale;
        or_same(self.squares[i] + others.squares[j] - 2.0 * product)
    }

    /// The squared distance of each row from the mean of all.
    pub(super) fn squared_distances_to_mean(&self) -> Vec<f64> {
        let mut mean = vec![0.0; self.raw.cols];
        for row in 0..self.len() {
            for (sum, &x) in mean.iter_mut().zip(self.raw.row(row)) {
                *sum += f64::from(x) * self.scales[row];
            }
        }
        let n = self.len() as f64;
        for sum in &mut mean {
            *sum /= n;
        }
        let of_row = |row: usize| {
            let parts = self.raw.row(row).iter().zip(&mean);
            or_same(parts.map(|(&x, mean)| (f64::from(x) * self.scales[row] - mean).powi(2)).sum())
        };
        (0..self.len()).into_par_iter().with_min_len(BLOCK).map(of_row).collect()
    }

    /// All rows times `unit`, rounded to f32, row by row.
    pub(super) fn to_f32(&self, unit: f64) -> Vec<f32> {
        let cols = self.raw.cols;
        let mut rounded = vec![0.0; self.len() * cols];
        let rows = rounded.par_chunks_mut(cols.max(1)).zip(0..self.len());
        rows.with_min_len(BLOCK).for_each(|(to, row)| {
            let scale = self.scales[row] * unit;
            for (to, &x) in to.iter_mut().zip(self.raw.row(row)) {
                *to = (f64::from(x) * scale) as f32;
            }
        });
        rounded
    }
}

fn or_same(square: f64) -> f64 {
    if square < SAME { 0.0 } else { square }
}
