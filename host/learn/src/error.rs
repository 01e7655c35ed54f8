//! Errors of models, said so that the reader can act on them.

use std::path::PathBuf;

use tch::TchError;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum ModelError {
    #[error("no CUDA device: {reason}\n  hint: use --device cpu")]
    NoCuda { reason: String },

    #[error("unknown device `{name}`\n  hint: `auto`, `cpu`, `cuda` or `cuda:N`")]
    UnknownDevice { name: String },

    #[error(
        "no checkpoint `{name}`: {reason}\n  hint: `model.checkpoint` is a folder, `minilm`, or a \
         hub id such as `bert-base-uncased`, also with a revision, `bert-base-uncased@main`"
    )]
    NoCheckpoint { name: String, reason: String },

    #[error("{folder}: {missing} is missing\n  hint: a checkpoint folder holds {expected}")]
    MissingFile { folder: PathBuf, missing: &'static str, expected: &'static str },

    #[error("{path}: {reason}")]
    BadFile { path: PathBuf, reason: String },

    /// A file of a checkpoint that is not what it should be.
    #[error(transparent)]
    Unreadable(#[from] alhost_base::Unreadable),

    #[error("{path} does not fit its config.json:\n{problems}\n  hint: {hint}")]
    BadWeights { path: PathBuf, problems: String, hint: &'static str },

    #[error(
        "texts of {max_tokens} tokens are asked for, but the checkpoint knows {positions} \
         positions\n  hint: set `model.max_tokens` to at most {positions}"
    )]
    TooLong { max_tokens: usize, positions: usize },

    #[error("cannot fetch `{file}` of `{name}` from {endpoint}: {reason}\n  hint: {hint}")]
    Hub { name: String, file: String, endpoint: String, reason: String, hint: String },

    #[error(
        "the training loss is not a number after epoch {epoch} at `train.rate` {rate:?}\n  hint: \
         lower `train.rate` or `train.head_rate`"
    )]
    Diverged { epoch: usize, rate: f64 },

    #[error(
        "a logistic head needs at least two labeled texts, and there are {texts}\n  hint: raise \
         `loop.initial`"
    )]
    TooFewTexts { texts: usize },

    #[error(
        "`train.c = \"dev\"` chooses C on a dev set, and there is none\n  hint: give C as a number, \
         such as `train.c = 30.0`, or a dev set (`data.dev`, `data.dev_share`)"
    )]
    NoDevForC,

    #[error(
        "the checkpoint `{checkpoint}` gives embeddings that are not finite numbers\n  hint: another \
         precision (`model.precision = \"f32\"`), or another checkpoint"
    )]
    NotFinite { checkpoint: String },

    #[error(transparent)]
    Io(#[from] std::io::Error),

    #[error("libtorch: {0}")]
    Torch(#[from] TchError),
}
