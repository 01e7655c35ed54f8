//! Labeling projects: texts that people label, the loop that chooses them, and the page that shows them.
//!
//! `Project` is the folder, `Shared` the state while it is at work, `work` the thread that trains and chooses,
//! `server` the page's HTTP.

pub mod agreement;
pub mod answering;
pub mod answers;
pub mod board;
pub mod exchange;
mod live;
pub mod progress;
pub mod project;
mod refusal;
mod restore;
pub mod search;
pub mod server;
pub mod shared;
pub mod views;
pub mod work;

pub use project::Project;
pub use refusal::Refusal;
pub use shared::{Phase, Shared};
pub use work::{Patience, work};
