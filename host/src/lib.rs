//! The host: model, data, evaluation and the active-learning loop. Read `run` first; a module uses
//! only those that ARCHITECTURE.md draws below it, and a test keeps that true.

pub mod bench;
mod charge;
pub mod classifier;
pub mod cli;
pub mod compute;
pub mod config;
pub mod data;
pub mod experiment;
pub mod full_data;
pub mod matrix;
pub mod metrics;
pub mod model;
pub mod model_features;
pub mod oracle;
pub mod plugin;
pub mod pool;
pub mod prediction;
pub mod progress;
mod query;
pub mod record;
pub mod report;
pub mod retraining;
pub mod run;
pub mod saved_classifier;
pub mod seed;
pub mod shadow;
pub mod statistics;
pub mod stopping;
mod store;
pub mod tfidf;
mod thresholds;

pub use alhost_plugin_api::DocId;
