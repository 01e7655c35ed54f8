//! Judges a classifier on a split whose scores come block by block, so that texts x labels need
//! never lie in memory at once.

use super::f1::{Counts, Metrics};
use super::frequency::{Group, LabelFrequencies};
use super::ranking::{DEEPEST, Ranking, rank};
use super::top::TopLabels;
use crate::config::EvaluationConfig;
use crate::data::Labels;
use crate::matrix::Matrix;

/// What depends on the data set alone.
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

/// All metrics of a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// At the first threshold, and at the second where there is one.
    pub metrics: Metrics,
    pub metrics_at_micro: Option<Metrics>,
    pub ranking: Ranking,
}

/// Takes in scores of a split, from its first text to its last.
pub struct Evaluator<'a> {
    yardstick: &'a Yardstick,
    gold: &'a Labels,
    threshold: f32,
    micro: Option<f32>,
    counts: Counts,
    counts_at_micro: Counts,
    top: TopLabels,
    /// Texts taken in.
    seen: usize,
}

impl<'a> Evaluator<'a> {
    /// `micro`: a second threshold to judge at.
    pub fn new(
        yardstick: &'a Yardstick,
        gold: &'a Labels,
        threshold: f32,
        micro: Option<f32>,
    ) -> Self {
        let n_labels = gold.n_labels();
        Self {
            yardstick,
            gold,
            threshold,
            micro,
            counts: Counts::empty(n_labels),
            counts_at_micro: Counts::empty(n_labels),
            top: TopLabels::new(DEEPEST, n_labels),
            seen: 0,
        }
    }

    /// The scores of the next texts.
    ///
    /// # Panics
    /// If there are more texts than the split has, or another number of labels.
    pub fn add(&mut self, scores: &Matrix) {
        self.counts.add_block(scores, self.gold, self.seen, self.threshold);
        if let Some(micro) = self.micro {
            self.counts_at_micro.add_block(scores, self.gold, self.seen, micro);
        }
        self.top.add(scores);
        self.seen += scores.rows;
    }

    /// # Panics
    /// If a text of the split is missing.
    pub fn finish(self) -> Judgement {
        assert_eq!(self.seen, self.gold.len(), "every text of the split has scores");
        let groups = Some(self.yardstick.groups.as_slice());
        Judgement {
            metrics: self.counts.metrics(groups),
            metrics_at_micro: self.micro.map(|_| self.counts_at_micro.metrics(groups)),
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
                let mut evaluator = Evaluator::new(&yardstick, &gold, 4.5, Some(7.5));
                for block in scores.chunks(rows * 6) {
                    evaluator.add(&Matrix::new(block.to_vec(), block.len() / 6, 6));
                }
                evaluator.finish()
            };
            let whole = judge(texts.len());
            prop_assert_eq!(whole, judge(block));
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
