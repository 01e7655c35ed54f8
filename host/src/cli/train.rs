//! `alhost train`: classifiers from all labels of train, to compare heads and to predict with; or from
//! the labels that a run has paid for, once as it was or with many seeds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use alhost_base::seed::RunSeed;
use alhost_config::{Overrides, RunConfig};
use alhost_engine::full_data;
use alhost_engine::retraining;
use alhost_engine::tfidf;
use alhost_engine::{Experiment, Watch};
use alhost_label::project::is_project;
use alhost_learn::Torch;
use alhost_record::{REFERENCE, Records, Resume, RoundRecord, RunDir, RunManifest, place};
use anyhow::{Context as _, bail, ensure};

use super::label;
use super::progress::Bars;
use super::run::cancel_on_interrupt;
use super::terminal::say;
use super::train_tables::print;
use super::{TrainArgs, environment};

/// A training that is done.
pub(super) struct Done {
    pub(super) head: &'static str,
    pub(super) path: PathBuf,
    pub(super) round: RoundRecord,
}

pub(super) fn train(args: &TrainArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    if let Some(project) = args.labels_of.as_deref().filter(|run| is_project(run)) {
        return of_project(args, project, bars);
    }
    let as_it_was = args.seed.is_empty() && !args.head.iter().any(|head| head == REFERENCE);
    if let Some(run) = args.labels_of.as_deref().filter(|_| as_it_was) {
        return as_run(args, run, bars);
    }
    let read = |run| anyhow::Ok((alhost_record::read(run)?, run));
    let run = args.labels_of.as_deref().map(read).transpose()?;
    // Each is checked before the first is trained.
    let heads = args.head.iter().map(|head| Some(head.as_str())).collect::<Vec<_>>();
    let heads = if heads.is_empty() { vec![None] } else { heads };
    let configs: anyhow::Result<Vec<(bool, RunConfig)>> =
        heads.into_iter().map(|head| Ok((head == Some(REFERENCE), config(args, head)?))).collect();
    let watch = Watch { progress: bars, cancelled: cancel_on_interrupt() };
    let mut done = Vec::new();
    for (is_reference, config) in configs? {
        let cache = environment::cache(&config)?;
        let mut experiment = Experiment::open(config, &Torch(environment::places()), &cache, bars)?;
        if is_reference {
            done.push(reference(&experiment, run.as_ref(), watch)?);
            continue;
        }
        for seed in experiment.task.config.seeds.clone() {
            done.push(one(&mut experiment, run.as_ref(), RunSeed(seed), watch)?);
            if watch.cancelled.load(Ordering::Relaxed) {
                bail!("stopped after seed {seed}\nhint: the same command goes on from here");
            }
        }
    }
    print(&done);
    Ok(ExitCode::SUCCESS)
}

/// Trains on what the people of a labeling project have labeled.
fn of_project(args: &TrainArgs, project: &Path, bars: &Bars) -> anyhow::Result<ExitCode> {
    ensure!(
        args.config.config.is_none() && args.head.is_empty() && args.seed.is_empty(),
        "{} is a labeling project, which has its own config\n\
         hint: leave out `--config`, `--head` and `--seed`; `--set` changes a key",
        project.display()
    );
    label::ship(project, &args.config.set, bars)
}

/// Trains on all labels of train, or on those of a run.
fn one(
    experiment: &mut Experiment,
    run: Option<&(Records, &Path)>,
    seed: RunSeed,
    watch: Watch<'_>,
) -> anyhow::Result<Done> {
    let manifest = match run {
        Some((records, _)) => retraining::manifest(experiment, records, seed),
        None => full_data::manifest(experiment, seed),
    };
    let (path, opened) = open(experiment, &manifest)?;
    let round = match run {
        Some((records, folder)) => {
            retraining::train(experiment, (records, folder), seed, opened, watch)?
        }
        None => full_data::train(experiment, seed, opened, watch)?,
    };
    tell(&manifest, &round);
    Ok(Done { head: experiment.task.config.model.head.name(), path, round })
}

/// Trains the reference, which has no encoder. It has no seed either, but those of the run whose
/// labels it takes.
fn reference(
    experiment: &Experiment,
    run: Option<&(Records, &Path)>,
    watch: Watch<'_>,
) -> anyhow::Result<Done> {
    let seed = RunSeed(run.map_or(experiment.task.config.seeds[0], |(run, _)| run.manifest.seed));
    let manifest = tfidf::manifest(experiment, run.map(|(run, _)| run), seed);
    let (path, opened) = open(experiment, &manifest)?;
    let run = run.map(|(run, folder)| (run, *folder));
    let rounds = tfidf::train(experiment, run, opened, watch)?;
    let round = rounds.last().cloned().context("there is no round to train on")?;
    tell(&manifest, &round);
    Ok(Done { head: REFERENCE, path, round })
}

/// Opens the folder of the records, and returns it with what is in it.
fn open(
    experiment: &Experiment,
    manifest: &RunManifest,
) -> anyhow::Result<(PathBuf, (RunDir, Resume))> {
    let config = &experiment.task.config;
    let path = place(&config.out, &config.name, &manifest.strategy, manifest.seed);
    let opened = RunDir::open(&path, manifest)?;
    if opened.1.is_finished() {
        let RunManifest { strategy, seed, .. } = manifest;
        tracing::info!("{strategy}, seed {seed}: finished before, nothing to do");
    }
    Ok((path, opened))
}

fn config(args: &TrainArgs, head: Option<&str>) -> anyhow::Result<RunConfig> {
    let head = head.filter(|head| *head != REFERENCE);
    let set = head.map(|head| ("--head".to_owned(), format!("model.head={head}")));
    let overrides = Overrides {
        seeds: args.seed.clone(),
        device: args.device.clone(),
        out: args.out.clone(),
        given: set.into_iter().collect(),
        ..Overrides::default()
    };
    Ok(args.config.read(overrides)?.check(&environment::lookup)?)
}

fn as_run(args: &TrainArgs, run: &Path, bars: &Bars) -> anyhow::Result<ExitCode> {
    ensure!(
        args.out.is_none(),
        "`--out` with `--labels-of` needs `--seed`: without, the classifier goes into the run's \
         folder\nhint: give `--seed 1`, or leave `--out` out"
    );
    ensure!(
        args.head.len() < 2,
        "`--labels-of` without `--seed` makes one classifier, and there are {} heads\n\
         hint: give one `--head`, or `--seed 1` for records of each",
        args.head.len()
    );
    let records = alhost_record::read(run)?;
    let config = config(args, args.head.first().map(String::as_str))?;
    let same = config.hash() == records.manifest.config_hash;
    let cache = environment::cache(&config)?;
    let watch = Watch { progress: bars, cancelled: cancel_on_interrupt() };
    let mut experiment = Experiment::open(config, &Torch(environment::places()), &cache, bars)?;
    let round = full_data::train_as_run(&mut experiment, &records, run, watch)?;
    let head = experiment.task.config.model.head.name();
    let path = run.to_owned();
    let recorded = records.rounds.last().filter(|_| same);
    print(&[Done { head, path, round: round.clone() }]);
    if let Some(recorded) = recorded {
        let same = recorded.metrics == round.metrics;
        let what = if same { "the same scores as" } else { "other scores than" };
        let score =
            recorded.metrics.map_or(String::new(), |m| format!(", {:.3} micro-F1", m.micro_f1));
        say!("{what} the run's last round{score}");
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(manifest: &RunManifest, round: &RoundRecord) {
    let RunManifest { strategy, seed, .. } = manifest;
    let score = round.metrics.map_or(String::new(), |m| format!(", micro-F1 {:.3}", m.micro_f1));
    tracing::info!(
        "{strategy}, seed {seed}: {} texts, {} epochs{score}, {:.0} s",
        round.labeled,
        round.epochs,
        round.cost.seconds.total()
    );
}
