//! The model: a BERT encoder from a checkpoint, its masked-LM head, the classifier on it, and how
//! texts go through them.

pub mod batch;
pub mod bert;
pub mod bert_config;
pub mod checkpoint;
pub mod device;
mod embeddings;
pub mod error;
mod export;
mod fit;
mod folder;
mod frozen;
mod heads;
mod hub;
pub mod identity;
mod infer;
pub mod learner;
mod logistic;
mod loss;
pub mod mlm;
mod mlm_data;
pub mod mlm_fit;
mod optimizer;
mod pickle;
mod pooling;
pub mod precision;
mod random;
mod safetensors_file;
mod saved;
mod specials;
mod states;
pub mod surprisal;
pub mod surprisal_file;
mod tensors;
#[cfg(test)]
mod tests;
mod tokenizer;
mod tokenizer_config;
mod tokenizer_export;
mod torch_file;
mod train;
mod weight_files;
mod weight_names;
mod weights;

/// The libtorch that this program is built for; torch-sys refuses any other.
pub const LIBTORCH: &str = "2.11.0";

pub use checkpoint::{Checkpoint, Places};
pub use error::ModelError;
pub use export::HEAD;
pub(crate) use frozen::KEPT_BUDGET;
pub use frozen::Pooling;
pub use infer::{Outputs, Wants, probabilities};
pub use learner::Learner;
pub use specials::Specials;
pub use train::{Dev, Examples, Training};
