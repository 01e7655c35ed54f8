//! The program of a worker process, which the host starts; nobody types its arguments.

use std::process::ExitCode;

use crate::{check, worker};

/// Does what `alhost-worker` does, by its first argument.
pub fn worker_program() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["case", rest @ ..] => check::case_program(rest),
        ["serve", host] => match host.parse() {
            Ok(host) => done(worker::serve(host)),
            Err(_) => refuse(&arguments),
        },
        _ => refuse(&arguments),
    }
}

#[expect(clippy::print_stderr, reason = "a program of its own")]
fn done(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program of its own")]
fn refuse(arguments: &[&str]) -> ExitCode {
    eprintln!(
        "error: cannot do `{}`\nhint: `alhost` starts this program by itself",
        arguments.join(" ")
    );
    ExitCode::from(2)
}
