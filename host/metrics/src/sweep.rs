//! The walk down the sorted scores that finds the best thresholds: what is predicted grows entry by
//! entry, all criteria follow from running sums, and upper bounds on what they can still become
//! say when to stop.

use alhost_data::Labels;

use super::descending::{between, score};
use super::f1::{harmonic_mean, ratio};

/// Packs what the walk has to know of an entry: the label and, in the last bit, the truth.
pub(super) fn tag(gold: &Labels, text: usize, label: usize) -> u32 {
    let label = label as u32;
    label << 1 | u32::from(gold.row(text).binary_search(&label).is_ok())
}

/// Differences that the running sums' rounding may make; closer values count as equal. Micro-F1
/// comes from whole numbers and needs none.
const SLACK: [f64; 3] = [0.0, 1e-12, 1e-12];

#[derive(Clone, Copy)]
struct Best {
    value: f64,
    threshold: f32,
    gap: f64,
}

#[derive(Eq, PartialEq)]
pub(super) enum Walk {
    /// A lower threshold may be better.
    Open,
    /// No lower threshold can be as good as the best ones.
    Closed,
}

/// The state of the walk: everything scored so far is predicted.
pub(super) struct Sweep {
    /// Counts per class: gold texts, predicted ones, predicted ones that are gold.
    gold: Vec<u32>,
    predicted: Vec<u32>,
    true_positives: Vec<u32>,
    total_gold: u64,
    total_predicted: u64,
    total_true_positives: u64,
    /// Sums over classes.
    sums: Terms,
    /// Mean recall when everything is predicted.
    best_recall: f64,
    best: [Best; 3],
    /// The score of the last group, whose threshold is known when the next score is.
    last: Option<f32>,
}

impl Sweep {
    pub(super) fn new(gold: &Labels) -> Self {
        let n_labels = gold.n_labels();
        let counts = gold.counts();
        let start = Best { value: 0.0, threshold: f32::INFINITY, gap: f64::INFINITY };
        let present = counts.iter().filter(|&&texts| texts > 0).count();
        let mut sums = Terms::default();
        for &texts in &counts {
            sums.add(&Terms::new(0, 0, texts));
        }
        Self {
            predicted: vec![0; n_labels],
            true_positives: vec![0; n_labels],
            total_gold: gold.n_assignments() as u64,
            total_predicted: 0,
            total_true_positives: 0,
            sums,
            best_recall: ratio(present as u64, n_labels as u64),
            best: [start; 3],
            last: None,
            gold: counts,
        }
    }

    /// Predicts the entries of a chunk, one group of equal scores after the other.
    pub(super) fn walk(&mut self, chunk: &[u64]) -> Walk {
        for group in chunk.chunk_by(|left, right| left >> 32 == right >> 32) {
            let value = score((group[0] >> 32) as u32);
            if let Some(last) = self.last {
                self.settle(last, value);
                if self.is_closed() {
                    return Walk::Closed;
                }
            }
            for &entry in group {
                self.predict((entry as u32 >> 1) as usize, entry & 1 == 1);
            }
            self.last = Some(value);
        }
        Walk::Open
    }

    /// Ends the walk: every score is predicted, and the last threshold is anything below the
    /// lowest.
    pub(super) fn end(&mut self) {
        if let Some(last) = self.last {
            self.settle(last, last.next_down());
        }
    }

    /// The best thresholds: for micro-F1, the paper's macro-F1 and scikit-learn's.
    pub(super) fn thresholds(&self) -> [f32; 3] {
        self.best.map(|best| best.threshold)
    }

    fn predict(&mut self, label: usize, is_gold: bool) {
        let gold = self.gold[label];
        self.sums.subtract(&Terms::new(self.true_positives[label], self.predicted[label], gold));
        self.predicted[label] += 1;
        self.true_positives[label] += u32::from(is_gold);
        self.sums.add(&Terms::new(self.true_positives[label], self.predicted[label], gold));
        self.total_predicted += 1;
        self.total_true_positives += u64::from(is_gold);
    }

    /// Compares the thresholds between the scores `above` and `below` with the best so far.
    fn settle(&mut self, above: f32, below: f32) {
        let gap = f64::from(above) - f64::from(below);
        let values = self.values();
        for ((best, value), slack) in self.best.iter_mut().zip(values).zip(SLACK) {
            let is_better = value > best.value + slack;
            let is_equal = value >= best.value - slack;
            if is_better || (is_equal && gap > best.gap) {
                best.threshold = between(above, below);
                best.gap = gap;
            }
            // Never lower, so that many equal values cannot drift away from the best.
            best.value = best.value.max(value);
        }
    }

    fn is_closed(&self) -> bool {
        let bounds = self.bounds();
        (0..3).all(|criterion| bounds[criterion] < self.best[criterion].value - SLACK[criterion])
    }

    /// Micro-F1, the paper's macro-F1 and scikit-learn's.
    fn values(&self) -> [f64; 3] {
        let n_labels = self.gold.len() as f64;
        [
            ratio(2 * self.total_true_positives, self.total_predicted + self.total_gold),
            harmonic_mean(self.sums.precision / n_labels, self.sums.recall / n_labels),
            self.sums.f1 / n_labels,
        ]
    }

    /// Bounds what the values can still become.
    fn bounds(&self) -> [f64; 3] {
        let n_labels = self.gold.len() as f64;
        let most_predicted = self.total_predicted.max(self.total_gold);
        [
            ratio(2 * self.total_gold, most_predicted + self.total_gold),
            harmonic_mean(self.sums.precision_bound / n_labels, self.best_recall),
            self.sums.f1_bound / n_labels,
        ]
    }
}

/// Holds what a class adds to the sums, given its counts of true positives, predicted and gold
/// texts.
#[derive(Default)]
struct Terms {
    precision: f64,
    recall: f64,
    f1: f64,
    /// The highest precision and F1 that the class can have from here on, as `predicted` only
    /// grows and true positives are at most the gold texts.
    precision_bound: f64,
    f1_bound: f64,
}

impl Terms {
    fn new(true_positives: u32, predicted: u32, gold: u32) -> Self {
        let ratio = |a: u32, b: u32| if b == 0 { 0.0 } else { f64::from(a) / f64::from(b) };
        Self {
            precision: ratio(true_positives, predicted),
            recall: ratio(true_positives, gold),
            f1: ratio(2 * true_positives, predicted + gold),
            precision_bound: ratio(gold, gold.max(predicted)),
            f1_bound: ratio(2 * gold, gold + gold.max(predicted)),
        }
    }

    fn add(&mut self, other: &Self) {
        self.precision += other.precision;
        self.recall += other.recall;
        self.f1 += other.f1;
        self.precision_bound += other.precision_bound;
        self.f1_bound += other.f1_bound;
    }

    fn subtract(&mut self, other: &Self) {
        self.precision -= other.precision;
        self.recall -= other.recall;
        self.f1 -= other.f1;
        self.precision_bound -= other.precision_bound;
        self.f1_bound -= other.f1_bound;
    }
}
