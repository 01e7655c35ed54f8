//! The model: a BERT encoder from a checkpoint, its masked-LM head, and how texts go through them.

pub mod batch;
pub mod bert;
pub mod bert_config;
pub mod checkpoint;
pub mod device;
mod embeddings;
pub mod error;
mod hub;
pub mod mlm;
pub mod mlm_fit;
mod pickle;
pub mod precision;
pub mod surprisal;
mod tokenizer;
mod weights;

pub use checkpoint::{Checkpoint, Places};
pub use error::ModelError;
pub use tokenizer::Specials;
