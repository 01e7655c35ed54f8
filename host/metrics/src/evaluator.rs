//! Judges a classifier on a split whose scores come block by block, so that texts x labels need
//! never lie in memory at once.

use alhost_base::matrix::Matrix;
use alhost_config::EvaluationConfig;
use alhost_data::Labels;
use serde::{Deserialize, Serialize};

use super::f1::{Counts, Metrics};
use super::frequency::{Group, LabelFrequencies};
use super::ranking::{DEEPEST, Ranking, rank};
use super::top::TopK;

/// Holds what depends on the data set alone.
#[derive(Clone, Debug)]
pub struct Yardstick {
    groups: Vec<Group>,
    inverse_propensities: Vec<f64>,
}

impl Yardstick {
    pub fn new(train: &Labels, config: &EvaluationConfig) -> Self {
        let frequencies = LabelFrequencies::of(train);
        let (a, b) = (config.propensity_a, config.propensity_b);
        let inverse_propensities = frequencies.inverse_propensities(a, b);
        Self { groups: frequencies.groups(), inverse_propensities }
    }
}

/// Thresholds to judge at.
#[derive(Clone, Debug, PartialEq)]
pub struct At {
    pub used: f32,
    pub micro: Option<f32>,
    pub macro_paper: Option<f32>,
    pub macro_f1: Option<f32>,
    /// Thresholds, one for each label.
    pub per_label: Option<Vec<f32>>,
}

/// All metrics of a split, at each threshold that was asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Judgement {
    pub metrics: Metrics,
    pub metrics_at_micro: Option<Metrics>,
    pub metrics_at_macro_paper: Option<Metrics>,
    pub metrics_at_macro: Option<Metrics>,
    pub metrics_per_label: Option<Metrics>,
    pub ranking: Ranking,
}

/// Takes in scores of a split, from its first text to its last.
pub struct Evaluator<'a> {
    yardstick: &'a Yardstick,
    gold: &'a Labels,
    /// Counts at `used`, `micro`, `macro_paper`, `macro_f1`.
    counts: [Option<(f32, Counts)>; 4],
    per_label: Option<(Vec<f32>, Counts)>,
    top: TopK,
    /// Texts taken in.
    seen: usize,
}

impl<'a> Evaluator<'a> {
    pub fn new(yardstick: &'a Yardstick, gold: &'a Labels, at: At) -> Self {
        let n_labels = gold.n_labels();
        let At { used, micro, macro_paper, macro_f1, per_label } = at;
        let counts = [Some(used), micro, macro_paper, macro_f1];
        Self {
            yardstick,
            gold,
            counts: counts.map(|at| at.map(|threshold| (threshold, Counts::empty(n_labels)))),
            per_label: per_label.map(|thresholds| (thresholds, Counts::empty(n_labels))),
            top: TopK::new(DEEPEST, n_labels),
            seen: 0,
        }
    }

    /// Takes in the scores of the next texts.
    ///
    /// # Panics
    /// If there are more texts than the split has, or another number of labels.
    pub fn add(&mut self, scores: &Matrix) {
        for (threshold, counts) in self.counts.iter_mut().flatten() {
            counts.add_block(scores, self.gold, self.seen, |_, score| score > *threshold);
        }
        if let Some((thresholds, counts)) = &mut self.per_label {
            let is_above = |label: usize, score| score > thresholds[label];
            counts.add_block(scores, self.gold, self.seen, is_above);
        }
        self.top.add(scores);
        self.seen += scores.rows;
    }

    /// Judges the split.
    ///
    /// # Panics
    /// If a text of the split is missing.
    pub fn finish(self) -> Judgement {
        assert_eq!(self.seen, self.gold.len(), "every text of the split has scores");
        let groups = Some(self.yardstick.groups.as_slice());
        let metrics = |counts: Option<(f32, Counts)>| counts.map(|(_, c)| c.metrics(groups));
        let [used, micro, macro_paper, macro_f1] = self.counts.map(metrics);
        Judgement {
            metrics: used.expect("there is always a threshold that is used"),
            metrics_at_micro: micro,
            metrics_at_macro_paper: macro_paper,
            metrics_at_macro: macro_f1,
            metrics_per_label: self.per_label.map(|(_, counts)| counts.metrics(groups)),
            ranking: rank(&self.top, self.gold, &self.yardstick.inverse_propensities),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_make_no_difference(
            texts in prop::collection::vec(
                (prop::collection::vec(0_u8..10, 6), prop::collection::vec(0_u32..6, 0..4)), 1..40),
            block in 1_usize..12,
        ) {
            let mut gold = Labels::new(6);
            for (_, labels) in &texts {
                gold.push(labels);
            }
            let scores: Vec<f32> =
                texts.iter().flat_map(|text| &text.0).map(|&s| f32::from(s)).collect();
            let yardstick = Yardstick::new(&gold, &EvaluationConfig::default());
            let judge = |rows: usize| {
                let at = At {
                    used: 4.5,
                    micro: Some(7.5),
                    macro_paper: None,
                    macro_f1: Some(2.5),
                    per_label: Some(vec![2.5; 6]),
                };
                let mut evaluator = Evaluator::new(&yardstick, &gold, at);
                for block in scores.chunks(rows * 6) {
                    evaluator.add(&Matrix::new(block.to_vec(), block.len() / 6, 6));
                }
                evaluator.finish()
            };
            let whole = judge(texts.len());
            prop_assert_eq!(whole, judge(block));
            prop_assert!(whole.metrics_at_macro_paper.is_none());
            prop_assert_eq!(whole.metrics_per_label, whole.metrics_at_macro);
            for (threshold, at) in [(7.5, whole.metrics_at_micro), (2.5, whole.metrics_at_macro)] {
                let matrix = Matrix::new(scores.clone(), texts.len(), 6);
                let alone = super::super::evaluate(&matrix, &gold, threshold);
                let at = at.unwrap();
                prop_assert_eq!((at.micro_f1, at.macro_f1), (alone.micro_f1, alone.macro_f1));
            }
            let again = super::super::evaluate(&Matrix::new(scores.clone(), texts.len(), 6), &gold, 4.5);
            let without_groups =
                Metrics { head_f1: None, torso_f1: None, tail_f1: None, ..whole.metrics };
            prop_assert_eq!(without_groups, again);
            // The classes of the three groups are all classes.
            let parts = [whole.metrics.head_f1, whole.metrics.torso_f1, whole.metrics.tail_f1];
            prop_assert!(parts.iter().all(|part| (0.0..=1.0).contains(&part.unwrap())));
        }
    }
}
