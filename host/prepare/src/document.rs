//! Documents that a recipe makes of its source: texts with labels, each in a part of the data set.

use serde::Serialize;

/// One text, as its recipe read it: all of its labels, before any rule is applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub id: String,
    pub text: String,
    pub labels: Vec<String>,
    pub part: Part,
}

/// Part that a text belongs to by the distribution.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Train,
    Dev,
    Test,
    /// The distribution does not say; the split rule decides.
    Unassigned,
}

impl Part {
    /// The parts of a prepared data set.
    pub const ALL: [Self; 3] = [Self::Train, Self::Dev, Self::Test];

    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Unassigned => "unassigned",
        }
    }
}
