//! The threads of the process: rayon's and libtorch's pools are as large as the system lets them be.
//! Where it lets few be (`ulimit -u`, `pids.max` of a container), both are smaller and all is slower,
//! instead of a panic in one and an abort in the other.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, Builder};
use std::time::Duration;

use alhost_learn::device;
use anyhow::Context as _;

use super::environment;

/// Starts rayon's pool and sizes libtorch's, once and before anything computes.
pub(super) fn start() -> anyhow::Result<()> {
    let wished = Sizes {
        rayon: environment::rayon_threads().clamp(1, rayon::max_num_threads()),
        torch: device::torch_threads().max(1),
    };
    let found = startable(wished.all().min(MOST));
    let sizes = wished.within(found);
    if sizes != wished {
        tracing::warn!(
            "the system lets {found} threads be started, and {} are wanted: computing with {} (of {}) and \
             {} (of {}) in libtorch; RAYON_NUM_THREADS and OMP_NUM_THREADS say how many are wanted",
            wished.all(),
            sizes.rayon,
            wished.rayon,
            sizes.torch,
            wished.torch,
        );
        device::use_torch_threads(sizes.torch);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(sizes.rayon);
    // The thread that there is needs no other.
    let pool = if found == 0 { pool.use_current_thread() } else { pool };
    pool.build_global().context(
        "no threads to compute with can be started\nhint: ask for fewer with RAYON_NUM_THREADS=1 and \
         OMP_NUM_THREADS=1, or for a higher limit of processes (`ulimit -u`)",
    )
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Sizes {
    rayon: usize,
    /// The thread that calls libtorch is one of them.
    torch: usize,
}

impl Sizes {
    fn all(self) -> usize {
        self.rayon.saturating_add(self.torch - 1).saturating_add(SPARE)
    }

    /// Returns sizes as large as wished where so many can be started beside the one that there is,
    /// else both smaller.
    fn within(self, startable: usize) -> Self {
        if startable >= self.all() {
            return self;
        }
        let left = startable.saturating_sub(SPARE);
        let rayon = left.div_ceil(2).clamp(1, self.rayon);
        Self { rayon, torch: 1 + left.saturating_sub(rayon).min(self.torch - 1) }
    }
}

/// Threads for Ctrl-C, for what a plugin's process prints, for workers of a bench.
const SPARE: usize = 4;

/// Nobody computes with more; looking further would take long.
const MOST: usize = 4096;

/// Counts how many threads, of `wanted`, can be started: so many are, and have ended when it
/// returns.
fn startable(wanted: usize) -> usize {
    let before = running();
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
    let mut started = Vec::new();
    while started.len() < wanted {
        let gate = Arc::clone(&gate);
        let wait = move || drop(gate.read());
        match Builder::new().stack_size(STACK).spawn(wait) {
            Ok(thread) => started.push(thread),
            Err(_) => break,
        }
    }
    drop(closed);
    let n = started.len();
    for thread in started {
        let _it_only_waited = thread.join();
    }
    // A thread that has been joined counts until the system has put it away.
    for _moment in 0..100 {
        if running() <= before {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    n
}

const STACK: usize = 64 << 10;

/// Threads of this process; none known where there is no /proc.
fn running() -> usize {
    fs_err::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_as_wished_where_they_can_be_and_never_empty() {
        let wished = Sizes { rayon: 8, torch: 8 };
        assert_eq!(wished.all(), 19);
        assert_eq!(wished.within(19), wished);
        for startable in 0..19 {
            let Sizes { rayon, torch } = wished.within(startable);
            assert!((1..=8).contains(&rayon) && (1..=8).contains(&torch), "{startable}");
            let needed = rayon + torch - 1;
            assert!(needed <= startable.saturating_sub(SPARE).max(1), "{startable}: {needed}");
        }
    }

    #[test]
    fn threads_that_can_be_started_are_counted() {
        assert_eq!(startable(3), 3);
        assert_eq!(startable(0), 0);
    }
}
