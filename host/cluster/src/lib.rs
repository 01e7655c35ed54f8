//! What alhost says to Slurm and hears from it. A [`Job`] becomes [`Script`]s, [`Commands`] submits them, and a
//! [`Queue`] says which cells of a grid wait or run.
//!
//! # Where state is kept
//!
//! In the folders of the runs, and in Slurm's queue; nowhere else. No file of ours says what was submitted. What
//! is needed to find a job again is in its name ([`GridName`]): whose grid, what kind of job, and what is added to
//! an array's index to give the cell. So nothing can be out of date: a job that is not in the queue has ended, and
//! how it ended is told by its run's folder alone. `sacct` is never asked: many clusters keep no accounts, and its
//! states are wrong for a while after a requeue. Every end of a job that leaves its cell unfinished means the same:
//! give the same command again.
//!
//! # What Slurm is asked with
//!
//! Its own programs, as a user would: `sbatch`, `squeue`, `scancel`, and `scontrol show config` for the sizes of
//! arrays. `squeue` answers in lines of a format of ours, not in JSON: that of Slurm 22.05 comes with every job
//! of the cluster whatever is asked for, some kilobytes each, and its fields change from release to release.

mod commands;
mod error;
mod indices;
mod job;
mod limits;
mod name;
mod queue;
mod quote;
mod refusal;
mod script;
mod settings;

pub use commands::Commands;
pub use error::{BadJob, BadSetting, SlurmError};
pub use job::{Job, JobId, Word};
pub use limits::Limits;
pub use name::GridName;
pub use queue::{Queue, State, Task};
pub use quote::for_shell;
pub use script::Script;
pub use settings::Settings;
