//! The sums on a torch device: the rows stay there, and what comes back is a number a row.

use tch::{Device, Kind, Tensor};

use super::arithmetic::{Arithmetic, Changed, Shifted};
use super::kernel::Kernel;
use super::rows::Rows;
use crate::compute::ComputeError;

/// Rows of a block. The products of two blocks take 64 MiB.
const BLOCK: i64 = 4096;

pub(super) struct OnDevice {
    rows: Tensor,    // [n, cols]
    squares: Tensor, // [n]
}

/// Some of the rows.
struct Part {
    rows: Tensor,    // [part, cols]
    squares: Tensor, // [part]
}

impl OnDevice {
    pub(super) fn new(rows: &Rows<'_>, unit: f64, device: Device) -> Result<Self, ComputeError> {
        let size = [rows.len() as i64, rows.n_cols() as i64];
        let tensor = Tensor::f_from_slice(&rows.to_f32(unit))?.f_reshape(size)?.f_to(device)?;
        let squares: Vec<f32> = rows.squares().iter().map(|s| (s * unit * unit) as f32).collect();
        Ok(Self { rows: tensor, squares: Tensor::f_from_slice(&squares)?.f_to(device)? })
    }

    fn part(&self, (first, n): (i64, i64)) -> Result<Part, ComputeError> {
        let rows = self.rows.f_narrow(0, first, n)?;
        Ok(Part { rows, squares: self.squares.f_narrow(0, first, n)? })
    }

    fn gather(&self, rows: &[u32]) -> Result<Part, ComputeError> {
        let index: Vec<i64> = rows.iter().map(|&row| i64::from(row)).collect();
        let index = Tensor::f_from_slice(&index)?.f_to(self.rows.device())?;
        let squares = self.squares.f_index_select(0, &index)?;
        Ok(Part { rows: self.rows.f_index_select(0, &index)?, squares })
    }

    fn column(&self, values: &[f32]) -> Result<Tensor, ComputeError> {
        Ok(Tensor::f_from_slice(values)?.f_to(self.rows.device())?)
    }

    /// First row and number of rows of each block.
    pub(super) fn blocks(&self) -> Vec<(i64, i64)> {
        let n = self.squares.size()[0];
        (0..n).step_by(BLOCK as usize).map(|first| (first, BLOCK.min(n - first))).collect()
    }

    /// Squared distances of the rows of a block from those of a block of others, [block, others].
    pub(super) fn squares(
        &self,
        block: (i64, i64),
        others: &Self,
        other_block: (i64, i64),
    ) -> Result<Vec<f32>, ComputeError> {
        let squares = between(&self.part(block)?, &others.part(other_block)?)?;
        Ok(squares.f_reshape([-1])?.try_into()?)
    }
}

/// Squared distances of the rows of one part from those of another, [one, another].
fn between(one: &Part, another: &Part) -> Result<Tensor, ComputeError> {
    let doubled = one.rows.f_mul_scalar(-2.0)?;
    let mut squares = another.squares.f_addmm(&doubled, &another.rows.f_tr()?)?;
    Ok(squares.f_add_(&one.squares.f_unsqueeze(1)?)?)
}

/// Makes K of squared distances.
fn apply(Shifted { kernel, shift }: Shifted, mut squares: Tensor) -> Result<Tensor, ComputeError> {
    Ok(match kernel {
        Kernel::Gaussian { rate } => {
            squares.f_add_scalar_(shift)?.f_clamp_min_(0.0)?.f_mul_scalar_(-rate)?.f_exp_()?
        }
        Kernel::Ball { square } => squares.f_lt(square - shift)?.f_to_kind(Kind::Float)?,
    })
}

impl Arithmetic for OnDevice {
    fn gains(
        &self,
        kernel: Shifted,
        low: &[f32],
        weights: &[f32],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<f64>, ComputeError> {
        let (low, weights) = (self.column(low)?, self.column(weights)?);
        let sums = self.squares.f_zeros_like()?.f_to_kind(Kind::Double)?; // [n]
        let blocks = self.blocks();
        for (i, &block) in blocks.iter().enumerate() {
            let part = self.part(block)?;
            for &other in &blocks[i..] {
                if cancelled() {
                    return Err(ComputeError::Cancelled);
                }
                let squares = between(&part, &self.part(other)?)?; // [block, other]
                let k = apply(kernel, squares)?;
                add_gains(&sums, block, &k, (&low, &weights), other)?;
                if other != block {
                    add_gains(&sums, other, &k.f_tr()?, (&low, &weights), block)?;
                }
            }
        }
        Ok(sums.try_into()?)
    }

    fn growth(
        &self,
        kernel: Shifted,
        rows: &[u32],
        changed: &Changed,
    ) -> Result<Vec<f64>, ComputeError> {
        let part = self.gather(rows)?;
        let mut sums = vec![0.0; rows.len()];
        for first in (0..changed.rows.len()).step_by(BLOCK as usize) {
            let here = first..changed.rows.len().min(first + BLOCK as usize);
            let other = self.gather(&changed.rows[here.clone()])?;
            let k = apply(kernel, between(&part, &other)?)?; // [rows, changed]
            let low = self.column(&changed.low[here.clone()])?;
            let high = self.column(&changed.high[here.clone()])?;
            let grown = k.f_maximum(&low)?.f_minimum(&high)?.f_sub(&low)?;
            let of_rows = grown.f_mv(&self.column(&changed.weights[here])?)?;
            let of_rows: Vec<f32> = of_rows.try_into()?;
            sums.iter_mut().zip(of_rows).for_each(|(sum, x)| *sum += f64::from(x));
        }
        Ok(sums)
    }

    fn block(&self) -> usize {
        BLOCK as usize
    }
}

/// Adds to the sums of the rows of `block` what they gain of the rows of `of`; `k` is [block, of].
fn add_gains(
    sums: &Tensor,
    block: (i64, i64),
    k: &Tensor,
    (low, weights): (&Tensor, &Tensor),
    of: (i64, i64),
) -> Result<(), ComputeError> {
    let low = low.f_narrow(0, of.0, of.1)?;
    let gains = k.f_sub(&low)?.f_relu_()?.f_mv(&weights.f_narrow(0, of.0, of.1)?)?; // [block]
    let _in_place = sums.f_narrow(0, block.0, block.1)?.f_add_(&gains)?;
    Ok(())
}
