//! A plugin in a process of its own: it can crash, hang, exit or eat memory, and the host goes on.
//!
//! ```text
//! host                                          alhost-worker
//!   Start {plugin, parameters}            ->      loads the plugin, creates the strategy
//!                                         <-    Done
//!   Select {n, round}                     ->      calls it
//!                                         <-    Fetch {feature, ids}         any number of these
//!   Block                                 ->
//!                                         <-    Answer {ids, scores}
//! ```
//!
//! A message is a frame on a socket (`channel`), its content `protocol`. Slices from a mebibyte up go
//! through sealed memory (`alhost_base::memory`, `slices`); the host's matrices lie in such memory from the
//! start, so that they are not copied. One worker serves one strategy for a whole run.

mod call;
mod channel;
mod client;
mod host;
mod process;
mod protocol;
mod rates;
mod serve;
mod serving;
mod slices;
mod talk;
#[cfg(test)]
mod tests;
mod warden;

pub(crate) use host::Worker;
pub use host::{Lends, NothingLent, WorkerOptions};
pub(crate) use protocol::{PROTOCOL, Start};
pub(crate) use rates::{MAX_TEXT, cut};
pub(crate) use serve::serve;
pub(crate) use talk::Lost;
