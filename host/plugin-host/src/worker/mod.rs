//! A plugin in a process of its own: it can crash, hang, exit or eat memory, and the host goes on.
//!
//! What the two say to each other is `alhost-plugin-protocol`. Slices from a mebibyte up go through sealed
//! memory (`alhost_base::memory`, `slices`); the host's matrices lie in such memory from the start, so that
//! they are not copied. One worker serves one strategy for a whole run.

mod call;
mod client;
mod host;
mod process;
mod rates;
mod serve;
mod serving;
mod slices;
mod talk;
#[cfg(test)]
mod tests;
mod warden;

pub(crate) use alhost_plugin_protocol::{MAX_TEXT, Start, cut};
pub(crate) use host::Worker;
pub use host::{Lends, NothingLent, WorkerOptions};
pub(crate) use serve::serve;
pub(crate) use talk::Lost;
