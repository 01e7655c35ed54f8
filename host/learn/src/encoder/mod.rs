//! The encoder: texts in batches, through BERT, to hidden states, which are kept where it is frozen.

pub mod batch;
pub mod bert;
mod embeddings;
pub(crate) mod frozen;
pub(crate) mod states;
