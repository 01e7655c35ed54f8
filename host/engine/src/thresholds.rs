//! Finds the thresholds that a round is judged at from scores, by the config's rule.

use alhost_base::matrix::Matrix;
use alhost_config::{ConfigFile, EvaluationConfig, StopMetric, ThresholdRule};
use alhost_data::Labels;
use alhost_metrics::{self as metrics, At};
use alhost_plugin_api::DocId;
use alhost_record::Thresholds;

use crate::pool::Pool;

/// The thresholds that follow from scores.
pub(crate) struct Found {
    /// The threshold of the config's rule.
    pub(crate) threshold: f32,
    /// The same with the optima on dev, for the record.
    pub(crate) thresholds: Thresholds,
    /// One threshold a label, where the config asks for them.
    pub(crate) per_label: Option<Vec<f32>>,
    /// The best value on dev of the metric that stopping rules look at; `None` without dev.
    pub(crate) dev_optimum: Option<f64>,
}

impl Found {
    /// Takes the optima of `scores` [texts, labels] of dev, whose labels are `gold`. `cardinality` is the labeled set's.
    pub(crate) fn on_dev(
        config: &ConfigFile,
        scores: &Matrix,
        gold: &Labels,
        cardinality: f64,
    ) -> Self {
        let evaluation = &config.evaluation;
        let optima = metrics::optima(scores, gold);
        let threshold = match evaluation.threshold {
            ThresholdRule::MacroF1Paper => optima.macro_paper.threshold,
            ThresholdRule::MacroF1 => optima.macro_sklearn.threshold,
            ThresholdRule::MicroF1 | ThresholdRule::Each => optima.micro.threshold,
            ThresholdRule::Cardinality => metrics::cardinality_threshold(scores, cardinality),
            ThresholdRule::Fixed => evaluation.fixed as f32,
        };
        let dev_optimum = match config.r#loop.stop.metric {
            StopMetric::MicroF1 => optima.micro.value,
            StopMetric::MacroF1Paper => optima.macro_paper.value,
            StopMetric::MacroF1 => optima.macro_sklearn.value,
        };
        let micro = optima.micro.threshold;
        let per_label = evaluation.per_label.map(|k| metrics::per_label(scores, gold, micro, k));
        Self {
            threshold,
            thresholds: Thresholds {
                used: finite(threshold),
                micro: finite(micro),
                macro_paper: finite(optima.macro_paper.threshold),
                macro_f1: finite(optima.macro_sklearn.threshold),
            },
            per_label,
            dev_optimum: Some(dev_optimum),
        }
    }

    /// Does without dev: predicts as many labels a text as the labeled set has, on the `scores` of [`unseen`] texts, which
    /// are asked for unless the threshold is fixed.
    pub(crate) fn without_dev<E>(
        evaluation: &EvaluationConfig,
        scores: impl FnOnce() -> Result<Matrix, E>,
        cardinality: f64,
    ) -> Result<Self, E> {
        let threshold = match evaluation.threshold {
            ThresholdRule::Fixed => evaluation.fixed as f32,
            _ => metrics::cardinality_threshold(&scores()?, cardinality),
        };
        let used = finite(threshold);
        let thresholds = Thresholds { used, micro: None, macro_paper: None, macro_f1: None };
        Ok(Self { threshold, thresholds, per_label: None, dev_optimum: None })
    }

    /// Lists the thresholds that test is judged at: also the optima on dev that the rule asks for.
    pub(crate) fn at(&self, rule: ThresholdRule) -> At {
        let each = self.dev_optimum.is_some() && rule == ThresholdRule::Each;
        // None of dev's that predicts anything right is recorded as null.
        let own = |threshold: Option<f64>| {
            each.then(|| threshold.map_or(f32::INFINITY, |threshold| threshold as f32))
        };
        let micro = self.thresholds.micro;
        At {
            used: self.threshold,
            micro: own(micro).or(micro.map(|threshold| threshold as f32)),
            macro_paper: own(self.thresholds.macro_paper),
            macro_f1: own(self.thresholds.macro_f1),
            per_label: self.per_label.clone(),
        }
    }
}

fn finite(threshold: f32) -> Option<f64> {
    threshold.is_finite().then_some(f64::from(threshold))
}

/// Texts of the pool that the cardinality threshold and stopping rules look at, at most.
pub(crate) const SOME_TEXTS: usize = 2000;

/// Rows of texts that the model has not been trained on, since its scores on the others are overfit. No
/// label of theirs is used.
pub(crate) fn unseen(pool: &Pool) -> Vec<u32> {
    let unseen = if pool.unlabeled().is_empty() { pool.labeled() } else { pool.unlabeled() };
    spread(unseen)
}

/// Rows of so many texts, evenly spread over `texts`.
pub(crate) fn spread(texts: &[DocId]) -> Vec<u32> {
    let step = texts.len().div_ceil(SOME_TEXTS).max(1);
    texts.iter().step_by(step).map(|id| id.0).collect()
}
