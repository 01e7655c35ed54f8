//! `alhost` as a library: the engine, and libtorch's model for it. `host/examples/experiment.rs` shows how
//! an experiment is opened and stepped.
//!
//! Each part is a crate of its own below `host/`; this one adds the command line.

pub mod cli;

pub use alhost_engine::{
    Experiment, Plan, Planned, Session, Step, Strategies, Task, Watch, Workers, annotated, export,
    full_data, grid, lending, lock, oracle, plan, pool, prediction, retraining, saved_classifier,
    shadow, tfidf,
};
pub use alhost_learn::{Places, Torch};
pub use {
    alhost_base as base, alhost_config as config, alhost_data as data, alhost_learn as learn,
    alhost_metrics as metrics, alhost_plugin_host as plugin_host, alhost_record as record,
    alhost_report as report,
};
