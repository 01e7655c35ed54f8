//! Keeps what a run leaves on disk, so that it can be judged, and gone on with after a kill.
//!
//! ```text
//! runs/<name>/<strategy>/seed-<s>/
//!   manifest.json     what was run, on what; written first
//!   selections.jsonl  line r: the texts that round r is the first to train on; line 0: the initial set
//!   rounds.jsonl      line r: the model of round r, and what it cost
//!   shadow.jsonl      what strategies that only watch would have selected, where there were any
//!   checkpoint/       the strategy's state after the last selection; weights, where rounds start warm
//!   lock              held while a process writes here
//! ```
//!
//! In round r a run trains, evaluates, and selects for round r + 1. Then it writes the strategy's
//! state, the selection, and the round, in this order, each whole and synced before the next; only
//! then the selection is acted upon. So after a kill at any moment the files are those of a run that
//! was stopped between two of these steps, and the next start goes on there: a selection without its
//! round is kept, and the round trained again.

mod acquired;
mod append;
mod chain;
mod checkpoint;
mod error;
mod find;
mod manifest;
mod resume;
mod rounds;
mod run_dir;
mod selections;
mod shadow;
mod sound;

pub use acquired::Acquired;
pub use error::RecordError;
pub use find::find;
pub use manifest::{
    Environment, FULL_DATA, Kind, ModelManifest, PluginManifest, REFERENCE, RETRAINING,
    RunManifest, StrategyManifest,
};
pub use resume::Resume;
pub use rounds::{
    Cost, Headline, RoundRecord, Seconds, Signals, Stop, Thresholds, peak_memory_bytes,
};
pub use run_dir::{Records, RunDir, place, read, read_manifest, same_run};
pub use selections::SelectionRecord;
pub use shadow::{Likeness, ShadowCost, ShadowLog, ShadowRecord, read_shadows};
pub use sound::problem as unsound;

use serde_json::Value;

/// Returns the lines of a record without what differs from run to run: everything under a key
/// `cost`. Two runs of the same seed agree on the rest byte for byte.
///
/// # Panics
/// If a line is not JSON; this is for comparisons of sound records.
pub fn without_cost(lines: &str) -> String {
    let mut kept = String::new();
    for line in lines.lines() {
        let mut record: Value = serde_json::from_str(line).expect("a record has JSON lines");
        if let Some(record) = record.as_object_mut() {
            record.remove("cost");
        }
        kept.push_str(&record.to_string());
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests;
