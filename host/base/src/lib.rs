//! What every part of alhost builds on and what knows none of them: files that are whole or absent
//! (`aside`), locks (`lock`), files of strangers, opened with care (`foreign`), their text, made
//! harmless (`text`), and lines of theirs (`lines`). No torch.

pub mod aside;
pub mod foreign;
pub mod lines;
pub mod lock;
mod process;
pub mod text;

pub use foreign::Unreadable;
