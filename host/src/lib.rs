//! The host: model, data, evaluation and the active-learning loop. Read `run` first; a module uses
//! only those that ARCHITECTURE.md draws below it, and a test keeps that true.

mod acquired;
pub mod bench;
pub mod classifier;
pub mod cli;
pub mod compute;
pub mod experiment;
pub mod full_data;
pub mod model;
pub mod model_features;
pub mod oracle;
pub mod plugin;
pub mod pool;
pub mod prediction;
mod query;
pub mod retraining;
pub mod run;
pub mod saved_classifier;
pub mod shadow;
pub mod stopping;
pub mod tfidf;
mod thresholds;

pub(crate) use alhost_base::{charge, store};
pub use alhost_base::{matrix, progress, seed};
pub use alhost_metrics::statistics;
pub use alhost_plugin_api::DocId;
pub use {
    alhost_config as config, alhost_data as data, alhost_metrics as metrics,
    alhost_record as record, alhost_report as report,
};
