//! The model: a BERT encoder from a checkpoint, its masked-LM head, the classifier on it, how texts go
//! through them, and the heavy arithmetic that strategies share. The one library that links libtorch.

pub mod compute;
mod cpu;
pub mod device;
pub mod encoder;
pub mod error;
pub mod files;
mod heads;
mod infer;
pub mod learner;
mod model;
pub mod precision;
mod pretrained;
mod random;
pub mod surprisal;
#[cfg(test)]
mod tests;
mod tokenizer;
mod training;

/// The libtorch that this program is built for; torch-sys refuses any other.
pub const LIBTORCH: &str = "2.11.0";

pub use alhost_plugin_api::features::Pooling;
pub use error::ModelError;
pub use files::checkpoint::{Checkpoint, Places};
pub use files::export::HEAD;
pub use files::identity;
pub use learner::Learner;
pub use model::Torch;
pub use tokenizer::specials::Specials;
