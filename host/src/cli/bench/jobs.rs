//! The commands that do a grid's cells on other machines.

use alhost_cluster::Word;
use alhost_engine::grid::{GridPlan, Unit};
use anyhow::Context as _;

use super::args::BenchArgs;
use crate::cli::environment;

/// Returns the command for one number of `unit`.
pub(super) fn command(args: &BenchArgs, plan: &GridPlan, unit: Unit) -> anyhow::Result<Vec<Word>> {
    let program = environment::launcher().context("no path of this program")?;
    let program = program.to_str().context("the path of this program is not UTF-8")?.to_owned();
    let mut words: Vec<Word> =
        std::iter::once(program).chain(args.words()?).map(Word::Text).collect();
    words.extend([Word::from(unit.option()), Word::Cell]);
    words.extend([Word::from("--planned"), Word::Text(plan.facts.name())]);
    Ok(words)
}
