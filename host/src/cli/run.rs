//! `alhost run`: from arguments to finished runs and a table.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use super::progress::Bars;
use super::terminal::tell_error;
use super::{RunArgs, environment, tables};
use crate::config::{Isolation, Overrides, RunConfig, names_a_folder, plugin_stem};
use crate::experiment::{Experiment, Watch};
use crate::plugin::{LoadedStrategy, Lock, PluginFile, PluginLibrary, Setting, WorkerOptions};
use crate::record::{RoundRecord, RunDir, place};
use crate::run::{self as the_loop, Others};
use crate::seed::RunSeed;
use crate::shadow::Shadows;

/// A strategy that is going to run: everything that can be refused without running it has been.
pub(super) struct Plan {
    pub(super) instance: String,
    pub(super) file: PluginFile,
    pub(super) params: Map<String, Value>,
    /// Whether it runs in a process of its own.
    pub(super) apart: bool,
}

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
    let plans = plan(&config)?;
    let (initial, shadows) = (plan_initial(&config)?, plan_shadows(&config, &args.shadow)?);
    let all = || plans.iter().chain(&initial).chain(&shadows);
    if args.locked {
        check_lock(&args.lock.lock, all())?;
    }
    let cache = environment::cache(&config)?;
    let cancelled = cancel_on_interrupt();
    let watch = Watch { progress: bars, cancelled };

    let mut experiment = Experiment::open(config, &environment::places(), &cache, bars)?;
    if all().any(|plan| plan.apart) {
        experiment.share_matrices();
    }
    let mut libraries = Libraries::new(&experiment.config, cache, cancelled)?;
    let (mut finished, mut n_failed) = (Vec::new(), 0);
    for seed in experiment.config.seeds.clone() {
        for plan in &plans {
            let beside = Beside { initial: initial.as_ref(), shadows: &shadows };
            let one = one_run(&mut experiment, &mut libraries, plan, beside, seed, watch);
            match one.with_context(|| format!("strategy `{}`, seed {seed}", plan.instance)) {
                Ok(run) => finished.push(run),
                // The others are worth having all the same.
                Err(error) if plans.len() > 1 && !cancelled.load(Ordering::Relaxed) => {
                    tell_error(&error);
                    n_failed += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
    tables::print(&experiment.dataset.name, &finished, experiment.seconds_of_data);
    Ok(if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Finds the config's plugins and checks their manifests and parameters; none of their code runs.
pub(super) fn plan(config: &RunConfig) -> anyhow::Result<Vec<Plan>> {
    let mut plans: Vec<Plan> = Vec::new();
    for strategy in config.strategies()? {
        let (file, params) = check_plugin(&strategy.plugin, &strategy.params)?;
        let instance = strategy.name.clone().unwrap_or_else(|| file.manifest.id.clone());
        check_instance(&instance)?;
        ensure!(
            plans.iter().all(|plan| plan.instance != instance),
            "two strategies are called `{instance}`\n\
             hint: give one of them another `name` in its [[strategy]]"
        );
        let apart = runs_apart(config, &file.path);
        plans.push(Plan { instance, file, params, apart });
    }
    Ok(plans)
}

/// An instance becomes a folder, and a plugin may give itself any id.
fn check_instance(instance: &str) -> anyhow::Result<()> {
    ensure!(
        names_a_folder(instance),
        "the plugin calls itself `{instance}`, which cannot name a folder\n\
         hint: give it another `name` in a [[strategy]]: letters, digits, `-`, `_` and `.`"
    );
    Ok(())
}

fn check_plugin(
    plugin: &str,
    params: &toml::Table,
) -> anyhow::Result<(PluginFile, Map<String, Value>)> {
    let file = PluginFile::open(plugin, &environment::search_path())?;
    // Told where it is not what the user named, but one found for them.
    if !Path::new(plugin).exists() {
        tracing::info!("`{plugin}` is {}", file.path.display());
    }
    file.check()?;
    if file.manifest.profile == "debug" {
        tracing::warn!(
            "{} is a debug build, which can be twenty times slower: compare no times with it",
            file.path.display()
        );
    }
    let given = match serde_json::to_value(params)? {
        Value::Object(given) => given,
        _ => Map::new(),
    };
    file.manifest.resolve_params(&file.path, &given)?;
    Ok((file, given))
}

/// Who chooses the initial set; `None` for chance.
pub(super) fn plan_initial(config: &RunConfig) -> anyhow::Result<Option<Plan>> {
    let plugin = config.r#loop.initial_strategy.as_str();
    if plugin == "random" {
        return Ok(None);
    }
    // With the parameters of a strategy of the same plugin, where there is one.
    let same = config.strategy.iter().find(|strategy| strategy.plugin == plugin);
    let params = same.map(|strategy| strategy.params.clone()).unwrap_or_default();
    let (file, params) = check_plugin(plugin, &params)?;
    if !file.manifest.is_cold_start() {
        bail!(
            "`loop.initial_strategy = \"{plugin}\"` needs a trained classifier ({})\n\
             hint: the initial set can be chosen by `random`, or by a strategy that needs none, \
             such as `alps`",
            file.manifest.needs.join(", ")
        );
    }
    let apart = runs_apart(config, &file.path);
    Ok(Some(Plan { instance: "initial set".to_owned(), file, params, apart }))
}

/// Strategies that only watch, with the parameters that the config has for the same plugin.
fn plan_shadows(config: &RunConfig, plugins: &[String]) -> anyhow::Result<Vec<Plan>> {
    let mut plans: Vec<Plan> = Vec::new();
    for plugin in plugins {
        let stem = plugin_stem(plugin);
        let same = config.strategy.iter().find(|known| plugin_stem(&known.plugin) == stem);
        let params = same.map(|strategy| strategy.params.clone()).unwrap_or_default();
        let (file, params) = check_plugin(plugin, &params)?;
        let instance = file.manifest.id.clone();
        check_instance(&instance)?;
        let is_new = plans.iter().all(|plan| plan.instance != instance);
        ensure!(is_new, "two shadows are called `{instance}`");
        let apart = runs_apart(config, &file.path);
        plans.push(Plan { instance, file, params, apart });
    }
    Ok(plans)
}

/// A plugin that lies beside this program was put there by whoever installed it.
fn runs_apart(config: &RunConfig, file: &Path) -> bool {
    match config.isolation.mode {
        Isolation::Off => false,
        Isolation::Worker => true,
        Isolation::Auto => !environment::is_beside_program(file),
    }
}

/// Only files that are pinned.
fn check_lock<'a>(path: &Path, plans: impl Iterator<Item = &'a Plan>) -> anyhow::Result<()> {
    let lock = Lock::read(path)?;
    for plan in plans {
        lock.check(path, &plan.file)?;
    }
    Ok(())
}

/// Each content of a file is loaded once; a library is never unloaded.
pub(super) struct Libraries {
    /// Holds the private copies.
    cache: PathBuf,
    /// By hash.
    loaded: BTreeMap<String, Arc<PluginLibrary>>,
    worker: WorkerOptions,
}

impl Libraries {
    pub(super) fn new(
        config: &RunConfig,
        cache: PathBuf,
        cancelled: &'static AtomicBool,
    ) -> anyhow::Result<Self> {
        let isolation = &config.isolation;
        let worker = WorkerOptions {
            program: environment::worker_program()?,
            deadline: Duration::try_from_secs_f64(isolation.deadline_seconds)
                .unwrap_or(Duration::MAX),
            memory_bytes: (isolation.memory_gib * GIB) as u64,
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            cancelled,
        };
        Ok(Self { cache, loaded: BTreeMap::new(), worker })
    }

    fn create(&mut self, plan: &Plan, experiment: &Experiment) -> anyhow::Result<LoadedStrategy> {
        let setting = Setting {
            instance: &plan.instance,
            given: &plan.params,
            n_texts: experiment.dataset.train.ids.len(),
            n_labels: experiment.n_labels(),
        };
        if plan.apart {
            let copy = plan.file.keep(&self.cache)?;
            return Ok(LoadedStrategy::create_apart(&plan.file, &copy, setting, &self.worker)?);
        }
        let library = match self.loaded.get(&plan.file.hash) {
            Some(library) => Arc::clone(library),
            None => {
                let library = Arc::new(plan.file.clone().load(&self.cache)?);
                self.loaded.insert(plan.file.hash.clone(), Arc::clone(&library));
                library
            }
        };
        Ok(LoadedStrategy::create(&library, setting)?)
    }
}

const GIB: f64 = (1_u64 << 30) as f64;

/// Plans of the strategies beside the one that drives a run.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) initial: Option<&'a Plan>,
    pub(super) shadows: &'a [Plan],
}

pub(super) fn one_run(
    experiment: &mut Experiment,
    libraries: &mut Libraries,
    plan: &Plan,
    beside: Beside<'_>,
    seed: u64,
    watch: Watch<'_>,
) -> anyhow::Result<Finished> {
    let mut strategy = libraries.create(plan, experiment)?;
    let initial = beside.initial.map(|plan| libraries.create(plan, experiment));
    let mut initial = initial.transpose()?;
    let config = &experiment.config;
    let path = place(&config.out, &config.name, &plan.instance, seed);
    let manifest = experiment.manifest(&strategy, RunSeed(seed));
    let opened = RunDir::open(&path, &manifest)?;
    let resume = &opened.1;
    if resume.is_finished() {
        tracing::info!("{}, seed {seed}: finished before, nothing to do", plan.instance);
    } else if !resume.is_fresh() {
        tracing::info!(
            "{}, seed {seed}: going on after {} rounds",
            plan.instance,
            resume.rounds.len()
        );
    }
    let mut shadows = None;
    if !beside.shadows.is_empty() {
        if resume.is_finished() {
            tracing::warn!("its models are gone, so it can have no shadow; choose another --out");
        }
        let plans = beside.shadows.iter();
        let strategies: anyhow::Result<Vec<_>> =
            plans.map(|plan| libraries.create(plan, experiment)).collect();
        shadows = Some(Shadows::open(strategies?, &path)?);
    }
    let others = Others { initial: initial.as_mut(), shadows: shadows.as_mut() };
    let rounds = the_loop::run(experiment, &mut strategy, others, RunSeed(seed), opened, watch)?;
    Ok(Finished { instance: plan.instance.clone(), seed, path, rounds })
}

/// The first Ctrl-C asks to stop after the current step, the second ends at once. Either way
/// nothing that is recorded is lost.
pub(super) fn cancel_on_interrupt() -> &'static AtomicBool {
    static CANCELLED: AtomicBool = AtomicBool::new(false);
    let handler = || {
        if CANCELLED.swap(true, Ordering::Relaxed) {
            #[expect(clippy::exit, reason = "the user asked twice")]
            std::process::exit(130);
        }
        tracing::warn!("stopping after this round; Ctrl-C again stops at once, and loses nothing");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::debug!("no handler for Ctrl-C: {error}");
    }
    &CANCELLED
}
