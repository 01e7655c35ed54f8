//! What is measured of one query, how, and how it is printed.

use std::path::Path;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What one query cost.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Cost {
    /// By the clock.
    pub(crate) seconds: f64,
    /// That all threads were on a processor.
    pub(crate) processor: f64,
    /// Of `seconds`, those in services of the host.
    #[serde(default)]
    pub(crate) services: f64,
    /// The peak of resident memory above what was resident before, less what the model gave meanwhile.
    pub(crate) mib: f64,
}

/// What became of a query.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Cost(Cost),
    /// It was stopped; it would have taken more than this.
    More(String),
    Failed(String),
}

impl Outcome {
    pub(crate) const TITLE: &str = "\
strategy                                        s  processor s        own   services        MiB";

    /// A row below the title.
    pub(crate) fn row(&self, name: &str) -> String {
        match self {
            Self::Cost(Cost { seconds, processor, services, mib }) => {
                let own = seconds - services;
                let name = format!("{name:<36} {seconds:>12.3} {processor:>12.3}");
                format!("{name} {own:>10.3} {services:>10.3} {mib:>10.0}")
            }
            Self::More(than) => format!("{name:<36} more than {than}"),
            Self::Failed(why) => format!("{name:<36} {}", why.replace('\n', "; ")),
        }
    }
}

/// Time from some moment on.
pub(crate) struct Timed {
    start: Instant,
    processor: f64,
}

impl Timed {
    pub(crate) fn now() -> Self {
        Self { start: Instant::now(), processor: processor_seconds() }
    }

    /// Seconds by the clock, and those that all threads were on a processor.
    pub(crate) fn elapsed(&self) -> (f64, f64) {
        (self.start.elapsed().as_secs_f64(), processor_seconds() - self.processor)
    }
}

/// Includes the threads that have ended.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Sets the peak of resident memory to what is resident now, and answers that (KiB).
pub(crate) fn forget_peak() -> u64 {
    // Where this is not allowed, the peak includes making the input.
    drop(fs_err::write("/proc/self/clear_refs", "5"));
    status_kib("VmRSS:")
}

/// The peak of resident memory since it was last forgotten (KiB).
pub(crate) fn peak() -> u64 {
    status_kib("VmHWM:")
}

fn status_kib(field: &str) -> u64 {
    let status = fs_err::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
