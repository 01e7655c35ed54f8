//! k-means' arithmetic on a torch device: the points stay there, and what comes back per step is
//! one number a row, or one sum a cluster.

use alhost_base::matrix::Matrix;
use tch::{Device, Kind, Tensor};

use super::Arithmetic;
use crate::compute::{ComputeError, MatrixView};

/// Values of a temporary tensor; more rows than fit go in several steps.
const STEP: usize = 1 << 26;

pub(super) struct OnDevice {
    points: Tensor, // [n, cols]
    rows: i64,
    cols: i64,
}

impl OnDevice {
    pub(super) fn new(points: MatrixView<'_>, device: Device) -> Result<Self, ComputeError> {
        let (rows, cols) = (points.rows as i64, points.cols as i64);
        let tensor = Tensor::f_from_slice(points.data)?.f_reshape([rows, cols])?.f_to(device)?;
        Ok(Self { points: tensor, rows, cols })
    }

    /// Blocks of rows whose temporaries of `width` values a row fit in one step.
    fn blocks(&self, width: i64) -> impl Iterator<Item = Result<(i64, Tensor), ComputeError>> {
        let rows_per_block = (STEP as i64 / width.max(1)).max(1);
        (0..self.rows).step_by(rows_per_block as usize).map(move |first| {
            let n = rows_per_block.min(self.rows - first);
            Ok((first, self.points.f_narrow(0, first, n)?))
        })
    }
}

impl Arithmetic for OnDevice {
    fn distances_to_row(&self, pick: usize) -> Result<Vec<f64>, ComputeError> {
        let pick = self.points.f_narrow(0, pick as i64, 1)?; // [1, cols]
        let mut distances = Vec::with_capacity(self.rows as usize);
        for block in self.blocks(self.cols) {
            // The difference form, since |x|² - 2 x·c + |c|² is not zero for equal rows.
            let difference = block?.1.f_sub(&pick)?;
            let squares = difference.f_square()?.f_sum_dim_intlist(1, false, Kind::Double)?;
            distances.extend(Vec::<f64>::try_from(squares)?);
        }
        Ok(distances)
    }

    fn assign(&self, centers: &Matrix) -> Result<Vec<u32>, ComputeError> {
        let k = centers.rows as i64;
        let centers = Tensor::f_from_slice(&centers.data)?
            .f_reshape([k, self.cols])?
            .f_to(self.points.device())?;
        let norms = centers.f_square()?.f_sum_dim_intlist(1, false, Kind::Float)?; // [k]
        let centers = centers.f_mul_scalar(-2.0)?.f_tr()?; // [cols, k]
        let mut labels = Vec::with_capacity(self.rows as usize);
        for block in self.blocks(k) {
            let distances = norms.f_addmm(&block?.1, &centers)?; // [n, k]
            let nearest: Vec<i64> = distances.f_argmin(1, false)?.try_into()?;
            labels.extend(nearest.into_iter().map(|center| center as u32));
        }
        Ok(labels)
    }

    /// A product with the one-hot matrix of the labels, in f64: unlike an addition by index, its
    /// order is fixed.
    fn sums(&self, labels: &[u32], k: usize) -> Result<Vec<f64>, ComputeError> {
        let device = self.points.device();
        let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        let labels = Tensor::f_from_slice(&labels)?.f_reshape([1, self.rows])?.f_to(device)?;
        let mut sums = Tensor::f_zeros([k as i64, self.cols], (Kind::Double, device))?;
        for block in self.blocks(self.cols.max(k as i64)) {
            let (first, block) = block?;
            let n = block.size()[0];
            let mut one_hot = Tensor::f_zeros([k as i64, n], (Kind::Double, device))?;
            let _in_place = one_hot.f_scatter_value_(0, &labels.f_narrow(1, first, n)?, 1.0)?; // [k, n]
            let _in_place = sums.f_addmm_(&one_hot, &block.f_to_kind(Kind::Double)?)?; // [k, cols]
        }
        Ok(sums.f_reshape([-1])?.try_into()?)
    }
}
