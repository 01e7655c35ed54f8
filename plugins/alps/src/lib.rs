//! The alps query strategy.
