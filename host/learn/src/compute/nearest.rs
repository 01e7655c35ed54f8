//! The nearest rows to given centres, exactly: a matrix product in f32 finds the candidates, and
//! distances in f64 decide.

use alhost_model::Nearest;
use rayon::prelude::*;

use super::distance::{BLOCK, dot_products, squared_distance, squared_norms};
use super::{ComputeError, MatrixView};

/// Centres that one task looks at together.
const CENTERS: usize = 8;

/// The `k` nearest rows of `points` to each row of `centers`, Euclid, on the CPU.
pub fn nearest(
    points: MatrixView<'_>,
    centers: MatrixView<'_>,
    k: usize,
) -> Result<Nearest, ComputeError> {
    points.check("points")?;
    centers.check("centers")?;
    if points.cols != centers.cols {
        return Err(ComputeError::Columns {
            name: "points",
            cols: points.cols,
            others: "centers",
            other_cols: centers.cols,
        });
    }
    if k == 0 || k > points.rows {
        let expected = format!("between 1 and the number of points, {}", points.rows);
        return Err(ComputeError::option("k", k, expected));
    }
    let norms = squared_norms(points);
    let found: Vec<Vec<(f64, u32)>> = (0..centers.rows.div_ceil(CENTERS))
        .into_par_iter()
        .flat_map_iter(|task| {
            let rows = task * CENTERS..((task + 1) * CENTERS).min(centers.rows);
            let data = &centers.data[rows.start * centers.cols..rows.end * centers.cols];
            k_nearest(points, &norms, MatrixView { data, rows: rows.len(), ..centers }, k)
        })
        .collect();
    Ok(Nearest {
        indices: found.iter().flatten().map(|&(_, row)| row).collect(),
        distances: found.iter().flatten().map(|&(square, _)| square.sqrt() as f32).collect(),
    })
}

/// Returns the squared distance and the row of the k nearest, for each of a few centres.
fn k_nearest(
    points: MatrixView<'_>,
    norms: &[f64],
    centers: MatrixView<'_>,
    k: usize,
) -> Vec<Vec<(f64, u32)>> {
    let approximate = approximate(points, norms, centers);
    let longest = norms.iter().copied().fold(0.0, f64::max).sqrt();
    (0..centers.rows)
        .map(|center| {
            let approximate = &approximate[center * points.rows..(center + 1) * points.rows];
            let center = centers.row(center);
            let length = squared_distance(center, &vec![0.0; center.len()]).sqrt();
            let candidates = candidates(approximate, k, dot_error(points.cols) * longest * length);
            let mut exact: Vec<(f64, u32)> = candidates
                .map(|row| (squared_distance(points.row(row), center), row as u32))
                .collect();
            exact.sort_unstable_by(|l, r| l.0.total_cmp(&r.0).then(l.1.cmp(&r.1)));
            exact.truncate(k);
            exact
        })
        .collect()
}

/// |x|² - 2 x·c, [centres, points]: the squared distance but for |c|², up to the error of x·c.
fn approximate(points: MatrixView<'_>, norms: &[f64], centers: MatrixView<'_>) -> Vec<f64> {
    let mut approximate = vec![0.0; centers.rows * points.rows];
    if points.cols == 0 {
        return approximate;
    }
    let mut dots = vec![0.0; BLOCK * centers.rows];
    for (block_idx, block) in points.data.chunks(BLOCK * points.cols).enumerate() {
        let first = block_idx * BLOCK;
        let n = block.len() / points.cols;
        let dots = &mut dots[..n * centers.rows]; // [n, centres]
        dot_products(block, centers.data, points.cols, dots);
        for (row, dots) in dots.chunks_exact(centers.rows).enumerate() {
            let row = first + row;
            for (center, dot) in dots.iter().enumerate() {
                approximate[center * points.rows + row] = norms[row] - 2.0 * f64::from(*dot);
            }
        }
    }
    approximate
}

/// Bound on |fl(x·c) - x·c| in f32, as a multiple of |x| |c| (Higham 2002, section 3.1).
fn dot_error(cols: usize) -> f64 {
    let cols = cols as f64 * f64::from(f32::EPSILON) / 2.0;
    cols / (1.0 - cols)
}

/// The rows that may be among the k nearest, when each value is off by up to twice `error`.
fn candidates(approximate: &[f64], k: usize, error: f64) -> impl Iterator<Item = usize> {
    let mut sorted = approximate.to_vec();
    let (_, kth, _) = sorted.select_nth_unstable_by(k - 1, f64::total_cmp);
    let limit = *kth + 4.0 * error;
    (0..approximate.len()).filter(move |&row| approximate[row] <= limit)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};

    use super::*;
    use alhost_base::matrix::Matrix;

    /// Few distinct values, so that many distances are equal, or nearly so with `noise`.
    fn random(seed: u64, rows: usize, cols: usize, noise: f32) -> Matrix {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut value = || (rng.next_u32() % 3) as f32 + noise * (rng.next_u32() % 5) as f32;
        Matrix::new((0..rows * cols).map(|_| value()).collect(), rows, cols)
    }

    fn check(points: &Matrix, centers: &Matrix, k: usize) {
        let found = nearest(points.into(), centers.into(), k).unwrap();
        for center in 0..centers.rows {
            let distance = |row| squared_distance(points.row(row as usize), centers.row(center));
            let mut rows: Vec<u32> = (0..points.rows as u32).collect();
            rows.sort_by(|&l, &r| distance(l).total_cmp(&distance(r)));
            let range = center * k..(center + 1) * k;
            assert_eq!(found.indices[range.clone()], rows[..k], "center {center}");
            for (&row, &found) in rows.iter().zip(&found.distances[range]) {
                assert!((distance(row).sqrt() - f64::from(found)).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn the_nearest_are_those_of_a_full_sort() {
        for noise in [0.0, 1e-6] {
            check(&random(1, 300, 4, noise), &random(2, 20, 4, noise), 7);
            check(&random(3, 40, 3, noise), &random(4, 1, 3, noise), 40);
            check(&random(5, 700, 50, noise), &random(5, 9, 50, noise), 3);
        }
    }

    #[test]
    fn wrong_arguments_are_named() {
        let (points, centers) = (random(1, 3, 2, 0.0), random(1, 3, 4, 0.0));
        let error = |centers: &Matrix, k| {
            nearest((&points).into(), centers.into(), k).unwrap_err().to_string()
        };
        assert_eq!(error(&centers, 1), "points have 2 columns, centers have 4");
        let expected = "`k` is 4, but must be between 1 and the number of points, 3";
        assert_eq!(error(&points, 4), expected);
    }
}
