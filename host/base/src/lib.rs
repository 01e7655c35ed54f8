//! Holds what every part of alhost builds on and what knows none of them: files that are whole or
//! absent (`aside`), files that are computed once (`store`), locks (`lock`), files of strangers,
//! opened with care (`foreign`), their text, made harmless (`text`, `markdown`), lines of theirs (`lines`) and their names, misspelt (`near`);
//! matrices (`matrix`) and memory that processes share (`memory`); seeds (`seed`), progress and
//! costs (`ledger`). It needs no torch.

pub mod aside;
pub mod blocks;
pub mod foreign;
pub mod ledger;
pub mod lines;
pub mod lock;
pub mod markdown;
pub mod matrix;
pub mod memory;
pub mod near;
mod process;
pub mod progress;
pub mod seed;
pub mod store;
pub mod text;

pub use foreign::Unreadable;
