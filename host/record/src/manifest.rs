//! `manifest.json`: what was run, with what and on what; and whether two runs are the same.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything but `environments` decides the results, and must agree before a run is gone on with.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunManifest {
    /// Format of these files; see [`RunManifest::FORMAT`].
    pub format: u32,
    /// The config's `name`. It decides nothing; records of alhost 0.1 do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of run; records of alhost 0.1 do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The strategy's name in tables and folders.
    pub strategy: String,
    pub seed: u64,
    pub plugin: PluginManifest,
    /// Parameters as run, defaults filled in.
    pub params: Value,
    /// The strategies that it asks, in the order of its list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<StrategyManifest>,
    /// The strategy that chooses the initial set, where it is not drawn at random; records of alhost 0.1 do
    /// not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_set: Option<StrategyManifest>,
    /// Result of [`RunConfig::agreed`](alhost_config::RunConfig::agreed).
    pub config: Value,
    /// Result of [`RunConfig::hash`](alhost_config::RunConfig::hash).
    pub config_hash: String,
    /// Hash of texts, labels and splits.
    pub data_hash: String,
    /// Hash of the texts alone, whatever their labels; records of alhost 0.1 do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts_hash: Option<String>,
    pub model: ModelManifest,
    /// Environments of the run: one entry, and one more each time it went on elsewhere.
    pub environments: Vec<Environment>,
}

/// Kinds of runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A strategy selects, round by round.
    ActiveLearning,
    /// One training on all of train.
    FullData,
    /// One training on what another run has labeled.
    LabelsOf,
    /// The reference without an encoder.
    Reference,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    pub id: String,
    pub version: String,
    pub api: String,
    /// Hash of the shared library.
    pub blake3: String,
    pub rustc: String,
    /// Build profile: `release` or `debug`.
    pub profile: String,
}

/// A strategy that another one asks, or that chooses the initial set.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyManifest {
    pub plugin: PluginManifest,
    /// Parameters as run, defaults filled in.
    pub params: Value,
    /// The strategies that it asks in turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<StrategyManifest>,
}

/// The id in place of a plugin's where a run trains on what another has labeled.
pub const RETRAINING: &str = "labels-of";

/// The id in place of a plugin's where a run trains on all of train.
pub const FULL_DATA: &str = "full-data";

/// The id in place of a plugin's where TF-IDF and a linear SVM were trained.
pub const REFERENCE: &str = "tfidf";

impl PluginManifest {
    /// Returns what stands in place of a strategy where nothing is selected.
    pub fn none(id: &str) -> Self {
        let none = || "none".to_owned();
        Self {
            id: id.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api: none(),
            blake3: none(),
            rustc: none(),
            profile: none(),
        }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    pub weights_hash: String,
    /// Hash of the tokenizer as it was built.
    pub tokenizer_hash: String,
    /// Hash of the encoder's configuration and its pooling; absent in records of the first version,
    /// which named a tokenizer by one of its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Origin of the head: `checkpoint`, `fitted on the pool`, or `none` where no strategy asked
    /// for one.
    pub mlm_head: String,
    /// The commit, of a checkpoint of the hub. Older records do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The first round that was recorded here.
    pub from_round: usize,
    /// Version of alhost.
    pub host: String,
    /// Hash of the binary, where it could be read.
    pub host_blake3: Option<String>,
    pub libtorch: String,
    /// Device as resolved: `cpu` or `cuda:0`.
    pub device: String,
    /// Its model, and the vector extensions of a processor; other ones give other bits. Records of before do not
    /// say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// Precision as resolved: `f32` or `bf16`.
    pub precision: String,
    pub torch_threads: usize,
    /// Whether the same command gives the same bits here.
    pub deterministic: String,
}

impl Environment {
    /// The device, and its model in brackets where it is known.
    pub fn device_and_model(&self) -> String {
        match &self.hardware {
            Some(model) => format!("{} ({model})", self.device),
            None => self.device.clone(),
        }
    }
}

impl RunManifest {
    /// Goes up when older records can no longer be gone on with.
    pub const FORMAT: u32 = 1;

    /// Returns the kind of run, which older records show by what stands in place of a plugin.
    pub fn kind(&self) -> Kind {
        let of_old = || match (self.plugin.api.as_str(), self.plugin.id.as_str()) {
            ("none", FULL_DATA) => Kind::FullData,
            ("none", RETRAINING) => Kind::LabelsOf,
            ("none", REFERENCE) => Kind::Reference,
            _ => Kind::ActiveLearning,
        };
        self.kind.unwrap_or_else(of_old)
    }

    /// Lists what keeps the run that wrote `self` from going on as `now`: `key: there X, here Y`.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let (mut there, mut here) = (identity(self), identity(now));
        if self.model.config_hash.is_none() {
            // What an older record does not say may be the same.
            for identity in [&mut there, &mut here] {
                identity["model"]["config_hash"] = Value::Null;
                identity["model"]["tokenizer_hash"] = Value::Null;
            }
        }
        // What is not known of one of them is no difference: the hashes decide.
        if self.model.revision.is_none() || now.model.revision.is_none() {
            there["model"]["revision"] = Value::Null;
            here["model"]["revision"] = Value::Null;
        }
        if self.texts_hash.is_none() || now.texts_hash.is_none() {
            there["texts_hash"] = Value::Null;
            here["texts_hash"] = Value::Null;
        }
        if self.initial_set.is_none() || now.initial_set.is_none() {
            there["initial_set"] = Value::Null;
            here["initial_set"] = Value::Null;
        }
        if self.kind() == now.kind() {
            there["kind"] = Value::Null;
            here["kind"] = Value::Null;
        }
        compare("", &there, &here, &mut differences);
        // The hash follows from the keys, which say more.
        let named = differences.iter().any(|difference| difference.starts_with("config."));
        differences.retain(|difference| !(named && difference.starts_with("config_hash")));
        differences
    }

    /// Adds where the run goes on, if that is another place; says whether it is.
    pub(super) fn go_on(&mut self, now: &Self, from_round: usize) -> bool {
        let Some(here) = now.environments.last() else { return false };
        let here = Environment { from_round, ..here.clone() };
        let moved = self
            .environments
            .last()
            .is_none_or(|last| Environment { from_round, ..last.clone() } != here);
        if moved {
            self.environments.push(here);
        }
        moved
    }
}

/// Returns what must agree. Of the environment this is the kind of device and the precision: with
/// another one, a curve's second half would come from other arithmetic than its first. Threads and
/// versions change bits too, but a machine does not offer the old ones at will, so they are only
/// noted.
fn identity(manifest: &RunManifest) -> Value {
    let mut identity = serde_json::to_value(manifest).expect("a manifest is plain data");
    let place = manifest.environments.last();
    let device = place.map(|place| place.device.split(':').next().unwrap_or("").to_owned());
    identity["environments"] = Value::Null;
    identity["name"] = Value::Null;
    identity["device"] = Value::from(device);
    identity["precision"] = Value::from(place.map(|place| place.precision.clone()));
    identity
}

fn compare(path: &str, there: &Value, here: &Value, differences: &mut Vec<String>) {
    let (Value::Object(a), Value::Object(b)) = (there, here) else {
        if there != here {
            differences.push(format!("{path}: there {there}, here {here}"));
        }
        return;
    };
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let value = |table: &serde_json::Map<String, Value>| table.get(name).cloned();
        let (there, here) = (value(a).unwrap_or_default(), value(b).unwrap_or_default());
        compare(&path, &there, &here, differences);
    }
}
