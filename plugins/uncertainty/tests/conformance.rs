//! Runs what `alhost plugin check` checks, as a test of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    alhost_plugin_host::check::test_main("uncertainty")
}
