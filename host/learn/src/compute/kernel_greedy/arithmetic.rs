//! What looks at many pairs of rows at once, in f32: by our own code on the CPU, by torch on another device.

use tch::Device;

use super::device::OnDevice;
use super::host::OnHost;
use super::kernel::{Kernel, ROUNDING};
use super::rows::Rows;
use crate::compute::ComputeError;

/// Sums over many rows. Rows are in f32, times a unit that makes none longer than 1.
pub(super) trait Arithmetic {
    /// For each row i, the sum over all rows j of `weights` max(0, K - `low`). Every pair is looked at once.
    fn gains(
        &self,
        k: Shifted,
        low: &[f32],
        weights: &[f32],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, ComputeError>;

    /// For each of `rows`, the sum over the changed rows of weight (clamp(K, low, high) - low).
    fn growth(&self, k: Shifted, rows: &[u32], changed: &Changed)
    -> Result<Vec<f64>, ComputeError>;

    /// At most so many values are added in f32.
    fn block(&self) -> usize;
}

/// K of squared distances that are all larger by `shift`: less, or more where it is negative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shifted {
    pub(super) kernel: Kernel,
    pub(super) shift: f64,
}

/// Rows that are reached farther than before.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) rows: Vec<u32>,
    /// How far each was reached before, and is now.
    pub(super) low: Vec<f32>,
    pub(super) high: Vec<f32>,
    pub(super) weights: Vec<f32>,
}

pub(super) fn on<'a>(
    device: Device,
    rows: &Rows<'_>,
    unit: f64,
) -> Result<Box<dyn Arithmetic + 'a>, ComputeError> {
    Ok(match device {
        Device::Cpu => Box::new(OnHost::new(rows, unit)),
        device => Box::new(OnDevice::new(rows, unit, device)?),
    })
}

/// One by the length of the longest row; lengths are multiplied by it, so that no square is too large or too
/// small for f32.
pub(super) fn unit(squares: &[f64]) -> f64 {
    let largest = squares.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 { largest.sqrt().recip() } else { 1.0 }
}

/// Bound on the error of a squared distance in f32, for rows no longer than 1. The product of two rows is off
/// by cols roundings (Higham 2002, section 3.1), whatever the order of the sum; rounding the rows and the
/// squares and adding three numbers of at most 4 makes fewer than 16 more.
pub(super) fn error(n_cols: usize) -> f64 {
    2.0 * (n_cols as f64 + 16.0) * ROUNDING
}
