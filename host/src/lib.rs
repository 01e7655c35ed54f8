//! The host: model, data, evaluation and the active-learning loop. Modules stand in reading order;
//! a module uses those below it only.

pub mod compute;
pub mod config;
pub mod data;
pub mod matrix;
pub mod metrics;
pub mod model;
pub mod oracle;
pub mod plugin;
pub mod pool;
pub mod progress;
pub mod record;
pub mod seed;

pub use alhost_plugin_api::DocId;
