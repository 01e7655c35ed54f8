//! What can be wrong with an oracle's answer, and with a strategy's.

use std::fmt;

use alhost_plugin_api::DocId;

/// Says what is wrong with an oracle's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnswerError {
    NotAsked { id: DocId },
    Twice { id: DocId },
    Missing { id: DocId },
    UnknownLabel { id: DocId, label: u32, n_labels: usize },
    RepeatedLabel { id: DocId, label: u32 },
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked { id } => {
                write!(f, "the oracle answered for text {}, which it was not asked about", id.0)
            }
            Self::Twice { id } => write!(f, "the oracle answered twice for text {}", id.0),
            Self::Missing { id } => write!(f, "the oracle gave no answer for text {}", id.0),
            Self::UnknownLabel { id, label, n_labels } => write!(
                f,
                "the oracle gave text {} the label {label}, but there are {n_labels} (0 to {})",
                id.0,
                n_labels.saturating_sub(1)
            ),
            Self::RepeatedLabel { id, label } => {
                write!(f, "the oracle gave text {} the label {label} twice", id.0)
            }
        }
    }
}

impl std::error::Error for AnswerError {}

/// Says what is wrong with a selection. The strategy's name is added by who called it.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectionError {
    Count {
        returned: usize,
        asked: usize,
    },
    Repeated {
        id: DocId,
    },
    Asked {
        id: DocId,
    },
    Audit {
        id: DocId,
    },
    Outside {
        id: DocId,
        n_texts: usize,
    },
    Scores {
        scores: usize,
        ids: usize,
    },
    Score {
        id: DocId,
        score: f64,
    },
    NotOffered {
        id: DocId,
    },
    /// A record names other texts of the audit than come next.
    OtherAudit,
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { returned, asked } => {
                write!(f, "returned {returned} ids where {asked} were asked for")
            }
            Self::Repeated { id } => write!(f, "returned text {} twice", id.0),
            Self::Asked { id } => {
                write!(f, "returned text {}, which is already labeled", id.0)
            }
            Self::Audit { id } => {
                write!(f, "returned text {}, which is kept for the audit", id.0)
            }
            Self::Outside { id, n_texts } => {
                write!(f, "returned id {}, but the pool has ids 0..={}", id.0, n_texts - 1)
            }
            Self::Scores { scores, ids } => write!(f, "returned {scores} scores for {ids} ids"),
            Self::Score { id, score } => {
                write!(f, "returned the score {score} for text {}; a score must be finite", id.0)
            }
            Self::NotOffered { id } => {
                write!(f, "returned text {}, which `loop.candidates` had filtered out", id.0)
            }
            Self::OtherAudit => f.write_str("names other texts of the audit than come next"),
        }
    }
}

impl std::error::Error for SelectionError {}
