//! k-means++ and Lloyd's iteration, and nearest rows: written to be read, one distance at a time.

use serde_json::Value;

use super::arena::Owned;
use crate::features::Matrix;
use crate::{Error, Result, Rng};

/// Rows in f64.
struct Points {
    data: Vec<f64>,
    cols: usize,
}

/// The end of Lloyd's iteration.
struct Clusters {
    centers: Points,
    /// Point -> its nearest centre.
    labels: Vec<usize>,
    /// Sum of squared distances.
    inertia: f64,
    iterations: u32,
}

impl Points {
    fn of(matrix: &Matrix<'_>) -> Self {
        let data = matrix.rows().flatten().map(|&x| f64::from(x)).collect();
        Self { data, cols: matrix.n_cols() }
    }

    fn len(&self) -> usize {
        self.data.len().checked_div(self.cols).unwrap_or(0)
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.len()).map(|i| self.row(i))
    }

    /// Mean over the columns of their variance.
    fn mean_variance(&self) -> f64 {
        let n = self.len() as f64;
        let of_column = |column: usize| {
            let mean = self.rows().map(|row| row[column]).sum::<f64>() / n;
            self.rows().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / n
        };
        (0..self.cols).map(of_column).sum::<f64>() / self.cols as f64
    }
}

/// The service `kmeans/1`.
pub(super) fn answer(points: &Matrix<'_>, options: &Value, rng: &mut Rng) -> Result<Owned> {
    let number = |name: &str| options[name].as_u64().unwrap_or(1) as usize;
    let (k, restarts) = (number("k"), number("restarts"));
    let points = Points::of(points);
    if k == 0 || k > points.len() {
        return Err(Error::new(format!("{k} clusters of {} points", points.len())));
    }
    let tolerance = options["tolerance"].as_f64().unwrap_or(1e-4) * points.mean_variance();
    let mut best: Option<Clusters> = None;
    for _ in 0..restarts.max(1) {
        let picks = plus_plus(&points, k, || rng.f64());
        let start = picks.iter().flat_map(|&i| points.row(i)).copied().collect();
        let start = Points { data: start, cols: points.cols };
        let clusters = lloyd(&points, start, number("max_iterations") as u32, tolerance);
        if best.as_ref().is_none_or(|best| clusters.inertia < best.inertia) {
            best = Some(clusters);
        }
    }
    let best = best.expect("there is at least one run");
    Ok(Owned {
        rows: k,
        cols: points.cols,
        f32s: best.centers.data.iter().map(|&x| x as f32).collect(),
        f64s: vec![best.inertia, f64::from(best.iterations)],
        u32s: best.labels.iter().map(|&label| label as u32).collect(),
        ..Owned::default()
    })
}

/// k-means++ (Arthur and Vassilvitskii 2007): the first pick is uniform, every other one has a
/// probability proportional to the squared distance to the nearest pick. One uniform number a pick:
/// the first row whose cumulative share exceeds it. Where all distances are 0, the first row that
/// is not picked.
fn plus_plus(points: &Points, k: usize, mut uniform: impl FnMut() -> f64) -> Vec<usize> {
    let mut picks = vec![(uniform() * points.len() as f64) as usize];
    let mut nearest = vec![f64::INFINITY; points.len()];
    while picks.len() < k {
        let last = points.row(picks[picks.len() - 1]);
        for (nearest, row) in nearest.iter_mut().zip(points.rows()) {
            *nearest = nearest.min(squared_distance(row, last));
        }
        let total: f64 = nearest.iter().sum();
        let aim = uniform() * total;
        let mut sum = 0.0;
        let pick = nearest.iter().position(|d| {
            sum += d;
            sum > aim
        });
        let unpicked = || (0..points.len()).find(|i| !picks.contains(i));
        picks.push(pick.or_else(unpicked).expect("k is at most the number of points"));
    }
    picks
}

/// Lloyd's iteration from given centres. It ends when the centres move, squared and summed, by at
/// most `tolerance`.
fn lloyd(points: &Points, start: Points, max_iterations: u32, tolerance: f64) -> Clusters {
    let mut centers = start;
    let mut iterations = 0;
    while iterations < max_iterations.max(1) {
        iterations += 1;
        let moved = means(points, &centers);
        let shift = squared_distance(&moved.data, &centers.data);
        centers = moved;
        if shift <= tolerance {
            break;
        }
    }
    let (labels, distances) = assign(points, &centers);
    Clusters { centers, labels, inertia: distances.iter().sum(), iterations }
}

/// Each point's nearest centre (ties to the lower one), and the squared distance to it.
fn assign(points: &Points, centers: &Points) -> (Vec<usize>, Vec<f64>) {
    let nearest = |row: &[f64]| {
        let mut best = (0, f64::INFINITY);
        for (label, center) in centers.rows().enumerate() {
            let distance = squared_distance(row, center);
            if distance < best.1 {
                best = (label, distance);
            }
        }
        best
    };
    points.rows().map(nearest).unzip()
}

/// The mean of each centre's points. An empty cluster takes the point farthest from its centre out
/// of that one's cluster (the lowest row among equals), as scikit-learn does.
fn means(points: &Points, centers: &Points) -> Points {
    let (mut labels, mut distances) = assign(points, centers);
    let mut counts = vec![0_usize; centers.len()];
    for &label in &labels {
        counts[label] += 1;
    }
    for empty in 0..counts.len() {
        if counts[empty] > 0 {
            continue;
        }
        let farthest =
            (0..points.len()).rev().max_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        let farthest = farthest.expect("there are at least k points");
        counts[labels[farthest]] -= 1;
        counts[empty] = 1;
        labels[farthest] = empty;
        distances[farthest] = f64::NEG_INFINITY;
    }
    let mut moved = Points { data: vec![0.0; centers.data.len()], cols: centers.cols };
    for (row, &label) in points.rows().zip(&labels) {
        let sums = &mut moved.data[label * points.cols..(label + 1) * points.cols];
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    for (label, &count) in counts.iter().enumerate() {
        // A cluster that was emptied for another one stays where it was.
        let at = label * points.cols..(label + 1) * points.cols;
        if count == 0 {
            moved.data[at.clone()].copy_from_slice(&centers.data[at]);
        } else {
            moved.data[at].iter_mut().for_each(|sum| *sum /= count as f64);
        }
    }
    moved
}

/// The service `nearest/1`.
pub(super) fn nearest(points: &Matrix<'_>, centers: &Matrix<'_>, k: usize) -> Owned {
    let mut owned = Owned { rows: centers.n_rows(), cols: k, ..Owned::default() };
    let points = Points::of(points);
    for center in Points::of(centers).rows() {
        let all = by_distance(&points, center);
        owned.u32s.extend(all[..k].iter().map(|entry| entry.1));
        owned.f32s.extend(all[..k].iter().map(|entry| entry.0.sqrt() as f32));
    }
    owned
}

/// Squared distances to all points, nearest first, ties to the lower row.
fn by_distance(points: &Points, center: &[f64]) -> Vec<(f64, u32)> {
    let mut all: Vec<(f64, u32)> =
        points.rows().zip(0..).map(|(row, i)| (squared_distance(row, center), i)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::compute::golden::Golden;
    use super::*;

    const N1000: Golden =
        Golden(include_bytes!("../../../tests/fixtures/strategies/alps_n1000_d128_k50.npz"));
    const DUPS: Golden =
        Golden(include_bytes!("../../../tests/fixtures/strategies/alps_dups_n300_d32_k60.npz"));

    fn points(file: &Golden) -> Points {
        let (data, cols) = file.matrix::<f64>("X");
        Points { data, cols }
    }

    fn check_plus_plus(file: &Golden, meaningful: usize) {
        let mut uniforms = file.vector::<f64>("kpp_uniforms").into_iter();
        let picks = plus_plus(&points(file), uniforms.len(), || uniforms.next().unwrap());
        let expected = file.vector::<i64>("kpp_picks");
        for (got, expected) in picks.iter().zip(&expected[..meaningful]) {
            assert_eq!(*got as i64, *expected);
        }
    }

    #[test]
    fn plus_plus_picks_agree_with_those_computed_elsewhere() {
        check_plus_plus(&N1000, 50);
        check_plus_plus(&DUPS, 43);
    }

    #[test]
    fn the_fixed_point_stays_where_it_is() {
        let (centers, cols) = N1000.matrix::<f64>("fixed_centers");
        let clusters = lloyd(&points(&N1000), Points { data: centers.clone(), cols }, 300, 0.0);
        let labels: Vec<i32> = clusters.labels.iter().map(|&label| label as i32).collect();
        assert_eq!(labels, N1000.vector::<i32>("fixed_labels"));
        assert!((clusters.inertia - 524.458_714_989_569_8).abs() < 1e-9);
        let moved = squared_distance(&clusters.centers.data, &centers);
        assert!(moved < 1e-28, "the centres moved by {moved}");
    }

    #[test]
    fn nearest_rows_agree_with_those_computed_elsewhere() {
        for file in [N1000, DUPS] {
            let (centers, cols) = file.matrix::<f64>("fixed_centers");
            let points = points(&file);
            let nearest: Vec<i64> = centers
                .chunks(cols)
                .map(|center| i64::from(by_distance(&points, center)[0].1))
                .collect();
            assert_eq!(nearest, file.vector::<i64>("fixed_near"));
        }
    }

    fn cluster(x: &[f32], cols: usize, k: usize, restarts: u32) -> Owned {
        let options =
            json!({ "k": k, "restarts": restarts, "max_iterations": 300, "tolerance": 1e-4 });
        let points = Matrix::new(x, x.len() / cols, cols);
        answer(&points, &options, &mut Rng::stream(&[1; 32], "k-means")).unwrap()
    }

    #[test]
    fn two_groups_are_found() {
        let clusters = cluster(&[0.0, 0.2, 9.0, 9.2, 0.1, 9.1], 1, 2, 1);
        let labels = &clusters.u32s;
        assert!(labels[0] == labels[1] && labels[0] == labels[4] && labels[0] != labels[2]);
        assert!((clusters.f64s[0] - 0.04).abs() < 1e-6, "inertia {}", clusters.f64s[0]);
    }

    #[test]
    fn more_clusters_than_distinct_rows_do_no_harm() {
        let clusters = cluster(&[1.0, 1.0, 1.0, 5.0, 5.0], 1, 4, 2);
        assert_eq!(clusters.f32s.len(), 4);
        assert!(clusters.f64s[0] < 1e-20, "inertia {}", clusters.f64s[0]);
    }

    #[test]
    fn restarts_never_make_it_worse() {
        let (x, cols) = N1000.matrix::<f64>("X");
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        assert!(cluster(&x, cols, 50, 3).f64s[0] <= cluster(&x, cols, 50, 1).f64s[0]);
    }
}
