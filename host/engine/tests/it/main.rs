//! Tests of the engine as a whole, with a toy in the place of the model: no torch, no command line.

mod grid;
mod oracles;
mod session;
mod stops;
mod support;
mod toy;
