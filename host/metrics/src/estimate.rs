//! Estimates micro-F1 from texts that were drawn at random and that nothing was trained on, with an interval.

use alhost_base::matrix::Matrix;
use alhost_base::seed::below;
use alhost_data::Labels;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::threshold::optima;

/// Texts from which on a threshold is tuned on them and an interval is given. Of fewer the bootstrap knows too little
/// of what else could have been drawn.
pub const FEWEST: usize = 30;

/// Parts that texts are split into where each is judged at the threshold of the others.
const FOLDS: usize = 10;

/// Samples that an interval is taken from.
const DRAWS: usize = 2000;

/// An estimate of micro-F1 over all texts that the sample was drawn from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Texts of the sample.
    pub texts: usize,
    pub micro_f1: f64,
    /// The 95% interval of the bootstrap over texts; absent with fewer than [`FEWEST`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// Where a text's labels begin among its scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// One threshold, which was not chosen by these texts.
    At(f32),
    /// The micro-optimal threshold of the nine tenths that a text is not in, so that no text is judged at a threshold that it
    /// has helped to choose.
    CrossFitted,
}

/// Whole numbers of which micro-F1 is made.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// Labels predicted and gold.
    both: u64,
    /// Labels predicted, and labels gold, added up.
    either: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.both += other.both;
        self.either += other.either;
    }

    /// 2·tp/(2·tp + fp + fn); 0/0 is 0.
    fn micro_f1(self) -> f64 {
        if self.either == 0 { 0.0 } else { 2.0 * self.both as f64 / self.either as f64 }
    }
}

/// Estimates micro-F1 from `scores` [texts, labels] and their `gold` labels; `None` without texts. The texts are in the
/// order in which they were drawn. The interval has the percentiles 2.5 and 97.5 of the micro-F1 of samples drawn
/// from these texts with replacement (Efron & Tibshirani 1993, chapter 13).
pub fn estimate(
    scores: &Matrix,
    gold: &Labels,
    cut: Cut,
    rng: &mut ChaCha8Rng,
) -> Option<Estimate> {
    let texts = gold.len();
    if texts == 0 {
        return None;
    }
    let thresholds = match cut {
        Cut::At(threshold) => vec![threshold],
        Cut::CrossFitted => (0..FOLDS).map(|fold| threshold_without(scores, gold, fold)).collect(),
    };
    let at =
        |text: usize| counts(scores.row(text), gold.row(text), thresholds[text % thresholds.len()]);
    let counts: Vec<Counts> = (0..texts).map(at).collect();
    let mut whole = Counts::default();
    for &one in &counts {
        whole.add(one);
    }
    let interval = (texts >= FEWEST).then(|| interval(&counts, rng));
    let (low, high) = interval.unzip();
    Some(Estimate { texts, micro_f1: whole.micro_f1(), low, high })
}

fn counts(scores: &[f32], gold: &[u32], threshold: f32) -> Counts {
    let predicted = scores.iter().filter(|&&score| score > threshold).count();
    let both = gold.iter().filter(|&&label| scores[label as usize] > threshold).count();
    Counts { both: both as u64, either: (predicted + gold.len()) as u64 }
}

/// The micro-optimal threshold of all texts but those of a fold.
fn threshold_without(scores: &Matrix, gold: &Labels, fold: usize) -> f32 {
    let others: Vec<usize> = (0..gold.len()).filter(|text| text % FOLDS != fold).collect();
    let mut labels = Labels::new(gold.n_labels());
    let mut data = Vec::with_capacity(others.len() * scores.cols);
    for &text in &others {
        data.extend_from_slice(scores.row(text));
        labels.push(gold.row(text));
    }
    optima(&Matrix::new(data, others.len(), scores.cols), &labels).micro.threshold
}

fn interval(counts: &[Counts], rng: &mut ChaCha8Rng) -> (f64, f64) {
    let draw = |_| {
        let mut whole = Counts::default();
        for _ in 0..counts.len() {
            whole.add(counts[below(rng, counts.len())]);
        }
        whole.micro_f1()
    };
    let mut drawn: Vec<f64> = (0..DRAWS).map(draw).collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[((DRAWS - 1) as f64 * share).round() as usize];
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use alhost_base::seed::{Purpose, RunSeed};

    use super::*;
    use crate::f1::evaluate;

    fn rng(seed: u64) -> ChaCha8Rng {
        RunSeed(seed).rng(Purpose::Audit, 0)
    }

    /// Texts over three labels: a gold label scores higher than another one, more or less.
    fn texts(n: usize, rng: &mut ChaCha8Rng) -> (Matrix, Labels) {
        let mut gold = Labels::new(3);
        let mut scores = Vec::new();
        for _ in 0..n {
            let row: Vec<u32> = (0..3).filter(|_| below(rng, 3) == 0).collect();
            let score = |label: u32, rng: &mut ChaCha8Rng| {
                (below(rng, 100) + if row.contains(&label) { 45 } else { 0 }) as f32 / 150.0
            };
            scores.extend((0..3).map(|label| score(label, rng)));
            gold.push(&row);
        }
        (Matrix::new(scores, n, 3), gold)
    }

    #[test]
    fn at_a_threshold_it_is_the_micro_f1_of_the_sample() {
        let (scores, gold) = texts(200, &mut rng(1));
        for threshold in [0.1, 0.4, 0.7, 2.0] {
            let found = estimate(&scores, &gold, Cut::At(threshold), &mut rng(2)).unwrap();
            let expected = evaluate(&scores, &gold, threshold).micro_f1;
            assert!((found.micro_f1 - expected).abs() < 1e-12);
            assert!(found.low.unwrap() <= expected && expected <= found.high.unwrap());
        }
        assert_eq!(
            estimate(&Matrix::zeros(0, 3), &Labels::new(3), Cut::CrossFitted, &mut rng(1)),
            None
        );
    }

    #[test]
    fn each_text_is_judged_at_the_threshold_of_the_others() {
        let (scores, gold) = texts(57, &mut rng(3));
        let (mut both, mut either) = (0, 0);
        for text in 0..57 {
            let mut others = Labels::new(3);
            let mut data = Vec::new();
            for other in (0..57).filter(|other| other % 10 != text % 10) {
                others.push(gold.row(other));
                data.extend_from_slice(scores.row(other));
            }
            let rows = others.len();
            let threshold = optima(&Matrix::new(data, rows, 3), &others).micro.threshold;
            for label in 0..3_u32 {
                let predicted = scores.row(text)[label as usize] > threshold;
                let is_gold = gold.row(text).contains(&label);
                both += usize::from(predicted && is_gold);
                either += usize::from(predicted) + usize::from(is_gold);
            }
        }
        let found = estimate(&scores, &gold, Cut::CrossFitted, &mut rng(4)).unwrap();
        assert!((found.micro_f1 - 2.0 * both as f64 / either as f64).abs() < 1e-12);
    }

    /// The share of samples whose interval holds the micro-F1 of all texts. 300 samples would hold it 276 to 293 times
    /// (99%) if the share were .95; the bootstrap's is a little less.
    #[test]
    fn most_intervals_hold_what_all_texts_have() {
        let (scores, gold) = texts(20_000, &mut rng(5));
        let truth = evaluate(&scores, &gold, 0.45).micro_f1;
        let mut draws = rng(6);
        let mut holds = 0;
        for _ in 0..300 {
            let mut sample = Labels::new(3);
            let mut data = Vec::new();
            for _ in 0..60 {
                let text = below(&mut draws, 20_000);
                sample.push(gold.row(text));
                data.extend_from_slice(scores.row(text));
            }
            let found =
                estimate(&Matrix::new(data, 60, 3), &sample, Cut::At(0.45), &mut draws).unwrap();
            holds += usize::from(found.low.unwrap() <= truth && truth <= found.high.unwrap());
        }
        assert!((270..=296).contains(&holds), "{holds} of 300");
    }

    #[test]
    fn few_texts_have_no_interval() {
        let (scores, gold) = texts(FEWEST - 1, &mut rng(7));
        let found = estimate(&scores, &gold, Cut::At(0.4), &mut rng(8)).unwrap();
        assert_eq!((found.low, found.high), (None, None));
    }
}
