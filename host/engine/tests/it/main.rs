//! Tests of the engine as a whole, with a toy in the place of the model: no torch, no command line.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first thing that is wrong")]

mod asking;
mod audit;
mod grid;
mod oracles;
mod session;
mod stops;
mod support;
mod toy;
