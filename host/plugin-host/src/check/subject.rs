//! The plugin under test, inside the process of one case: called through the ABI as a host would,
//! with errors kept as they crossed.

use std::path::PathBuf;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::RSlice;
use alhost_plugin_api::ffi::{EnvInfo, Host_TO, StrategyBox};
use alhost_plugin_api::testing::StandIn;
use alhost_plugin_api::{DocId, Error, ErrorKind, Selection};
use serde_json::{Map, Value};

use super::verdict::Problem;
use crate::error::PluginError;
use crate::loader::{PluginFile, PluginLibrary};

/// The plugin that a case is about, and what it is checked with.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Its file, as an absolute path.
    pub(super) path: PathBuf,
    /// Parameters that are set in all cases.
    pub(super) params: Map<String, Value>,
    pub(super) seed: u64,
    /// Texts of the huge pool.
    pub(super) huge: usize,
}

/// A strategy that has been created.
pub(super) struct Instance(StrategyBox);

impl Subject {
    pub(super) fn file(&self) -> Result<PluginFile, Problem> {
        PluginFile::read(&self.path).map_err(|error| elsewhere("lib.manifest-static", &error))
    }

    /// The plugin, loaded; what keeps it from being loaded is for another case to tell.
    pub(super) fn library(&self) -> Result<PluginLibrary, Problem> {
        load(self.file()?).map_err(|error| elsewhere(blamed_on(&error), &error))
    }

    /// All parameters: those set, and the defaults.
    pub(super) fn resolved(&self, library: &PluginLibrary) -> Result<Map<String, Value>, Problem> {
        let resolved = library.manifest.resolve_params(&self.path, &self.params);
        resolved.map_err(|error| elsewhere("params.defaults-valid", &error))
    }

    /// An instance for the ordinary host; what keeps it from starting is for another case to tell.
    pub(super) fn instance(&self, library: &PluginLibrary) -> Result<Instance, Problem> {
        self.instance_for(library, super::hosts::N_TEXTS, super::hosts::N_LABELS)
    }

    pub(super) fn instance_for(
        &self,
        library: &PluginLibrary,
        n_texts: usize,
        n_labels: usize,
    ) -> Result<Instance, Problem> {
        let params = Value::Object(self.resolved(library)?).to_string();
        Instance::create(library, &params, "checked", n_texts, n_labels)
            .map_err(|error| elsewhere("params.defaults-valid", &error))
    }
}

/// Runs the plugin's code for the first time in this process.
pub(super) fn load(file: PluginFile) -> Result<PluginLibrary, PluginError> {
    file.load_here()
}

/// The case that is about this error.
pub(super) fn blamed_on(error: &PluginError) -> &'static str {
    match error {
        PluginError::Api { .. } => "lib.api-version",
        PluginError::Abort { .. } => "lib.profile",
        PluginError::Load { .. } => "lib.load-now",
        PluginError::Layout { .. } => "lib.layout",
        PluginError::Params { .. } | PluginError::Strategy { .. } => "params.defaults-valid",
        _ => "lib.manifest-static",
    }
}

fn elsewhere(case: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::Skip(format!("see `{case}`: {error}"))
}

impl Instance {
    /// `params` is the text that crosses, right or wrong.
    pub(super) fn create(
        library: &PluginLibrary,
        params: &str,
        instance: &str,
        n_texts: usize,
        n_labels: usize,
    ) -> Result<Self, Error> {
        let (n_texts, n_labels) = (n_texts as u32, n_labels as u32);
        let env = EnvInfo { instance: instance.into(), n_texts, n_labels };
        let created = library.module.create()(params.into(), env).into_result();
        created.map(Self).map_err(Error::from)
    }

    pub(super) fn select(&mut self, host: &StandIn, n: usize) -> Result<Selection, Error> {
        let host = Host_TO::from_ptr(host, TD_Opaque);
        let answer = self.0.select(&host, n).into_result().map_err(Error::from)?;
        Ok(Selection {
            ids: answer.ids.iter().map(|&id| DocId(id)).collect(),
            scores: answer.scores.into_option().map(|scores| scores.to_vec()),
        })
    }

    pub(super) fn save(&mut self) -> Result<Vec<u8>, Error> {
        self.0.save().into_result().map(|state| state.to_vec()).map_err(Error::from)
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), Error> {
        self.0.load(RSlice::from_slice(state)).into_result().map_err(Error::from)
    }
}

/// Whether an error is a panic that the plugin's guard caught.
pub(super) fn is_panic(error: &Error) -> bool {
    error.kind() == ErrorKind::Panicked
}
