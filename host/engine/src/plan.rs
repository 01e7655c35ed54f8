//! Which strategies are going to run: found, and their manifests and parameters checked, before any data is
//! read and without running a line of their code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use alhost_config::{Isolation, RunConfig, names_a_folder, plugin_stem};
use alhost_plugin_api::asking::{self, Asked, STRATEGIES, STRATEGY};
use alhost_plugin_host::{PluginFile, SearchPath};
use alhost_record::StrategyManifest;
use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use crate::manifest::plugin_manifest;

/// A strategy of a plan: everything that can be refused without running it has been.
pub struct Planned {
    /// Its name among the strategies, which is that of its folder.
    pub instance: String,
    pub file: PluginFile,
    pub params: Map<String, Value>,
    /// Whether it runs in a process of its own.
    pub apart: bool,
    /// The strategies that it may ask, in the order of its list.
    pub asked: Vec<Planned>,
}

impl Planned {
    /// Whether it, and all that it asks, can select before anything is trained.
    fn is_cold_start(&self) -> bool {
        self.file.manifest.is_cold_start() && self.asked.iter().all(Self::is_cold_start)
    }

    /// Describes it as a run's records do.
    pub(crate) fn manifest(&self) -> anyhow::Result<StrategyManifest> {
        let (plugin, path) = (&self.file.manifest, &self.file.path);
        Ok(StrategyManifest {
            plugin: plugin_manifest(plugin, &self.file.hash),
            params: plugin.resolve_params(path, &self.params)?.into(),
            asked: self.asked.iter().map(Self::manifest).collect::<anyhow::Result<_>>()?,
        })
    }

    /// Lists what it, and all that it asks, may want of the host.
    pub(crate) fn needs(&self) -> Vec<&str> {
        let own = self.file.manifest.needs.iter().map(String::as_str);
        own.chain(self.asked.iter().flat_map(Self::needs)).collect()
    }
}

/// All strategies of an experiment.
pub struct Plan {
    /// Strategies that drive a run, in the config's order.
    pub strategies: Vec<Planned>,
    /// Chooses the initial set; `None` leaves it to chance.
    pub initial: Option<Planned>,
    /// Select on the models of the runs, and change nothing.
    pub shadows: Vec<Planned>,
}

/// Knows where plugins lie, and which of them are trusted.
pub struct Shelf<'a> {
    pub search: SearchPath,
    /// Whether whoever installed this program also put the plugin there: it may run in this process.
    pub is_ours: &'a dyn Fn(&Path) -> bool,
}

impl Plan {
    /// Finds and checks the strategies of `config`; `shadows` names plugins that only watch.
    pub fn of(config: &RunConfig, shadows: &[String], shelf: &Shelf<'_>) -> anyhow::Result<Self> {
        let planner = Planner { config, shelf };
        Ok(Self {
            strategies: planner.strategies()?,
            initial: planner.initial()?,
            shadows: planner.shadows(shadows)?,
        })
    }

    /// All of them, those that others ask among them, in no order that matters.
    pub fn all(&self) -> impl Iterator<Item = &Planned> {
        let named = self.strategies.iter().chain(&self.initial).chain(&self.shadows);
        named.flat_map(|planned| std::iter::once(planned).chain(&planned.asked))
    }
}

struct Planner<'a> {
    config: &'a RunConfig,
    shelf: &'a Shelf<'a>,
}

impl Planner<'_> {
    fn strategies(&self) -> anyhow::Result<Vec<Planned>> {
        let mut planned: Vec<Planned> = Vec::new();
        for strategy in self.config.strategies()? {
            let (file, params) = self.find(&strategy.plugin, &strategy.params)?;
            let instance = strategy.name.clone().unwrap_or_else(|| file.manifest.id.clone());
            check_instance(&instance)?;
            ensure!(
                planned.iter().all(|other| other.instance != instance),
                "two strategies are called `{instance}`\n\
                 hint: give one of them another `name` in its [[strategy]]"
            );
            planned.push(self.planned(instance, file, params)?);
        }
        Ok(planned)
    }

    fn initial(&self) -> anyhow::Result<Option<Planned>> {
        let plugin = self.config.r#loop.initial_strategy.as_str();
        if plugin == "random" {
            return Ok(None);
        }
        // With the parameters of a strategy of the same plugin, where there is one.
        let same = self.config.strategy.iter().find(|strategy| strategy.plugin == plugin);
        let params = same.map(|strategy| strategy.params.clone()).unwrap_or_default();
        let (file, params) = self.find(plugin, &params)?;
        let planned = self.planned("initial set".to_owned(), file, params)?;
        if !planned.is_cold_start() {
            bail!(
                "`loop.initial_strategy = \"{plugin}\"` needs a trained classifier ({})\n\
                 hint: the initial set can be chosen by `random`, or by a strategy that needs none, \
                 such as `alps`",
                planned.needs().join(", ")
            );
        }
        Ok(Some(planned))
    }

    fn shadows(&self, plugins: &[String]) -> anyhow::Result<Vec<Planned>> {
        let mut planned: Vec<Planned> = Vec::new();
        for plugin in plugins {
            let stem = plugin_stem(plugin);
            // With the parameters that the config has for the same plugin.
            let same = self.config.strategy.iter().find(|known| plugin_stem(&known.plugin) == stem);
            let params = same.map(|strategy| strategy.params.clone()).unwrap_or_default();
            let (file, params) = self.find(plugin, &params)?;
            let instance = file.manifest.id.clone();
            check_instance(&instance)?;
            let is_new = planned.iter().all(|other| other.instance != instance);
            ensure!(is_new, "two shadows are called `{instance}`");
            planned.push(self.planned(instance, file, params)?);
        }
        Ok(planned)
    }

    fn planned(
        &self,
        instance: String,
        file: PluginFile,
        params: Map<String, Value>,
    ) -> anyhow::Result<Planned> {
        let asked = self.asked(&instance, &file, &params)?;
        let apart = match self.config.isolation.mode {
            Isolation::Off => false,
            Isolation::Worker => true,
            Isolation::Auto => !(self.shelf.is_ours)(&file.path),
        };
        Ok(Planned { instance, file, params, apart, asked })
    }

    /// The strategies that a strategy lists in order to ask them.
    fn asked(
        &self,
        instance: &str,
        file: &PluginFile,
        params: &Map<String, Value>,
    ) -> anyhow::Result<Vec<Planned>> {
        let asks = |file: &PluginFile| file.manifest.needs.iter().any(|need| need == STRATEGY);
        if !asks(file) {
            return Ok(Vec::new());
        }
        let params = file.manifest.resolve_params(&file.path, params)?;
        let list = params.get(STRATEGIES).and_then(Value::as_str).with_context(|| {
            format!("`{instance}` needs `{STRATEGY}`, and has no parameter `{STRATEGIES}`")
        })?;
        let asked = asking::strategies(list).with_context(|| format!("strategy `{instance}`"))?;
        let search = self.shelf.search.beside(&file.path);
        let one = |asked: Asked| -> anyhow::Result<Planned> {
            let file = PluginFile::open(&asked.plugin, &search)?;
            ensure!(
                !asks(&file),
                "`{}` itself asks other strategies, and one that is asked may not\n\
                 hint: list those that it asks in its place",
                asked.plugin
            );
            let (file, params) = opened(&asked.plugin, file, asked.params)?;
            self.planned(file.manifest.id.clone(), file, params)
        };
        let named = |asked: Asked| {
            let plugin = asked.plugin.clone();
            one(asked).with_context(|| format!("`{instance}` is to ask `{plugin}`"))
        };
        asked.into_iter().map(named).collect()
    }

    fn find(
        &self,
        plugin: &str,
        params: &toml::Table,
    ) -> anyhow::Result<(PluginFile, Map<String, Value>)> {
        let file = PluginFile::open(plugin, &self.shelf.search)?;
        let given = match serde_json::to_value(params)? {
            Value::Object(given) => given,
            _ => Map::new(),
        };
        opened(plugin, file, given)
    }
}

/// Checks a file that was found, and what is given to it.
fn opened(
    plugin: &str,
    file: PluginFile,
    given: Map<String, Value>,
) -> anyhow::Result<(PluginFile, Map<String, Value>)> {
    let is_new = first_told(&file.path);
    // Told where it is not what the user named, but one found for them.
    if is_new && !Path::new(plugin).exists() {
        tracing::info!("`{plugin}` is {}", file.path.display());
    }
    file.check()?;
    if is_new && file.manifest.profile == "debug" {
        tracing::warn!(
            "{} is a debug build, which can be twenty times slower: compare no times with it",
            file.path.display()
        );
    }
    file.manifest.resolve_params(&file.path, &given)?;
    Ok((file, given))
}

/// Whether nothing has been told of this file yet: a grid plans with the same files for each data set.
fn first_told(file: &Path) -> bool {
    static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned())
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
