//! k-means against golden values, brute force, and itself on other threads and devices.

use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::compute::distance::squared_distance;
use crate::compute::nearest;

/// One of the golden files: surprisal vectors of texts, made by formula.
struct Golden(NpzReader<fs_err::File>);

impl Golden {
    fn open(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/strategies");
        let path = format!("{folder}/{name}.npz");
        Self(NpzReader::new(fs_err::File::open(path).unwrap()).unwrap())
    }

    fn matrix(&mut self, name: &str) -> Matrix {
        let array: Array2<f64> = self.0.by_name(name).unwrap();
        let (rows, cols) = array.dim();
        Matrix::new(array.iter().map(|&value| value as f32).collect(), rows, cols)
    }

    fn indices(&mut self, name: &str) -> Vec<u32> {
        let array: Array1<i64> = self.0.by_name(name).unwrap();
        array.iter().map(|&index| index as u32).collect()
    }
}

fn options(k: usize) -> KMeansOptions {
    KMeansOptions { k, restarts: 1, max_iterations: 300, tolerance: 1e-4, stream: String::new() }
}

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(11)
}

fn stop(points: MatrixView<'_>) -> lloyd::Stop {
    lloyd::Stop { max_iterations: 300, shift: 1e-4 * mean_variance(points) }
}

/// Rows of which some are equal and some are zero, as surprisal vectors of short texts are.
fn random_points(rows: usize, cols: usize) -> Matrix {
    let mut rng = rng();
    let mut points = Matrix::zeros(rows, cols);
    for row in 0..rows {
        if row % 7 == 3 {
            points.data.copy_within((row - 3) * cols..(row - 2) * cols, row * cols);
        } else if row % 11 != 5 {
            for value in points.row_mut(row) {
                let u = uniform(&mut rng);
                *value = if u < 0.3 { (u * 3.0) as f32 } else { 0.0 };
            }
        }
    }
    points
}

fn check_picks(name: &str, n_exact: usize) {
    let mut golden = Golden::open(name);
    let points = golden.matrix("X");
    let uniforms: Array1<f64> = golden.0.by_name("kpp_uniforms").unwrap();
    let expected = golden.indices("kpp_picks");
    let view = MatrixView::from(&points);
    let on_device = OnDevice::new(view, Device::Cpu).unwrap();
    for arithmetic in [&OnHost::new(view) as &dyn Arithmetic, &on_device] {
        let mut next = uniforms.iter().copied();
        let mut next = || next.next().unwrap();
        let picks =
            start::plus_plus(view, uniforms.len(), arithmetic, &mut next, &|| false).unwrap();
        assert_eq!(picks[..n_exact], expected[..n_exact], "{name}");
        let mut distinct = picks.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), picks.len(), "{name}");
    }
}

#[test]
fn the_start_picks_the_golden_rows() {
    check_picks("alps_n1000_d128_k50", 50);
    // 43 distinct rows; after them all distances are zero.
    check_picks("alps_dups_n300_d32_k60", 43);
}

#[test]
fn the_golden_clusters_are_a_fixed_point() {
    let mut golden = Golden::open("alps_n1000_d128_k50");
    let points = golden.matrix("X");
    let centers = golden.matrix("fixed_centers");
    let labels: Array1<i32> = golden.0.by_name("fixed_labels").unwrap();
    let view = MatrixView::from(&points);
    let on_device = OnDevice::new(view, Device::Cpu).unwrap();
    for arithmetic in [&OnHost::new(view) as &dyn Arithmetic, &on_device] {
        let found =
            lloyd::iterate(view, centers.clone(), &stop(view), arithmetic, &|| false).unwrap();
        assert!(found.labels.iter().zip(&labels).all(|(&found, &label)| found == label as u32));
        assert!((found.inertia - 524.458_714_989_569_8).abs() < 1e-4, "{}", found.inertia);
        for (found, center) in found.centers.data.iter().zip(centers.data.iter()) {
            assert!((found - center).abs() < 1e-6);
        }
    }
}

#[test]
fn an_empty_cluster_takes_a_farthest_row() {
    let mut golden = Golden::open("alps_n1000_d128_k50");
    let points = golden.matrix("X");
    let view = MatrixView::from(&points);
    // Two of these rows are equal, so one cluster is empty after the first assignment.
    let centers = gather(view, &golden.indices("init_idx"));
    let host = OnHost::new(view);
    let found = lloyd::iterate(view, centers, &stop(view), &host, &|| false).unwrap();
    let mut used = [false; 50];
    for &label in &found.labels {
        used[label as usize] = true;
    }
    assert!(used.iter().all(|&used| used));
    // Which of the 397 farthest rows is moved decides the optimum; the golden one has 524.46.
    assert!((found.inertia - 524.46).abs() < 3.0, "{}", found.inertia);
}

#[test]
fn equal_rows_do_not_disturb() {
    let mut golden = Golden::open("alps_dups_n300_d32_k60");
    let points = golden.matrix("X");
    let found = kmeans((&points).into(), &options(60), &mut rng(), Device::Cpu, &|| false).unwrap();
    assert!(found.inertia < 1e-20, "{}", found.inertia);
    assert!(found.centers.data.iter().all(|value| value.is_finite()));
}

/// The centre of a cluster of two is as far from the one as from the other: there, rounding the
/// golden centres to f32 may decide (2 of 50). Ties between equal rows go to the lowest index.
#[test]
fn nearest_rows_to_the_golden_centers_are_the_golden_ones() {
    for (name, n_rounded) in [("alps_n1000_d128_k50", 2), ("alps_dups_n300_d32_k60", 0)] {
        let mut golden = Golden::open(name);
        let (points, centers) = (golden.matrix("X"), golden.matrix("fixed_centers"));
        let found = nearest((&points).into(), (&centers).into(), 1).unwrap().indices;
        let expected = golden.indices("fixed_near");
        let mut n_different = 0;
        for (center, (&found, &expected)) in found.iter().zip(&expected).enumerate() {
            let distance = |row| squared_distance(points.row(row as usize), centers.row(center));
            assert!((distance(found) - distance(expected)).abs() < 1e-7, "{name}: {center}");
            assert!(
                found == expected || points.row(found as usize) != points.row(expected as usize)
            );
            n_different += usize::from(found != expected);
        }
        assert_eq!(n_different, n_rounded, "{name}");
    }
}

#[test]
fn threads_change_no_bit() {
    let points = random_points(1500, 33);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = KMeansOptions { restarts: 2, ..options(20) };
        pool.install(|| kmeans((&points).into(), &options, &mut rng(), Device::Cpu, &|| false))
    };
    assert_eq!(on(1).unwrap(), on(4).unwrap());
}

#[test]
fn the_device_clusters_as_the_host_does() {
    let points = random_points(700, 24);
    let view = MatrixView::from(&points);
    let on = |arithmetic: &dyn Arithmetic| {
        best_restart(view, &options(12), &mut rng(), arithmetic, &|| false).unwrap()
    };
    let host = on(&OnHost::new(view));
    let device = on(&OnDevice::new(view, Device::Cpu).unwrap());
    assert_eq!(host.labels, device.labels);
    assert_eq!(host.iterations, device.iterations);
    assert!((host.inertia - device.inertia).abs() < 1e-6 * host.inertia);
}

#[test]
fn the_answer_is_consistent_and_a_local_optimum() {
    let points = random_points(400, 12);
    let found = kmeans((&points).into(), &options(9), &mut rng(), Device::Cpu, &|| false).unwrap();
    let mut inertia = 0.0;
    for row in 0..points.rows {
        let distance = |center: usize| squared_distance(points.row(row), found.centers.row(center));
        let own = distance(found.labels[row] as usize);
        assert!((0..9).all(|center| own <= distance(center) + 1e-6), "row {row}");
        inertia += own;
    }
    assert!((inertia - found.inertia).abs() < 1e-9);
}

#[test]
fn every_option_counts() {
    let points = random_points(600, 16);
    let run = |options: &KMeansOptions| {
        kmeans((&points).into(), options, &mut rng(), Device::Cpu, &|| false).unwrap()
    };
    let base = run(&options(15));
    assert_eq!(base.centers.rows, 15);
    assert!(run(&KMeansOptions { restarts: 20, ..options(15) }).inertia < base.inertia);
    let short = run(&KMeansOptions { max_iterations: 1, ..options(15) });
    assert!(short.iterations == 1 && short.inertia > base.inertia);
    assert!(run(&KMeansOptions { tolerance: 0.5, ..options(15) }).iterations < base.iterations);
}

#[test]
fn wrong_arguments_are_named() {
    let points = random_points(5, 2);
    let check = |options: &KMeansOptions, cancelled: bool, expected: &str| {
        let error = kmeans((&points).into(), options, &mut rng(), Device::Cpu, &|| cancelled);
        assert_eq!(error.unwrap_err().to_string(), expected);
    };
    check(&options(6), false, "`k` is 6, but must be between 1 and the number of points, 5");
    check(&options(0), false, "`k` is 0, but must be between 1 and the number of points, 5");
    let none = KMeansOptions { restarts: 0, ..options(2) };
    check(&none, false, "`restarts` is 0, but must be at least 1");
    check(&options(2), true, "cancelled");
}
