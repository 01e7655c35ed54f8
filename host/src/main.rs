//! The `alhost` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    alhost::cli::main()
}
