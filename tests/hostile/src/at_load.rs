//! Runs while the library is being loaded, before any parameter is known. It does nothing, unless a
//! copy of the file says something else here.

use std::time::Duration;

/// Tests change this text in a copy of the file.
#[used]
static AT_LOAD: [u8; 21] = *b"at load: does nothing";

#[used]
#[unsafe(link_section = ".init_array")]
static RUN: extern "C" fn() = run;

extern "C" fn run() {
    if std::hint::black_box(&AT_LOAD).ends_with(b"starts thread") {
        std::thread::spawn(|| std::thread::sleep(Duration::from_secs(2)));
    }
}
