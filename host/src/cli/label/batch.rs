//! `alhost label next` and `alhost label import`: batches by way of an annotation tool.

use std::process::ExitCode;

use alhost_base::aside;
use alhost_label::exchange::{Import, Took};
use alhost_label::{Patience, work};

use super::super::progress::Bars;
use super::super::terminal::say;
use super::{ImportArgs, NextArgs, experiment, shown};

/// Reasons shown, at most; the rest is counted.
const MOST_REASONS: usize = 20;

pub(super) fn next(args: &NextArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let shared = args.project.open()?;
    if !shared.batch_is_open() {
        let open = || experiment(&shared.project, bars);
        work(&shared, &open, Patience::Return, bars)?;
    }
    let tasks = shared.tasks(args.n);
    if tasks.is_empty() {
        say!("no text wants labels: {}", shared.progress().next);
        return Ok(ExitCode::from(1));
    }
    let labels = shared.label_set();
    let project = &shared.project.config.name;
    let files = alhost_exchange::export(args.to, &tasks, &labels, project)?;
    for (name, content) in &files {
        let path = args.out.join(name);
        fs_err::create_dir_all(path.parent().unwrap_or(&args.out))?;
        aside::replace(&path, content)?;
        say!("{}", path.display());
    }
    let folder = shown(&args.project.project);
    say!("{} texts for {}; then: alhost label import {folder} FILE", tasks.len(), args.to);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let shared = args.project.open()?;
    let import = Import { format: args.from, by: args.by.clone(), add_labels: args.add_labels };
    let took = shared.import(&args.file, &import)?;
    tell(&took);
    let progress = shared.progress();
    say!("{} of {} texts of the batch are labeled", progress.batch.done, progress.batch.of);
    Ok(if took.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn tell(took: &Took) {
    say!(
        "{}: {} answers taken, {} of them skips; {} were there already",
        took.format,
        took.taken,
        took.skipped,
        took.unchanged
    );
    if took.unanswered + took.drafts > 0 {
        say!("{} texts have no answer, {} only a draft", took.unanswered, took.drafts);
    }
    if !took.new_labels.is_empty() {
        say!("{} labels are new: {}", took.new_labels.len(), took.new_labels.join(", "));
    }
    took.notes.iter().for_each(|note| say!("{note}"));
    if !took.refused.is_empty() {
        say!("{} were not taken:", took.refused.len());
        for (place, why) in took.refused.iter().take(MOST_REASONS) {
            say!("  {place}: {why}");
        }
        if took.refused.len() > MOST_REASONS {
            say!("  and {} more", took.refused.len() - MOST_REASONS);
        }
    }
}
