//! The subword query strategy.
