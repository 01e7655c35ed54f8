//! Everything that a host offers to strategies, in one table. Host, conformance check and stand-in read it, so
//! that a new feature is a new row.

use crate::asking::STRATEGY;
use crate::features::{
    EMBEDDING, FEATURES, LOGITS, MC_PROBABILITIES, MLM_SURPRISAL, PROBABILITIES, TEXT, WORD_PIECES,
};
use crate::services::{DISCRIMINATOR, KERNEL_GREEDY, KMEANS, NEAREST};

/// One feature or service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The name with its version: what stands in `needs`.
    pub id: &'static str,
    /// What comes back, one row a text.
    pub shape: &'static str,
    /// Whether it needs a trained classifier. A strategy that declares no such need can choose the initial
    /// set. ([`EMBEDDING`] and [`MLM_SURPRISAL`] of the pre-trained model need none.)
    pub of_classifier: bool,
    /// Whether [`Context::stream`](crate::Context::stream) gives it in blocks.
    pub streams: bool,
}

const fn offer(id: &'static str, shape: &'static str) -> Offer {
    Offer { id, shape, of_classifier: false, streams: false }
}

const fn of_classifier(id: &'static str, shape: &'static str, streams: bool) -> Offer {
    Offer { id, shape, of_classifier: true, streams }
}

/// All features, then all services.
pub const OFFERS: [Offer; 13] = [
    offer(TEXT, "UTF-8"),
    offer(WORD_PIECES, "[3]: words, word pieces, unknown pieces"),
    offer(MLM_SURPRISAL, "positions and losses, sparse"),
    offer(EMBEDDING, "[hidden]"),
    of_classifier(FEATURES, "[width of the last linear layer's input]", true),
    of_classifier(LOGITS, "[labels]", true),
    of_classifier(PROBABILITIES, "[labels]", true),
    of_classifier(MC_PROBABILITIES, "[passes * labels]", false),
    offer(KMEANS, "centres, and a cluster a point"),
    offer(NEAREST, "[k]: rows and distances, a row a centre"),
    offer(DISCRIMINATOR, "a probability an unlabeled row"),
    offer(KERNEL_GREEDY, "picks and their gains"),
    offer(STRATEGY, "texts and scores, best first"),
];

/// Finds what is offered under an id.
pub fn find(id: &str) -> Option<&'static Offer> {
    OFFERS.iter().find(|offer| offer.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_stands_once_and_has_its_version() {
        for offer in &OFFERS {
            assert_eq!(find(offer.id), Some(offer), "{}", offer.id);
            let (name, version) = offer.id.split_once('/').unwrap();
            assert!(!name.is_empty() && version.parse::<u32>().is_ok(), "{}", offer.id);
        }
        assert_eq!(find("logits"), None);
    }
}
