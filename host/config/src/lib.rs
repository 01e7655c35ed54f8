//! Holds what a user configures: the file, its check, and overrides from the command line.

mod check;
mod error;
mod expand;
mod file;
mod grid;
mod keys;
mod overrides;
mod protocol;
mod ranges;
mod sections;
mod uses;
mod usual;

pub use check::{RunConfig, names_a_folder};
pub use error::{ConfigError, Problem};
pub use file::{ConfigFile, DEMO};
pub use grid::GridFile;
pub use keys::{Key, keys};
pub use overrides::{Overrides, plugin_stem};
pub use sections::*;

#[cfg(test)]
mod docs;
#[cfg(test)]
mod tests;
