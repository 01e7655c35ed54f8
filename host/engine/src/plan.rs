//! Which strategies are going to run: found, and their manifests and parameters checked, before any data is
//! read and without running a line of their code.

use std::path::Path;

use alhost_config::{Isolation, RunConfig, names_a_folder, plugin_stem};
use alhost_plugin_host::{PluginFile, SearchPath};
use anyhow::{bail, ensure};
use serde_json::{Map, Value};

/// A strategy of a plan: everything that can be refused without running it has been.
pub struct Planned {
    /// Its name among the strategies, which is that of its folder.
    pub instance: String,
    pub file: PluginFile,
    pub params: Map<String, Value>,
    /// Whether it runs in a process of its own.
    pub apart: bool,
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

    /// All of them, in no order that matters.
    pub fn all(&self) -> impl Iterator<Item = &Planned> {
        self.strategies.iter().chain(&self.initial).chain(&self.shadows)
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
            planned.push(self.planned(instance, file, params));
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
        if !file.manifest.is_cold_start() {
            bail!(
                "`loop.initial_strategy = \"{plugin}\"` needs a trained classifier ({})\n\
                 hint: the initial set can be chosen by `random`, or by a strategy that needs none, \
                 such as `alps`",
                file.manifest.needs.join(", ")
            );
        }
        Ok(Some(self.planned("initial set".to_owned(), file, params)))
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
            planned.push(self.planned(instance, file, params));
        }
        Ok(planned)
    }

    fn planned(&self, instance: String, file: PluginFile, params: Map<String, Value>) -> Planned {
        let apart = match self.config.isolation.mode {
            Isolation::Off => false,
            Isolation::Worker => true,
            Isolation::Auto => !(self.shelf.is_ours)(&file.path),
        };
        Planned { instance, file, params, apart }
    }

    fn find(
        &self,
        plugin: &str,
        params: &toml::Table,
    ) -> anyhow::Result<(PluginFile, Map<String, Value>)> {
        let file = PluginFile::open(plugin, &self.shelf.search)?;
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
