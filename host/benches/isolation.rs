//! What a strategy's call costs more in a process of its own: a strategy that reads every value of a
//! matrix of 100,000 texts x 768, here and apart, in one run.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at the first thing that is wrong")]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use abi_stable::std_types::{RResult, RSlice, RStr};
use alhost_base::memory::{MemoryHandle, MemoryPool, SharedNumbers};
use alhost_plugin_api::ffi::{Block, Host, PlugError, RoundInfo, SinkMut};
use alhost_plugin_host::{Lends, LoadedStrategy, PluginFile, Setting, WorkerOptions};
use serde_json::json;

static NEVER: AtomicBool = AtomicBool::new(false);

const TEXTS: usize = 100_000;
const COLS: usize = 768;
const CALLS: usize = 15;

/// Lends one matrix, whatever is asked for.
struct OneMatrix {
    numbers: SharedNumbers,
    pool: Vec<u32>,
}

impl Lends for OneMatrix {
    fn memory_of(&self, slice: &[u8]) -> Option<(MemoryHandle, usize)> {
        let offset = slice.as_ptr().addr().checked_sub(self.numbers.as_ptr().addr())?;
        let is_in = offset + slice.len() <= size_of_val(&*self.numbers);
        is_in.then(|| (self.numbers.handle().clone(), offset))
    }
}

impl Host for OneMatrix {
    fn round(&self) -> RoundInfo<'_> {
        RoundInfo {
            round: 1,
            n_texts: TEXTS as u32,
            n_labels: COLS as u32,
            threshold: 0.5,
            pool: self.pool.as_slice().into(),
            labeled: RSlice::EMPTY,
            label_offsets: RSlice::from_slice(&[0]),
            label_ids: RSlice::EMPTY,
            acquired_in: RSlice::EMPTY,
            seed: [1; 32],
        }
    }

    fn fetch(
        &self,
        _feature: RStr<'_>,
        _options: RStr<'_>,
        _ids: RSlice<'_, u32>,
    ) -> RResult<Block<'_>, PlugError> {
        let f32s = RSlice::from_slice(&self.numbers);
        RResult::ROk(Block { rows: TEXTS, cols: COLS, f32s, ..Block::EMPTY })
    }

    fn stream(
        &self,
        _feature: RStr<'_>,
        _options: RStr<'_>,
        _ids: RSlice<'_, u32>,
        _rows: usize,
        _sink: SinkMut<'_>,
    ) -> RResult<(), PlugError> {
        RResult::ROk(())
    }

    fn compute(
        &self,
        _service: RStr<'_>,
        _options: RStr<'_>,
        _inputs: RSlice<'_, Block<'_>>,
    ) -> RResult<Block<'_>, PlugError> {
        RResult::ROk(Block::EMPTY)
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn progress(&self, _done: u64, _total: u64) {}

    fn log(&self, _level: u8, _message: RStr<'_>) {}
}

fn main() {
    let beside = std::env::current_exe().unwrap().with_file_name("libhostile.so");
    let plugin = PluginFile::read(&beside).unwrap();
    let given = json!({ "fault": "read-all" }).as_object().unwrap().clone();
    let setting = Setting { instance: "bench", given: &given, n_texts: TEXTS, n_labels: COLS };
    let options = WorkerOptions {
        program: env!("CARGO_BIN_EXE_alhost-worker").into(),
        deadline: Duration::from_mins(1),
        memory_bytes: 1 << 30,
        threads: 1,
        cancelled: &NEVER,
    };
    let numbers = MemoryPool::default().numbers(TEXTS * COLS).unwrap();
    let mut host = OneMatrix { numbers, pool: (0..TEXTS as u32).collect() };
    for (i, value) in host.numbers.iter_mut().enumerate() {
        *value = (i % 1013) as f32;
    }

    let started = Instant::now();
    let copy = plugin.path.clone();
    let mut apart = LoadedStrategy::create_apart(&plugin, &copy, setting, &options).unwrap();
    println!("a worker starts in {:.1} ms", milliseconds(started));
    let library = Arc::new(plugin.load_here().unwrap());
    let mut here = LoadedStrategy::create(&library, setting).unwrap();

    // In turns, so that both meet the same disturbances.
    let (mut times_here, mut times_apart) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let started = Instant::now();
        let one = here.select(&host, 100).unwrap();
        times_here.push(milliseconds(started));
        let started = Instant::now();
        let other = apart.select_lending(&host, &host, 100).unwrap();
        times_apart.push(milliseconds(started));
        assert_eq!(one.ids, other.ids);
    }
    let first = times_apart.remove(0);
    println!("first call: {:.1} ms here, {first:.1} ms apart", times_here.remove(0));
    let (here, apart) = (median(times_here), median(times_apart));
    println!("later calls, median: {here:.1} ms here, {apart:.1} ms apart ({:+.1})", apart - here);
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
