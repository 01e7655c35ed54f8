//! How preparing tells of itself; the program that draws bars implements this.

/// Hears of one phase at a time: `begin`, any number of `advance`, `end`. Callable from any thread.
pub trait Progress: Sync {
    /// `total` is what `advance` will add up to (texts, files or bytes); 0 means unknown.
    fn begin(&self, what: &str, total: u64);
    fn advance(&self, by: u64);
    fn end(&self);
}

/// Says nothing, for work that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: u64) {}
    fn advance(&self, _by: u64) {}
    fn end(&self) {}
}
