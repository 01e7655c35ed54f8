//! The macros of plugin-api.
