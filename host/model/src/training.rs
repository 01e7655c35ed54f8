//! The input of a training, and its result.

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use serde::{Deserialize, Serialize};

/// Texts of one split with their labels.
#[derive(Clone, Copy)]
pub struct Examples<'a> {
    pub tokens: &'a Tokens,
    pub rows: &'a [u32],
    /// One list of labels for each of `rows`.
    pub labels: &'a Labels,
}

/// The texts and the score that early stopping looks at.
#[derive(Clone, Copy)]
pub struct Dev<'a> {
    pub examples: Examples<'a>,
    /// Scores probabilities [texts, labels] against gold labels; the greater, the better.
    pub score: &'a dyn Fn(&Matrix, &Labels) -> f64,
}

/// Seeds of libtorch's generator.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// Decides the head to start from.
    pub init: i64,
    /// Decides order and dropout.
    pub train: i64,
}

/// The result of a training.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Training {
    /// The epoch, from 1, whose weights were taken; 0 if there was no epoch.
    pub best_epoch: usize,
    /// Epochs that ran; of a fit, the iterations.
    pub epochs: usize,
    /// Dev score of the best epoch; of a fit, the score with the C that was chosen by it.
    pub dev_score: Option<f64>,
    /// Mean training loss of each epoch; of a fit, the loss at its end, penalty included.
    pub losses: Vec<f64>,
    /// The inverse strength of the penalty that a fit was made with.
    pub c: Option<f64>,
    /// Tokens trained on, all epochs together, without padding.
    pub tokens: u64,
    /// Seconds that scoring the dev texts took.
    pub dev_seconds: f64,
}
