//! Tells how far long work is. Only `cli` draws bars; the rest of the host speaks to this trait.

/// Takes in one phase at a time: `begin`, any number of `advance`, `end`. Any thread may call it.
pub trait Progress: Send + Sync {
    /// Begins a phase. `total` counts what `advance` will add up to (texts, batches, bytes); 0
    /// means unknown.
    fn begin(&self, what: &str, total: u64);
    fn advance(&self, by: u64);
    /// Tells how far a phase is that somebody else counts, such as a strategy's own work.
    fn at(&self, done: u64, total: u64);
    fn end(&self);
}

/// Tells nobody, for tests and for work that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _by: u64) {}
    fn at(&self, _done: u64, _total: u64) {}
    fn end(&self) {}
}
