//! The model as the rest of alhost sees it: it is trained on labeled texts, reads texts in blocks,
//! and says what its pre-trained encoder makes of them. The crate `alhost-learn` has the one that
//! runs on libtorch; tests of the engine have a toy.

mod compute;
mod outputs;
mod training;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alhost_base::ledger::Work;
use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_config::{ModelConfig, RunConfig, TrainConfig};
use alhost_data::tokens::Tokens;
use alhost_plugin_api::features::{Pooling, SurprisalOptions};
use anyhow::Result;
use tokenizers::Tokenizer;

pub use compute::{Cancelled, Compute, Discriminator, KMeans, KernelGreedy, Nearest, ToCover};
pub use outputs::{Outputs, Surprisal, Visit, Wants, probabilities};
pub use training::{Dev, Examples, Seeds, Training};

/// Opens models. The binary hands one in that runs on libtorch.
pub trait Models {
    /// Refuses what can be refused before any data is read: a device that is not there, say.
    fn check(&self, config: &RunConfig) -> Result<()>;

    /// Opens the checkpoint that `config.model` names, with a head for `n_labels` labels. `cache` is a
    /// folder for what is computed once.
    fn open(&self, config: &RunConfig, n_labels: usize, cache: &Path) -> Result<Box<dyn Model>>;

    /// Opens what [`Model::export`] wrote into `folder`, to predict with it on `device`.
    fn open_exported(
        &self,
        folder: &Path,
        config: &ModelConfig,
        device: &str,
        n_labels: usize,
    ) -> Result<Box<dyn Model>>;

    /// Lists the files that [`Models::open_exported`] would read in `folder`.
    fn exported_files(&self, folder: &Path) -> Result<Vec<PathBuf>>;
}

/// A pre-trained encoder with a classifier on it. A pair of tokens and rows means those rows of the tokens,
/// which [`Model::tokenizer`] made.
pub trait Model: Send {
    /// Says what it is, for names and records.
    fn about(&self) -> &About;

    /// The tokenizer of its checkpoint; it neither truncates nor pads.
    fn tokenizer(&self) -> &Tokenizer;

    /// Width of [`Outputs::features`].
    fn n_features(&self) -> usize;

    /// Width of a hidden state.
    fn hidden(&self) -> usize;

    /// Decides where outputs are made from now on.
    fn set_matrix_room(&mut self, room: MatrixRoom);

    /// Trains the classifier on `labeled`. It starts from the checkpoint unless `config.start` is warm.
    fn train(
        &mut self,
        labeled: Examples<'_>,
        dev: Option<Dev<'_>>,
        config: &TrainConfig,
        seeds: Seeds,
        work: Work<'_>,
    ) -> Result<Training>;

    /// Reads rows of tokens in blocks of at most `block` rows, one pass for everything wanted, and hands each
    /// block to `visit`. Nothing else lets outputs out, so that nobody needs texts x labels in memory.
    fn read(
        &self,
        of: (&Tokens, &[u32]),
        block: usize,
        wants: Wants,
        work: Work<'_>,
        visit: &mut Visit<'_>,
    ) -> Result<()>;

    /// Embeds all of `tokens` with the pre-trained encoder, [texts, hidden]; computed once.
    fn pretrained(
        &mut self,
        tokens: &Tokens,
        pooling: Pooling,
        work: Work<'_>,
    ) -> Result<Arc<Matrix>>;

    /// Masked-LM losses of all of `tokens`. Those of the pre-trained model (`options.model`) are
    /// computed once for a data set and a seed, which decides the positions.
    fn pretrained_surprisal(
        &mut self,
        tokens: &Tokens,
        options: &SurprisalOptions,
        seed: u64,
        work: Work<'_>,
    ) -> Result<Arc<Surprisal>>;

    /// Masked-LM losses of the current encoder for some rows.
    fn current_surprisal(
        &mut self,
        of: (&Tokens, &[u32]),
        options: &SurprisalOptions,
        seed: u64,
        work: Work<'_>,
    ) -> Result<Surprisal>;

    /// The arithmetic that strategies may ask for, on the model's device.
    fn compute(&self) -> Box<dyn Compute>;

    /// Writes the trained weights to `path`, whole or not at all.
    fn save(&self, path: &Path) -> Result<()>;

    /// Takes the weights that [`Model::save`] wrote.
    fn load(&mut self, path: &Path) -> Result<()>;

    /// Keeps the trained weights and `note` in the cache, at `path`.
    fn keep(&self, path: &Path, note: &str) -> Result<()>;

    /// Takes what [`Model::keep`] kept and gives back its note; `None` if there is nothing sound.
    fn take_kept(&mut self, path: &Path) -> Option<String>;

    /// Writes the trained model into `folder` as a checkpoint that other programs read.
    fn export(&self, folder: &Path) -> Result<()>;
}

/// A description of what a model is made of and computed with. Everything that changes its numbers
/// is named.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The configuration, with the pooling that `auto` has become.
    pub config: ModelConfig,
    /// blake3 of the weights' files, in hex.
    pub weights_hash: String,
    /// blake3 of the tokenizer as it was built, in hex.
    pub tokenizer_hash: String,
    /// blake3 of the encoder's configuration as it was understood, in hex.
    pub config_hash: String,
    /// The commit, of a checkpoint of the hub.
    pub revision: Option<String>,
    /// Whether the checkpoint has a masked-LM head.
    pub has_mlm_head: bool,
    /// Names the checkpoint and the arithmetic by all that they are made of.
    pub identity: String,
    /// `cpu` or `cuda:0`.
    pub device: String,
    /// Model of the processor or of the GPUs, where it is known.
    pub hardware: Option<String>,
    /// `f32` or `bf16`.
    pub precision: String,
    /// Threads of one operation.
    pub threads: usize,
    /// Version of libtorch.
    pub libtorch: String,
    /// blake3 of the program, in hex, where it can be read.
    pub build: Option<String>,
}
