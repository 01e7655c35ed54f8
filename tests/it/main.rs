//! Integration tests, in one binary so that libtorch is linked once.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
#![allow(clippy::print_stderr, reason = "a test that could do nothing says so")]

mod abi;
mod authoring;
mod bad_input;
mod bad_plugins;
mod bench;
mod cache;
mod check;
mod checkpoint;
mod data;
mod docs;
mod doctor;
mod edges;
mod export;
mod fuzz;
mod golden_model;
mod guide;
mod hub;
mod inspect;
mod isolation;
mod label;
mod label_browser;
mod label_docs;
mod label_page;
mod mlm;
mod openers;
mod page;
mod pickles;
mod prepare;
mod report;
mod report_readers;
mod resume;
mod runs;
mod shadow;
mod slurm;
mod stopping;
mod strategies_page;
mod support;
mod tasks;
mod tidy;
mod tokenizers;
mod train;
mod trust;
