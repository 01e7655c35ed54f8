//! The sections of a config file, their keys and defaults. `docs/config.md` describes the same
//! keys, and a test compares the two.

mod data;
mod label;
mod model;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use data::*;
pub use label::*;
pub use model::*;

/// `protocol`: whose values the keys take that the file does not give.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Our values, which train well with few texts and many labels.
    Default,
    /// The values of Fromme et al. (2022), as far as the paper states them; see `protocol.rs`.
    Paper,
}

/// `[loop]`: how much is labeled, and when.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Texts labeled before the first training.
    pub initial: usize,
    /// Names who chooses them: `random`, or a strategy that needs no classifier, as in `--plugin`.
    pub initial_strategy: String,
    pub query_size: usize,
    /// Labeled texts at which the run ends.
    pub budget: usize,
    /// Share of all texts that are drawn at random and kept apart, to be labeled little by little and judged on.
    pub audit: f64,
    /// The part of the pool that strategies see.
    pub candidates: Candidates,
    /// Texts of it, where a number decides.
    pub n_candidates: usize,
    pub stop: StopConfig,
}

/// Filters the pool before a query, so that a strategy whose cost grows with its square can work on a large
/// one. `docs/experiments.md` defines them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Candidates {
    /// No filter.
    All,
    /// `n_candidates` texts, drawn anew in each round.
    Random,
    /// The `n_candidates` texts that lie nearest to a labeled one.
    Nearest,
    /// Some texts of each label that the classifier predicts, and some of which it predicts nothing.
    Stratified,
}

impl Candidates {
    /// Whether `n_candidates` says how many there are.
    pub fn are_counted(self) -> bool {
        matches!(self, Self::Random | Self::Nearest)
    }
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            initial: 100,
            initial_strategy: "random".to_owned(),
            query_size: 100,
            budget: 500,
            audit: 0.0,
            candidates: Candidates::All,
            n_candidates: 2000,
            stop: StopConfig::default(),
        }
    }
}

/// `[loop.stop]`: rules that end a run before its budget. All are off by default; of those that are
/// on, the first that holds ends it. `docs/experiments.md` defines them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopConfig {
    /// The metric on dev that `target` and `plateau_rounds` look at.
    pub metric: StopMetric,
    /// Ends the run once the metric is at least so good.
    pub target: Option<f64>,
    /// Ends the run once the metric is not better by more than `plateau_delta` in so many rounds; 0
    /// switches it off.
    pub plateau_rounds: usize,
    pub plateau_delta: f64,
    /// Ends the run once the mean entropy of a pool text's label set, in bits, is below this.
    pub uncertainty: Option<f64>,
    /// Ends the run once the mean agreement of consecutive models over `kappa_window` pairs is at
    /// least this.
    pub kappa: Option<f64>,
    pub kappa_window: usize,
    /// Ends the run once all phases together took at least so many seconds.
    pub seconds: Option<f64>,
}

impl Default for StopConfig {
    fn default() -> Self {
        Self {
            metric: StopMetric::MicroF1,
            target: None,
            plateau_rounds: 0,
            plateau_delta: 0.005,
            uncertainty: None,
            kappa: None,
            kappa_window: 3,
            seconds: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopMetric {
    MicroF1,
    MacroF1Paper,
    MacroF1,
}

/// `[oracle]`: who answers with labels.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OracleConfig {
    pub kind: OracleKind,
    /// Share of all labels of train that `kind = "noisy"` misses, rare ones more often.
    pub missed: f64,
    /// Wrong labels that `kind = "noisy"` gives for each right one.
    pub wrong: f64,
}

impl Default for OracleConfig {
    fn default() -> Self {
        Self { kind: OracleKind::Simulated, missed: 0.1, wrong: 0.01 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OracleKind {
    /// Gives the labels that the data set has.
    Simulated,
    /// Gives these labels with mistakes, by seed.
    Noisy,
    /// People, whose answers stand in `annotations.jsonl` in the folder of the data.
    Human,
}

/// `[evaluation]`: how scores become labels, and labels become metrics.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    pub threshold: ThresholdRule,
    /// The threshold of `threshold = "fixed"`.
    pub fixed: f64,
    /// Where given, F1 is also measured with a threshold for each label, pulled towards the micro-optimal one
    /// as if by so many texts of dev. Needs a dev set.
    pub per_label: Option<f64>,
    /// The constants A and B of the propensity model, see `docs/experiments.md`.
    pub propensity_a: f64,
    pub propensity_b: f64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            threshold: ThresholdRule::Each,
            fixed: 0.5,
            per_label: None,
            propensity_a: 0.55,
            propensity_b: 1.5,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdRule {
    /// Micro-F1 is measured at the threshold that is best for it on dev, either macro-F1 at the one
    /// that is best for that. What needs one threshold takes the first.
    Each,
    /// The exact optimum on dev of the paper's macro-F1, scikit-learn's, or micro-F1.
    MacroF1Paper,
    MacroF1,
    MicroF1,
    /// Predicts as many labels a text as the labeled set has; it needs no dev set.
    Cardinality,
    Fixed,
}

/// One `[[strategy]]`: a plugin and its parameters.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyConfig {
    /// A file, or the id of a plugin beside `alhost`.
    pub plugin: String,
    /// The name in tables and folders; the plugin's id where absent.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub params: toml::Table,
}

/// `[cache]`: where what can be computed once is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Default: `$XDG_CACHE_HOME/alhost` or `~/.cache/alhost`.
    pub path: Option<PathBuf>,
}

/// `[isolation]`: which plugins run in a process of their own; it changes no result.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsolationConfig {
    pub mode: Isolation,
    /// Seconds of its own that a strategy may take for one call; then its process is killed.
    pub deadline_seconds: f64,
    /// Memory of its own, in GiB, that it may have; matrices lent by the host do not count.
    pub memory_gib: f64,
}

impl Default for IsolationConfig {
    fn default() -> Self {
        Self { mode: Isolation::Auto, deadline_seconds: 600.0, memory_gib: 4.0 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Plugins that lie beside `alhost` run in its process, all others in one of their own.
    Auto,
    Off,
    Worker,
}

/// `[limits]`: what a run may use at most; it changes no result.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The largest matrix, in GiB, that the host makes for a strategy at once.
    pub matrix_gib: f64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { matrix_gib: 8.0 }
    }
}
