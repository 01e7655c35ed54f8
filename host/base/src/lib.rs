//! What every part of alhost builds on and what knows none of them: files that are whole or absent
//! (`aside`), locks (`lock`), files of strangers, opened with care (`foreign`), and their text, made
//! harmless (`text`). No torch.

pub mod aside;
pub mod foreign;
pub mod lock;
mod process;
pub mod text;

pub use foreign::Unreadable;
