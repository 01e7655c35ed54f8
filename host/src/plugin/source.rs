//! What the services ask of the model, so that they can be tested without one.

use std::sync::Arc;

use alhost_plugin_api::features::{Pooling, SurprisalOptions};

use crate::compute::Device;
use crate::matrix::Matrix;

/// Dense features of one model state that one pass over texts gives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of features")]
pub struct Asked {
    pub logits: bool,
    pub features: bool,
    /// Embeddings of the current encoder.
    pub cls: bool,
    pub mean: bool,
}

/// The answer to `Asked`: one row a text, in the order asked.
#[derive(Debug, Default)]
pub struct Answered {
    pub logits: Option<Matrix>,
    pub features: Option<Matrix>,
    pub cls: Option<Matrix>,
    pub mean: Option<Matrix>,
}

/// Sampled positions and losses of texts: row `i` is `offsets[i]..offsets[i + 1]` of the others.
#[derive(Debug, Default)]
pub struct SparseRows {
    pub offsets: Vec<u64>,
    pub positions: Vec<u32>,
    pub losses: Vec<f32>,
    /// One more than the largest position that there can be.
    pub cols: usize,
}

/// A model state and the train split's tokens. `rows` are rows of the train split.
pub trait FeatureSource: Send {
    /// One pass over `rows` for everything asked.
    fn infer(&mut self, rows: &[u32], asked: Asked) -> anyhow::Result<Answered>;

    /// Size of a row of `Answered::features`.
    fn n_features(&self) -> usize;

    /// Size of a hidden state.
    fn hidden(&self) -> usize;

    /// `[rows, passes * labels]`: probabilities with the head's dropout on.
    fn mc_probabilities(
        &mut self,
        rows: &[u32],
        passes: u32,
        seed: &[u8; 32],
    ) -> anyhow::Result<Matrix>;

    /// `[train texts, hidden]`: embeddings of the pre-trained encoder, of the whole split.
    fn pretrained(&mut self, pooling: Pooling) -> anyhow::Result<Arc<Matrix>>;

    /// Masked-LM losses of the pre-trained model, of the whole split.
    fn pretrained_surprisal(
        &mut self,
        options: &SurprisalOptions,
    ) -> anyhow::Result<Arc<SparseRows>>;

    /// Masked-LM losses of the current encoder.
    fn current_surprisal(
        &mut self,
        rows: &[u32],
        options: &SurprisalOptions,
    ) -> anyhow::Result<SparseRows>;

    /// Where the compute services run.
    fn device(&self) -> Device;
}
