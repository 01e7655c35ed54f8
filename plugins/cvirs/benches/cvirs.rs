//! Time and memory of CVIRS at the size of EurLex: 44,689 pool texts, 2,000 labeled ones, 739
//! labels. `cargo bench -p alhost-plugin-cvirs`.
//!
//! Labels have a long tail: the prior of label l is proportional to 1 / (l + 3)^0.9. About 5.5
//! labels are predicted for a pool text; a labeled text has about 4.4.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use alhost_plugin_api::features::Matrix;
use cvirs::inconsistency::inconsistency;
use cvirs::label_sets::{LabelSets, logit_cutoff};
use cvirs::overlaps::Counting;
use cvirs::ranks::{Key, Ties, borda};
use cvirs::scores::scores;

const N_POOL: usize = 44_689;
const N_LABELED: usize = 2_000;
const N_LABELS: usize = 739;

fn main() {
    let mut uniform = Uniform(7);
    let prior = long_tail(4.4);
    let logits = logits(&prior, &mut uniform);
    let logits = Matrix::new(&logits, N_POOL, N_LABELS);
    let labeled = labeled(&prior, &mut uniform);
    let predicted = LabelSets::predicted(logits, logit_cutoff(0.5)).expect("no NaN");
    print(&format!(
        "{N_POOL} x {N_LABELS} logits, {:.1} labels predicted; {N_LABELED} labeled, {:.1} labels",
        mean_size(&predicted),
        mean_size(&labeled),
    ));
    let distinct = predicted.distinct().first.len();
    print(&format!("{distinct} distinct predicted sets, {} threads", rayon::current_num_threads()));
    let entries = posting_entries(&predicted, &labeled) / N_POOL;
    print(&format!("{entries} entries of posting lists a text, {} words", N_LABELED * 12));
    drop(predicted);

    // First, while no other step has raised the peak.
    let before = forget_peak();
    let whole = || scores(logits, logit_cutoff(0.5), &labeled, Ties::Index);
    drop(time("scores, all in all", whole));
    let peak = status_kib("VmHWM:").saturating_sub(before) as f64 / 1024.0;
    print(&format!("{:<28} {peak:>8.0} MiB", "peak above the logits"));

    let predict = || LabelSets::predicted(logits, logit_cutoff(0.5)).expect("no NaN");
    let predicted = time("predictions", predict);
    time("ranks, ties by index", || borda(logits, Key::Logit, Ties::Index));
    time("ranks, mid-ranks", || borda(logits, Key::Logit, Ties::Midrank));
    for counting in [Counting::Cheapest, Counting::Inverted, Counting::Popcount] {
        time(&format!("inconsistency, {counting:?}"), || {
            inconsistency(&predicted, &labeled, N_LABELS, counting)
        });
    }
}

/// The best of nine runs: by the clock, and by the processor time of all threads, which says more
/// on a machine that has other work.
fn time<T>(what: &str, run: impl Fn() -> T) -> T {
    let (mut clock, mut processor) = (f64::INFINITY, f64::INFINITY);
    let mut answer = None;
    for _ in 0..9 {
        let (start, before) = (Instant::now(), processor_ms());
        answer = Some(run());
        clock = clock.min(start.elapsed().as_secs_f64() * 1e3);
        processor = processor.min(processor_ms() - before);
    }
    print(&format!("{what:<28} {clock:>8.1} ms {processor:>8.1} ms of processor time"));
    answer.expect("there were nine runs")
}

/// Time that all threads have been on a processor so far.
fn processor_ms() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = |path: &Path| {
        let statistics = read(&path.join("schedstat"));
        statistics.split(' ').next().and_then(|first| first.parse::<f64>().ok())
    };
    threads.filter_map(|thread| nanoseconds(&thread.path())).sum::<f64>() / 1e6
}

#[expect(clippy::disallowed_methods, reason = "the name of the file is no news in a benchmark")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout is open");
}

fn mean_size(sets: &LabelSets) -> f64 {
    sets.rows().map(<[u32]>::len).sum::<usize>() as f64 / sets.len() as f64
}

/// Sets the peak of resident memory to what is resident now, and answers that (KiB).
fn forget_peak() -> u64 {
    let mut file = std::fs::OpenOptions::new().write(true).open("/proc/self/clear_refs");
    if let Ok(file) = &mut file {
        // Where this is not allowed, the peak includes making the input.
        drop(file.write_all(b"5"));
    }
    status_kib("VmRSS:")
}

fn status_kib(field: &str) -> u64 {
    let status = read(Path::new("/proc/self/status"));
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Counts the entries that the inverted index would go through, were no two labeled sets equal.
fn posting_entries(predicted: &LabelSets, labeled: &LabelSets) -> usize {
    let mut length = vec![0; N_LABELS];
    for &label in labeled.rows().flatten() {
        length[label as usize] += 1;
    }
    predicted.rows().flatten().map(|&label| length[label as usize]).sum()
}

fn long_tail(cardinality: f64) -> Vec<f64> {
    let weight: Vec<f64> = (0..N_LABELS).map(|l| (l as f64 + 3.0).powf(-0.9)).collect();
    let sum: f64 = weight.iter().sum();
    weight.iter().map(|w| (w / sum * cardinality).min(0.5)).collect()
}

/// ln(prior / (1 - prior)) plus noise; its width sets how many labels are predicted.
fn logits(prior: &[f64], uniform: &mut Uniform) -> Vec<f32> {
    let mut logits = Vec::with_capacity(N_POOL * N_LABELS);
    for _ in 0..N_POOL {
        logits
            .extend(prior.iter().map(|p| (((p / (1.0 - p)).ln()) + 2.1 * uniform.normal()) as f32));
    }
    logits
}

fn labeled(prior: &[f64], uniform: &mut Uniform) -> LabelSets {
    let rows: Vec<Vec<u32>> = (0..N_LABELED)
        .map(|_| (0..).zip(prior).filter_map(|(l, &p)| (uniform.next() < p).then_some(l)).collect())
        .collect();
    LabelSets::from_rows(rows.iter().map(Vec::as_slice))
}

/// `SplitMix64`, as numbers in [0, 1).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Box and Muller's transform.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.next()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.next()).cos()
    }
}
