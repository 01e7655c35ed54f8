//! What a query of each strategy costs on made-up arrays of the size of EurLex: `cargo bench -p alhost --bench
//! shelf`. Each strategy selects once, in a process of its own, through the services that a run has; then
//! strategies of Python libraries do the same on the same arrays, where `benches/peers/setup.sh` has been run.
//!
//! What the model says is there before the clock starts: only what the strategy and the services do with it is
//! counted. `-- --help` lists what can be changed.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod arrays;
mod child;
mod cost;
mod model;
mod options;
mod peers;
mod query;
mod shelf;
mod task;

use clap::Parser as _;

use crate::arrays::Arrays;
use crate::options::Options;
use crate::shelf::{Shelf, Variant};

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    match &options.one {
        Some(variant) => query::run(&options, variant),
        None => all(&options),
    }
}

fn all(options: &Options) -> anyhow::Result<()> {
    let size = options.size;
    println!(
        "{} texts, {} of them labeled, {} labels, {} features; {} are selected, {} threads",
        size.texts,
        size.labeled,
        size.labels,
        size.features,
        options.n,
        rayon::current_num_threads(),
    );
    let shelf = Shelf::beside(&std::env::current_exe()?)?;
    let peers = peers::found(options)?;
    let variants = shelf.variants(options, &peers)?;
    let folder = tempfile::tempdir()?;
    let labels_each = Arrays::make(size).write(folder.path())?;
    println!("{labels_each:.1} labels of a labeled text");
    if cfg!(debug_assertions) {
        println!("this is a debug build, whose figures say nothing");
    }
    if let Some(note) = shelf.note(&variants) {
        println!("{note}");
    }
    println!();

    let costs = ours(options, &shelf, variants, folder.path())?;
    peers::compare(options, &peers, &costs, folder.path())
}

/// Runs the variants one after the other.
fn ours(
    options: &Options,
    shelf: &Shelf,
    variants: Vec<Variant>,
    folder: &std::path::Path,
) -> anyhow::Result<Vec<(Variant, cost::Outcome)>> {
    println!("{}", cost::Outcome::TITLE);
    let mut costs = Vec::new();
    for variant in variants {
        let outcome = match shelf.library(&variant.plugin) {
            Some(_) => child::one_of_ours(options, &variant, folder)?,
            None => cost::Outcome::Failed("it has not been built".to_owned()),
        };
        println!("{}", outcome.row(&variant.to_string()));
        costs.push((variant, outcome));
    }
    println!();
    Ok(costs)
}
