//! Cells done by worker processes on this machine.

use std::process::{Command, Stdio};

use alhost_config::GridFile;
use alhost_engine::grid::{BenchFolder, Crew, Executor, GridPlan, Handled, State, supervise};
use alhost_learn::device;
use anyhow::Context as _;

use super::args::BenchArgs;
use crate::cli::environment;
use crate::cli::progress::{Bars, Standings};
use crate::cli::run::cancel_on_interrupt;
use crate::cli::terminal::say;

pub(super) struct Local<'a> {
    jobs: Option<usize>,
    dry_run: bool,
    /// The device that the grid wishes for.
    wish: String,
    /// Where the cells' states and the workers' logs go; a job of a cluster has neither, and its log is its own output.
    folder: Option<&'a BenchFolder>,
    pub(super) only_begin: bool,
    bars: &'a Bars,
}

impl<'a> Local<'a> {
    pub(super) fn new(
        args: &BenchArgs,
        grid: &GridFile,
        folder: Option<&'a BenchFolder>,
        bars: &'a Bars,
    ) -> Self {
        Self {
            jobs: args.jobs.map(std::num::NonZero::get),
            dry_run: args.dry_run,
            wish: grid.configs.first().map_or("auto", |config| &config.device).to_owned(),
            folder,
            only_begin: false,
            bars,
        }
    }

    /// Returns the device of each worker: where there is one GPU or none, the config's own wish is right.
    fn devices(&self, n_cells: usize) -> Vec<Option<String>> {
        let n_gpus =
            if matches!(self.wish.as_str(), "auto" | "cuda") { device::n_gpus() } else { 0 };
        let jobs = self.jobs.unwrap_or(n_gpus.max(1)).clamp(1, n_cells.max(1));
        (0..jobs).map(|job| (n_gpus > 1).then(|| format!("cuda:{}", job % n_gpus))).collect()
    }

    fn tell(&self, plan: &GridPlan, jobs: usize) {
        let Some(folder) = self.folder else { return };
        tracing::info!(
            "{}: {} cells, {} finished before, {jobs} at a time; logs in {}",
            plan.name,
            plan.cells.len(),
            plan.cells.iter().filter(|cell| cell.state == State::Finished).count(),
            BenchFolder::inner(folder.path()).display(),
        );
    }
}

impl Executor for Local<'_> {
    fn execute(&mut self, plan: &mut GridPlan, left: &[usize]) -> anyhow::Result<Handled> {
        if self.dry_run {
            for &number in left {
                say!("cell {number}: {}", plan.cells[number].name());
            }
            say!("{} of {} cells would be done here", left.len(), plan.cells.len());
            return Ok(Handled::Done);
        }
        let devices = self.devices(left.len());
        let program = environment::program().context("no path of this program")?;
        let threads = environment::threads_each(devices.len());
        let start = |worker: usize| -> std::io::Result<Command> {
            let mut command = Command::new(&program);
            command.args(["bench-worker", "--parent", &std::process::id().to_string()]);
            command.envs(threads.iter().map(|(name, value)| (*name, value)));
            if let Some(folder) = self.folder {
                let mut options = fs_err::OpenOptions::new();
                let log = options.create(true).append(true).open(folder.log(worker))?;
                command.stderr(Stdio::from(log.into_parts().0));
            }
            Ok(command)
        };
        self.tell(plan, devices.len());
        let standings = Standings::new(self.bars, &plan.name);
        let name = plan.name.clone();
        let crew = Crew {
            devices,
            only_begin: self.only_begin,
            start: &start,
            watch: &mut |standing| standings.tell(standing),
            keep: &mut |cells| self.folder.map_or(Ok(()), |folder| folder.keep_cells(&name, cells)),
            cancelled: cancel_on_interrupt(),
        };
        supervise(&mut plan.cells, left, crew)?;
        Ok(Handled::Done)
    }
}
