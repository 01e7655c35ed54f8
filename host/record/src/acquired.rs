//! The part of a round's record that says what its selection brought, once the oracle has answered.

use serde::{Deserialize, Serialize};

/// The texts that came in with one selection, in its order, and what is left. The selection itself
/// is on disk before the oracle is asked, so the labels can only stand here.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Acquired {
    /// Texts that are still unlabeled: what this round's query chooses from.
    pub unlabeled: usize,
    /// Number of labels of each text.
    pub labels: Vec<u32>,
    /// Tokens of each text, `[CLS]` and `[SEP]` included, as the model sees it: cut at
    /// `model.max_tokens`.
    pub tokens: Vec<u32>,
    /// Entropy of the labels of the whole labeled set, in bits: -Σ p log2 p over the classes, where
    /// p is the class's share of all (text, label) pairs.
    pub label_entropy: f64,
}
