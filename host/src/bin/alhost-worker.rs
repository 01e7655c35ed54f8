//! The process in which a plugin runs apart from the host. It is in this package so that it is
//! always built beside `alhost`, but uses nothing of it: without libtorch it starts in milliseconds.

use std::process::ExitCode;

fn main() -> ExitCode {
    alhost_plugin_host::worker_program()
}
