//! What a run is charged: its cost as if it had been alone, although much of what it used was
//! computed once for many.

use std::collections::BTreeSet;

use crate::progress::Shared;

/// What one run has used already of what is computed once.
#[derive(Default)]
pub struct Charged {
    keys: BTreeSet<String>,
}

impl Charged {
    /// In a run that has used `shared` before.
    pub fn after<'a>(shared: impl Iterator<Item = &'a Shared>) -> Self {
        Self { keys: shared.map(|shared| shared.key.clone()).collect() }
    }

    /// Seconds that a phase costs which took `seconds`, as if the run had been alone; and what of `shared`
    /// it uses for the first time. Never less than nothing, which two clocks could make of it.
    pub fn charge(&mut self, seconds: f64, mut shared: Vec<Shared>) -> (f64, Vec<Shared>) {
        shared.retain(|shared| self.keys.insert(shared.key.clone()));
        let more: f64 = shared.iter().map(|shared| shared.seconds - shared.spent).sum();
        ((seconds + more).max(0.0), shared)
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
        let mut check = |seconds, shared, expected: f64, uses: usize| {
            let (costs, first) = charged.charge(seconds, shared);
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
        let mut charged = Charged::after([used("a", 9.0, 0.0)].iter());
        assert_eq!(charged.charge(0.0, vec![used("a", 9.0, 0.0)]), (0.0, vec![]));
    }
}
