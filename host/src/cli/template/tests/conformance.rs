//! Runs what `alhost plugin check` checks, as a test of this crate: whether the built library keeps
//! what alhost relies on. Each case runs in a process of its own, so that one that crashes is a
//! failure like any other. `cargo test --test conformance -- select` runs the cases of that name.

use std::process::ExitCode;

fn main() -> ExitCode {
    alhost_plugin_host::check::test_main("my_strategy")
}
