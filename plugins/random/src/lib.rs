//! The random query strategy.
