//! What a user configures: the file, its check, and overrides from the command line.

mod sections;

pub use sections::*;
