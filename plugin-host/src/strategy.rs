//! A strategy that is running: created from its plugin, called once a round.

use std::sync::Arc;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice};
use alhost_plugin_api::ffi::{Answer, EnvInfo, Host, Host_TO, PlugError, StrategyBox};
use alhost_plugin_api::{DocId, Error, Selection};
use serde_json::{Map, Value};

use crate::error::PluginError;
use crate::loader::PluginLibrary;

pub struct LoadedStrategy {
    /// Its name in tables and folders.
    pub instance: String,
    pub library: Arc<PluginLibrary>,
    /// One value for each declared parameter.
    pub params: Map<String, Value>,
    strategy: StrategyBox,
}

impl LoadedStrategy {
    /// `given`: the parameters that the user set; the others take their defaults.
    pub fn create(
        library: Arc<PluginLibrary>,
        instance: &str,
        given: &Map<String, Value>,
        n_texts: usize,
        n_labels: usize,
    ) -> Result<Self, PluginError> {
        let params = library.manifest.resolve_params(&library.path, given)?;
        let create = library.module.create();
        let json = Value::Object(params.clone()).to_string();
        let (n_texts, n_labels) = (n_texts as u32, n_labels as u32);
        let env = EnvInfo { instance: instance.into(), n_texts, n_labels };
        let strategy = create(json.as_str().into(), env)
            .into_result()
            .map_err(|error| failed(instance, "start".to_owned(), error))?;
        Ok(Self { instance: instance.to_owned(), library, params, strategy })
    }

    /// The strategy's claim, which whoever owns the pool has to check.
    pub fn select<H: Host>(&mut self, host: &H, n: usize) -> Result<Selection, PluginError> {
        let host = Host_TO::from_ptr(host, TD_Opaque);
        let Answer { ids, scores } = match self.strategy.select(&host, n) {
            RResult::ROk(answer) => answer,
            RResult::RErr(error) => {
                return Err(failed(&self.instance, format!("select {n} texts"), error));
            }
        };
        Ok(Selection {
            ids: ids.iter().map(|&id| DocId(id)).collect(),
            scores: scores.into_option().map(|scores| scores.to_vec()),
        })
    }

    /// What the strategy needs in order to go on after a restart.
    pub fn save(&mut self) -> Result<Vec<u8>, PluginError> {
        let saved = self.strategy.save().into_result();
        let saved =
            saved.map_err(|error| failed(&self.instance, "save its state".into(), error))?;
        Ok(saved.to_vec())
    }

    pub fn load(&mut self, state: &[u8]) -> Result<(), PluginError> {
        let loaded = self.strategy.load(RSlice::from_slice(state)).into_result();
        loaded.map_err(|error| failed(&self.instance, "take up its saved state".into(), error))
    }
}

fn failed(instance: &str, doing: String, error: PlugError) -> PluginError {
    let message = Error::from(error).to_string();
    PluginError::Strategy { instance: instance.to_owned(), doing, message }
}
