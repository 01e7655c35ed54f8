//! Cells done by Slurm: this program submits what is missing and ends.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use alhost_cluster::{Commands, GridName, Job, JobId, Limits, Queue, Settings, SlurmError};
use alhost_engine::grid::{Batch, BenchFolder, Executor, GridPlan, Handled, State, Unit, batches};
use anyhow::{Context as _, ensure};

use super::args::BenchArgs;
use super::{jobs, queued};
use crate::cli::terminal::{Output, say};

pub(super) struct Slurm<'a> {
    pub(super) args: &'a BenchArgs,
    pub(super) settings: Settings,
}

/// Slurm's own limits where nobody says others, for a look at the scripts on a machine without Slurm.
const USUAL: Limits = {
    let size = NonZeroU32::new(1001).expect("it is not 0");
    Limits { indices: size, tasks: size }
};

impl Executor for Slurm<'_> {
    fn execute(&mut self, plan: &mut GridPlan, left: &[usize]) -> anyhow::Result<Handled> {
        let (commands, name) = (Commands::default(), queued::name(plan)?);
        let (queue, limits) = match commands.queue(None) {
            Err(error @ SlurmError::Missing(_)) if self.args.dry_run => {
                tracing::warn!("{error}");
                (Queue::default(), USUAL)
            }
            queue => (queue?, commands.limits()?),
        };
        check_outdated(&queue, &name)?;
        queued::look(plan, &queue, &name);
        let is_free =
            |number: &usize| !matches!(plan.cells[*number].state, State::Queued | State::Running);
        let free: BTreeSet<usize> = left.iter().copied().filter(is_free).collect();
        let batches = batches(plan, &free);
        let n_busy = left.len() - free.len();
        if !self.args.dry_run {
            plan.facts.keep(&BenchFolder::inner(&plan.folder))?;
        }
        let mut n_jobs = 0;
        for batch in &batches {
            n_jobs += self.submit(plan, &name, batch, (&commands, limits))?;
        }
        for &number in &free {
            plan.cells[number].state = State::Queued;
        }
        if self.args.dry_run {
            say!("# {n_jobs} scripts for {} cells; nothing was submitted", free.len());
        } else {
            self.tell(plan, (n_jobs, free.len()), n_busy);
        }
        Ok(Handled::GivenAway)
    }
}

impl Slurm<'_> {
    fn tell(&self, plan: &GridPlan, (n_jobs, n_cells): (usize, usize), n_busy: usize) {
        let busy = if n_busy > 0 { format!("{n_busy} run or wait already") } else { String::new() };
        match n_jobs {
            0 => say!("nothing to submit: {busy}"),
            _ if n_busy > 0 => say!("submitted {n_jobs} jobs for {n_cells} cells; {busy}"),
            _ => say!("submitted {n_jobs} jobs for {n_cells} of {} cells", plan.cells.len()),
        }
        say!("`alhost bench {} --status` says how it stands", self.args.grid.display());
        say!("records: {}", plan.folder.display());
    }

    /// Submits the jobs of a batch, and returns how many.
    fn submit(
        &self,
        plan: &GridPlan,
        name: &GridName,
        batch: &Batch,
        (commands, limits): (&Commands, Limits),
    ) -> anyhow::Result<usize> {
        let mut job = self.job(plan, name, Unit::Beginning, batch.begin.into_iter().collect())?;
        let (mut n_jobs, mut before) = (0, None);
        if let Some(cell) = batch.begin {
            let what = format!("what is computed once, by cell {cell}");
            before = self.submit_job(&job, &batch.data, &what, (commands, limits))?.last().copied();
            n_jobs += 1;
        }
        job = self.job(plan, name, batch.unit, batch.numbers.clone())?;
        job.after_ok = before;
        let what = match batch.unit {
            Unit::Group => "groups of cells, one a seed",
            _ => "cells",
        };
        let what = format!("{} {what}", batch.numbers.len());
        Ok(n_jobs + self.submit_job(&job, &batch.data, &what, (commands, limits))?.len())
    }

    fn job(
        &self,
        plan: &GridPlan,
        name: &GridName,
        unit: Unit,
        numbers: BTreeSet<u32>,
    ) -> anyhow::Result<Job> {
        Ok(Job {
            name: name.job(unit.kind()),
            folder: logs(plan)?,
            command: jobs::command(self.args, plan, unit)?,
            array: Some(numbers),
            after_ok: None,
            settings: self.settings.clone(),
        })
    }

    fn submit_job(
        &self,
        job: &Job,
        data: &str,
        what: &str,
        (commands, limits): (&Commands, Limits),
    ) -> anyhow::Result<Vec<JobId>> {
        let mut ids = Vec::new();
        for script in job.scripts(limits)? {
            if self.args.dry_run {
                say!("# sbatch, for {data}: {what}");
                // As it is submitted, also where what a user wrote in it would be shown otherwise.
                std::io::Write::write_all(&mut Output, script.text.as_bytes())?;
                ids.push(JobId(0));
                continue;
            }
            let id = commands.submit(&script, &job.settings)?;
            say!("{data}: job {id}, {what}");
            ids.push(id);
        }
        Ok(ids)
    }
}

fn logs(plan: &GridPlan) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(BenchFolder::inner(&plan.folder))?.join("slurm"))
}

/// Jobs of an earlier state of the grid refuse to do anything, and know cells by other numbers.
fn check_outdated(queue: &Queue, name: &GridName) -> anyhow::Result<()> {
    let jobs: BTreeSet<JobId> = queue.outdated(name).map(|task| task.job).collect();
    let jobs: Vec<String> = jobs.iter().map(ToString::to_string).collect();
    ensure!(
        jobs.is_empty(),
        "the queue has jobs of this grid as it was before it changed: {}\n\
         hint: `--cancel` takes them out of the queue; what is done stays where it still counts",
        jobs.join(", ")
    );
    Ok(())
}

pub(super) fn cancel(plan: &GridPlan) -> anyhow::Result<ExitCode> {
    let commands = Commands::default();
    let (name, queue) = (queued::name(plan)?, commands.queue(None)?);
    let me = me()?;
    let mine = queue.jobs(&name, &me);
    commands.cancel(&mine)?;
    let others: BTreeSet<&str> = queue
        .tasks(&name)
        .iter()
        .map(|task| task.user.as_str())
        .filter(|user| *user != me)
        .collect();
    say!("{} jobs were taken out of the queue", mine.len());
    for user in others {
        say!("{user} has jobs of this grid too, which only {user} can cancel");
    }
    Ok(ExitCode::SUCCESS)
}

/// This user's name as Slurm has it.
fn me() -> anyhow::Result<String> {
    let output = std::process::Command::new("id").arg("-un").output();
    let output = output.context("`id -un` does not say who you are")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
