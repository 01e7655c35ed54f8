//! The one way out to standard output and standard error. Text of strangers (plugins, data, records,
//! names of files) is in nearly all that is printed, so all of it is made harmless here.
//!
//! A reader that has gone (`| head`) or a disk that is full ends no work: what cannot be said is
//! noted, the rest is passed over, and [`conclude`] says at the end of the program what became of it.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use alhost_base::text;
use serde::Serialize;

/// A line of results, on standard output: `say!("{n} texts")`.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::terminal::print(format_args!($($words)*)) };
}
pub(super) use say;

/// Prints a line of results, for [`say`].
pub(super) fn print(words: Arguments<'_>) {
    put(&format!("{}\n", text::visible(&words.to_string())));
}

/// Results for other programs.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    put(&format!("{}\n", text::json(&serde_json::to_string_pretty(value)?)));
    Ok(())
}

/// A value in one line, as [`Output`] takes it and as files have it.
pub(super) fn json_line(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(text::json(&serde_json::to_string(value)?) + "\n")
}

/// A line for people, on standard error. Where that cannot be written, there is nobody to tell.
pub(super) fn tell(words: &str) {
    let _nobody_to_tell = io::stderr().write_all(format!("{}\n", text::visible(words)).as_bytes());
}

/// Whether somebody sees what is told.
pub(super) fn is_seen() -> bool {
    io::stderr().is_terminal()
}

/// Standard output for more than a line, which has to be harmless already. Its errors are real, so
/// that long work ends with its reader.
pub(super) struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = io::stdout().lock();
        let done = out.write(bytes).and_then(|n| out.flush().map(|()| n));
        // An interrupted call is tried again by who called.
        done.inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                note(error);
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().inspect_err(note)
    }
}

/// Help, version, or what is wrong with the arguments.
pub(super) fn answer(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        tell(error.render().to_string().trim_end());
        return ExitCode::from(2);
    }
    // Ours, and with clap's own colours on a terminal.
    if let Err(error) = error.print().and_then(|()| io::stdout().flush()) {
        note(&error);
    }
    conclude(Ok(ExitCode::SUCCESS))
}

/// The end of the program: what it came to, unless the results could not be written.
pub(super) fn conclude(done: anyhow::Result<ExitCode>) -> ExitCode {
    let unsaid = UNSAID.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (done, unsaid) {
        (Ok(code), None | Some(Unsaid::Closed)) => code,
        (Ok(_), Some(Unsaid::Failed(why))) => {
            tell_unwritten(&why);
            ExitCode::from(2)
        }
        // `alhost ... | head` is no failure.
        (Err(error), Some(Unsaid::Closed)) if has_kind(&error, io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        (Err(error), Some(Unsaid::Failed(why))) if has_text(&error, &why) => {
            tell_unwritten(&why);
            ExitCode::from(2)
        }
        (Err(error), _) => {
            tell_error(&error);
            ExitCode::from(2)
        }
    }
}

pub(super) fn tell_error(error: &anyhow::Error) {
    tell(&format!("error: {}", error_text(error)));
}

/// Words an error: what was being done first, then the causes; hints last, each on a line of its
/// own.
pub(super) fn error_text(error: &anyhow::Error) -> String {
    let (mut causes, mut hints) = (Vec::new(), Vec::new());
    for cause in error.chain() {
        let text = cause.to_string();
        let (message, hint) = text.split_once("hint: ").unwrap_or((&text, ""));
        let message = text::shortened(message.trim_end(), LONGEST_CAUSE).into_owned();
        let hint = text::shortened(hint.trim_end(), LONGEST_CAUSE).into_owned();
        // An error that shows its source in its own message would say it twice.
        if !causes.iter().any(|said: &String| said.contains(&message)) {
            causes.push(message);
        }
        if !hint.is_empty() && !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let hints = hints.iter().map(|hint| format!("\nhint: {hint}"));
    causes.join(": ") + &hints.collect::<String>()
}

/// A message may be of any length; a plugin is cut before, at 8 KiB, and that is said at its end.
const LONGEST_CAUSE: usize = 12 << 10;

/// The reason why results could not be written.
#[derive(Debug)]
enum Unsaid {
    /// Nobody reads them.
    Closed,
    Failed(String),
}

/// The first failure of standard output; nothing is written to it any more.
static UNSAID: Mutex<Option<Unsaid>> = Mutex::new(None);

fn put(words: &str) {
    if UNSAID.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        let _noted = Output.write_all(words.as_bytes());
    }
}

fn note(error: &io::Error) {
    let mut unsaid = UNSAID.lock().unwrap_or_else(PoisonError::into_inner);
    let why = match error.kind() {
        io::ErrorKind::BrokenPipe => Unsaid::Closed,
        _ => Unsaid::Failed(error.to_string()),
    };
    unsaid.get_or_insert(why);
}

fn tell_unwritten(why: &str) {
    let why = why.split(" (os error").next().unwrap_or(why);
    tell(&format!(
        "error: the results cannot be written to standard output: {why}\n\
         hint: make room there, or send them elsewhere; what is in files is whole"
    ));
}

fn has_kind(error: &anyhow::Error, kind: io::ErrorKind) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == kind)
}

fn has_text(error: &anyhow::Error, text: &str) -> bool {
    error.chain().any(|cause| cause.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_come_first_hints_last_and_neither_twice() {
        let source = anyhow::anyhow!("no such file\nhint: look elsewhere");
        let error = source.context("the plugin cannot be read\nhint: build it");
        assert_eq!(
            error_text(&error),
            "the plugin cannot be read: no such file\nhint: build it\nhint: look elsewhere"
        );
    }

    #[test]
    fn an_error_of_any_length_is_told_in_some_lines() {
        let told = error_text(&anyhow::anyhow!("x".repeat(20_000_000)));
        assert!(told.len() < 20_000 && told.ends_with("more bytes)"), "{} bytes", told.len());
    }
}
