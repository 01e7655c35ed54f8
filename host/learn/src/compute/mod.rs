//! Heavy arithmetic that strategies share: k-means, nearest rows, a binary discriminator, a greedy cover. What
//! runs on the CPU in our own code gives the same bits whatever the number of threads.

pub mod discriminator;
mod distance;
mod error;
pub mod kernel_greedy;
pub mod kmeans;
mod mlp;
pub mod nearest;

pub use discriminator::discriminator;
pub use error::ComputeError;
pub use kernel_greedy::kernel_greedy;
pub use kmeans::kmeans;
pub use nearest::nearest;

use alhost_base::matrix::Matrix;
use alhost_model::{Cancelled, Compute, Discriminator, KMeans, KernelGreedy, Nearest, ToCover};
use alhost_plugin_api::services::{DiscriminatorOptions, KMeansOptions, KernelGreedyOptions};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use tch::Device;

/// A dense row-major matrix that somebody else owns.
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a> {
    /// `rows * cols` values, row by row.
    pub data: &'a [f32],
    pub rows: usize,
    pub cols: usize,
}

impl<'a> MatrixView<'a> {
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Refuses a matrix whose numbers do not fit each other, or that holds NaN or infinity: neither
    /// has a distance. `name` is what the message calls it.
    fn check(&self, name: &'static str) -> Result<(), ComputeError> {
        if self.rows.checked_mul(self.cols) != Some(self.data.len()) {
            let (rows, cols) = (self.rows, self.cols);
            return Err(ComputeError::Shape { name, rows, cols, values: self.data.len() });
        }
        match self.data.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(ComputeError::NotFinite { name, row: at / self.cols }),
            None => Ok(()),
        }
    }
}

impl<'a> From<&'a Matrix> for MatrixView<'a> {
    fn from(matrix: &'a Matrix) -> Self {
        Self { data: &matrix.data, rows: matrix.rows, cols: matrix.cols }
    }
}

/// A number in [0, 1) with 53 random bits.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The arithmetic on one device.
pub struct On(pub Device);

impl Compute for On {
    fn kmeans(
        &self,
        points: &Matrix,
        options: &KMeansOptions,
        rng: &mut ChaCha8Rng,
        cancelled: &Cancelled<'_>,
    ) -> anyhow::Result<KMeans> {
        Ok(kmeans(points.into(), options, rng, self.0, cancelled)?)
    }

    fn nearest(&self, points: &Matrix, centers: &Matrix, k: usize) -> anyhow::Result<Nearest> {
        Ok(nearest(points.into(), centers.into(), k)?)
    }

    fn discriminator(
        &self,
        labeled: &Matrix,
        unlabeled: &Matrix,
        options: &DiscriminatorOptions,
        rng: &mut ChaCha8Rng,
        cancelled: &Cancelled<'_>,
    ) -> anyhow::Result<Discriminator> {
        let (labeled, unlabeled) = (labeled.into(), unlabeled.into());
        Ok(discriminator(labeled, unlabeled, options, rng, self.0, cancelled)?)
    }

    fn kernel_greedy(
        &self,
        given: &ToCover<'_>,
        options: &KernelGreedyOptions,
        cancelled: &Cancelled<'_>,
    ) -> anyhow::Result<KernelGreedy> {
        Ok(kernel_greedy(given, options, self.0, cancelled)?)
    }
}
