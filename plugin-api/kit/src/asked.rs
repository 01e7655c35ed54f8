//! The picks of other strategies, as positions in the pool, for one that combines them.

use std::collections::HashSet;

use alhost_plugin_api::asking::STRATEGIES;
use alhost_plugin_api::prelude::*;

/// What strategy number `strategy` of the list would label, had it been asked for `n` texts: positions in
/// the pool, min(n, pool) of them, best first.
///
/// # Errors
/// It fails, or its answer has another number of texts, one outside of the pool, or one twice.
pub fn positions(ctx: &Context<'_>, strategy: usize, n: usize) -> Result<Vec<u32>> {
    let ids = ctx.ask(strategy, n)?.ids;
    let broken = |what: String| {
        Error::new(format!("the strategy at place {} of `{STRATEGIES}` {what}", strategy + 1))
    };
    let expected = n.min(ctx.pool().len());
    if ids.len() != expected {
        return Err(broken(format!("gave {} texts where {expected} were due", ids.len())));
    }
    let mut seen = HashSet::with_capacity(ids.len());
    let position = |id: &DocId| {
        if !seen.insert(id.0) {
            return Err(broken(format!("gave text {} twice", id.0)));
        }
        let found = ctx.pool().binary_search(id);
        found.map(|i| i as u32).map_err(|_| broken(format!("gave text {}, not of the pool", id.0)))
    };
    ids.iter().map(position).collect()
}

/// One text a turn: the best of the list whose turn it is that no turn before has taken.
///
/// # Panics
/// Panics if a list has run dry, which one cannot that is as long as there are turns.
pub fn take_turns(lists: &[Vec<u32>], turns: impl IntoIterator<Item = usize>) -> Vec<u32> {
    let mut unread: Vec<_> = lists.iter().map(|list| list.iter().copied()).collect();
    let mut taken = HashSet::new();
    let take = |list: usize| {
        // What has been taken stays so: no list is read twice.
        let best = unread[list].find(|&position| taken.insert(position));
        best.expect("of a list as long as there are turns, something is left at each")
    };
    turns.into_iter().map(take).collect()
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::testing::StandIn;

    use super::*;

    fn answer(ids: &[u32], n: usize) -> Result<Vec<u32>> {
        let list = Selection::ranked(ids.iter().map(|&id| DocId(id)).collect());
        let host = StandIn::new(9, 2).labeled(&[(0, &[]), (4, &[0])]).strategies(vec![list]);
        positions(&host.context(), 0, n)
    }

    #[test]
    fn positions_are_places_in_the_pool() {
        // The pool is 1, 2, 3, 5, 6, 7, 8.
        assert_eq!(answer(&[5, 1, 8], 3), Ok(vec![3, 0, 6]));
        assert_eq!(answer(&[5, 1, 8], 2), Ok(vec![3, 0]));
        assert_eq!(answer(&[8, 7, 6, 5, 3, 2, 1], 99), Ok(vec![6, 5, 4, 3, 2, 1, 0]));
    }

    #[test]
    fn a_broken_answer_is_told() {
        let check = |ids: &[u32], n: usize, why: &str| {
            let error = answer(ids, n).unwrap_err();
            assert!(error.message().contains(why), "{error}");
            assert!(error.message().contains("at place 1 of `strategies`"), "{error}");
        };
        check(&[5, 1], 3, "gave 2 texts where 3 were due");
        check(&[5, 1, 5], 3, "gave text 5 twice");
        let host = StandIn::new(9, 2).short();
        assert!(positions(&host.context(), 0, 3).is_err());
    }

    #[test]
    fn turns_take_the_best_that_is_left() {
        let lists = [vec![3, 1, 2, 0], vec![3, 2, 1, 0]];
        assert_eq!(take_turns(&lists, [0, 1, 0, 1]), [3, 2, 1, 0]);
        assert_eq!(take_turns(&lists, [1, 1, 0, 0]), [3, 2, 1, 0]);
        assert_eq!(take_turns(&lists, [0, 0, 1]), [3, 1, 2]);
        assert_eq!(take_turns(&[], []), [0_u32; 0]);
    }
}
