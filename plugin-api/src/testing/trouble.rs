//! Hosts in trouble: what a test lets go wrong, to see what a strategy makes of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::StandIn;
use super::arena::Owned;
use crate::offers;
use crate::{Error, Result};

/// The trouble that a host is in; none by default.
#[derive(Default)]
pub(super) struct Trouble {
    /// Number of the request that fails, from 0.
    fail_at: Option<usize>,
    missing: Vec<String>,
    is_untrained: bool,
    is_short: bool,
    pub(super) is_quick: bool,
    /// Sum over what the round lends, where that is watched.
    watched: Option<u64>,
    /// Questions whether the user wants to stop that are answered with no.
    patience: Option<usize>,
    n_asked: AtomicUsize,
}

impl StandIn {
    /// The request for a feature or service that comes as number `request`, from 0, fails.
    #[must_use]
    pub fn failing_at(mut self, request: usize) -> Self {
        self.trouble.fail_at = Some(request);
        self
    }

    /// A host that does not know this feature or service.
    #[must_use]
    pub fn without(mut self, id: &str) -> Self {
        self.trouble.missing.push(id.to_owned());
        self
    }

    /// The query for the initial set: round 0, no threshold, and nothing that needs a classifier.
    #[must_use]
    pub fn untrained(mut self) -> Self {
        self.trouble.is_untrained = true;
        self.round(0).threshold(f32::NAN)
    }

    /// A user who wants to stop, and is first heard when [`Context::cancelled`] is called after
    /// `calls` times.
    ///
    /// [`Context::cancelled`]: crate::Context::cancelled
    #[must_use]
    pub fn cancelled_after(mut self, calls: usize) -> Self {
        self.trouble.patience = Some(calls);
        self
    }

    /// Everything lent has as many rows as asked for and no values: a host that breaks its promise.
    #[must_use]
    pub fn short(mut self) -> Self {
        self.trouble.is_short = true;
        self
    }

    /// Services do a few steps and no more: for tests that look at the contract, not at the choice.
    #[must_use]
    pub fn quick(mut self) -> Self {
        self.trouble.is_quick = true;
        self
    }

    /// Remembers what is lent, for [`StandIn::is_untouched`]. Call it last.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.trouble.watched = Some(self.sum_of_round());
        self.kept.watch();
        self
    }

    /// Whether everything lent by a [watched](StandIn::watched) host is as it was.
    pub fn is_untouched(&self) -> bool {
        let round = self.trouble.watched.is_none_or(|sum| sum == self.sum_of_round());
        round && self.kept.is_untouched()
    }

    /// Ids and options of the features and services asked for so far, in order.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().map(|list| list.clone()).unwrap_or_default()
    }

    /// Notes a request and refuses what is not to be had.
    pub(super) fn note(&self, id: &str, options: &str) -> Result<()> {
        let number = match self.requests.lock() {
            Ok(mut requests) => {
                requests.push((id.to_owned(), options.to_owned()));
                requests.len() - 1
            }
            Err(_) => 0,
        };
        if self.trouble.fail_at == Some(number) {
            return Err(Error::new(format!("request {number} (`{id}`) fails, as the test asked")));
        }
        if self.trouble.missing.iter().any(|missing| missing == id) {
            return Err(Error::new(format!("there is no `{id}` here, as the test asked")));
        }
        if self.trouble.is_untrained && offers::find(id).is_some_and(|offer| offer.of_classifier) {
            return Err(Error::new(format!("`{id}` needs a classifier, and none is trained yet")));
        }
        match &self.needs {
            Some(needs) if !needs.iter().any(|need| need == id) => {
                Err(Error::new(format!("`{id}` is not among the declared needs")))
            }
            _ => Ok(()),
        }
    }

    /// Returns what is lent for an answer that was computed.
    pub(super) fn spoilt(&self, owned: Owned) -> Owned {
        let (rows, cols) = (owned.rows, owned.cols);
        if self.trouble.is_short { Owned { rows, cols, ..Owned::default() } } else { owned }
    }

    /// Whether patience is at an end; counts the question.
    pub(super) fn is_impatient(&self) -> bool {
        let asked = self.trouble.n_asked.fetch_add(1, Ordering::Relaxed);
        self.trouble.patience.is_some_and(|patience| asked >= patience)
    }

    fn sum_of_round(&self) -> u64 {
        let ids = [&self.pool, &self.labeled, &self.label_ids, &self.acquired_in];
        let numbers = ids.into_iter().flatten().map(|&id| u64::from(id));
        sum(numbers.chain(self.label_offsets.iter().copied()))
    }
}

/// Options of a service, so reduced that it takes no time.
pub(super) fn quickened(options: &str) -> String {
    const AT_MOST: [(&str, u64); 3] = [("epochs", 2), ("restarts", 1), ("max_iterations", 3)];
    let Ok(mut options) = serde_json::from_str::<Value>(options) else {
        return options.to_owned();
    };
    for (key, at_most) in AT_MOST {
        if let Some(n) = options.get(key).and_then(Value::as_u64) {
            options[key] = n.min(at_most).into();
        }
    }
    if let Some(widths) = options.get_mut("widths").and_then(Value::as_array_mut) {
        for width in widths {
            *width = width.as_u64().unwrap_or(1).min(16).into();
        }
    }
    options.to_string()
}

/// A sum that another order or another value changes.
pub(super) fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0xcbf2_9ce4_8422_2325, |sum, x| (sum ^ x).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    use super::*;

    fn message(host: &StandIn) -> String {
        let ctx = host.context();
        let asked = ctx.texts(ctx.pool()).and_then(|_| ctx.logits(ctx.pool()).map(|_| ()));
        asked.map_or_else(|error| error.message().to_owned(), |()| String::new())
    }

    #[test]
    fn trouble_comes_where_it_was_asked_for() {
        let host = || StandIn::new(9, 2);
        assert_eq!(message(&host()), "");
        assert_eq!(message(&host().failing_at(0)), "request 0 (`text/1`) fails, as the test asked");
        assert_eq!(
            message(&host().failing_at(1)),
            "request 1 (`logits/1`) fails, as the test asked"
        );
        assert_eq!(message(&host().failing_at(2)), "");
        assert_eq!(
            message(&host().without(LOGITS)),
            "there is no `logits/1` here, as the test asked"
        );
        assert!(message(&host().untrained()).starts_with("`logits/1` needs a classifier"));
        assert!(message(&host().needs(&[TEXT])).starts_with("`logits/1` is not among"));
        let host = host().cancelled_after(2);
        let asked = [1, 2, 3].map(|_| host.context().cancelled());
        assert_eq!(asked, [false, false, true]);
    }

    #[test]
    fn requests_are_kept_with_their_options() {
        let host = StandIn::new(9, 2);
        host.context().mc_probabilities(&[DocId(0)], 3).unwrap();
        let expected = (MC_PROBABILITIES.to_owned(), r#"{"passes":3}"#.to_owned());
        assert_eq!(host.requests(), [expected]);
        assert_eq!(host.fetched(), [MC_PROBABILITIES]);
    }

    #[test]
    fn a_short_block_has_rows_and_no_values() {
        let host = StandIn::new(9, 2).short();
        let ctx = host.context();
        let logits = ctx.logits(ctx.pool()).unwrap();
        assert_eq!((logits.n_rows(), logits.n_cols()), (9, 2));
        assert!(std::panic::catch_unwind(|| logits.row(0)).is_err());
    }

    #[test]
    fn services_can_be_made_quick() {
        let quick = quickened(r#"{"epochs":50,"widths":[256,8],"rate":0.5}"#);
        assert_eq!(quick, r#"{"epochs":2,"rate":0.5,"widths":[16,8]}"#);
    }

    #[test]
    fn what_is_lent_is_watched() {
        let mut host = StandIn::new(9, 2).watched();
        host.context().logits(&[DocId(3)]).unwrap();
        assert!(host.is_untouched());
        host.pool[0] = 4;
        assert!(!host.is_untouched());
    }
}
