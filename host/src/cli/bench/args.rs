//! The arguments of `alhost bench`, and those that its jobs are given on other machines.

use std::num::NonZero;
use std::path::PathBuf;

use alhost_config::Overrides;
use alhost_engine::grid::Unit;
use clap::{Args, ValueEnum};

use crate::cli::MOST_SEED;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Grid file (TOML): data sets, strategies, seeds.
    pub(super) grid: PathBuf,
    /// Cells at once. Default: the number of GPUs, else 1. They share the CPU's cores. On a cluster: cells at once in
    /// a job, for jobs that do several.
    #[arg(short, long)]
    pub(super) jobs: Option<NonZero<usize>>,
    /// A strategy, in place of the grid's. May be repeated.
    #[arg(short, long, value_name = "FILE|ID")]
    plugin: Vec<String>,
    /// A seed, in place of the grid's. May be repeated.
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(..=MOST_SEED))]
    seed: Vec<u64>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long)]
    device: Option<String>,
    /// Folder for the records, which go to DIR/<name of the grid>.
    #[arg(short, long, value_name = "DIR")]
    out: Option<String>,
    /// Change one key of all data sets, by its full path. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Who does the cells.
    #[arg(long, value_enum, default_value_t = On::Local)]
    pub(super) on: On,
    /// Say how the grid stands, and do nothing.
    #[arg(long, conflicts_with_all = ["dry_run", "cancel"])]
    pub(super) status: bool,
    /// Take your jobs of this grid out of Slurm's queue. What they have done stays.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) cancel: bool,
    /// Show what would be done or submitted, and do nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do one cell, by its number from 0. The exit status is 0 where it is finished, 2 where it failed, and 130 where it
    /// was interrupted; the same command goes on.
    #[arg(long, value_name = "N", conflicts_with_all = ["on", "status", "cancel", "dry_run"])]
    cell: Option<usize>,
    /// Do all cells of a data set and a seed, by the number of that group from 0.
    #[arg(long, value_name = "N", conflicts_with_all = ["cell", "on", "status", "cancel", "dry_run"])]
    group: Option<usize>,
    /// Do the first round of a cell, which computes what others share.
    #[arg(
        long,
        value_name = "N",
        hide = true,
        conflicts_with_all = ["cell", "group", "on", "status", "cancel", "dry_run"]
    )]
    begin: Option<usize>,
    /// Refuse a grid other than the one that was submitted under this name.
    #[arg(long, value_name = "NAME", hide = true)]
    pub(super) planned: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum On {
    /// Worker processes on this machine.
    Local,
    /// Jobs of Slurm. This program submits what is missing, and ends.
    Slurm,
    /// Whoever runs lists of commands: writes them, and a job file for `HyperQueue`.
    Commands,
}

impl BenchArgs {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            plugins: self.plugin.clone(),
            seeds: self.seed.clone(),
            device: self.device.clone(),
            out: self.out.clone(),
            set: self.set.clone(),
            ..Overrides::default()
        }
    }

    /// What one job is told to do, if this is one.
    pub(super) fn task(&self) -> Option<(Unit, usize)> {
        let units =
            [(Unit::Cell, self.cell), (Unit::Group, self.group), (Unit::Beginning, self.begin)];
        units.into_iter().find_map(|(unit, number)| Some((unit, number?)))
    }

    /// Returns the words by which another process plans the same grid: all but the program and what it is to do of it.
    pub(super) fn words(&self) -> anyhow::Result<Vec<String>> {
        let grid = std::path::absolute(&self.grid)?;
        let mut words = vec!["bench".to_owned(), grid.display().to_string()];
        let mut add =
            |option: &str, value: &str| words.extend([option.to_owned(), value.to_owned()]);
        self.plugin.iter().for_each(|plugin| add("--plugin", plugin));
        self.seed.iter().for_each(|seed| add("--seed", &seed.to_string()));
        self.device.iter().for_each(|device| add("--device", device));
        self.out.iter().for_each(|out| add("--out", out));
        self.set.iter().for_each(|set| add("--set", set));
        self.jobs.iter().for_each(|jobs| add("--jobs", &jobs.to_string()));
        Ok(words)
    }
}
