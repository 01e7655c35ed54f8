//! The host as a plugin sees it: features of the model, computed when they are first asked for, and
//! compute services. Loading and calling a plugin is the business of `alhost-plugin-host`.

mod compute;
mod features;
mod lock;
mod panels;
mod services;
mod source;

pub use alhost_plugin_host::{
    Listed, LoadedStrategy, Manifest, PluginError, PluginFile, PluginLibrary, SearchPath, Setting,
    Status, WorkerOptions, list,
};
pub use lock::{Lock, LockError};
pub use panels::Panels;
pub use services::{RoundView, Services, Surroundings};
pub use source::{Answered, Asked, FeatureSource, SparseRows};
