//! The stand-in as a host of other strategies: made-up ones, or lists that a test gives.

use serde_json::Value;

use super::StandIn;
use super::arena::Owned;
use crate::asking::{AskOptions, STRATEGY};
use crate::{DocId, Error, Result, Rng, Selection};

impl StandIn {
    /// What the strategies that may be asked would select, best first: a list for each, of which the texts
    /// of the pool are given. Without this, each scores texts at random, by the seed and its number.
    #[must_use]
    pub fn strategies(mut self, lists: Vec<Selection>) -> Self {
        self.asked = lists;
        self
    }

    pub(super) fn ask(&self, options: &str) -> Result<Owned> {
        let AskOptions { strategy, n } = serde_json::from_str::<Value>(options)
            .and_then(serde_json::from_value)
            .map_err(|error| Error::new(format!("options of `{STRATEGY}`: {error}")))?;
        let Selection { ids, scores } = match self.asked.get(strategy) {
            Some(list) => self.first(list, n),
            None if self.asked.is_empty() => self.made_up(strategy, n),
            None => return Err(Error::new(format!("there is no strategy {strategy} to ask"))),
        };
        let u32s: Vec<u32> = ids.into_iter().map(|id| id.0).collect();
        Ok(Owned { rows: u32s.len(), u32s, f64s: scores.unwrap_or_default(), ..Owned::default() })
    }

    /// The first `n` of a list that are in the pool.
    fn first(&self, list: &Selection, n: usize) -> Selection {
        let is_free = |id: &DocId| self.pool.binary_search(&id.0).is_ok();
        let kept = (0..list.ids.len()).filter(|&i| is_free(&list.ids[i])).take(n);
        let kept: Vec<usize> = kept.collect();
        let scores = list.scores.as_ref();
        Selection {
            ids: kept.iter().map(|&i| list.ids[i]).collect(),
            scores: scores.map(|scores| kept.iter().map(|&i| scores[i]).collect()),
        }
    }

    fn made_up(&self, strategy: usize, n: usize) -> Selection {
        let mut rng = Rng::stream(&self.seed, &format!("asked strategy {strategy}"));
        let ids: Vec<DocId> = self.pool.iter().map(|&id| DocId(id)).collect();
        let scores: Vec<f64> = ids.iter().map(|_| rng.f64()).collect();
        Selection::highest(&ids, scores, n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_strategies_differ_and_follow_the_seed() {
        let host = |seed| StandIn::new(30, 2).labeled(&[(4, &[0])]).seed(seed);
        let ids = |seed, strategy| {
            let host = host(seed);
            let picks = host.context().ask(strategy, 9).map(|picks| picks.ids.to_vec());
            picks.unwrap()
        };
        assert_eq!(ids(1, 0).len(), 9);
        assert_eq!(ids(1, 0), ids(1, 0));
        assert_ne!(ids(1, 0), ids(2, 0));
        assert_ne!(ids(1, 0), ids(1, 1));
        assert!(!ids(1, 0).contains(&DocId(4)), "what is labeled is in no pool");
    }

    #[test]
    fn lists_are_given_as_far_as_they_are_asked_for() {
        let list = Selection::scored(vec![DocId(7), DocId(4), DocId(2)], vec![3.0, 2.0, 1.0]);
        let bare = Selection::ranked(vec![DocId(1)]);
        let host = StandIn::new(9, 2).labeled(&[(4, &[0])]).strategies(vec![list, bare]);
        let ctx = host.context();
        let picks = ctx.ask(0, 2).unwrap();
        assert_eq!(picks.ids, [DocId(7), DocId(2)]);
        assert_eq!(picks.scores, Some(&[3.0, 1.0][..]));
        assert_eq!(ctx.ask(1, 5).unwrap().scores, None);
        assert!(ctx.ask(2, 5).is_err());
    }
}
