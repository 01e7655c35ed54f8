//! Arithmetic that the host does on its own device, so that a strategy needs neither tensors nor a
//! GPU: clustering, nearest rows, and a classifier that tells labeled from unlabeled.

use serde::{Deserialize, Serialize};

use crate::ffi::Block;
use crate::{Error, Result};

/// k-means. See [`Context::kmeans`](crate::Context::kmeans).
pub const KMEANS: &str = "kmeans/1";
/// Nearest rows. See [`Context::nearest`](crate::Context::nearest).
pub const NEAREST: &str = "nearest/1";
/// Labeled against unlabeled. See [`Context::discriminator`](crate::Context::discriminator).
pub const DISCRIMINATOR: &str = "discriminator/1";

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
