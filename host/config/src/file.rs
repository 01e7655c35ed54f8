//! A config as a user writes it: read, merged with overrides and protocol, but not yet checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alhost_base::foreign;
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Problem, for_people, line_and_column};
use super::keys::{self, Kind};
use super::overrides::Overrides;
use super::sections::{
    CacheConfig, DataConfig, EvaluationConfig, IsolationConfig, LabelConfig, LimitsConfig,
    LoopConfig, ModelConfig, OracleConfig, Protocol, StrategyConfig, TrainConfig,
};
use super::{protocol, usual};

/// The config that a run takes when none is given.
pub const DEMO: &str = include_str!("../../../configs/demo.toml");

/// The hint for what is no TOML at all.
pub(super) const IN_TOML: &str =
    "configs are written in TOML (https://toml.io); `alhost config show` prints one to begin with";

/// The most bytes of a config; one of a thousand strategies with parameters has less.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// A config as a user writes it. Keys stand in the order of `docs/config.md`. [`ConfigFile::check`]
/// makes a [`RunConfig`](super::RunConfig) of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// First folder below `out`.
    pub name: String,
    pub protocol: Protocol,
    /// Seeds, with one run of each strategy for each.
    pub seeds: Vec<u64>,
    pub out: PathBuf,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    pub data: DataConfig,
    pub model: ModelConfig,
    pub train: TrainConfig,
    pub r#loop: LoopConfig,
    pub oracle: OracleConfig,
    pub evaluation: EvaluationConfig,
    pub label: LabelConfig,
    pub cache: CacheConfig,
    pub limits: LimitsConfig,
    pub isolation: IsolationConfig,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strategy: Vec<StrategyConfig>,
    /// Says where each key was given that is no default; see [`ConfigFile::given`].
    #[serde(skip)]
    given: BTreeMap<String, String>,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            name: "run".to_owned(),
            protocol: Protocol::Default,
            seeds: vec![1],
            out: PathBuf::from("runs"),
            device: "auto".to_owned(),
            data: DataConfig::default(),
            model: ModelConfig::default(),
            train: TrainConfig::default(),
            r#loop: LoopConfig::default(),
            oracle: OracleConfig::default(),
            evaluation: EvaluationConfig::default(),
            label: LabelConfig::default(),
            cache: CacheConfig::default(),
            limits: LimitsConfig::default(),
            isolation: IsolationConfig::default(),
            strategy: Vec::new(),
            given: BTreeMap::new(),
        }
    }
}

impl ConfigFile {
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let text = foreign::read_text(path, MOST_BYTES)?;
        Self::parse(&text, &path.display().to_string(), overrides)
    }

    /// Reads the embedded default.
    pub fn demo(overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::parse(DEMO, "the embedded configs/demo.toml", overrides)
    }

    /// Reads a config from a text. `origin` names the text in messages.
    pub fn parse(text: &str, origin: &str, overrides: &Overrides) -> Result<Self, ConfigError> {
        let failed = |error: &toml::de::Error| {
            let at = match error.span() {
                Some(span) => format!("{origin}:{}", line_and_column(text, span.start)),
                None => origin.to_owned(),
            };
            ConfigError::one(&at, &for_people(error.message()), None)
        };
        let no_toml = |error: &toml::de::Error| failed(error).with_hint(IN_TOML);
        let document = DeTable::parse(text).map_err(|error| no_toml(&error))?;
        let mut walk = Walk { text, origin, given: BTreeMap::new(), problems: Vec::new() };
        walk.table("", "", document.get_ref());
        if !walk.problems.is_empty() {
            return Err(ConfigError::Wrong(walk.problems));
        }
        // For the types alone, while the error still knows its line.
        toml::from_str::<Self>(text).map_err(|error| failed(&error))?;

        let mut table: toml::Table = toml::from_str(text).map_err(|error| failed(&error))?;
        let mut given = walk.given;
        overrides.apply(&mut table, &mut given)?;
        protocol::fill(&mut table);
        usual::fill(&mut table);
        let file: Self = table.try_into().map_err(|error| failed(&error))?;
        Ok(Self { given, ..file })
    }

    /// Returns where a key was given: `configs/x.toml:12:1`, or the command line's argument. It is
    /// none for a default. A strategy's key has its index: `strategy.0.params.clusters`.
    pub fn given(&self, key: &str) -> Option<&str> {
        self.given.get(key).map(String::as_str)
    }

    /// Writes the effective config, every key with its value, as a file that would give the same.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a config is plain data")
    }
}

/// Finds the keys that do not exist, and where the others stand.
struct Walk<'a> {
    text: &'a str,
    origin: &'a str,
    given: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    /// Walks a table. `path` has the indices of strategies, `plain` has not.
    fn table(&mut self, path: &str, plain: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let at = format!("{}:{}", self.origin, line_and_column(self.text, name.span().start));
            let name = name.get_ref();
            let (path, plain) = (keys::join(path, name), keys::join(plain, name));
            match (keys::kind(&plain), value.get_ref()) {
                (Kind::Unknown, _) => self.problems.push(Problem {
                    at,
                    message: format!("unknown key `{plain}`"),
                    hint: Some(keys::hint(&plain)),
                }),
                (Kind::Section | Kind::Free, DeValue::Table(table)) => {
                    self.table(&path, &plain, table);
                }
                (Kind::Section, DeValue::Array(items)) => {
                    for (index, item) in items.iter().enumerate() {
                        if let DeValue::Table(table) = item.get_ref() {
                            self.table(&format!("{path}.{index}"), &plain, table);
                        }
                    }
                }
                // A section that is no table is a wrong type, which serde reports.
                _ => {
                    self.given.insert(path, at);
                }
            }
        }
    }
}
