//! k-means' arithmetic on the CPU: fixed blocks of rows, so that the threads change no bit.

use alhost_base::matrix::Matrix;
use rayon::prelude::*;

use super::Arithmetic;
use crate::compute::distance::{BLOCK, dot_products, squared_distance, squared_norms};
use crate::compute::{ComputeError, MatrixView};

pub(super) struct OnHost<'a> {
    points: MatrixView<'a>,
}

impl<'a> OnHost<'a> {
    pub(super) fn new(points: MatrixView<'a>) -> Self {
        Self { points }
    }
}

impl Arithmetic for OnHost<'_> {
    fn distances_to_row(&self, pick: usize) -> Result<Vec<f64>, ComputeError> {
        let points = self.points;
        let pick = points.row(pick);
        Ok((0..points.rows)
            .into_par_iter()
            .with_min_len(BLOCK)
            .map(|row| squared_distance(points.row(row), pick))
            .collect())
    }

    /// The nearest centre minimises |c|² - 2 x·c; |x|² is the same for all of them.
    fn assign(&self, centers: &Matrix) -> Result<Vec<u32>, ComputeError> {
        let MatrixView { data, rows, cols } = self.points;
        let norms: Vec<f32> =
            squared_norms(centers.into()).iter().map(|&norm| norm as f32).collect();
        let mut labels = vec![0; rows];
        if cols == 0 {
            return Ok(labels);
        }
        labels.par_chunks_mut(BLOCK).zip(data.par_chunks(BLOCK * cols)).for_each_init(
            || vec![0.0; BLOCK * centers.rows],
            |dots, (labels, block)| {
                let dots = &mut dots[..labels.len() * centers.rows]; // [block, k]
                dot_products(block, &centers.data, cols, dots);
                for (label, dots) in labels.iter_mut().zip(dots.chunks_exact(centers.rows)) {
                    *label = nearest_center(&norms, dots);
                }
            },
        );
        Ok(labels)
    }

    /// Each cluster is summed by one thread, in the order of its rows.
    fn sums(&self, labels: &[u32], k: usize) -> Result<Vec<f64>, ComputeError> {
        let cols = self.points.cols;
        let mut members = vec![Vec::new(); k];
        for (row, &label) in labels.iter().enumerate() {
            members[label as usize].push(row);
        }
        let mut sums = vec![0.0; k * cols]; // [k, cols]
        sums.par_chunks_mut(cols.max(1)).zip(&members).for_each(|(sums, members)| {
            for &row in members {
                for (sum, &value) in sums.iter_mut().zip(self.points.row(row)) {
                    *sum += f64::from(value);
                }
            }
        });
        Ok(sums)
    }
}

fn nearest_center(norms: &[f32], dots: &[f32]) -> u32 {
    let mut best = 0;
    let mut best_distance = f32::INFINITY;
    for (center, (norm, dot)) in norms.iter().zip(dots).enumerate() {
        let distance = norm - 2.0 * dot;
        if distance < best_distance {
            best_distance = distance;
            best = center as u32;
        }
    }
    best
}
