//! Texts and their labels: the data set, how it is read, and its token ids.

mod labels;
mod texts;
pub mod tokens;

pub use labels::Labels;
pub use texts::Texts;

/// A data set, read and checked.
#[derive(Clone, Debug)]
pub struct Dataset {
    pub name: String,
    /// The name of each label, by label id.
    pub vocabulary: Vec<String>,
    /// The pool of the experiment.
    pub train: Split,
    pub dev: Option<Split>,
    pub test: Split,
}

/// One split: `ids`, `texts` and `labels` have the same length and order.
#[derive(Clone, Debug)]
pub struct Split {
    pub ids: Vec<String>,
    pub texts: Texts,
    pub labels: Labels,
}
