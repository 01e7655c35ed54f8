//! The cvirs query strategy.
