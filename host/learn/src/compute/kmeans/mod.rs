//! k-means: k-means++ starts, Lloyd's iteration, the best of several restarts.
//!
//! The rules are scikit-learn's (`_kmeans_single_lloyd`, 1.9), where they say anything: the
//! tolerance is relative to the mean variance of the columns, and an empty cluster takes the row
//! that is farthest from its centre. The start is plain k-means++ (Arthur & Vassilvitskii 2007),
//! not scikit-learn's greedy variant.

mod device;
mod host;
mod lloyd;
mod start;

use alhost_base::matrix::Matrix;
use alhost_model::KMeans;
use alhost_plugin_api::services::KMeansOptions;
use rand_chacha::ChaCha8Rng;
use tch::Device;

use self::device::OnDevice;
use self::host::OnHost;
use super::{ComputeError, MatrixView, uniform};

/// Clusters the rows of `points`. On the CPU the arithmetic is our own, and its bits depend on
/// nothing but the arguments.
pub fn kmeans(
    points: MatrixView<'_>,
    options: &KMeansOptions,
    rng: &mut ChaCha8Rng,
    device: Device,
    cancelled: &dyn Fn() -> bool,
) -> Result<KMeans, ComputeError> {
    check(points, options)?;
    let arithmetic: Box<dyn Arithmetic + '_> = match device {
        Device::Cpu => Box::new(OnHost::new(points)),
        device => Box::new(OnDevice::new(points, device)?),
    };
    best_restart(points, options, rng, &*arithmetic, cancelled)
}

/// The arithmetic that k-means does with all rows at once. There are two implementations, the
/// host's and the device's.
trait Arithmetic {
    /// Squared distance of every row to the row `pick`. Zero where the two are equal.
    fn distances_to_row(&self, pick: usize) -> Result<Vec<f64>, ComputeError>;
    /// The nearest centre of every row, the lowest index among equals.
    fn assign(&self, centers: &Matrix) -> Result<Vec<u32>, ComputeError>;
    /// The sums of the rows of each cluster, [k, cols].
    fn sums(&self, labels: &[u32], k: usize) -> Result<Vec<f64>, ComputeError>;
}

fn check(points: MatrixView<'_>, options: &KMeansOptions) -> Result<(), ComputeError> {
    points.check("points")?;
    if options.k == 0 || options.k > points.rows {
        let expected = format!("between 1 and the number of points, {}", points.rows);
        return Err(ComputeError::option("k", options.k, expected));
    }
    if options.restarts == 0 {
        return Err(ComputeError::option("restarts", 0, "at least 1"));
    }
    if options.max_iterations == 0 {
        return Err(ComputeError::option("max_iterations", 0, "at least 1"));
    }
    if options.tolerance.is_nan() || options.tolerance < 0.0 {
        return Err(ComputeError::option("tolerance", options.tolerance, "at least 0"));
    }
    Ok(())
}

fn best_restart(
    points: MatrixView<'_>,
    options: &KMeansOptions,
    rng: &mut ChaCha8Rng,
    arithmetic: &dyn Arithmetic,
    cancelled: &dyn Fn() -> bool,
) -> Result<KMeans, ComputeError> {
    let stop = lloyd::Stop {
        max_iterations: options.max_iterations,
        shift: options.tolerance * mean_variance(points),
    };
    let mut best: Option<KMeans> = None;
    for _ in 0..options.restarts {
        let mut uniforms = || uniform(rng);
        let picks = start::plus_plus(points, options.k, arithmetic, &mut uniforms, cancelled)?;
        let centers = gather(points, &picks);
        let found = lloyd::iterate(points, centers, &stop, arithmetic, cancelled)?;
        if best.as_ref().is_none_or(|best| found.inertia < best.inertia) {
            best = Some(found);
        }
    }
    Ok(best.expect("there is at least one restart"))
}

fn gather(points: MatrixView<'_>, rows: &[u32]) -> Matrix {
    let data = rows.iter().flat_map(|&row| points.row(row as usize)).copied().collect();
    Matrix::new(data, rows.len(), points.cols)
}

/// Mean over columns of their (population) variance.
fn mean_variance(points: MatrixView<'_>) -> f64 {
    let mut means = vec![0.0; points.cols];
    let mut squares = vec![0.0; points.cols];
    for row in 0..points.rows {
        for (mean, &value) in means.iter_mut().zip(points.row(row)) {
            *mean += f64::from(value);
        }
    }
    for mean in &mut means {
        *mean /= points.rows as f64;
    }
    for row in 0..points.rows {
        for ((square, mean), &value) in squares.iter_mut().zip(&means).zip(points.row(row)) {
            *square += (f64::from(value) - mean).powi(2);
        }
    }
    squares.iter().sum::<f64>() / (points.rows * points.cols).max(1) as f64
}

#[cfg(test)]
mod tests;
