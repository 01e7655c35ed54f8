//! Arithmetic that the host does on its own device, so that a strategy needs neither tensors nor a
//! GPU: clustering, nearest rows, a classifier that tells labeled from unlabeled, and a greedy cover.

use serde::{Deserialize, Serialize};

use crate::ffi::Block;
use crate::{Error, Result};

/// k-means. See [`Context::kmeans`](crate::Context::kmeans).
pub const KMEANS: &str = "kmeans/1";
/// Nearest rows. See [`Context::nearest`](crate::Context::nearest).
pub const NEAREST: &str = "nearest/1";
/// Labeled against unlabeled. See [`Context::discriminator`](crate::Context::discriminator).
pub const DISCRIMINATOR: &str = "discriminator/1";
/// Greedy cover. See [`Context::kernel_greedy`](crate::Context::kernel_greedy).
pub const KERNEL_GREEDY: &str = "kernel-greedy/1";

/// The options of [`KMEANS`]: the number of clusters, and when to stop.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KMeansOptions {
    /// Number of clusters; at most the number of points.
    pub k: usize,
    /// Runs from different k-means++ centres; the one of least inertia is kept.
    pub restarts: u32,
    /// Lloyd iterations of a run at most.
    pub max_iterations: u32,
    /// A run ends when the centres move, squared and summed, by at most this times the mean
    /// variance of a column.
    pub tolerance: f64,
    /// Name of the random stream, so that two clusterings of one round can differ.
    pub stream: String,
}

/// Clusters of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans<'a> {
    /// `[k, cols]`, row by row.
    pub centers: &'a [f32],
    /// Cluster of each point.
    pub labels: &'a [u32],
    /// Sum over points of the squared distance to their centre.
    pub inertia: f64,
    /// Lloyd iterations of the run that was kept.
    pub iterations: u32,
}

/// The options of [`NEAREST`]: how many neighbours each centre has.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NearestOptions {
    /// Neighbours of each centre: at least one, at most the number of points.
    pub k: usize,
}

/// The rows nearest to each centre, nearest first; ties go to the lower row.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest<'a> {
    /// `[centres, k]`: rows of the points.
    pub rows: &'a [u32],
    /// `[centres, k]`: Euclidean distances.
    pub distances: &'a [f32],
    /// Neighbours of each centre.
    pub k: usize,
}

impl<'a> Nearest<'a> {
    /// Rows nearest to centre `center`, nearest first.
    ///
    /// # Panics
    /// Panics if there is no such centre.
    pub fn of(&self, center: usize) -> &'a [u32] {
        &self.rows[center * self.k..(center + 1) * self.k]
    }
}

/// A binary multi-layer perceptron and how it is trained: Adam (0.9, 0.999, 1e-8), softmax
/// cross-entropy, loss of a batch = sum of weight x cross-entropy / rows.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DiscriminatorOptions {
    /// Widths of the hidden layers (ReLU after each).
    pub widths: Vec<u32>,
    /// Epochs at most.
    pub epochs: u32,
    /// Rows of a batch; the last one of an epoch may be shorter.
    pub batch: u32,
    /// Adam's rate.
    pub rate: f64,
    /// Ends after an epoch whose training accuracy is above this.
    pub stop_accuracy: Option<f64>,
    /// Weights of the classes labeled and unlabeled in the loss.
    pub class_weights: [f64; 2],
    /// Name of the random stream for initial weights and order.
    pub stream: String,
}

/// The discriminator's answer on the unlabeled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Discriminator<'a> {
    /// P(unlabeled) of each unlabeled row.
    pub p_unlabeled: &'a [f32],
    /// Training accuracy of the last epoch.
    pub accuracy: f64,
    /// Epochs run.
    pub epochs: u32,
}

/// The options of [`KERNEL_GREEDY`]: how many rows are picked, and by which rule.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct KernelGreedyOptions {
    /// Picks; all rows, in order, where there are fewer.
    pub k: usize,
    /// The worth of a pick.
    pub rule: GreedyRule,
    /// Divides each row by max(its length, 1e-12) first, in f64; a row of zeros stays one.
    pub normalize: bool,
}

/// The worth of row i, given the fixed rows and the picks so far. Each row j has a weight u (1 where none are
/// given) and a reach m: the largest K of a fixed row or a pick with it, 0 where there is none. Squared
/// distances below 1e-12 count as 0, so that copies of a row are copies.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GreedyRule {
    /// (1 / rows) sum over j of u max(0, K - m), K = exp(-distance² / width²).
    Gaussian {
        /// The distance at which K is 1/e; above 0.
        width: f64,
    },
    /// The number of rows j nearer than `delta` that no fixed row and no pick is nearer to than `delta`.
    /// Takes no weights.
    Ball {
        /// Radius of a ball; above 0. A row is always in its own.
        delta: f64,
    },
    /// The squared distance to the nearest fixed row or pick. Where nothing is fixed, the first pick is the row
    /// nearest to the mean of all, and what is given is its squared distance to the mean; squares that differ
    /// by 1e-9 of the longest row's are ties, as the mean of two rows lies halfway. Takes no weights.
    Farthest,
}

/// Rows picked one after the other, each of the largest worth; ties go to the lower row.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelGreedy<'a> {
    /// The rows, in the order in which they were picked.
    pub picks: &'a [u32],
    /// The worth of each pick when it was picked.
    pub gains: &'a [f64],
    /// How well all is covered at the end. Gaussian: the mean of u m. Ball: the share of all rows, fixed ones
    /// included, that are in the ball of a fixed row or a pick. Farthest: the largest squared distance of a
    /// row to the nearest fixed row or pick; infinite where there is neither. 0 where there are no rows.
    pub coverage: f64,
}

/// `block.f64s[idx]`, or an error that says that the host broke its promise.
fn number(block: &Block<'_>, idx: usize) -> Result<f64> {
    let missing = || Error::new("the host's answer lacks a number; it does not match this api");
    block.f64s.as_slice().get(idx).copied().ok_or_else(missing)
}

impl<'a> KMeans<'a> {
    pub(crate) fn from_block(block: &Block<'a>) -> Result<Self> {
        let (inertia, iterations) = (number(block, 0)?, number(block, 1)? as u32);
        let (centers, labels) = (block.f32s.as_slice(), block.u32s.as_slice());
        Ok(Self { centers, labels, inertia, iterations })
    }
}

impl<'a> Nearest<'a> {
    pub(crate) fn from_block(block: &Block<'a>) -> Self {
        Self { rows: block.u32s.as_slice(), distances: block.f32s.as_slice(), k: block.cols }
    }
}

impl<'a> Discriminator<'a> {
    pub(crate) fn from_block(block: &Block<'a>) -> Result<Self> {
        let (accuracy, epochs) = (number(block, 0)?, number(block, 1)? as u32);
        Ok(Self { p_unlabeled: block.f32s.as_slice(), accuracy, epochs })
    }
}

impl<'a> KernelGreedy<'a> {
    /// The gains, and the coverage after them.
    pub(crate) fn from_block(block: &Block<'a>) -> Result<Self> {
        let picks = block.u32s.as_slice();
        let coverage = number(block, picks.len())?;
        Ok(Self { picks, gains: &block.f64s.as_slice()[..picks.len()], coverage })
    }
}
