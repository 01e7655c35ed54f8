//! Set-up, bundling and the website: `cargo xtask setup | demo | test | bundle | docs`.
//!
//! This crate exists because libtorch has to be fetched before cargo can build torch-sys; every
//! command but `docs` begins with that. All other chores are tests or subcommands of `alhost`.

#![allow(clippy::print_stderr, reason = "a command-line tool reports on stderr")]

mod build;
mod bundle;
mod check;
mod link;
mod links;
mod metadata;
mod pip;
mod setup;
mod site;
mod tools;
mod verify;
mod wheels;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::setup::Deps;
use crate::wheels::Flavor;

/// Fetches what alhost needs, then builds, tests, shows or packs it.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch libtorch and the default model into `.deps`; does nothing when they are there.
    Setup {
        /// Fetch the CUDA libraries too (default where `nvidia-smi` answers).
        #[arg(long, conflicts_with = "cpu")]
        cuda: bool,
        /// Leave the CUDA libraries out (default elsewhere).
        #[arg(long)]
        cpu: bool,
    },
    /// Set up, build, and run ALPS on the embedded demo; further arguments go to `alhost`.
    Demo {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Set up, then run every check: format, clippy, tests.
    Test,
    /// Set up, build, and pack binary, plugins and configs into `dist/`.
    Bundle {
        /// Pack the MiniLM model too (90 MB), so that `checkpoint = "minilm"` works there.
        #[arg(long)]
        with_minilm: bool,
        /// Pack instead what another machine, above all one with a GPU, checks alhost with: golden
        /// comparisons, the demo, and the time of queries and of fine-tuning. At most 60 MiB.
        #[arg(long, conflicts_with = "with_minilm")]
        check: bool,
    },
    /// Check the links of all pages, and build the documentation as a website with mdBook, in `target/site/html`.
    Docs,
}

fn main() -> ExitCode {
    match run(&Args::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    let root = tools::workspace_root();
    let deps = Deps::new(&root);
    match command {
        Command::Setup { cuda, cpu } => {
            let wanted = match (cuda, cpu) {
                (true, _) => Some(Flavor::Cuda),
                (_, true) => Some(Flavor::Cpu),
                _ => None,
            };
            setup::run(&deps, wanted)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo { arguments } => {
            setup::run(&deps, None)?;
            build::demo(&root, arguments)
        }
        Command::Test => {
            setup::run(&deps, None)?;
            build::test(&root)
        }
        Command::Bundle { with_minilm, check } => {
            setup::run(&deps, None)?;
            if *check {
                check::run(&root)?;
            } else {
                bundle::run(&root, with_minilm.then(|| deps.minilm()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Docs => {
            site::run(&root)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
