//! Time and memory of CAL at the size of EurLex: 44,689 texts and 2,000 labeled ones, 739 labels, vectors of 768
//! numbers. `cargo bench -p alhost-plugin-cal`.

use std::io::Write;
use std::time::Instant;

use alhost_plugin_api::Rng;
use alhost_plugin_api::features::Matrix;
use alhost_plugin_kit::rows::UnitRows;
use cal::divergence::Divergence;
use cal::neighbors::Search;
use rayon::prelude::*;

const N_TEXTS: usize = 44_689;
const N_LABELED: usize = 2_000;
const N_LABELS: usize = 739;
const WIDTH: usize = 768;

fn main() {
    let mut rng = Rng::stream(&[7; 32], "bench");
    let (labeled, proba_labeled) = inputs(N_LABELED, &mut rng);
    let (pool, proba) = inputs(N_TEXTS, &mut rng);
    let proba = Matrix::new(&proba, N_TEXTS, N_LABELS);

    let (started, before, peak) = (Instant::now(), processor_seconds(), peak_kib());
    let labeled = UnitRows::new(Matrix::new(&labeled, N_LABELED, WIDTH));
    let pool = UnitRows::new(Matrix::new(&pool, N_TEXTS, WIDTH));
    let nearest = Search::new(&labeled, 10).nearest(&pool, 0..N_TEXTS);
    print(&format!("neighbors after {:.2} s", processor_seconds() - before));

    let divergence = Divergence::new(Matrix::new(&proba_labeled, N_LABELED, N_LABELS));
    let texts = (0..N_TEXTS).into_par_iter().zip(nearest.par_chunks(10));
    let score = |(text, nearest)| divergence.mean_from(proba.row(text), nearest);
    let scores: Vec<f64> = texts.map(score).collect();
    let (clock, seconds) = (started.elapsed().as_secs_f64(), processor_seconds() - before);
    let kib = peak_kib() - peak;
    let mean = scores.iter().sum::<f64>() / N_TEXTS as f64;
    print(&format!(
        "{seconds:.2} s of processor time ({clock:.2} s by the clock), {kib} KiB above the input; \
         mean score {mean:.3}"
    ));
}

/// Vectors and probabilities. Vectors share a direction, as those of an encoder do.
fn inputs(n: usize, rng: &mut Rng) -> (Vec<f32>, Vec<f32>) {
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let vectors = (0..n * WIDTH).map(|_| (1.0 + rng.normal()) as f32).collect();
    let proba = (0..n * N_LABELS).map(|_| sigmoid(2.1 * rng.normal() - 6.0) as f32).collect();
    (vectors, proba)
}

fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout is open");
}

/// Seconds that all threads of this process have had of the processors, in steps of 1/100.
fn processor_seconds() -> f64 {
    let statistics = read("/proc/self/stat");
    // Fields are counted from behind the name, which may contain blanks: user and system time.
    let fields = statistics.rsplit(')').next().into_iter().flat_map(str::split_whitespace);
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The largest memory that this process has had.
fn peak_kib() -> u64 {
    let status = read("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "the name of the file is no news in a benchmark")]
fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}
