//! The strategies of a plan, ready to run: here, or in processes of their own.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use alhost_config::RunConfig;
use alhost_plugin_host::{LoadedStrategy, PluginLibrary, Setting, WorkerOptions};
use anyhow::Context as _;

use crate::Task;
use crate::plan::{Plan, Planned};

/// Says how strategies run in other processes.
pub struct Workers {
    /// The program `alhost-worker`.
    pub program: PathBuf,
    /// Once set, their calls end.
    pub cancelled: &'static AtomicBool,
}

/// Makes strategies of a plan. Each content of a file is loaded once; a library is never unloaded.
pub struct Strategies {
    pub plan: Plan,
    /// Holds the private copies.
    cache: PathBuf,
    /// Libraries by the hash of their file.
    loaded: BTreeMap<String, Arc<PluginLibrary>>,
    worker: WorkerOptions,
}

impl Strategies {
    /// `cache` is a folder for private copies of plugins.
    pub fn new(plan: Plan, config: &RunConfig, cache: &Path, workers: Workers) -> Self {
        const GIB: f64 = (1_u64 << 30) as f64;
        let isolation = &config.isolation;
        let worker = WorkerOptions {
            program: workers.program,
            deadline: Duration::try_from_secs_f64(isolation.deadline_seconds)
                .unwrap_or(Duration::MAX),
            memory_bytes: (isolation.memory_gib * GIB) as u64,
            threads: std::thread::available_parallelism().map_or(1, NonZero::get),
            cancelled: workers.cancelled,
        };
        Self { plan, cache: cache.to_owned(), loaded: BTreeMap::new(), worker }
    }

    /// Whether any runs in a process of its own.
    pub fn any_apart(&self) -> bool {
        self.plan.all().any(|planned| planned.apart)
    }

    /// The strategy with this name, and the one that chooses the initial set.
    pub(crate) fn create(
        &mut self,
        instance: &str,
        task: &Task,
    ) -> anyhow::Result<(LoadedStrategy, Option<LoadedStrategy>)> {
        let Self { plan, cache, loaded, worker } = self;
        let mut maker = Maker { cache, loaded, worker, task };
        let planned = plan.strategies.iter().find(|planned| planned.instance == instance);
        let planned = planned.with_context(|| format!("no strategy `{instance}`"))?;
        let strategy = maker.make(planned)?;
        let initial = plan.initial.as_ref().map(|initial| maker.make(initial)).transpose()?;
        Ok((strategy, initial))
    }

    pub(crate) fn shadows(&mut self, task: &Task) -> anyhow::Result<Vec<LoadedStrategy>> {
        let Self { plan, cache, loaded, worker } = self;
        let mut maker = Maker { cache, loaded, worker, task };
        plan.shadows.iter().map(|planned| maker.make(planned)).collect()
    }
}

struct Maker<'a> {
    cache: &'a Path,
    loaded: &'a mut BTreeMap<String, Arc<PluginLibrary>>,
    worker: &'a WorkerOptions,
    task: &'a Task,
}

impl Maker<'_> {
    fn make(&mut self, planned: &Planned) -> anyhow::Result<LoadedStrategy> {
        let asked = planned.asked.iter().map(|asked| {
            let made = self.make(asked);
            made.with_context(|| format!("`{}` is to ask it", planned.instance))
        });
        let asked = asked.collect::<anyhow::Result<_>>()?;
        let mut strategy = self.make_alone(planned)?;
        strategy.asked = asked;
        Ok(strategy)
    }

    fn make_alone(&mut self, planned: &Planned) -> anyhow::Result<LoadedStrategy> {
        let setting = Setting {
            instance: &planned.instance,
            given: &planned.params,
            n_texts: self.task.n_texts(),
            n_labels: self.task.n_labels(),
        };
        if planned.apart {
            let copy = planned.file.keep(self.cache)?;
            return Ok(LoadedStrategy::create_apart(&planned.file, &copy, setting, self.worker)?);
        }
        let library = match self.loaded.get(&planned.file.hash) {
            Some(library) => Arc::clone(library),
            None => {
                let library = Arc::new(planned.file.clone().load(self.cache)?);
                self.loaded.insert(planned.file.hash.clone(), Arc::clone(&library));
                library
            }
        };
        Ok(LoadedStrategy::create(&library, setting)?)
    }
}
