//! The dal query strategy.
