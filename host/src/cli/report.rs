//! `alhost report`: from records to files, and a short table.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alhost_report::{Options, export_to_tensorboard, report};

use super::terminal::say;
use super::{ReportArgs, tables};

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let options =
        Options { metric: args.metric.parse()?, baseline: args.baseline.clone(), upto: args.upto };
    // First, since it has something to show before any run is finished.
    if let Some(folder) = &args.tensorboard {
        let n = export_to_tensorboard(&args.runs, folder)?;
        tracing::info!("{n} runs for `tensorboard --logdir {}`", folder.display());
    }
    let report = report(&args.runs, &options)?;
    let out = args.out.clone().unwrap_or_else(|| beside(&args.runs));
    report.write(&out)?;
    for note in &report.notes {
        tracing::warn!("{note}");
    }
    say!("{}", report.short.caption);
    say!("{}", tables::of_report(&report.short));
    say!("report: {}", out.join("report.html").display());
    say!("also:   report.md, figures/*.svg and csv/*.csv there");
    Ok(ExitCode::SUCCESS)
}

/// A folder `report` in what was reported on; here where that is several.
fn beside(runs: &[PathBuf]) -> PathBuf {
    match runs {
        [one] => one.join("report"),
        _ => Path::new("report").to_owned(),
    }
}
