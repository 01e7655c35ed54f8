//! Finds, reads, checks, loads and calls plugins. It does without torch: the host, its worker
//! processes and an author's own tests all use this crate.

pub mod check;
mod elf;
mod ending;
mod error;
mod exposure;
mod family;
mod listing;
mod loader;
mod manifest;
mod program;
mod resolve;
mod secrecy;
mod store;
mod strategy;
mod worker;

pub use error::PluginError;
pub use listing::{Listed, Status, list};
pub use loader::{PluginFile, PluginLibrary};
pub use manifest::Manifest;
pub use program::worker_program;
pub use resolve::SearchPath;
pub use secrecy::hide_from_plugins;
pub use strategy::{LoadedStrategy, Setting};
pub use worker::{Lends, NothingLent, WorkerOptions};
