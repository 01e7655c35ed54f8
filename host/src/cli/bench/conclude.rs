//! What a grid came to: tables, what was computed once, the report.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use alhost_engine::grid::{BenchFolder, Cell, GridPlan, ReusedBy, State, reused_by};
use alhost_record::RoundRecord;
use alhost_report::{Options, report};

use crate::cli::run::Finished;
use crate::cli::tables;
use crate::cli::terminal::{say, tell_error};

/// Writes the report on all finished cells, where it is not there or may be old. The records are
/// what counts, so a report that cannot be made is told and no more.
pub(super) fn write_report(folder: &Path, is_old: bool) {
    let out = folder.join("report");
    let page = out.join("report.html");
    let write = || -> anyhow::Result<()> {
        if is_old || !page.exists() {
            let options = Options { metric: "micro_f1".parse()?, baseline: None, upto: None };
            report(&[folder.to_owned()], &options)?.write(&out)?;
        }
        say!("report: {}", page.display());
        Ok(())
    };
    if let Err(error) = write() {
        tracing::warn!("no report: {error:#}");
    }
}

/// Says what came of the cells, in tables and a last line, and keeps `shared.json`.
pub(super) fn conclude(
    grid: &GridPlan,
    folder: &BenchFolder,
    took: Duration,
) -> anyhow::Result<ExitCode> {
    let Outcome { runs, failures, n_left, n_finished } = outcome(&grid.cells);
    let all: Vec<&[RoundRecord]> =
        runs.values().flatten().map(|run| run.rounds.as_slice()).collect();
    let reused = reused_by(all.iter().copied());
    folder.keep_reused(&reused)?;
    for (data, runs) in &runs {
        say!("\n{data}: micro-F1 / macro-F1 (paper), mean over {}", seeds(runs));
        say!("{}", tables::compare(runs));
    }
    let reused = of_reused(&reused, &all);
    if !reused.is_empty() {
        say!("{}", reused.trim_end());
    }
    for (cell, reason) in &failures {
        tell_error(&anyhow::anyhow!("{}: {reason}", cell.name()));
    }
    let (n, n_failed) = (grid.cells.len(), failures.len());
    let mut text = format!("{n_finished} of {n} cells finished");
    let _infallible = match (n_failed, n_left) {
        (0, 0) => Ok(()),
        (_, 0) => write!(text, ", {n_failed} failed; the same command tries those again"),
        _ => write!(text, ", {n_failed} failed, {n_left} left; the same command goes on"),
    };
    say!("{text} ({:.0} s)\nrecords: {}", took.as_secs_f64(), grid.folder.display());
    Ok(if n_finished == n { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// The cells by what came of them.
struct Outcome<'a> {
    /// The runs of the finished cells, by their data.
    runs: BTreeMap<&'a str, Vec<Finished>>,
    /// The cells that failed, and why.
    failures: Vec<(&'a Cell, String)>,
    n_left: usize,
    n_finished: usize,
}

/// Reads the records of the finished cells; one whose records cannot be read has failed.
fn outcome(cells: &[Cell]) -> Outcome<'_> {
    let mut runs: BTreeMap<&str, Vec<Finished>> = BTreeMap::new();
    let (mut failures, mut n_left, mut n_finished) = (Vec::new(), 0, 0);
    for cell in cells {
        let records = match &cell.state {
            State::Finished => cell.finished(),
            State::Failed(reason) => {
                failures.push((cell, reason.clone()));
                continue;
            }
            State::Waiting | State::Queued | State::Running => Ok(None),
        };
        match records {
            Ok(Some(records)) => {
                n_finished += 1;
                runs.entry(&cell.data).or_default().push(Finished {
                    instance: cell.strategy.clone(),
                    seed: cell.seed,
                    path: cell.folder.clone(),
                    rounds: records.rounds,
                });
            }
            Ok(None) => n_left += 1,
            Err(error) => failures.push((cell, error.to_string())),
        }
    }
    Outcome { runs, failures, n_left, n_finished }
}

fn seeds(runs: &[Finished]) -> String {
    let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    format!("seeds {}", seeds.join(", "))
}

/// Tells what was computed once, and what that saved.
fn of_reused(reused: &[ReusedBy], runs: &[&[RoundRecord]]) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let mut kinds: BTreeMap<&str, (usize, f64, usize)> = BTreeMap::new();
    for used in reused {
        let (n, seconds, cells) = kinds.entry(&used.what).or_default();
        *n += 1;
        *seconds += used.seconds;
        *cells += used.cells;
    }
    let mut text = "\ncomputed once:\n".to_owned();
    for (what, (n, seconds, cells)) in kinds {
        let _infallible = writeln!(text, "  {what}: {n} in {seconds:.1} s, used {cells} times");
    }
    let costs = || runs.iter().copied().flatten().map(|round| &round.cost);
    let charged: f64 = costs().map(|cost| cost.seconds.total()).sum();
    let actual: f64 = costs().map(|cost| cost.spent().total()).sum();
    let _infallible = writeln!(
        text,
        "the cells' rounds took {actual:.0} s; each run alone, they would have taken {charged:.0} s"
    );
    text
}
