//! Round trips through models of the tools' exporters, and files that cannot be used.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a test fails by panicking, and strings of JSON read better raw"
)]

mod case;
mod models;
mod refusals;
mod round_trips;
mod shapes;
mod studio;
