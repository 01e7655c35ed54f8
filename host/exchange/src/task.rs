//! What goes out: texts in the strategy's order, what the model suggests for each, and the labels.

use serde::{Deserialize, Serialize};

/// A label that the model suggests for a text.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Suggestion {
    pub label: String,
    pub probability: f32,
}

impl Suggestion {
    /// The probability as a number of JSON, which has no noise behind the digits that an `f32` has.
    pub(crate) fn number(&self) -> f64 {
        self.probability.to_string().parse().unwrap_or(f64::NAN)
    }
}

/// A text that goes out to be labeled. Tasks stand in the strategy's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    pub id: String,
    pub text: String,
    /// The round in which the strategy chose the text.
    pub round: usize,
    /// Best first. Label Studio, Argilla and Prodigy show them as chosen until a person says otherwise, so
    /// these are the labels that the model would give the text, not all that are likelier than others.
    pub suggestions: Vec<Suggestion>,
}

/// Labels of a project; with a separator, their names are paths from the root (`economy/trade`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSet {
    pub names: Vec<String>,
    pub separator: Option<String>,
}

impl LabelSet {
    /// Returns the parts of a name from the root down; the name itself where names are no paths.
    pub(crate) fn path<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        match self.separator.as_deref() {
            Some(separator) if !separator.is_empty() => name.split(separator).collect(),
            _ => vec![name],
        }
    }
}
