//! Gathers from the records of its cells what a grid computed once.

use std::collections::BTreeMap;

use alhost_record::RoundRecord;
use serde::{Deserialize, Serialize};

/// A line of `shared.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReusedBy {
    /// `token ids`, `hidden states`, ...
    pub what: String,
    /// Names the content.
    pub key: String,
    /// Seconds that computing it took.
    pub seconds: f64,
    /// Cells that used it.
    pub cells: usize,
    /// Whether one of them computed it; else it was there before.
    pub computed_here: bool,
}

/// Gathers it from the rounds of each cell. Sorted by kind, then by key.
pub fn reused_by<'a>(cells: impl IntoIterator<Item = &'a [RoundRecord]>) -> Vec<ReusedBy> {
    let mut uses: BTreeMap<(String, String), ReusedBy> = BTreeMap::new();
    for rounds in cells {
        for shared in rounds.iter().flat_map(|round| &round.cost.shared) {
            let entry = (shared.what.clone(), shared.key.clone());
            let used = uses.entry(entry).or_insert_with(|| ReusedBy {
                what: shared.what.clone(),
                key: shared.key.clone(),
                seconds: 0.0,
                cells: 0,
                computed_here: false,
            });
            used.seconds = used.seconds.max(shared.seconds);
            used.cells += 1;
            used.computed_here |= shared.computed;
        }
    }
    uses.into_values().collect()
}
