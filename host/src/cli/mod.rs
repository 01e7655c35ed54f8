//! The command line: what there is to say, and how it is answered. The only place that prints, reads
//! the environment, and decides exit codes.

mod bench;
mod bench_worker;
mod bug;
mod check;
mod config;
mod convert;
mod doctor;
mod environment;
mod export;
mod inspect;
mod junit;
mod label;
mod list;
mod new;
mod pin;
mod predict;
mod prepare;
mod progress;
mod read;
mod report;
mod run;
mod shells;
mod stats;
mod tables;
mod terminal;
mod threads;
mod train;
mod train_tables;

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use alhost_config::{ConfigFile, Overrides};
use alhost_engine::prediction::NamedThreshold;
use alhost_learn::device;
use clap::{Args, Parser, Subcommand};

/// Runs and compares active-learning strategies for extreme multi-label text classification.
///
/// Without a command, `run`. Without --config, a demonstration on a corpus that the program makes
/// itself. Results go to standard output, everything else to standard error.
///
/// Exit status: 0 done, 1 a check said no, 2 could not do it.
#[derive(Debug, Parser)]
#[command(name = "alhost", max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Print the version; with --verbose, also what results can depend on: build, libtorch, devices, threads.
    #[arg(short = 'V', long)]
    version: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run strategies; a run that was stopped goes on.
    Run(RunArgs),
    /// Run every strategy on every data set with every seed; what is finished is never done again.
    Bench(bench::BenchArgs),
    /// A worker of `bench`, started by it.
    #[command(hide = true)]
    BenchWorker {
        /// Process id of the bench.
        #[arg(long)]
        parent: u32,
    },
    /// Compare finished runs: curves, tables, tests, cost, as HTML, Markdown and CSV.
    Report(ReportArgs),
    /// Train on all labels of train and judge on test, for each head and seed.
    Train(TrainArgs),
    /// Label texts with a trained classifier: JSONL in, JSONL out.
    Predict(PredictArgs),
    /// Write a trained classifier as a folder that transformers or sentence-transformers loads.
    ///
    /// With it they give the probabilities of `predict`. Its README.md is a model card.
    Export(export::ExportArgs),
    /// Label texts that nobody has labeled: on a page, or in batches with an annotation tool.
    #[command(subcommand)]
    Label(label::LabelCommand),
    /// Look at plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at data; make the paper's data sets.
    #[command(subcommand)]
    Data(DataCommand),
    /// Look at a config.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say what works on this machine, with a hint where something does not.
    ///
    /// Exit status: 1 where something is broken.
    Doctor {
        /// For other programs.
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell: `alhost completions bash > ~/.local/share/bash-completion/completions/alhost`.
    Completions { shell: clap_complete::Shell },
    /// Write manual pages into a folder.
    Man { folder: PathBuf },
}

#[derive(Debug, Args)]
struct OutputArgs {
    /// Say more; twice, everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Only warnings, errors and results.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
}

/// A config, and what the command line changes in it.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// Config file (TOML); the demonstration where absent.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one key, by its full path: `--set loop.query_size=50`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// A strategy: the path of its lib*.so, or the id of one beside this program or in
    /// `ALHOST_PLUGIN_PATH`. May be repeated; all run on the same initial set. Replaces the config's.
    #[arg(short, long, value_name = "FILE|ID")]
    plugin: Vec<String>,
    #[command(flatten)]
    config: ConfigArgs,
    /// Seed of all randomness. May be repeated: one run each. Replaces the config's.
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(..=MOST_SEED))]
    seed: Vec<u64>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long)]
    device: Option<String>,
    /// Folder for the records.
    #[arg(short, long, value_name = "DIR")]
    out: Option<String>,
    /// A strategy that selects on the same models and changes nothing, to compare: its file or id.
    /// May be repeated.
    #[arg(long, value_name = "FILE|ID")]
    shadow: Vec<String>,
    /// Runs every plugin in a process of its own, also those that lie beside this program.
    #[arg(long)]
    isolate: bool,
    /// Refuse a plugin whose file is not the pinned one (see `alhost plugin pin`).
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    lock: LockArgs,
}

#[derive(Debug, Args)]
struct LockArgs {
    /// Where plugins are pinned.
    #[arg(long, value_name = "FILE", default_value = "alhost.lock")]
    lock: PathBuf,
}

#[derive(Debug, Args)]
struct TrainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The head, in place of the config's; or `tfidf`, a linear SVM on TF-IDF, for reference. Twice, to
    /// compare them.
    #[arg(long, value_parser = ["logistic", "linear", "cnn", "tfidf"])]
    head: Vec<String>,
    /// Seed of head and shuffling. May be repeated: one training each. Replaces the config's.
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(..=MOST_SEED))]
    seed: Vec<u64>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long)]
    device: Option<String>,
    /// Folder for the records; the classifiers lie beside them.
    #[arg(short, long, value_name = "DIR")]
    out: Option<String>,
    /// Train on the texts that this run, or this project of `alhost label`, has labeled. Without `--seed`: with the seeds of its last round,
    /// and the classifier goes into its folder. With `--seed`: one training for each, with records of its
    /// own, from which `alhost report` tells how far training alone moves the scores.
    #[arg(long, value_name = "RUN")]
    labels_of: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct PredictArgs {
    /// Folder of a classifier, from `alhost train`, or of the run or project whose it is.
    classifier: PathBuf,
    /// JSONL with `id` and `text`, also .gz and .zst; `-` for standard input.
    texts: PathBuf,
    /// File for the predictions; standard output where absent.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Labels above it are predicted: `own` (that of the classifier's config), `macro-f1-paper`,
    /// `macro-f1`, `micro-f1` (its optima on dev), `per-label` (see `evaluation.per_label`), or a
    /// probability.
    #[arg(long, default_value = "own", conflicts_with = "top")]
    threshold: NamedThreshold,
    /// The most probable labels instead, so many for each text.
    #[arg(long, value_name = "K")]
    top: Option<NonZero<usize>>,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: String,
}

#[derive(Debug, Args)]
struct ReportArgs {
    /// Folders of runs, or folders above them.
    #[arg(required = true, value_name = "RUNS")]
    runs: Vec<PathBuf>,
    /// Folder for the report; `report` in RUNS where absent.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The strategy that others are compared with; `random` where absent, or the first by name.
    #[arg(long, value_name = "STRATEGY")]
    baseline: Option<String>,
    /// The metric in the foreground, by its name in the records.
    #[arg(long, default_value = "micro_f1")]
    metric: String,
    /// Look at no more than so many labeled texts.
    #[arg(long, value_name = "LABELS")]
    upto: Option<usize>,
    /// Also write all runs, unfinished ones too, as event files that TensorBoard reads.
    #[arg(long, value_name = "DIR")]
    tensorboard: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// Make a crate to begin a strategy with: it builds, passes its tests and runs as it is made.
    New {
        /// Name of the crate and id of the strategy: lower-case letters, digits and `-`.
        name: String,
        /// Folder in which the crate's folder is made.
        #[arg(long, default_value = ".")]
        dir: PathBuf,
        /// Where alhost's crates come from: `path:FOLDER` (its sources), `git:URL` or
        /// `version:REQUIREMENT`. By default the sources that this program was built from
        #[arg(long, value_name = "SOURCE")]
        api: Option<new::Source>,
    },
    /// The plugins that can be named by id: usable, refused and why, hidden by which other.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// What a plugin says of itself; none of its code runs.
    Inspect {
        /// Its file or id.
        plugin: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Write down which files `run --locked` accepts: id, version and hash of each.
    Pin {
        /// Their files or ids; without any, all that can be named by id.
        plugins: Vec<String>,
        #[command(flatten)]
        lock: LockArgs,
    },
    /// Whether a plugin keeps what the host relies on; each case runs in a process of its own.
    ///
    /// docs/plugin-check.md lists the cases. Exit status: 0 none said no, 1 one did, 2 it could not
    /// be checked.
    Check(check::CheckArgs),
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Data sets in figures: the paper's Table 1 and Figure 1, lengths, repeated texts.
    Stats(stats::StatsArgs),
    /// Make one of the paper's data sets from the files that it is distributed as.
    ///
    /// By default as in the paper, as far as it says. An option that a data set has no use for is
    /// refused. OUT gets train.jsonl.gz, dev.jsonl.gz, test.jsonl.gz, the labels, the id lists of the
    /// splits, and meta.json, which tells how all was made.
    Prepare(Box<prepare::PrepareArgs>),
    /// Write a data set in another format, for this program or for others.
    Convert(convert::ConvertArgs),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// The effective config: every key with its value.
    Show {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Whether a config can be run: keys, values, plugins and their parameters.
    Check {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// A config can hold no larger one, and a run's seed goes into its config.
const MOST_SEED: u64 = i64::MAX as u64;

/// The whole program.
pub fn main() -> ExitCode {
    bug::tell_of_panics();
    match Cli::read(std::env::args_os()) {
        Ok(cli) => terminal::conclude(answer(cli)),
        Err(error) => terminal::answer(&error),
    }
}

fn answer(cli: Cli) -> anyhow::Result<ExitCode> {
    // Before the first torch call, since libtorch looks for its CUDA part once.
    let _reason_is_told_by_device_open = device::load_cuda();
    let bars = progress::Bars::new(&cli.output);
    bars.log();
    threads::start()?;
    if cli.version {
        doctor::version(cli.output.verbose > 0);
        return Ok(ExitCode::SUCCESS);
    }
    match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => run::run(&args, &bars),
        Command::Report(args) => report::run(&args),
        Command::Plugin(PluginCommand::New { name, dir, api }) => new::new(&name, &dir, api),
        Command::Plugin(PluginCommand::List { json }) => list::list(json),
        Command::Plugin(PluginCommand::Inspect { plugin, json, lock }) => {
            inspect::inspect(&plugin, json, &lock.lock)
        }
        Command::Plugin(PluginCommand::Pin { plugins, lock }) => pin::pin(&plugins, &lock.lock),
        Command::Plugin(PluginCommand::Check(args)) => check::check(&args),
        Command::Label(command) => label::label(&command, &bars),
        Command::Train(args) => train::train(&args, &bars),
        Command::Predict(args) => predict::predict(&args, &bars),
        Command::Export(args) => export::export(&args),
        Command::Bench(args) => bench::bench(&args, &bars),
        Command::BenchWorker { parent } => bench_worker::work(parent, &bars),
        Command::Data(DataCommand::Stats(args)) => stats::stats(&args, &bars),
        Command::Data(DataCommand::Prepare(args)) => prepare::run(&args, &bars),
        Command::Data(DataCommand::Convert(args)) => convert::convert(&args, &bars),
        Command::Config(ConfigCommand::Show { config }) => config::show(&config),
        Command::Config(ConfigCommand::Check { config }) => config::check(&config),
        Command::Doctor { json } => doctor::doctor(json),
        Command::Completions { shell } => shells::completions(shell),
        Command::Man { folder } => shells::man(&folder),
    }
}

impl ConfigArgs {
    fn read(&self, overrides: Overrides) -> anyhow::Result<ConfigFile> {
        let overrides = Overrides { set: self.set.clone(), ..overrides };
        Ok(match &self.config {
            Some(path) => ConfigFile::read(path, &overrides)?,
            None => ConfigFile::demo(&overrides)?,
        })
    }
}
