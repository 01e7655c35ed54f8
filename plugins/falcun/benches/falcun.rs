//! Time of FALCUN at the size of EurLex: 44,689 texts, 739 labels, 100 picks.
//! `cargo bench -p alhost-plugin-falcun`.

use std::io::Write;
use std::time::Instant;

use alhost_plugin_api::Rng;
use alhost_plugin_api::features::Matrix;
use falcun::doubts;
use falcun::drawing::Drawing;

const N_TEXTS: usize = 44_689;
const N_LABELS: usize = 739;

fn main() {
    let mut rng = Rng::stream(&[7; 32], "bench");
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let proba: Vec<f32> =
        (0..N_TEXTS * N_LABELS).map(|_| sigmoid(2.1 * rng.normal() - 6.0) as f32).collect();

    let (started, before) = (Instant::now(), processor_seconds());
    let proba = Matrix::new(&proba, N_TEXTS, N_LABELS);
    let doubts = doubts(proba, 10);
    let mut drawing = Drawing::new(proba, &doubts, 10.0);
    let last = (0..100).map(|_| drawing.pick(rng.f64())).last();
    let (clock, seconds) = (started.elapsed().as_secs_f64(), processor_seconds() - before);
    writeln!(
        std::io::stdout(),
        "{seconds:.2} s of processor time ({clock:.2} s by the clock); last pick {last:?}"
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

#[expect(clippy::disallowed_methods, reason = "the name of the file is no news in a benchmark")]
fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}
