//! One line of `rounds.jsonl`: a model, what it is worth, and what the round cost.

use std::fmt;

use alhost_base::ledger::Reused;
use alhost_metrics::{Estimate, Metrics, Ranking};
use serde::{Deserialize, Deserializer, Serialize};

use super::acquired::Acquired;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RoundRecord {
    pub round: usize,
    /// Labeled texts that the model was trained on.
    pub labeled: usize,
    /// Metrics on test, at `thresholds.used`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// Metrics on test, at `thresholds.micro`; absent without a dev set.
    pub metrics_at_micro: Option<Metrics>,
    /// Metrics on test, each macro-F1 at its own threshold: at `thresholds.macro_paper` and at
    /// `thresholds.macro_f1`. Absent where the config's rule is another one, without a dev set, and in
    /// records of the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_at_macro_paper: Option<Metrics>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_at_macro: Option<Metrics>,
    /// Metrics on test, with a threshold for each label; absent where the config does not ask for
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_per_label: Option<Metrics>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    pub thresholds: Thresholds,
    /// Best epoch, counted from 0; absent without a dev set, where the last epoch is the one kept.
    pub best_epoch: Option<usize>,
    /// Epochs trained, the ones after the best included; of a logistic head, iterations.
    pub epochs: usize,
    /// Score of the best epoch, as early stopping saw it.
    pub dev_score: Option<f64>,
    /// Mean training loss of each epoch.
    #[serde(deserialize_with = "null_is_nan")]
    pub losses: Vec<f64>,
    /// The inverse strength of a logistic head's penalty; absent for other heads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<f64>,
    /// BLAKE3 of the weights that the round ended with, where the next one starts from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Labels that occur in the labeled set.
    pub class_coverage: usize,
    /// The texts that this round is the first to train on; absent in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquired: Option<Acquired>,
    /// What the texts of the audit say of this round's classifier; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Signals that stopping rules go by; absent where none of them asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signals: Option<Signals>,
    /// Why this is the last round; absent where another one follows.
    pub stop: Option<Stop>,
    pub cost: Cost,
}

/// The scores that come first in tables and reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headline {
    pub micro_f1: f64,
    pub macro_f1_paper: f64,
    pub macro_f1: f64,
}

/// Whether the last of a run's rounds said that it is the last.
pub(crate) fn is_finished(rounds: &[RoundRecord]) -> bool {
    rounds.last().is_some_and(|round| round.stop.is_some())
}

impl RoundRecord {
    /// The scores on test; none without a test split. Takes each metric at its own threshold where the config's rule is that, else all at the one
    /// of the rule.
    pub fn headline(&self) -> Option<Headline> {
        let own = self.has_own_thresholds();
        let used = self.metrics?;
        let at = |metrics: Option<Metrics>| metrics.filter(|_| own).unwrap_or(used);
        Some(Headline {
            micro_f1: at(self.metrics_at_micro).micro_f1,
            macro_f1_paper: at(self.metrics_at_macro_paper).macro_f1_paper,
            macro_f1: at(self.metrics_at_macro).macro_f1,
        })
    }

    /// Whether each metric was measured at its own threshold.
    pub fn has_own_thresholds(&self) -> bool {
        self.metrics_at_macro.is_some()
    }
}

/// Probabilities above which a label is predicted. None of JSON's numbers is infinite, so a
/// threshold that predicts nothing is null.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Threshold of the config's rule.
    pub used: Option<f64>,
    /// The optimum on dev of each criterion; null without a dev set.
    pub micro: Option<f64>,
    pub macro_paper: Option<f64>,
    pub macro_f1: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// As many texts are labeled as the config allows.
    Budget,
    PoolEmpty,
    /// The rules of `[loop.stop]`.
    Target,
    Plateau,
    Uncertainty,
    Kappa,
    Time,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Budget => "the budget is spent",
            Self::PoolEmpty => "the pool is empty",
            Self::Target => "the target is reached",
            Self::Plateau => "no more gain",
            Self::Uncertainty => "the model is sure of the pool",
            Self::Kappa => "predictions are stable",
            Self::Time => "the time is up",
        })
    }
}

/// Signals that the rules of `[loop.stop]` go by, each where a rule asks for it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// The rules' metric on dev, at its own optimal threshold.
    pub dev: Option<f64>,
    /// Mean entropy of a text's label set over the pool, in bits.
    pub uncertainty: Option<f64>,
    /// Cohen's kappa with the predictions of the round before; absent in round 0.
    pub kappa: Option<f64>,
    /// The labels predicted for each text of the stop set.
    pub predictions: Option<Vec<Vec<u32>>>,
}

/// Holds all of a record that differs from run to run and machine to machine.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Seconds charged: as if the run had been alone.
    pub seconds: Seconds,
    /// Seconds really spent; less than charged where something had been computed for another run.
    /// Absent in records of the first version.
    #[serde(default)]
    pub actual: Option<Seconds>,
    /// Things that are computed once for many runs and that this run used for the first time.
    #[serde(default)]
    pub shared: Vec<Reused>,
    /// Tokens a second through the encoder, training and inference together.
    #[serde(deserialize_with = "null_is_nan_too")]
    pub tokens_per_second: f64,
    /// The process's peak so far, in bytes; absent where /proc is.
    pub peak_memory_bytes: Option<u64>,
}

impl Cost {
    /// Returns the seconds really spent, as far as the record has them.
    pub fn spent(&self) -> Seconds {
        self.actual.unwrap_or(self.seconds)
    }
}

/// Seconds of each phase of a round.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    pub train: f64,
    /// Seconds of early stopping and the threshold.
    pub dev: f64,
    pub test: f64,
    /// Seconds of what the host computed for the strategy.
    pub features: f64,
    /// The strategy's own seconds, without `features`.
    pub select: f64,
}

impl Seconds {
    /// Adds up the seconds of all phases.
    pub fn total(&self) -> f64 {
        self.train + self.dev + self.test + self.features + self.select
    }
}

/// Reads `VmHWM`, the most resident memory that this process ever had, in bytes.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Reads null as NaN. JSON writes NaN and infinities as null; a diverged training must not make a
/// record unreadable.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

fn null_is_nan_too<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_can_be_read_again() {
        #[derive(Deserialize, Serialize)]
        struct Losses {
            #[serde(deserialize_with = "null_is_nan")]
            losses: Vec<f64>,
        }
        let text = serde_json::to_string(&Losses { losses: vec![0.5, f64::NAN] }).unwrap();
        let losses = serde_json::from_str::<Losses>(&text).unwrap().losses;
        assert!((losses[0] - 0.5).abs() < 1e-15 && losses[1].is_nan());
    }

    #[test]
    fn peak_memory_is_that_of_a_process() {
        match peak_memory_bytes() {
            Some(bytes) => assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}"),
            None => eprintln!("did nothing: /proc/self/status has no VmHWM here"),
        }
    }
}
