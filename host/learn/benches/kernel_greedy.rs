//! The greedy cover at 44,689 x 768, 100 picks, with 2,000 fixed rows or none, on the CPU.
//!
//! `cargo bench -p alhost-learn --bench kernel_greedy -- THREADS [ROWS]`
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use alhost_base::matrix::Matrix;
use alhost_learn::compute::kernel_greedy;
use alhost_model::ToCover;
use alhost_plugin_api::services::{GreedyRule, KernelGreedyOptions};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rustix::time::{ClockId, clock_gettime};
use tch::Device;

const COLS: usize = 768;
const FIXED: usize = 2_000;
const TOPICS: usize = 300;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let threads = numbers.first().copied().unwrap_or(1);
    let rows = numbers.get(1).copied().unwrap_or(44_689);
    tch::set_num_threads(threads as i32);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .expect("nothing has used the threads yet");
    println!("{rows} x {COLS}, 100 picks, {threads} threads");
    let all = texts(rows + FIXED);
    let (points, fixed) = all.data.split_at(rows * COLS);
    let points = Matrix::new(points.to_vec(), rows, COLS);
    let fixed = Matrix::new(fixed.to_vec(), FIXED, COLS);
    let none = Matrix::zeros(0, COLS);
    for fixed in [&fixed, &none] {
        for rule in [
            GreedyRule::Farthest,
            GreedyRule::Ball { delta: 0.4 },
            GreedyRule::Ball { delta: 0.6 },
            GreedyRule::Gaussian { width: 1.0 },
            GreedyRule::Gaussian { width: 0.3 },
        ] {
            let given = ToCover { points: &points, fixed, weights: None };
            let options = KernelGreedyOptions { k: 100, rule, normalize: true };
            let (start, cpu) = (Instant::now(), cpu_seconds());
            let found = kernel_greedy(&given, &options, Device::Cpu, &|| false)
                .expect("the options are right");
            let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            println!(
                "{} fixed, {rule:?}: {seconds:.1} s, {cpu:.1} s of processor time",
                fixed.rows
            );
            let (first, last) = (found.gains[0], found.gains[99]);
            println!("    gains {first:.4} to {last:.4}, coverage {:.4}", found.coverage);
        }
    }
}

/// Seconds that this process has had of the processors.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Vectors like those of texts in an encoder that was not trained for them: most of a vector is the same for
/// all, the rest one to three topics and noise, both with more weight on the first columns.
fn texts(rows: usize) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut vector = |length: f64| {
        let mut vector: Vec<f64> = (0..COLS)
            .map(|col| {
                let normal = (0..4).map(|_| uniform() - 0.5).sum::<f64>();
                normal / (1.0 + col as f64).powf(0.3)
            })
            .collect();
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        for x in &mut vector {
            *x *= length / norm;
        }
        vector
    };
    let common = vector(1.0);
    let topics: Vec<Vec<f64>> = (0..TOPICS).map(|_| vector(0.5)).collect();
    let noise: Vec<Vec<f64>> = (0..rows).map(|_| vector(0.35)).collect();
    let mut texts = Matrix::zeros(rows, COLS);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for (row, noise) in noise.iter().enumerate() {
        let n_topics = 1 + rng.next_u32() as usize % 3;
        let mut text: Vec<f64> = common.iter().zip(noise).map(|(a, b)| a + b).collect();
        for _ in 0..n_topics {
            // The first topics are the frequent ones.
            let share = (f64::from(rng.next_u32()) / f64::from(u32::MAX)).powi(2);
            let topic = &topics[(share * (TOPICS - 1) as f64) as usize];
            text.iter_mut().zip(topic).for_each(|(x, t)| *x += t / n_topics as f64);
        }
        texts.row_mut(row).iter_mut().zip(text).for_each(|(to, x)| *to = x as f32);
    }
    texts
}
