//! Strategies from shared libraries: found, read, checked, loaded and called.

mod compute;
mod elf;
mod error;
mod features;
mod loader;
mod manifest;
mod panels;
mod resolve;
mod services;
mod source;
mod strategy;

pub use error::PluginError;
pub use loader::{PluginFile, PluginLibrary};
pub use manifest::{Manifest, PROVIDED};
pub use resolve::SearchPath;
pub use services::{RoundView, Services, Surroundings};
pub use source::{Answered, Asked, FeatureSource, SparseRows};
pub use strategy::LoadedStrategy;
