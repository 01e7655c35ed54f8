//! How long work tells of itself. Only `cli` draws bars; the rest of the host speaks to this trait.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// One phase at a time: `begin`, any number of `advance`, `end`. Callable from any thread.
pub trait Progress: Send + Sync {
    /// `total` counts what `advance` will add up to (texts, batches, bytes); 0 means unknown.
    fn begin(&self, what: &str, total: u64);
    fn advance(&self, by: u64);
    /// Inside a phase that somebody else counts, such as a strategy's own work.
    fn at(&self, done: u64, total: u64);
    fn end(&self);
    /// Something that is computed once was asked for.
    fn shared(&self, _shared: &Shared) {}
}

/// Something that is computed once, kept, and used by many runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// `token ids`, `hidden states`, ...
    pub what: String,
    /// Names the content.
    pub key: String,
    /// Seconds that computing it took, whenever that was.
    pub seconds: f64,
    /// Whether it was computed now.
    pub computed: bool,
    /// Seconds that getting it took now.
    #[serde(skip)]
    pub spent: f64,
}

/// For tests and for work that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _by: u64) {}
    fn at(&self, _done: u64, _total: u64) {}
    fn end(&self) {}
}

/// Passes everything on, and notes what was shared.
pub struct Noting<'a> {
    to: &'a dyn Progress,
    noted: Mutex<Vec<Shared>>,
}

impl<'a> Noting<'a> {
    pub fn new(to: &'a dyn Progress) -> Self {
        Self { to, noted: Mutex::default() }
    }

    /// What was shared since the last call.
    pub fn take(&self) -> Vec<Shared> {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Progress for Noting<'_> {
    fn begin(&self, what: &str, total: u64) {
        self.to.begin(what, total);
    }

    fn advance(&self, by: u64) {
        self.to.advance(by);
    }

    fn at(&self, done: u64, total: u64) {
        self.to.at(done, total);
    }

    fn end(&self) {
        self.to.end();
    }

    fn shared(&self, shared: &Shared) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(shared.clone());
        self.to.shared(shared);
    }
}
