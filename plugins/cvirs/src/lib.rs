//! CVIRS.
#![forbid(unsafe_code)]
pub mod inconsistency;
pub mod label_sets;
pub mod overlaps;
pub mod ranks;
pub mod scores;
