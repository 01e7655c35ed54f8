//! `alhost bench`: every cell of a grid (data set x strategy x seed) is a run like any other, done
//! by worker processes, here or on other machines, and never done twice. [`plan`] says what there is to do, and an
//! [`Executor`] sees to it.
//!
//! ```text
//! <out>/<grid>/
//!   <data set>/<strategy>/seed-<s>/   the runs, see `record`; cell.json says how it ended, a failed one why
//!   cells.json    each cell and what became of it, as it stood when somebody last looked
//!   shared.json   what was computed once, and how many cells used it
//!   .bench/       configs and logs of the workers, scripts and logs of jobs, and a lock
//! ```

mod batches;
mod cell;
mod error;
mod executor;
mod facts;
mod folder;
mod outcome;
mod plan;
mod queue;
mod reused;
mod stamp;
mod standing;
mod supervise;
mod tally;
mod worker;

pub use batches::{Batch, Unit, batches};
pub use cell::{Cell, Expected};
pub use error::BenchError;
pub use executor::{Executor, Handled};
pub use facts::{Facts, OtherGrid};
pub use folder::BenchFolder;
pub use outcome::{Outcome, State};
pub use plan::{DataSet, GridPlan, Outside, plan};
pub use reused::{ReusedBy, reused_by};
pub use stamp::stamp;
pub use standing::Standing;
pub use supervise::{Crew, supervise};
pub use tally::{Row, Tally};
pub use worker::{Order, Reply, die_with_parent};
