//! The heavy arithmetic that strategies share. Options are those of the plugin API, so that there is one
//! definition of each.

use alhost_base::matrix::Matrix;
use alhost_plugin_api::services::{DiscriminatorOptions, KMeansOptions, KernelGreedyOptions};
use anyhow::Result;
use rand_chacha::ChaCha8Rng;

/// Tells whether the run is to stop; long arithmetic asks now and then.
pub type Cancelled<'a> = dyn Fn() -> bool + 'a;

/// Arithmetic on dense matrices, one row a text.
pub trait Compute {
    /// Clusters the rows of `points`.
    fn kmeans(
        &self,
        points: &Matrix,
        options: &KMeansOptions,
        rng: &mut ChaCha8Rng,
        cancelled: &Cancelled<'_>,
    ) -> Result<KMeans>;

    /// Finds the `k` rows of `points` nearest to each row of `centers`, by Euclidean distance.
    fn nearest(&self, points: &Matrix, centers: &Matrix, k: usize) -> Result<Nearest>;

    /// Trains a discriminator between `labeled` and `unlabeled` and asks it about the latter.
    fn discriminator(
        &self,
        labeled: &Matrix,
        unlabeled: &Matrix,
        options: &DiscriminatorOptions,
        rng: &mut ChaCha8Rng,
        cancelled: &Cancelled<'_>,
    ) -> Result<Discriminator>;

    /// Picks rows one after the other, each of the largest worth given what is fixed and picked.
    fn kernel_greedy(
        &self,
        given: &ToCover<'_>,
        options: &KernelGreedyOptions,
        cancelled: &Cancelled<'_>,
    ) -> Result<KernelGreedy>;
}

#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// The centres, [k, cols]. With fewer distinct rows than k, some are equal.
    pub centers: Matrix,
    /// The cluster of each row: the nearest centre, the lowest index among equals.
    pub labels: Vec<u32>,
    /// Sum over rows of the squared distance to their centre.
    pub inertia: f64,
    /// Iterations of the start that won.
    pub iterations: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// The k nearest rows of each centre, nearest first, equal ones by index: [centres, k].
    pub indices: Vec<u32>,
    /// Euclidean distances of these rows, [centres, k].
    pub distances: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Discriminator {
    /// The probability that a row is unlabeled, for each row that is.
    pub p_unlabeled: Vec<f32>,
    /// Share of rows told right in the last epoch, each seen before the update of its batch.
    pub accuracy: f64,
    /// Epochs that were run.
    pub epochs: u32,
}

/// The rows that a greedy cover is about.
#[derive(Clone, Copy, Debug)]
pub struct ToCover<'a> {
    /// The rows to pick from, which are also those to cover.
    pub points: &'a Matrix,
    /// Rows that are as if picked before; maybe none.
    pub fixed: &'a Matrix,
    /// The weight of each point; 1 where none are given.
    pub weights: Option<&'a [f64]>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct KernelGreedy {
    /// Rows of the points, in the order in which they were picked.
    pub picks: Vec<u32>,
    /// The worth of each pick when it was picked.
    pub gains: Vec<f64>,
    /// How well all is covered at the end; each rule has its own measure.
    pub coverage: f64,
}
