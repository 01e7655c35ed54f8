//! `alhost run`: from arguments to finished runs and a table.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use alhost_config::{Overrides, RunConfig};
use alhost_engine::lock::Lock;
use alhost_engine::plan::Shelf;
use alhost_engine::{Experiment, Plan, Session, Strategies, Watch, Workers};
use alhost_learn::Torch;
use alhost_record::RoundRecord;
use anyhow::Context as _;

use super::progress::Bars;
use super::terminal::tell_error;
use super::{RunArgs, environment, tables};

/// A finished run, for the tables.
pub(super) struct Finished {
    pub(super) instance: String,
    pub(super) seed: u64,
    pub(super) path: PathBuf,
    pub(super) rounds: Vec<RoundRecord>,
}

pub(super) fn run(args: &RunArgs, bars: &Bars) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        plugins: args.plugin.clone(),
        seeds: args.seed.clone(),
        device: args.device.clone(),
        out: args.out.clone(),
        isolate: args.isolate,
        ..Overrides::default()
    };
    let config = args.config.read(overrides)?.check(&environment::lookup)?;
    let plan = Plan::of(&config, &args.shadow, &shelf())?;
    if args.locked {
        check_lock(&args.lock.lock, &plan)?;
    }
    let watch = Watch { progress: bars, cancelled: cancel_on_interrupt() };
    let (mut experiment, mut strategies) = open(config, plan, bars)?;
    let instances: Vec<String> =
        strategies.plan.strategies.iter().map(|planned| planned.instance.clone()).collect();
    let (mut finished, mut n_failed) = (Vec::new(), 0);
    for seed in experiment.task.config.seeds.clone() {
        for instance in &instances {
            let one = one_run(&mut experiment, &mut strategies, instance, seed, watch);
            match one.with_context(|| format!("strategy `{instance}`, seed {seed}")) {
                Ok(run) => finished.push(run),
                // The others are worth having all the same.
                Err(error) if instances.len() > 1 && !watch.cancelled.load(Ordering::Relaxed) => {
                    tell_error(&error);
                    n_failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
    let task = &experiment.task;
    tables::print(&task.dataset.name, &finished, task.seconds_of_data);
    Ok(if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Returns where plugins are looked for. One that lies beside this program was put there by whoever
/// installed it.
pub(super) fn shelf() -> Shelf<'static> {
    Shelf { search: environment::search_path(), is_ours: &environment::is_beside_program }
}

/// Opens data and model for a plan.
pub(super) fn open(
    config: RunConfig,
    plan: Plan,
    bars: &Bars,
) -> anyhow::Result<(Experiment, Strategies)> {
    let cache = environment::cache(&config)?;
    let workers =
        Workers { program: environment::worker_program()?, cancelled: cancel_on_interrupt() };
    let strategies = Strategies::new(plan, &config, &cache, workers);
    let mut experiment = Experiment::open(config, &Torch(environment::places()), &cache, bars)?;
    if strategies.any_apart() {
        experiment.share_matrices();
    }
    Ok((experiment, strategies))
}

/// Refuses a plugin whose file is not pinned.
fn check_lock(path: &Path, plan: &Plan) -> anyhow::Result<()> {
    let lock = Lock::read(path)?;
    for planned in plan.all() {
        lock.check(path, &planned.file)?;
    }
    Ok(())
}

pub(super) fn one_run(
    experiment: &mut Experiment,
    strategies: &mut Strategies,
    instance: &str,
    seed: u64,
    watch: Watch<'_>,
) -> anyhow::Result<Finished> {
    let session = Session::open(experiment, strategies, instance, seed, watch)?;
    let path = session.path().to_owned();
    Ok(Finished { instance: instance.to_owned(), seed, path, rounds: session.run()? })
}

/// The first Ctrl-C asks to stop after the current step, the second ends at once. Either way
/// nothing that is recorded is lost.
pub(super) fn cancel_on_interrupt() -> &'static AtomicBool {
    cancel_saying("stopping after this round; Ctrl-C again stops at once, and loses nothing")
}

/// As [`cancel_on_interrupt`]. A process has one handler: what the first call gives is said.
pub(super) fn cancel_saying(text: &'static str) -> &'static AtomicBool {
    static CANCELLED: AtomicBool = AtomicBool::new(false);
    static HANDLED: std::sync::Once = std::sync::Once::new();
    let handler = move || {
        if CANCELLED.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "the user asked twice")]
            std::process::exit(130);
        }
        tracing::warn!("{text}");
    };
    HANDLED.call_once(|| {
        if let Err(error) = ctrlc::set_handler(handler) {
            tracing::debug!("no handler for Ctrl-C: {error}");
        }
    });
    &CANCELLED
}
