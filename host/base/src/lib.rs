//! What every part of alhost builds on and what knows none of them: files that are whole or absent
//! (`aside`), files of strangers, opened with care (`foreign`), and lines of theirs (`lines`). No torch.

pub mod aside;
pub mod foreign;
pub mod lines;

pub use foreign::Unreadable;
