//! Squared Euclidean distances: exact ones in f64, and all at once as a matrix product in f32.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::MatrixView;

/// Rows that go through one matrix product. Fixed, so that bits do not depend on the threads.
pub(super) const BLOCK: usize = 256;

/// Σ (x - c)², in f64 and always in the same order, so that equal rows have equal distances.
pub(super) fn squared_distance(x: &[f32], c: &[f32]) -> f64 {
    // Eight sums instead of one, which the compiler turns into vector instructions.
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (c_blocks, c_rest) = c.as_chunks::<LANES>();
    for (x, c) in x_blocks.iter().zip(c_blocks) {
        for lane in 0..LANES {
            let difference = f64::from(x[lane]) - f64::from(c[lane]);
            sums[lane] += difference * difference;
        }
    }
    for (lane, (x, c)) in x_rest.iter().zip(c_rest).enumerate() {
        let difference = f64::from(*x) - f64::from(*c);
        sums[lane] += difference * difference;
    }
    sums.iter().sum()
}

/// x · c, in f64 and always in the same order.
pub(super) fn dot(x: &[f32], c: &[f32]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (c_blocks, c_rest) = c.as_chunks::<LANES>();
    for (x, c) in x_blocks.iter().zip(c_blocks) {
        for lane in 0..LANES {
            sums[lane] += f64::from(x[lane]) * f64::from(c[lane]);
        }
    }
    for (lane, (x, c)) in x_rest.iter().zip(c_rest).enumerate() {
        sums[lane] += f64::from(*x) * f64::from(*c);
    }
    sums.iter().sum()
}

/// |x|² of each row.
pub(super) fn squared_norms(points: MatrixView<'_>) -> Vec<f64> {
    let zero = vec![0.0; points.cols];
    (0..points.rows)
        .into_par_iter()
        .with_min_len(BLOCK)
        .map(|row| squared_distance(points.row(row), &zero))
        .collect()
}

/// x · c of every row of `x` with every row of `c`, into `dots` (rows of `x` by rows of `c`).
pub(super) fn dot_products(x: &[f32], c: &[f32], cols: usize, dots: &mut [f32]) {
    let (n, k) = (x.len() / cols, c.len() / cols);
    let shape = "the slices hold whole rows";
    let x = ArrayView2::from_shape((n, cols), x).expect(shape); // [n, cols]
    let c = ArrayView2::from_shape((k, cols), c).expect(shape); // [k, cols]
    let mut dots = ArrayViewMut2::from_shape((n, k), dots).expect(shape); // [n, k]
    general_mat_mul(1.0, &x, &c.t(), 0.0, &mut dots);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_and_dot_products_of_small_rows() {
        let x: Vec<f32> = (0..11).map(|i| i as f32).collect();
        let c = vec![1.0; 11];
        let expected: f64 = (0..11).map(|i| f64::from(i - 1).powi(2)).sum();
        assert!((squared_distance(&x, &c) - expected).abs() < 1e-12);
        assert!((dot(&x, &c) - 55.0).abs() < 1e-12);

        let mut dots = [0.0; 2];
        dot_products(&[1.0, 2.0], &[3.0, 4.0, -1.0, 0.5], 2, &mut dots);
        assert_eq!(dots.map(f32::to_bits), [11.0_f32, 0.0].map(f32::to_bits));
    }
}
