//! A panic is a mistake of alhost's own: said as such, in words that help to put it right.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use super::terminal;

/// From here on, a panic is told on standard error; the program still ends with 101 then.
pub(super) fn tell_of_panics() {
    std::panic::set_hook(Box::new(|info| {
        terminal::tell(&words(info));
        // Taken only where RUST_BACKTRACE asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            terminal::tell(&trace.to_string());
        }
    }));
}

fn words(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or(String::new(), |place| format!(" ({place})"));
    let what = info.payload_as_str().unwrap_or("for an unknown reason");
    format!(
        "error: this is a bug of alhost {}, not of your input: {what}{place}\n\
         hint: what is recorded is whole, and the same command goes on; please report this line, with \
         the command, to the authors; RUST_BACKTRACE=1 shows more",
        env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_says_what_where_and_what_to_do() {
        let told = Arc::new(Mutex::new(String::new()));
        let to = Arc::clone(&told);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| *to.lock().unwrap() = words(info)));
        let panicked = std::panic::catch_unwind(|| panic!("index {} out of bounds", 7));
        std::panic::set_hook(before);
        assert!(panicked.is_err());
        let told = told.lock().unwrap();
        for part in ["bug of alhost", "index 7 out of bounds", "bug.rs:", "hint: ", "report"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
