//! What several strategies compute alike. A strategy can do without it; it depends on plugin-api alone.
//!
//! Conventions of all modules: a *position* is a text's place in the pool, ascending by id. Ties go to the
//! lower position. Inputs are f32, arithmetic is f64, and a result does not depend on the number of threads.

pub mod asked;
pub mod beta_score;
pub mod clusters;
pub mod cooccurrence;
pub mod doubt;
pub mod draws;
pub mod labels;
pub mod lookahead;
mod powers;
pub mod ranking;
pub mod rows;
pub mod strata;
pub mod vectors;
