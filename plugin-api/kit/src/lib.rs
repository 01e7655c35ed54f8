//! What several strategies compute alike. A strategy can do without it; it depends on plugin-api alone.
//!
//! Conventions of all modules: a *position* is a text's place in the pool, ascending by id. Ties go to the
//! lower position. Inputs are f32, arithmetic is f64, and a result does not depend on the number of threads.

pub mod doubt;
pub mod draws;
pub mod labels;
pub mod ranking;
pub mod rows;
