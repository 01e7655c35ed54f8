//! A strategy that is running: created from its plugin, called once a round; in this process, or in
//! one of its own.

use std::path::Path;
use std::sync::Arc;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::RSlice;
use alhost_plugin_api::ffi::{Answer, EnvInfo, Host, Host_TO, PlugError, StrategyBox};
use alhost_plugin_api::{DocId, Error, Selection};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::PluginError;
use crate::loader::{PluginFile, PluginLibrary};
use crate::manifest::Manifest;
use crate::worker::{self, Lends, Lost, MAX_TEXT, NothingLent, Worker, WorkerOptions, cut};

pub struct LoadedStrategy {
    /// Its name in tables and folders.
    pub instance: String,
    pub manifest: Manifest,
    /// BLAKE3 of the plugin's file, in hex.
    pub hash: String,
    /// One value for each declared parameter.
    pub params: Map<String, Value>,
    /// The strategies that it may ask, in the order of its list.
    pub asked: Vec<LoadedStrategy>,
    running: Running,
}

enum Running {
    Here(StrategyBox),
    Apart(Box<Worker>),
}

/// Holds what a strategy is created with.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Its name in tables and folders.
    pub instance: &'a str,
    /// The parameters that the user set; the others take their defaults.
    pub given: &'a Map<String, Value>,
    pub n_texts: usize,
    pub n_labels: usize,
}

impl LoadedStrategy {
    /// Creates a strategy in this process.
    pub fn create(library: &Arc<PluginLibrary>, setting: Setting<'_>) -> Result<Self, PluginError> {
        let params = library.manifest.resolve_params(&library.path, setting.given)?;
        let create = library.module.create();
        let json = Value::Object(params.clone()).to_string();
        let (n_texts, n_labels) = (setting.n_texts as u32, setting.n_labels as u32);
        let env = EnvInfo { instance: setting.instance.into(), n_texts, n_labels };
        let strategy = create(json.as_str().into(), env)
            .into_result()
            .map_err(|error| failed(setting.instance, "start".to_owned(), error))?;
        Ok(Self {
            instance: setting.instance.to_owned(),
            manifest: library.manifest.clone(),
            hash: library.hash.clone(),
            params,
            asked: Vec::new(),
            running: Running::Here(strategy),
        })
    }

    /// Creates a strategy in a process of its own, where the copy of the plugin's file at `copy` is
    /// loaded.
    pub fn create_apart(
        plugin: &PluginFile,
        copy: &Path,
        setting: Setting<'_>,
        options: &WorkerOptions,
    ) -> Result<Self, PluginError> {
        plugin.check()?;
        let params = plugin.manifest.resolve_params(&plugin.path, setting.given)?;
        let start = worker::Start {
            plugin: copy.to_owned(),
            blake3: plugin.hash.clone(),
            instance: setting.instance.to_owned(),
            params: Value::Object(params.clone()).to_string(),
            n_texts: setting.n_texts as u32,
            n_labels: setting.n_labels as u32,
            memory_bytes: options.memory_bytes,
        };
        let worker = Worker::start(options, start)
            .map_err(|lost| lost_error(setting.instance, "start".to_owned(), lost))?;
        Ok(Self {
            instance: setting.instance.to_owned(),
            manifest: plugin.manifest.clone(),
            hash: plugin.hash.clone(),
            params,
            asked: Vec::new(),
            running: Running::Apart(Box::new(worker)),
        })
    }

    /// Whether it runs in a process of its own.
    pub fn is_apart(&self) -> bool {
        matches!(self.running, Running::Apart(_))
    }

    /// Returns the strategy's claim, which whoever owns the pool has to check.
    pub fn select<H: Host>(&mut self, host: &H, n: usize) -> Result<Selection, PluginError> {
        self.select_lending(host, &NothingLent, n)
    }

    /// Does as `select`; a worker maps what `lends` knows to lie in shared memory, and gets a copy
    /// of the rest.
    pub fn select_lending<H: Host>(
        &mut self,
        host: &H,
        lends: &dyn Lends,
        n: usize,
    ) -> Result<Selection, PluginError> {
        let answer = match &mut self.running {
            Running::Here(strategy) => {
                let answer = strategy.select(&Host_TO::from_ptr(host, TD_Opaque), n);
                answer.into_result().map_err(Lost::Failed)
            }
            Running::Apart(worker) => worker.select(host, lends, n),
        };
        let Answer { ids, scores } =
            answer.map_err(|lost| lost_error(&self.instance, format!("select {n} texts"), lost))?;
        Ok(Selection {
            ids: ids.iter().map(|&id| DocId(id)).collect(),
            scores: scores.into_option().map(|scores| scores.to_vec()),
        })
    }

    /// Returns what the strategy, and those that it asks, need in order to go on after a restart.
    pub fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        let own = self.save_own()?;
        if self.asked.is_empty() {
            return Ok(own);
        }
        let asked = self.asked.iter_mut().map(Self::save).collect::<Result<Vec<_>, _>>()?;
        if own.is_empty() && asked.iter().all(Vec::is_empty) {
            return Ok(own);
        }
        let states = States { own, asked };
        Ok(postcard::to_stdvec(&states).expect("bytes can be written as bytes"))
    }

    /// Takes over what `save` gave.
    pub fn load(&mut self, state: &[u8]) -> Result<(), PluginError> {
        if self.asked.is_empty() {
            return self.load_own(state);
        }
        let torn = || PluginError::Strategy {
            instance: self.instance.clone(),
            doing: "take up its saved state".to_owned(),
            message: "it is not that of this strategy and of those that it asks".to_owned(),
        };
        let States { own, asked } = postcard::from_bytes(state).map_err(|_| torn())?;
        if asked.len() != self.asked.len() {
            return Err(torn());
        }
        if !own.is_empty() {
            self.load_own(&own)?;
        }
        let mut with_state =
            self.asked.iter_mut().zip(&asked).filter(|(_, state)| !state.is_empty());
        with_state.try_for_each(|(strategy, state)| strategy.load(state))
    }

    fn save_own(&mut self) -> Result<Vec<u8>, PluginError> {
        let saved = match &mut self.running {
            Running::Here(strategy) => {
                let saved = strategy.save().into_result().and_then(|state| {
                    too_large(state.len()).map_or_else(|| Ok(state.to_vec()), Err)
                });
                saved.map_err(Lost::Failed)
            }
            Running::Apart(worker) => worker.save(),
        };
        saved.map_err(|lost| lost_error(&self.instance, "save its state".into(), lost))
    }

    fn load_own(&mut self, state: &[u8]) -> Result<(), PluginError> {
        let loaded = match &mut self.running {
            Running::Here(strategy) => {
                strategy.load(RSlice::from_slice(state)).into_result().map_err(Lost::Failed)
            }
            Running::Apart(worker) => worker.load(state),
        };
        loaded.map_err(|lost| lost_error(&self.instance, "take up its saved state".into(), lost))
    }
}

/// The states of a strategy and of those that it asks.
#[derive(Deserialize, Serialize)]
struct States {
    #[serde(with = "serde_bytes")]
    own: Vec<u8>,
    asked: Vec<Vec<u8>>,
}

/// Most bytes of state that are kept after a selection: a strategy remembers what it has chosen or
/// learned, not the data.
const MAX_STATE: usize = 64 << 20;

/// Why so many bytes of state cannot be kept.
pub(crate) fn too_large(n_bytes: usize) -> Option<PlugError> {
    (n_bytes > MAX_STATE).then(|| {
        let why = format!(
            "its state has {n_bytes} bytes, and at most {MAX_STATE} (64 MiB) are kept\n\
             hint: save what cannot be computed again from the round"
        );
        Error::new(why).into()
    })
}

fn lost_error(instance: &str, doing: String, lost: Lost) -> PluginError {
    match lost {
        Lost::Failed(error) => failed(instance, doing, error),
        Lost::Gone(message) => {
            PluginError::Strategy { instance: instance.to_owned(), doing, message }
        }
    }
}

fn failed(instance: &str, doing: String, error: PlugError) -> PluginError {
    let message = cut(Error::from(error).to_string(), MAX_TEXT);
    PluginError::Strategy { instance: instance.to_owned(), doing, message }
}
