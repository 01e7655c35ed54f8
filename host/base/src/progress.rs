//! How long work tells of itself. Only `cli` draws bars; the rest of the host speaks to this trait.

/// One phase at a time: `begin`, any number of `advance`, `end`. Callable from any thread.
pub trait Progress: Send + Sync {
    /// `total` counts what `advance` will add up to (texts, batches, bytes); 0 means unknown.
    fn begin(&self, what: &str, total: u64);
    fn advance(&self, by: u64);
    /// Inside a phase that somebody else counts, such as a strategy's own work.
    fn at(&self, done: u64, total: u64);
    fn end(&self);
}

/// For tests and for work that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _by: u64) {}
    fn at(&self, _done: u64, _total: u64) {}
    fn end(&self) {}
}
