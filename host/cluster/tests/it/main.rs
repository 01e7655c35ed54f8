//! Jobs from their settings to their end: scripts as they are written and as bash runs them, Slurm's programs
//! played by small scripts, and a real Slurm where `tests/cluster/start.sh` has started one.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is wrong")]
#![allow(clippy::print_stdout, reason = "a test that does nothing says so")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod fakes;
mod scripts;
mod slurm;

use std::num::NonZeroU32;
use std::path::Path;

use alhost_cluster::{Job, Limits, Settings, Word};

fn job(folder: &Path, command: &[&str], settings: &str) -> Job {
    Job {
        name: "alhost-0123456789abcdef-01234567-cells".to_owned(),
        folder: folder.to_owned(),
        command: command.iter().map(|word| Word::from(*word)).collect(),
        array: None,
        after_ok: None,
        settings: toml::from_str::<Settings>(settings).unwrap(),
    }
}

fn limits(indices: u32, tasks: u32) -> Limits {
    let at_least_one = |number| NonZeroU32::new(number).unwrap();
    Limits { indices: at_least_one(indices), tasks: at_least_one(tasks) }
}
