//! The host: model, data, evaluation and the active-learning loop. Modules stand in reading order;
//! a module uses those below it only.

pub mod model_features;
pub mod plugin;
pub mod model;
pub mod compute;
pub mod record;
pub mod oracle;
pub mod pool;
pub mod metrics;
pub mod data;
pub mod config;
pub mod seed;
pub mod matrix;
pub mod progress;

pub use alhost_plugin_api::DocId;
