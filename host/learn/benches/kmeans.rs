//! k-means at 20,000 x 512, k = 100, 20 iterations, beside linfa-clustering on the same points.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use alhost_base::matrix::Matrix;
use alhost_learn::compute::kmeans;
use alhost_plugin_api::services::KMeansOptions;
use linfa::prelude::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::Device;

const ROWS: usize = 20_000;
const COLS: usize = 512;
const K: usize = 100;
const ITERATIONS: u32 = 20;

fn main() {
    let points = surprisal_like();
    println!("{ROWS} x {COLS}, k = {K}, {ITERATIONS} iterations, 1 start");

    let options = KMeansOptions {
        k: K,
        restarts: 1,
        max_iterations: ITERATIONS,
        tolerance: 0.0,
        stream: String::new(),
    };
    let start = Instant::now();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let ours = kmeans((&points).into(), &options, &mut rng, Device::Cpu, &|| false)
        .expect("the options are right");
    let seconds = start.elapsed().as_secs_f64();
    println!("host: {seconds:.2} s, {} iterations, inertia {:.1}", ours.iterations, ours.inertia);

    let linfa_points = Array2::from_shape_vec((ROWS, COLS), points.data.to_vec())
        .expect("the data has rows x cols values");
    let dataset = linfa::DatasetBase::from(linfa_points);
    let start = Instant::now();
    // Its k-means++ and its update are those of one start, too; the tolerance must be positive.
    let theirs = KMeans::params_with_rng(K, ChaCha8Rng::seed_from_u64(2))
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(1)
        .max_n_iterations(u64::from(ITERATIONS))
        .tolerance(1e-12)
        .fit(&dataset);
    let seconds = start.elapsed().as_secs_f64();
    match theirs {
        Ok(model) => {
            println!(
                "linfa-clustering: {seconds:.2} s, inertia {:.1}",
                model.inertia() * ROWS as f32
            );
        }
        // It calls a run that has not converged an error, after doing all the work.
        Err(error) => println!("linfa-clustering: {seconds:.2} s ({error})"),
    }
}

/// Rows of length 1 in which about 15% of the columns are not zero, gamma-like.
fn surprisal_like() -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut points = Matrix::zeros(ROWS, COLS);
    for row in 0..ROWS {
        let length = (64.0 + 448.0 * uniform()) as usize;
        let row = points.row_mut(row);
        for value in &mut row[..length] {
            if uniform() < 0.15 {
                *value = -((1.0 - uniform()) * (1.0 - uniform())).ln() as f32;
            }
        }
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-12);
        for value in row.iter_mut() {
            *value /= norm;
        }
    }
    points
}
