//! Predicted against gold label sets: precision, recall and F1 in their several averages, subset
//! accuracy and Hamming loss. A label is predicted where its score is above the threshold.

use alhost_base::matrix::Matrix;
use alhost_data::Labels;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::frequency::Group;

/// Metrics at one threshold. 0/0 is 0 throughout, as scikit-learn answers by default, and every
/// class counts in a macro average, so that an untrained classifier never looks perfect on a rare
/// label.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Metrics {
    /// tp/(tp + fp) over all (text, label) decisions.
    pub micro_precision: f64,
    /// tp/(tp + fn).
    pub micro_recall: f64,
    /// 2·tp/(2·tp + fp + fn).
    pub micro_f1: f64,
    /// Mean over all classes of their precision (the paper, eq. 4).
    pub macro_precision: f64,
    /// Mean over all classes of their recall (eq. 5).
    pub macro_recall: f64,
    /// Harmonic mean of `macro_precision` and `macro_recall` (eq. 1). It is never below
    /// `macro_f1`, and may be above by up to 0.5 (Opitz & Burst 2019).
    pub macro_f1_paper: f64,
    /// Mean over all classes of their F1, as scikit-learn's `average="macro"`.
    pub macro_f1: f64,
    /// Share of texts whose predicted label set is exactly the gold one.
    pub subset_accuracy: f64,
    /// Share of wrong (text, label) decisions.
    pub hamming_loss: f64,
    /// Mean number of labels predicted for a text.
    pub labels_per_text: f64,
    /// Number of classes that are predicted at least once.
    pub predicted_classes: u64,
    /// `macro_f1` over the classes of the head, torso and tail of train alone; 0 where there are
    /// none, absent from records of earlier versions.
    pub head_f1: Option<f64>,
    pub torso_f1: Option<f64>,
    pub tail_f1: Option<f64>,
}

/// The metrics of `scores` (texts x labels) at one threshold, strict: predicted is `s > threshold`;
/// without those of head, torso and tail.
///
/// # Panics
/// If `scores` and `gold` differ in texts or labels.
pub fn evaluate(scores: &Matrix, gold: &Labels, threshold: f32) -> Metrics {
    let mut counts = Counts::empty(gold.n_labels());
    assert_eq!(scores.rows, gold.len(), "scores and gold labels are of the same texts");
    counts.add_block(scores, gold, 0, |_, score| score > threshold);
    counts.metrics(None)
}

/// Counts that the metrics are made of. They are whole numbers, so that neither the order of the
/// texts nor the number of threads can change a bit.
#[derive(Clone)]
pub(super) struct Counts {
    texts: u64,
    /// Texts whose predicted and gold label sets are equal.
    exact: u64,
    /// Counts per class: predicted and gold, predicted, gold.
    true_positives: Vec<u64>,
    predicted: Vec<u64>,
    gold: Vec<u64>,
}

impl Counts {
    /// Takes in texts; `gold` has their labels from row `first` on. `is_predicted` is asked of a label and
    /// its score.
    pub(super) fn add_block(
        &mut self,
        scores: &Matrix,
        gold: &Labels,
        first: usize,
        is_predicted: impl Fn(usize, f32) -> bool + Sync,
    ) {
        assert_eq!(scores.cols, gold.n_labels(), "scores and gold labels are of the same classes");
        let block = (0..scores.rows)
            .into_par_iter()
            // Each task holds three numbers a class, so there are to be few of them.
            .with_min_len(scores.rows.div_ceil(16).max(64))
            .fold(
                || Self::empty(scores.cols),
                |mut counts, text| {
                    counts.add(scores.row(text), gold.row(first + text), &is_predicted);
                    counts
                },
            )
            .reduce_with(|mut left, right| {
                left.merge(&right);
                left
            });
        if let Some(block) = block {
            self.merge(&block);
        }
    }

    pub(super) fn empty(classes: usize) -> Self {
        let zeros = vec![0; classes];
        Self {
            texts: 0,
            exact: 0,
            true_positives: zeros.clone(),
            predicted: zeros.clone(),
            gold: zeros,
        }
    }

    fn add(&mut self, scores: &[f32], gold: &[u32], is_predicted: &impl Fn(usize, f32) -> bool) {
        let mut n_predicted = 0;
        for (label, (predicted, &score)) in self.predicted.iter_mut().zip(scores).enumerate() {
            let above = is_predicted(label, score);
            *predicted += u64::from(above);
            n_predicted += usize::from(above);
        }
        let mut hits = 0;
        for &label in gold {
            let label = label as usize;
            let hit = is_predicted(label, scores[label]);
            self.true_positives[label] += u64::from(hit);
            self.gold[label] += 1;
            hits += usize::from(hit);
        }
        self.texts += 1;
        self.exact += u64::from(hits == gold.len() && hits == n_predicted);
    }

    fn merge(&mut self, other: &Self) {
        let add = |left: &mut [u64], right: &[u64]| {
            for (left, right) in left.iter_mut().zip(right) {
                *left += right;
            }
        };
        self.texts += other.texts;
        self.exact += other.exact;
        add(&mut self.true_positives, &other.true_positives);
        add(&mut self.predicted, &other.predicted);
        add(&mut self.gold, &other.gold);
    }

    /// Computes the metrics; `groups` are by class.
    pub(super) fn metrics(&self, groups: Option<&[Group]>) -> Metrics {
        let true_positives: u64 = self.true_positives.iter().sum();
        let predicted: u64 = self.predicted.iter().sum();
        let gold: u64 = self.gold.iter().sum();
        let classes = self.gold.len() as u64;
        let mean = |of_class: &dyn Fn(usize) -> f64| {
            (0..self.gold.len()).map(of_class).sum::<f64>() / classes.max(1) as f64
        };
        let f1 = |c: usize| ratio(2 * self.true_positives[c], self.predicted[c] + self.gold[c]);
        let f1_of = |wanted: Group| {
            let groups = groups?.iter().enumerate();
            let members: Vec<usize> =
                groups.filter(|&(_, &group)| group == wanted).map(|(class, _)| class).collect();
            let sum = members.iter().map(|&class| f1(class)).sum::<f64>();
            Some(sum / members.len().max(1) as f64)
        };
        let macro_precision = mean(&|c| ratio(self.true_positives[c], self.predicted[c]));
        let macro_recall = mean(&|c| ratio(self.true_positives[c], self.gold[c]));
        Metrics {
            micro_precision: ratio(true_positives, predicted),
            micro_recall: ratio(true_positives, gold),
            micro_f1: ratio(2 * true_positives, predicted + gold),
            macro_precision,
            macro_recall,
            macro_f1_paper: harmonic_mean(macro_precision, macro_recall),
            macro_f1: mean(&f1),
            subset_accuracy: ratio(self.exact, self.texts),
            hamming_loss: ratio(predicted + gold - 2 * true_positives, self.texts * classes),
            labels_per_text: ratio(predicted, self.texts),
            predicted_classes: self.predicted.iter().filter(|&&texts| texts > 0).count() as u64,
            head_f1: f1_of(Group::Head),
            torso_f1: f1_of(Group::Torso),
            tail_f1: f1_of(Group::Tail),
        }
    }
}

/// a/b, and 0 for 0/0.
pub(super) fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

/// 2ab/(a + b), and 0 where both are 0.
pub(super) fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(n_labels: usize, rows: &[Vec<u32>]) -> Labels {
        let mut labels = Labels::new(n_labels);
        for row in rows {
            labels.push(row);
        }
        labels
    }

    fn check(threshold: f32, expected: [f64; 10], predicted_classes: u64) {
        #[rustfmt::skip]
        let data = vec![
            0.09, 0.24, 0.80, 0.58, 0.09,
            0.43, 0.48, 0.16, 0.73, 0.11,
            0.39, 0.52, 0.43, 0.59, 0.74,
            0.96, 0.28, 0.65, 0.70, 0.29,
            0.00, 0.97, 0.30, 0.31, 0.89,
            0.59, 0.47, 0.77, 0.03, 0.71,
        ];
        let gold = labels(5, &[vec![1], vec![1], vec![], vec![], vec![1, 3], vec![0, 2]]);
        let metrics = evaluate(&Matrix::new(data, 6, 5), &gold, threshold);
        let values = [
            metrics.micro_precision,
            metrics.micro_recall,
            metrics.micro_f1,
            metrics.macro_precision,
            metrics.macro_recall,
            metrics.macro_f1_paper,
            metrics.macro_f1,
            metrics.subset_accuracy,
            metrics.hamming_loss,
            metrics.labels_per_text,
        ];
        for (value, expected) in values.into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-14, "{metrics:?}");
        }
        assert_eq!(metrics.predicted_classes, predicted_classes);
    }

    /// scikit-learn 1.9.1: `precision_recall_fscore_support(.., zero_division=0)` micro and macro,
    /// `accuracy_score`, `hamming_loss`; the paper's F1 from its macro precision and recall. One
    /// class has no gold text, two texts have no label.
    #[test]
    fn values_are_those_of_scikit_learn() {
        #[rustfmt::skip]
        check(0.5, [
            3.0 / 14.0, 0.5, 0.3, 0.266_666_666_666_666_66, 0.466_666_666_666_666_6,
            0.339_393_939_393_939_4, 0.313_333_333_333_333_35, 0.0, 0.466_666_666_666_666_7,
            2.333_333_333_333_333_5,
        ], 5);
        #[rustfmt::skip]
        check(0.2, [
            0.25, 1.0, 0.4, 0.23, 0.8, 0.357_281_553_398_058_2, 0.346_666_666_666_666_6, 0.0, 0.6,
            4.0,
        ], 5);
        #[rustfmt::skip]
        check(0.95, [
            0.5, 1.0 / 6.0, 0.25, 0.2, 1.0 / 15.0, 0.1, 0.1, 1.0 / 6.0, 0.2, 1.0 / 3.0,
        ], 2);
    }

    /// 2 classes, (P = 1, R = 0.02) and (P = 0.02, R = 1): the mean of F1s and the F1 of means
    /// are far apart.
    #[test]
    fn the_two_macro_f1s_differ() {
        let gold: Vec<Vec<u32>> =
            (0..50).map(|text| if text == 0 { vec![0, 1] } else { vec![0] }).collect();
        let data = (0..50).flat_map(|text| [f32::from(text == 0), 1.0]).collect();
        let metrics = evaluate(&Matrix::new(data, 50, 2), &labels(2, &gold), 0.5);
        assert!((metrics.macro_f1_paper - 0.51).abs() < 1e-12);
        assert!((metrics.macro_f1 - 2.0 * 0.02 / 1.02).abs() < 1e-12);
    }

    #[test]
    fn nothing_divided_by_nothing_is_zero() {
        let metrics = evaluate(&Matrix::default(), &Labels::new(0), 0.5);
        assert!(metrics.micro_f1 + metrics.macro_f1 + metrics.hamming_loss < f64::MIN_POSITIVE);
        let silent = evaluate(&Matrix::zeros(2, 3), &labels(3, &[vec![0], vec![2]]), 0.0);
        assert!(silent.micro_precision + silent.macro_f1_paper < f64::MIN_POSITIVE);
        assert_eq!((silent.labels_per_text, silent.predicted_classes), (0.0, 0));
    }

    proptest! {
        #[test]
        fn values_are_bounded_and_the_order_of_texts_does_not_matter(
            texts in prop::collection::vec(
                (prop::collection::vec(0_u8..10, 7), prop::collection::vec(0_u32..7, 0..4)), 1..40),
            threshold in 0_u8..10,
        ) {
            let metrics = |texts: &[(Vec<u8>, Vec<u32>)]| {
                let data = texts.iter().flat_map(|text| &text.0).map(|&s| f32::from(s)).collect();
                let gold: Vec<_> = texts.iter().map(|text| text.1.clone()).collect();
                let scores = Matrix::new(data, texts.len(), 7);
                evaluate(&scores, &labels(7, &gold), f32::from(threshold))
            };
            let forward = metrics(&texts);
            let mut reversed = texts.clone();
            reversed.reverse();
            prop_assert_eq!(forward, metrics(&reversed));
            for value in [
                forward.micro_precision, forward.micro_recall, forward.macro_precision,
                forward.macro_recall, forward.subset_accuracy, forward.hamming_loss,
            ] {
                prop_assert!((0.0..=1.0).contains(&value));
            }
            let between = |f1: f64, p: f64, r: f64| p.min(r) - 1e-12 <= f1 && f1 <= p.max(r) + 1e-12;
            prop_assert!(between(forward.micro_f1, forward.micro_precision, forward.micro_recall));
            prop_assert!(
                between(forward.macro_f1_paper, forward.macro_precision, forward.macro_recall));
            // Opitz & Burst 2019, theorem 1.
            prop_assert!(forward.macro_f1_paper >= forward.macro_f1 - 1e-12);
            prop_assert!(forward.labels_per_text <= 7.0);
        }
    }
}
