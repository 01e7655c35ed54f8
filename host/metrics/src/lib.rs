//! Measures what a classifier's scores are worth: thresholds, F1 and its relatives, precision of
//! the top labels, class coverage. Every metric is defined once, in `docs/experiments.md`.

pub mod average_precision;
pub mod correlation;
mod descending;
pub mod estimate;
pub mod evaluator;
pub mod f1;
pub mod frequency;
#[cfg(test)]
mod golden;
pub mod per_label;
pub mod ranking;
pub mod stability;
pub mod statistics;
mod sweep;
pub mod threshold;
pub mod top;

pub use average_precision::{average_precision, cross_entropy};
pub use estimate::{Cut, Estimate, estimate};
pub use evaluator::{At, Evaluator, Judgement, Yardstick};
pub use f1::{Metrics, evaluate};
pub use frequency::LabelFrequencies;
pub use per_label::per_label;
pub use ranking::{Ranking, rank};
pub use threshold::{Optima, Optimum, cardinality_threshold, optima};
pub use top::TopK;

use alhost_base::matrix::Matrix;
use alhost_config::{EarlyStopping, EvaluationConfig, ThresholdRule};
use alhost_data::Labels;

/// Computes what early stopping compares, and what C is chosen by; the greater, the better.
pub fn dev_score(
    measure: EarlyStopping,
    config: &EvaluationConfig,
    probabilities: &Matrix,
    gold: &Labels,
) -> f64 {
    match measure {
        EarlyStopping::AveragePrecision => average_precision(probabilities, gold),
        EarlyStopping::CrossEntropy => -cross_entropy(probabilities, gold),
        EarlyStopping::Threshold => score(config, probabilities, gold),
    }
}

/// The criterion of the threshold rule, at the threshold that the rule gives on these very scores.
///
/// `Cardinality` and `Fixed` name no criterion, so theirs is the paper's macro-F1; `Cardinality`
/// takes the labels per text from `gold`.
fn score(config: &EvaluationConfig, probabilities: &Matrix, gold: &Labels) -> f64 {
    match config.threshold {
        ThresholdRule::MacroF1Paper => optima(probabilities, gold).macro_paper.value,
        ThresholdRule::MacroF1 => optima(probabilities, gold).macro_sklearn.value,
        ThresholdRule::MicroF1 | ThresholdRule::Each => optima(probabilities, gold).micro.value,
        ThresholdRule::Cardinality => {
            let threshold = cardinality_threshold(probabilities, gold.cardinality());
            evaluate(probabilities, gold, threshold).macro_f1_paper
        }
        ThresholdRule::Fixed => evaluate(probabilities, gold, config.fixed as f32).macro_f1_paper,
    }
}

/// Class coverage: how many labels occur at least once, say in the labeled set.
pub fn coverage(labels: &Labels) -> usize {
    labels.counts().iter().filter(|&&texts| texts > 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Matrix, Labels) {
        let scores = Matrix::new(vec![0.9, 0.2, 0.6, 0.4, 0.3, 0.8], 2, 3);
        let mut gold = Labels::new(3);
        gold.push(&[0]);
        gold.push(&[0, 2]);
        (scores, gold)
    }

    #[test]
    fn early_stopping_follows_the_rule() {
        let (scores, gold) = example();
        let check = |threshold, expected: f64| {
            let config = EvaluationConfig { threshold, fixed: 0.85, ..EvaluationConfig::default() };
            let value = score(&config, &scores, &gold);
            assert!((value - expected).abs() < 1e-15, "{threshold:?}: {value}");
        };
        // Above 0.3: labels {0, 2} and {0, 2}; tp 3 of 4 predicted and 3 gold.
        check(ThresholdRule::MicroF1, 6.0 / 7.0);
        check(ThresholdRule::MacroF1, (1.0 + 2.0 / 3.0) / 3.0);
        // Precision (1 + 0 + 1/2)/3, recall (1 + 0 + 1)/3.
        check(ThresholdRule::MacroF1Paper, 2.0 * 0.5 * (2.0 / 3.0) / (0.5 + 2.0 / 3.0));
        // Three labels in all: 0.9, 0.8, 0.6. Precision (1 + 0 + 1/2)/3, recall (1/2 + 0 + 1)/3.
        check(ThresholdRule::Cardinality, 0.5);
        // Only the 0.9: precision 1/3, recall 1/6.
        check(ThresholdRule::Fixed, 2.0 * (1.0 / 18.0) / 0.5);
    }

    #[test]
    fn coverage_counts_each_class_once() {
        assert_eq!(coverage(&example().1), 2);
        assert_eq!(coverage(&Labels::new(4)), 0);
    }
}
