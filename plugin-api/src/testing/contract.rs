//! A check of what every strategy owes the host, for a plugin's unit tests.

use std::collections::HashSet;

use super::StandIn;
use crate::{Selection, Strategy};

/// Lets a strategy select on stand-in hosts of 60 texts and 8 labels, 12 of the texts labeled, and
/// checks its answers: min(n, pool) ids, all of the pool, none twice; as many scores as ids; the
/// same answer for the same seed, and another one for another seed iff it is `stochastic`. The hosts
/// refuse what `needs` does not list: give the list of `export_strategy!`.
///
/// # Panics
/// Panics if the strategy breaks a promise; that is how a test fails.
pub fn check_contract<S: Strategy>(params: &str, needs: &[&str], stochastic: bool) {
    for n in [0, 1, 7, 47, 48, 500] {
        let selection = select::<S>(params, needs, 1, n);
        let pool = 48;
        assert_eq!(selection.ids.len(), n.min(pool), "asked for {n} of {pool} texts");
        let distinct: HashSet<_> = selection.ids.iter().collect();
        assert_eq!(distinct.len(), selection.ids.len(), "a text was selected twice");
        let labeled = selection.ids.iter().find(|id| id.0 % 5 == 0 || id.0 >= 60);
        assert_eq!(labeled, None, "a text that is not in the pool was selected");
        if let Some(scores) = &selection.scores {
            assert_eq!(scores.len(), selection.ids.len(), "one score a text");
        }
    }
    let ids = |seed: u8| select::<S>(params, needs, seed, 12).ids;
    assert_eq!(ids(1), ids(1), "the same seed gave two answers");
    let differs = (2..7).any(|seed| ids(seed) != ids(1));
    assert_eq!(differs, stochastic, "whether another seed gives another answer");
}

/// Every fifth text is labeled, with labels that overlap.
fn select<S: Strategy>(params: &str, needs: &[&str], seed: u8, n: usize) -> Selection {
    let labels: Vec<[u32; 2]> = (0..12).map(|i| [i % 4, 4 + i % 3]).collect();
    let labeled: Vec<(u32, &[u32])> =
        (0..12_u32).map(|i| (i * 5, &labels[i as usize][..=(i as usize % 2)])).collect();
    let host = StandIn::new(60, 8).labeled(&labeled).needs(needs).seed(seed);
    match host.select::<S>(params, n) {
        Ok(selection) => selection,
        Err(error) => panic!("asked for {n} texts with {params}: {error}"),
    }
}
