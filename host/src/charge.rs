//! What a run is charged: its cost as if it had been alone, although much of what it used was
//! computed once for many.

use std::collections::BTreeSet;

use crate::progress::Shared;

/// What one run has used already of what is computed once.
#[derive(Default)]
pub(crate) struct Charged {
    keys: BTreeSet<String>,
}

impl Charged {
    /// In a run that has used `shared` before.
    pub(crate) fn after<'a>(shared: impl Iterator<Item = &'a Shared>) -> Self {
        Self { keys: shared.map(|shared| shared.key.clone()).collect() }
    }

    /// Seconds to add to what a phase took, so that it costs what it would have cost alone; and
    /// what of `shared` the run uses for the first time.
    pub(crate) fn charge(&mut self, mut shared: Vec<Shared>) -> (f64, Vec<Shared>) {
        shared.retain(|shared| self.keys.insert(shared.key.clone()));
        let more = shared.iter().map(|shared| shared.seconds - shared.spent).sum();
        (more, shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(key: &str, seconds: f64, spent: f64) -> Shared {
        let computed = seconds <= spent;
        Shared { what: "a thing".to_owned(), key: key.to_owned(), seconds, computed, spent }
    }

    #[test]
    fn the_first_use_in_a_run_costs_what_computing_took() {
        let mut charged = Charged::default();
        // Computed here, after a second of waiting for another process; and found in no time.
        let (more, first) = charged.charge(vec![used("a", 9.0, 10.0), used("b", 20.0, 0.5)]);
        assert!((more - 18.5).abs() < 1e-12, "{more}");
        assert_eq!(first.len(), 2);
        let (more, first) = charged.charge(vec![used("a", 9.0, 0.1), used("c", 3.0, 0.0)]);
        assert!((more - 3.0).abs() < 1e-12, "{more}");
        assert_eq!(first.len(), 1);
    }

    #[test]
    fn a_run_that_goes_on_has_paid_before() {
        let mut charged = Charged::after([used("a", 9.0, 0.0)].iter());
        assert_eq!(charged.charge(vec![used("a", 9.0, 0.0)]), (0.0, vec![]));
    }
}
