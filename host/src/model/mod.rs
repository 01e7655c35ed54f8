//! The model: a BERT encoder from a checkpoint, its masked-LM head, and how texts go through them.

pub mod batch;
pub mod bert;
pub mod bert_config;
mod embeddings;
pub mod error;
pub mod precision;

pub use error::ModelError;
