//! `alhost train --labels-of PROJECT`: the classifier of a labeling project, from all that people have labeled.

use std::path::Path;
use std::process::ExitCode;

use alhost_engine::oracle::Recorded;
use alhost_engine::saved_classifier::FOLDER;
use alhost_engine::{Watch, annotated};
use alhost_label::Project;
use anyhow::Context as _;

use super::super::environment;
use super::super::progress::Bars;
use super::super::run::cancel_on_interrupt;
use super::super::terminal::say;
use super::shown;

pub(in super::super) fn ship(
    folder: &Path,
    set: &[String],
    bars: &Bars,
) -> anyhow::Result<ExitCode> {
    let project = Project::open(folder, set, &environment::lookup)?;
    let records = project.records()?.with_context(|| {
        format!("{}: nothing was chosen yet\nhint: label a batch first", folder.display())
    })?;
    let (mut experiment, _strategies) = super::experiment(&project, bars)?;
    let answers = Recorded::new(&project.annotations(), &experiment.task.dataset);
    let watch = Watch { progress: bars, cancelled: cancel_on_interrupt() };
    let made = annotated::train(&mut experiment, &records, &answers, folder, watch)?;
    say!(
        "trained on {} texts, {} of them of the audit; {} were skipped",
        made.labeled,
        made.audited,
        made.skipped
    );
    if let Some(estimate) = made.estimate {
        let interval = match (estimate.low, estimate.high) {
            (Some(low), Some(high)) => format!(" (95% interval {low:.3} to {high:.3})"),
            _ => String::new(),
        };
        say!(
            "micro-F1 before it was trained on the audit: {:.3}{interval}, on {} texts",
            estimate.micro_f1,
            estimate.texts
        );
    }
    let classifier = shown(&folder.join(FOLDER));
    say!("{classifier}");
    say!("  alhost predict {classifier} TEXTS");
    say!("  alhost export {classifier} --to sentence-transformers");
    Ok(ExitCode::SUCCESS)
}
