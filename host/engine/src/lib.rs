//! The engine: an experiment on data and a model, sessions that are stepped, oracles that answer with
//! labels, and what is lent to strategies. It prints nothing, reads no environment and needs no torch:
//! the model comes in through `alhost_model::Model`.
//!
//! Read `session` first. `Experiment::open`, `Plan::of` and `Session::open` are the way in.

mod acquired;
pub mod annotated;
mod candidates;
mod classifier;
pub mod experiment;
pub mod export;
pub mod full_data;
pub mod grid;
mod judges;
pub mod lending;
pub mod lock;
mod manifest;
pub mod oracle;
pub mod plan;
pub mod pool;
pub mod prediction;
mod query;
mod reading;
pub mod retraining;
mod rounds;
pub mod saved_classifier;
pub mod session;
pub mod shadow;
mod stopping;
mod strategies;
pub mod tfidf;
mod thresholds;

pub use experiment::{Experiment, Task, Watch};
pub use manifest::plugin_manifest;
pub use plan::{Plan, Planned};
pub use session::{Session, Step};
pub use strategies::{Strategies, Workers};
