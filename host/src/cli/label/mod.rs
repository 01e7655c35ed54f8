//! `alhost label`: projects of texts that nobody has labeled.

mod batch;
mod ship;
mod start;
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alhost_engine::{Experiment, Plan, Strategies};
use alhost_exchange::Format;
use alhost_label::{Project, Shared};
use clap::{Args, Subcommand};

use super::progress::Bars;
use super::{environment, run};

pub(super) use ship::ship;

#[derive(Debug, Subcommand)]
pub(super) enum LabelCommand {
    /// Make a project: a folder with the texts, the labels and a config that explains itself.
    New(NewArgs),
    /// Serve the page to label on; training and choosing go on behind it.
    Serve(ServeArgs),
    /// Write the next texts for an annotation tool. Trains first, where a batch is labeled.
    Next(NextArgs),
    /// Take in what an annotation tool exported. The same file again changes nothing.
    Import(ImportArgs),
    /// How far a project is: answers, the estimate, what comes next.
    Status(StatusArgs),
}

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The project's folder, which must not be there yet.
    project: PathBuf,
    /// The texts: JSON lines, .csv, .tsv, .parquet or .txt (a text a line), also .gz and .zst. Ids are taken from `id`.
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    /// The column or key of the texts.
    #[arg(long, value_name = "NAME", default_value = "text")]
    column: String,
    /// The labels, one a line. Without them, labels are added while labeling.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// What separates the parts of a label's path, say `/` in `economy/trade`.
    #[arg(long, value_name = "TEXT", default_value = "")]
    separator: String,
    /// The strategy that chooses the texts: its file or id.
    #[arg(short, long, value_name = "FILE|ID", default_value = "lci")]
    plugin: String,
    /// Texts that are chosen at a time.
    #[arg(long, value_name = "TEXTS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(4..=100_000))]
    batch: u32,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// A port of this machine, or an address. Beyond this machine the page wants a token, which is in the address
    /// that is printed.
    #[arg(long, value_name = "ADDRESS", default_value = "8700")]
    listen: String,
}

#[derive(Debug, Args)]
pub(super) struct NextArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Texts, at most; the batch that is to be labeled comes first, and then texts of the audit.
    #[arg(short, long, value_name = "TEXTS", default_value_t = 50)]
    n: usize,
    /// The tool: label-studio, argilla, doccano, prodigy, jsonl or csv.
    #[arg(long, value_name = "FORMAT")]
    to: Format,
    /// Folder for the files.
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// What the tool exported.
    file: PathBuf,
    /// The tool; told by the file's content where absent.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// Who answered, where the file does not say.
    #[arg(long, value_name = "NAME", default_value = "import")]
    by: String,
    /// Add labels that the project does not have. Otherwise answers that name one are refused.
    #[arg(long)]
    add_labels: bool,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ProjectArgs {
    /// The project's folder.
    project: PathBuf,
    /// Change one key of project.toml for now, by its full path. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(super) fn label(command: &LabelCommand, bars: &Bars) -> anyhow::Result<ExitCode> {
    match command {
        LabelCommand::New(args) => start::new(args),
        LabelCommand::Serve(args) => start::serve(args, bars),
        LabelCommand::Next(args) => batch::next(args, bars),
        LabelCommand::Import(args) => batch::import(args),
        LabelCommand::Status(args) => status::status(args),
    }
}

impl ProjectArgs {
    /// Opens the project for this process alone, with what its records say put up.
    fn open(&self) -> anyhow::Result<Shared> {
        Self::put_up(Project::open(&self.project, &self.set, &environment::lookup)?)
    }

    /// The same to look at, while another process may work on it.
    fn look(&self) -> anyhow::Result<Shared> {
        Self::put_up(Project::look(&self.project, &self.set, &environment::lookup)?)
    }

    fn put_up(project: Project) -> anyhow::Result<Shared> {
        let shared = Shared::open(project)?;
        shared.restore()?;
        Ok(shared)
    }
}

/// Opens data, model and strategies of a project.
fn experiment(project: &Project, bars: &Bars) -> anyhow::Result<(Experiment, Strategies)> {
    let plan = Plan::of(&project.config, &[], &run::shelf())?;
    run::open(project.config.clone(), plan, bars)
}

/// The name of a file or folder as it can be given to a command.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
