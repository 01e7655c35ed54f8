//! The squared distance of each row from the nearest of others: f32 finds the candidates, f64 decides.

use rayon::prelude::*;
use tch::Device;

use super::arithmetic::{error, unit};
use super::device::OnDevice;
use super::host::{BLOCK, OnHost};
use super::rows::Rows;
use crate::compute::ComputeError;

/// The least squared distance of each row from a row of `others`; infinite where there are none.
pub(super) fn squared_distances(
    rows: &Rows<'_>,
    others: &Rows<'_>,
    device: Device,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<f64>, ComputeError> {
    if rows.len() == 0 || others.len() == 0 {
        return Ok(vec![f64::INFINITY; rows.len()]);
    }
    let unit = unit(rows.squares()).min(unit(others.squares()));
    match device {
        Device::Cpu => on_host(rows, others, unit, cancelled),
        device => on_device(rows, others, unit, device, cancelled),
    }
}

pub(super) fn on_host(
    rows: &Rows<'_>,
    others: &Rows<'_>,
    unit: f64,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<f64>, ComputeError> {
    let (here, there) = (OnHost::new(rows, unit), OnHost::new(others, unit));
    let blocks: Vec<usize> = (0..rows.len()).step_by(BLOCK).collect();
    let mut nearest = Vec::with_capacity(rows.len());
    // So many at once that every thread has some.
    for blocks in blocks.chunks(4 * rayon::current_num_threads()) {
        if cancelled() {
            return Err(ComputeError::Cancelled);
        }
        let of_blocks = blocks.par_iter().map(|&first| {
            let n = BLOCK.min(rows.len() - first);
            let mut candidates = vec![Candidates::new(rows); n];
            for first_other in (0..others.len()).step_by(BLOCK) {
                let (squares, n_others) = here.squares(first, &there, first_other);
                let squares = squares.chunks(n_others);
                let of_rows = candidates.iter_mut().zip(squares);
                of_rows.for_each(|(of_row, squares)| of_row.add(first_other, squares));
            }
            let of_rows = candidates.iter().enumerate();
            of_rows.map(|(i, of_row)| of_row.nearest(rows, first + i, others)).collect::<Vec<f64>>()
        });
        nearest.extend(of_blocks.collect::<Vec<_>>().into_iter().flatten());
    }
    Ok(nearest)
}

pub(super) fn on_device(
    rows: &Rows<'_>,
    others: &Rows<'_>,
    unit: f64,
    device: Device,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<f64>, ComputeError> {
    let (here, there) = (OnDevice::new(rows, unit, device)?, OnDevice::new(others, unit, device)?);
    let mut nearest = Vec::with_capacity(rows.len());
    for block in here.blocks() {
        let mut candidates = vec![Candidates::new(rows); block.1 as usize];
        for other_block in there.blocks() {
            if cancelled() {
                return Err(ComputeError::Cancelled);
            }
            let squares = here.squares(block, &there, other_block)?; // [rows, others]
            let of_rows = candidates.par_iter_mut().zip(squares.par_chunks(other_block.1 as usize));
            of_rows.for_each(|(of_row, squares)| of_row.add(other_block.0 as usize, squares));
        }
        let of_rows = candidates.par_iter().enumerate();
        let of_rows = of_rows.map(|(i, of_row)| of_row.nearest(rows, block.0 as usize + i, others));
        nearest.extend(of_rows.collect::<Vec<f64>>());
    }
    Ok(nearest)
}

/// The others that may be nearest to a row, with their squared distances in f32.
#[derive(Clone)]
struct Candidates {
    least: f32,
    found: Vec<(u32, f32)>,
    /// By how much the least may be exceeded: both may be off, and the sum with it by its rounding.
    margin: f32,
}

impl Candidates {
    fn new(rows: &Rows<'_>) -> Self {
        let margin = 3.0 * error(rows.n_cols()) as f32;
        Self { least: f32::INFINITY, found: Vec::new(), margin }
    }

    fn add(&mut self, first: usize, squares: &[f32]) {
        for (j, &square) in (first as u32..).zip(squares) {
            if square <= self.least + self.margin {
                self.found.push((j, square));
                self.least = self.least.min(square);
            }
        }
    }

    fn nearest(&self, rows: &Rows<'_>, row: usize, others: &Rows<'_>) -> f64 {
        let limit = self.least + self.margin;
        let near = self.found.iter().filter(|entry| entry.1 <= limit);
        let exact = near.map(|entry| rows.squared_distance(row, others, entry.0 as usize));
        exact.fold(f64::INFINITY, f64::min)
    }
}
