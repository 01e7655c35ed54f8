//! Lloyd's iteration: each row to its nearest centre, each centre to the mean of its rows.

use alhost_base::matrix::Matrix;
use rayon::prelude::*;

use super::{Arithmetic, KMeans};
use crate::compute::distance::{BLOCK, squared_distance};
use crate::compute::{ComputeError, MatrixView};

/// The conditions on which the iteration stops.
pub(super) struct Stop {
    pub(super) max_iterations: u32,
    /// Squared distance by which all centres together may still move.
    pub(super) shift: f64,
}

pub(super) fn iterate(
    points: MatrixView<'_>,
    mut centers: Matrix,
    stop: &Stop,
    arithmetic: &dyn Arithmetic,
    cancelled: &dyn Fn() -> bool,
) -> Result<KMeans, ComputeError> {
    let mut labels = Vec::new();
    let mut is_settled = false;
    let mut iterations = 0;
    while iterations < stop.max_iterations {
        if cancelled() {
            return Err(ComputeError::Cancelled);
        }
        iterations += 1;
        let assigned = arithmetic.assign(&centers)?;
        is_settled = assigned == labels;
        labels = assigned;
        if is_settled {
            break;
        }
        let moved = means(points, &labels, &centers, arithmetic)?;
        let shift = squared_distance(&moved.data, &centers.data);
        centers = moved;
        if shift <= stop.shift {
            break;
        }
    }
    if !is_settled {
        labels = arithmetic.assign(&centers)?;
    }
    let inertia = distances(points, &labels, &centers).iter().sum();
    Ok(KMeans { centers, labels, inertia, iterations })
}

/// The mean of each cluster's rows.
fn means(
    points: MatrixView<'_>,
    labels: &[u32],
    centers: &Matrix,
    arithmetic: &dyn Arithmetic,
) -> Result<Matrix, ComputeError> {
    let (k, cols) = (centers.rows, centers.cols);
    let mut sums = arithmetic.sums(labels, k)?; // [k, cols]
    let mut counts = vec![0_u32; k];
    for &label in labels {
        counts[label as usize] += 1;
    }
    if counts.contains(&0) {
        fill_empty(points, labels, centers, &mut sums, &mut counts);
    }
    let mut means = centers.clone();
    for cluster in (0..k).filter(|&cluster| counts[cluster] > 0) {
        let sums = &sums[cluster * cols..(cluster + 1) * cols];
        for (mean, sum) in means.row_mut(cluster).iter_mut().zip(sums) {
            *mean = (sum / f64::from(counts[cluster])) as f32;
        }
    }
    Ok(means)
}

/// Gives each empty cluster one row: the one farthest from its own centre, the lowest index among
/// equals, and so on. A row that is alone in its cluster or lies on its centre stays, and a
/// cluster that gets none keeps its centre.
fn fill_empty(
    points: MatrixView<'_>,
    labels: &[u32],
    centers: &Matrix,
    sums: &mut [f64],
    counts: &mut [u32],
) {
    let cols = points.cols;
    let distances = distances(points, labels, centers);
    let mut farthest: Vec<usize> = (0..points.rows).filter(|&row| distances[row] > 0.0).collect();
    farthest.sort_by(|&left, &right| distances[right].total_cmp(&distances[left]));
    let mut farthest = farthest.into_iter();
    let empty: Vec<usize> = (0..counts.len()).filter(|&cluster| counts[cluster] == 0).collect();
    for cluster in empty {
        let Some(row) = farthest.find(|&row| counts[labels[row] as usize] > 1) else {
            return;
        };
        let old = labels[row] as usize;
        for (col, &value) in points.row(row).iter().enumerate() {
            sums[old * cols + col] -= f64::from(value);
            sums[cluster * cols + col] = f64::from(value);
        }
        counts[old] -= 1;
        counts[cluster] = 1;
    }
}

/// The exact squared distance of each row to the centre of its cluster.
fn distances(points: MatrixView<'_>, labels: &[u32], centers: &Matrix) -> Vec<f64> {
    labels
        .par_iter()
        .with_min_len(BLOCK)
        .enumerate()
        .map(|(row, &label)| squared_distance(points.row(row), centers.row(label as usize)))
        .collect()
}
