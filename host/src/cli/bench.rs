//! `alhost bench`: from a grid file to finished cells and a table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use alhost_config::{GridFile, Overrides, RunConfig};
use alhost_engine::grid::{
    self, BenchFolder, Cell, Crew, Outside, ReusedBy, State, reused_by, supervise,
};
use alhost_learn::{Checkpoint, device};
use alhost_record::RoundRecord;
use alhost_report::{Options, report};
use anyhow::Context as _;

use super::progress::{Bars, Standings};
use super::run::{Finished, cancel_on_interrupt, shelf};
use super::terminal::{say, tell_error};
use super::{BenchArgs, environment, tables};

pub(super) fn bench(args: &BenchArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let overrides = Overrides {
        plugins: args.plugin.clone(),
        seeds: args.seed.clone(),
        device: args.device.clone(),
        out: args.out.clone(),
        set: args.set.clone(),
        ..Overrides::default()
    };
    let grid = GridFile::read(&args.grid, &overrides)?;
    fetch(&grid)?;
    let places = environment::places();
    let checkpoint = |config: &RunConfig| Checkpoint::files(&config.model.checkpoint, &places);
    let outside =
        Outside { shelf: shelf(), lookup: &environment::lookup, checkpoint_files: &checkpoint };
    let mut cells = Vec::new();
    for config in &grid.configs {
        cells.extend(grid::cells(config, &grid.folder, &outside)?);
    }
    for cell in &cells {
        cell.check_folder()?;
    }
    let folder = BenchFolder::open(&grid.folder)?;
    for config in &grid.configs {
        fs_err::write(BenchFolder::config(&grid.folder, &config.name), config.to_toml())?;
    }
    grid::look(&mut cells, &folder.finished());
    folder.keep_cells(&grid.name, &cells)?;
    let has_work = cells.iter().any(|cell| cell.state == State::Waiting);
    if has_work {
        work(&mut cells, &grid, &folder, args.jobs.map(NonZero::get), bars)?;
    }
    let code = conclude(&cells, &grid, &folder, started.elapsed())?;
    write_report(&grid.folder, has_work);
    Ok(code)
}

/// Fetches the checkpoints that are not on this machine, once: the workers would all do it. One that
/// cannot be had costs its own cells, and no others.
fn fetch(grid: &GridFile) -> anyhow::Result<()> {
    let places = environment::places();
    let mut names = BTreeSet::new();
    for config in &grid.configs {
        names.insert(config.clone().check(&environment::lookup)?.model.checkpoint.clone());
    }
    for name in names {
        if let Err(error) = Checkpoint::fetch(&name, &places) {
            tracing::warn!("{error}");
        }
    }
    Ok(())
}

/// Writes the report on all finished cells, where it is not there or may be old. The records are
/// what counts, so a report that cannot be made is told and no more.
fn write_report(folder: &Path, is_old: bool) {
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

fn work(
    cells: &mut [Cell],
    grid: &GridFile,
    folder: &BenchFolder,
    jobs: Option<usize>,
    bars: &Bars,
) -> anyhow::Result<()> {
    let wish = grid.configs.first().map_or("auto", |config| config.device.as_str());
    let n_gpus = if matches!(wish, "auto" | "cuda") { device::n_gpus() } else { 0 };
    let jobs = jobs.unwrap_or(n_gpus.max(1)).clamp(1, cells.len().max(1));
    // Where there is one GPU or none, the config's own wish is right.
    let device = |job: usize| (n_gpus > 1).then(|| format!("cuda:{}", job % n_gpus));
    let program = environment::program().context("no path of this program")?;
    let threads = environment::threads_each(jobs);
    let start = |worker: usize| -> std::io::Result<Command> {
        let mut options = fs_err::OpenOptions::new();
        let log = options.create(true).append(true).open(folder.log(worker))?;
        let mut command = Command::new(&program);
        command.args(["bench-worker", "--parent", &std::process::id().to_string()]);
        command.stderr(Stdio::from(log.into_parts().0));
        command.envs(threads.iter().map(|(name, value)| (*name, value)));
        Ok(command)
    };
    tracing::info!(
        "{}: {} cells, {} finished before, {jobs} at a time; logs in {}",
        grid.name,
        cells.len(),
        cells.iter().filter(|cell| cell.state == State::Finished).count(),
        folder.log(0).parent().unwrap_or(folder.path()).display(),
    );
    let standings = Standings::new(bars, &grid.name);
    supervise(
        cells,
        Crew {
            devices: (0..jobs).map(device).collect(),
            start: &start,
            watch: &mut |standing| standings.tell(standing),
            keep: &mut |cells| folder.keep_cells(&grid.name, cells),
            cancelled: cancel_on_interrupt(),
        },
    )?;
    Ok(())
}

/// Says what came of the cells, in tables and a last line, and keeps `shared.json`.
fn conclude(
    cells: &[Cell],
    grid: &GridFile,
    folder: &BenchFolder,
    took: Duration,
) -> anyhow::Result<ExitCode> {
    let Outcome { runs, failures, n_left, n_finished } = outcome(cells);
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
    let (n, n_failed) = (cells.len(), failures.len());
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
            State::Waiting | State::Running => Ok(None),
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
    let actual: f64 = costs().map(|cost| cost.actual.unwrap_or(cost.seconds).total()).sum();
    let _infallible = writeln!(
        text,
        "the cells' rounds took {actual:.0} s; each run alone, they would have taken {charged:.0} s"
    );
    text
}
