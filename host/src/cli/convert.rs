//! `alhost data convert`: a data set in another format.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alhost_config::{DataFormat, Overrides};
use clap::{Args, ValueEnum};

use super::progress::Bars;
use super::terminal::say;
use super::{ConfigArgs, environment};

#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder for the files; made if it does not exist.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// The format to write.
    #[arg(long, value_enum)]
    to: Target,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// `{"id", "text", "labels"}` a line, and the list of labels.
    Jsonl,
    /// A text a line, sparse label matrices, and the list of labels.
    Xmc,
    /// `trn.json.gz`, `tst.json.gz`, `lbl.json.gz`.
    XmcJson,
}

pub(super) fn convert(args: &ConvertArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let config = args.config.read(Overrides::default())?.check(&environment::lookup)?;
    let loaded = alhost_data::load(&config.data, Path::new(""), bars)?;
    let format = match args.to {
        Target::Jsonl => DataFormat::Jsonl,
        Target::Xmc => DataFormat::Xmc,
        Target::XmcJson => DataFormat::XmcJson,
    };
    let written = alhost_data::write(&loaded.dataset, format, &args.out)?;
    for note in loaded.notes.iter().chain(&written.notes) {
        tracing::info!("{}: {note}", loaded.dataset.name);
    }
    for file in &written.files {
        tracing::info!("written: {}", file.display());
    }
    say!("{}", written.section.trim_end());
    Ok(ExitCode::SUCCESS)
}
