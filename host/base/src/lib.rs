//! What every part of alhost builds on and what knows none of them: files that are whole or absent
//! (`aside`), locks (`lock`), and files of strangers, opened with care (`foreign`). No torch.

pub mod aside;
pub mod foreign;
pub mod lock;
mod process;

pub use foreign::Unreadable;
