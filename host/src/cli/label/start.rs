//! `alhost label new` and `alhost label serve`.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use alhost_data::{read_labels, read_texts};
use alhost_engine::Plan;
use alhost_label::project::{self, Begin};
use alhost_label::server::{self, Guard};
use alhost_label::{Patience, work};
use anyhow::ensure;

use super::super::progress::Bars;
use super::super::terminal::{say, tell_error};
use super::super::{environment, run};
use super::{NewArgs, ServeArgs, experiment, shown};

/// How often it is looked whether Ctrl-C was pressed.
const LOOKS: Duration = Duration::from_millis(50);

/// The fewest texts of a project: some to train on, and some to choose from.
const FEWEST: usize = 4;

pub(super) fn new(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let (texts, notes) = read_texts(&args.texts, &args.column)?;
    for note in &notes {
        tracing::info!("{}: {note}", args.texts.display());
    }
    let n_texts = texts.ids.len();
    ensure!(
        n_texts >= FEWEST,
        "{} has {n_texts} texts, and nothing is to be chosen among so few\nhint: give {FEWEST} or more",
        args.texts.display()
    );
    let labels = args.labels.as_deref().map(read_labels).transpose()?.unwrap_or_default();
    let begin = Begin {
        texts: &texts,
        labels: &labels,
        separator: &args.separator,
        plugin: &args.plugin,
        batch: n_texts.min(args.batch as usize),
    };
    project::create(&args.project, &begin)?;
    // What is wrong with the strategy is better told now than when somebody begins to label.
    let config = project::read_config(&args.project, &[], &environment::lookup)?;
    if let Err(error) = Plan::of(&config, &[], &run::shelf()) {
        fs_err::remove_dir_all(&args.project)?;
        return Err(error);
    }
    let folder = shown(&args.project);
    say!("{folder}: {} texts, {} labels, {} chooses", texts.ids.len(), labels.len(), args.plugin);
    say!(
        "look through {folder}/project.toml and write for those who label into {folder}/guidelines.md; then"
    );
    say!("  alhost label serve {folder}");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn serve(args: &ServeArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    // Before the experiment is opened, which would say that a round is to be waited for.
    let cancelled = run::cancel_saying("ending; what is answered is on disk");
    let (listener, address) = server::listen(&args.listen)?;
    let guard = Guard::of(address);
    let shared = Arc::new(args.project.open()?);
    let token = guard.token().map_or(String::new(), |token| format!("?token={token}"));
    say!("http://{address}/{token}");
    tracing::info!("Ctrl-C ends it; what is answered is on disk");
    std::thread::scope(|scope| {
        let working =
            std::thread::Builder::new().name("work".to_owned()).spawn_scoped(scope, || {
                let open = || experiment(&shared.project, bars);
                if let Err(error) = work(&shared, &open, Patience::Wait, bars) {
                    tell_error(&error);
                }
            });
        working?;
        let interrupted = async {
            while !cancelled.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOKS).await;
            }
        };
        server::serve(&shared, listener, guard, interrupted)?;
        tracing::info!("ended; the same command goes on");
        // A training may be under way; nothing of it is wanted, and everything else is on disk.
        #[expect(
            clippy::exit,
            reason = "the user asked for it, and a training cannot be left otherwise"
        )]
        std::process::exit(0)
    })
}
