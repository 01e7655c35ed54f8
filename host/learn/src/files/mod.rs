//! Files of models: checkpoints of strangers, found and read with care, and what is written of ours.

pub mod bert_config;
pub mod checkpoint;
pub(crate) mod export;
pub(crate) mod folder;
mod hub;
pub mod identity;
mod pickle;
pub(crate) mod pooling;
pub(crate) mod safetensors_file;
pub(crate) mod saved;
pub(crate) mod tensors;
mod torch_file;
mod weight_files;
mod weight_names;
pub(crate) mod weights;
