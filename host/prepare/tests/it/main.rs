//! Recipes, run on small replicas of the files that they are made for.
//!
//! The replicas are written by hand, with what is odd about the real files. `frame` and `bad_input`
//! are about what all recipes have in common.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod ag_news;
mod arxiv;
mod bad_input;
mod eurlex;
mod frame;
mod nyt;
mod rcv1;
mod support;
mod toxic;
mod yelp;
