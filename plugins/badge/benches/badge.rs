//! Time and memory of BADGE at the size of EurLex: 44,689 texts, 739 labels, features of 768 numbers, 100 picks.
//! `cargo bench -p alhost-plugin-badge`.

use std::io::Write;
use std::time::Instant;

use alhost_plugin_api::Rng;
use alhost_plugin_api::features::Matrix;
use badge::gradients::Gradients;
use badge::seeding::Seeding;

const N_TEXTS: usize = 44_689;
const N_LABELS: usize = 739;
const WIDTH: usize = 768;

fn main() {
    let mut rng = Rng::stream(&[7; 32], "bench");
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let proba: Vec<f32> =
        (0..N_TEXTS * N_LABELS).map(|_| sigmoid(2.1 * rng.normal() - 6.0) as f32).collect();
    let features: Vec<f32> = (0..N_TEXTS * WIDTH).map(|_| rng.normal() as f32).collect();

    let (started, before, peak) = (Instant::now(), processor_seconds(), peak_kib());
    let proba = Matrix::new(&proba, N_TEXTS, N_LABELS);
    let gradients = Gradients::new(proba, Matrix::new(&features, N_TEXTS, WIDTH), 0.3);
    let mut seeding = Seeding::new(&gradients);
    let last = (0..100).map(|_| seeding.pick(rng.f64())).last();
    let (clock, seconds) = (started.elapsed().as_secs_f64(), processor_seconds() - before);
    let kib = peak_kib() - peak;
    writeln!(
        std::io::stdout(),
        "{seconds:.2} s of processor time ({clock:.2} s by the clock), {kib} KiB above the input; \
         last pick {last:?}"
    )
    .expect("stdout is open");
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
