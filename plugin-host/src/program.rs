//! The program of a worker process, which the host starts; nobody types its arguments.

use std::process::ExitCode;

/// What `alhost-worker` does, by its first argument.
pub fn worker_program() -> ExitCode {
    let command = std::env::args().nth(1);
    refuse(command.as_deref())
}

#[expect(clippy::print_stderr, reason = "a program of its own")]
fn refuse(command: Option<&str>) -> ExitCode {
    let command = command.unwrap_or("nothing");
    eprintln!("error: asked for `{command}`\nhint: `alhost` starts this program by itself");
    ExitCode::from(2)
}
