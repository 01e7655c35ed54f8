//! Counts what work costs. Much of it is computed once and used by many runs. A run's ledger
//! charges the run what the work would have cost it alone.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::progress::Progress;

/// Something that is computed once, kept, and used by many runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reused {
    /// Names its kind, such as `token ids` or `hidden states`.
    pub what: String,
    /// Names the content.
    pub key: String,
    /// Seconds that computing it took, whenever that was.
    pub seconds: f64,
    /// Whether it was computed now.
    pub computed: bool,
    /// Seconds that getting it took now.
    #[serde(skip)]
    pub spent: f64,
}

/// Collects what some work used of what is computed once, until somebody takes the notes.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<Reused>>);

impl Notes {
    pub fn add(&self, reused: Reused) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reused);
    }

    /// Gives back what was noted since the last call.
    pub fn take(&self) -> Vec<Reused> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lends work that may take long a place to tell how far it is, and one to note what it used.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    pub progress: &'a dyn Progress,
    pub notes: &'a Notes,
}

/// Remembers what one run has used already of what is computed once.
#[derive(Debug, Default)]
pub struct Ledger {
    keys: BTreeSet<String>,
}

impl Ledger {
    /// Opens the ledger of a run that has used `reused` before.
    pub fn after<'a>(reused: impl Iterator<Item = &'a Reused>) -> Self {
        Self { keys: reused.map(|reused| reused.key.clone()).collect() }
    }

    /// Charges a phase that took `seconds` as if the run had been alone; also gives back what of `reused`
    /// the run uses for the first time. The charge is never negative, which two clocks could make of it.
    pub fn charge(&mut self, seconds: f64, mut reused: Vec<Reused>) -> (f64, Vec<Reused>) {
        reused.retain(|reused| self.keys.insert(reused.key.clone()));
        let more: f64 = reused.iter().map(|reused| reused.seconds - reused.spent).sum();
        ((seconds + more).max(0.0), reused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(key: &str, seconds: f64, spent: f64) -> Reused {
        let computed = seconds <= spent;
        Reused { what: "a thing".to_owned(), key: key.to_owned(), seconds, computed, spent }
    }

    #[test]
    fn the_first_use_in_a_run_costs_what_computing_took() {
        let mut ledger = Ledger::default();
        let mut check = |seconds, reused, expected: f64, uses: usize| {
            let (costs, first) = ledger.charge(seconds, reused);
            assert!((costs - expected).abs() < 1e-12, "{costs}, not {expected}");
            assert_eq!(first.len(), uses);
        };
        // Computed here, after a second of waiting for another process; and found in no time.
        check(11.0, vec![used("a", 9.0, 10.0), used("b", 20.0, 0.5)], 29.5, 2);
        check(1.0, vec![used("a", 9.0, 0.1), used("c", 3.0, 0.0)], 4.0, 1);
        check(0.4, vec![used("d", 0.1, 0.5)], 0.0, 1);
    }

    #[test]
    fn a_run_that_goes_on_has_paid_before() {
        let mut ledger = Ledger::after([used("a", 9.0, 0.0)].iter());
        assert_eq!(ledger.charge(0.0, vec![used("a", 9.0, 0.0)]), (0.0, vec![]));
    }
}
