//! `alhost bench`: every cell of a grid (data set x strategy x seed) is a run like any other, done
//! by worker processes and never done twice.
//!
//! ```text
//! <out>/<grid>/
//!   <data set>/<strategy>/seed-<s>/   the runs, see `record`
//!   cells.json    each cell and what became of it; a failed one with its reason
//!   shared.json   what was computed once, and how many cells used it
//!   .bench/       configs and logs of the workers, and a lock
//! ```

mod cell;
mod error;
mod folder;
mod plan;
mod queue;
mod reused;
mod stamp;
mod supervise;
mod worker;

pub use cell::{Cell, Expected, State};
pub use error::BenchError;
pub use folder::BenchFolder;
pub use plan::{Outside, cells, look};
pub use reused::{ReusedBy, reused_by};
pub use stamp::stamp;
pub use supervise::{Crew, Standing, supervise};
pub use worker::{Order, Reply, die_with_parent};
