//! Integration tests.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]
#![allow(clippy::print_stderr, reason = "a test that could do nothing says so")]

mod checkpoint;
mod golden_model;
