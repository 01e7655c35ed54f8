//! Measures what the order of a text's labels is worth, without a threshold: precision and nDCG of
//! the top k, plain and propensity-scored.

use alhost_data::Labels;
use serde::{Deserialize, Serialize};

use super::top::TopK;

/// Metrics of the k highest-scoring labels of each text, k = 1, 3, 5, as pyxclib's `xc_metrics` has
/// them. A text without gold labels counts as 0, and with fewer than k classes P@k is still divided
/// by k.
///
/// Records of earlier versions have P@k alone.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Ranking {
    /// Mean over texts of the share of gold labels among the k.
    pub p_at_1: f64,
    pub p_at_3: f64,
    pub p_at_5: f64,
    /// Mean over texts of the sum over ranks r of `[gold] / log2(r + 1)`, divided by its value for
    /// a perfect order.
    pub ndcg_at_1: Option<f64>,
    pub ndcg_at_3: Option<f64>,
    pub ndcg_at_5: Option<f64>,
    /// P@k with each hit weighted by its inverse propensity, divided by what the best choice of k
    /// labels would get; a ratio of means, not a mean of ratios.
    pub psp_at_1: Option<f64>,
    pub psp_at_3: Option<f64>,
    pub psp_at_5: Option<f64>,
    /// nDCG@k, weighted, divided and averaged as `psp_at_1` is.
    pub psndcg_at_1: Option<f64>,
    pub psndcg_at_3: Option<f64>,
    pub psndcg_at_5: Option<f64>,
}

/// Labels of a text that ranking metrics look at.
pub const DEEPEST: usize = 5;

/// Computes the metrics. `inverse_propensities` are by label, see
/// [`super::LabelFrequencies::inverse_propensities`].
///
/// # Panics
/// If `top` and `gold` are not of the same texts, or `inverse_propensities` of other labels.
pub fn rank(top: &TopK, gold: &Labels, inverse_propensities: &[f64]) -> Ranking {
    let n_labels = gold.n_labels();
    assert_eq!(inverse_propensities.len(), n_labels, "one inverse propensity for each label");
    assert!(n_labels == 0 || top.len() == gold.len(), "top labels are of the same texts");
    let mut sums = Sums::default();
    let n_texts = if n_labels == 0 { 0 } else { gold.len() };
    for text in 0..n_texts {
        sums.add(top.labels(text), gold.row(text), inverse_propensities);
    }
    let at = |k: usize| sums.at(k, n_texts);
    let [one, three, five] = [at(1), at(3), at(5)];
    Ranking {
        p_at_1: one.precision,
        p_at_3: three.precision,
        p_at_5: five.precision,
        ndcg_at_1: Some(one.ndcg),
        ndcg_at_3: Some(three.ndcg),
        ndcg_at_5: Some(five.ndcg),
        psp_at_1: Some(one.psp),
        psp_at_3: Some(three.psp),
        psp_at_5: Some(five.psp),
        psndcg_at_1: Some(one.psndcg),
        psndcg_at_3: Some(three.psndcg),
        psndcg_at_5: Some(five.psndcg),
    }
}

struct At {
    precision: f64,
    ndcg: f64,
    psp: f64,
    psndcg: f64,
}

/// Sums over texts; the last index is k - 1. Added in the order of the texts, so that the number of
/// threads changes no bit.
#[derive(Default)]
struct Sums {
    hits: [u64; DEEPEST],
    /// Sums of DCG@k over the ideal DCG@k.
    ndcg: [f64; DEEPEST],
    /// Sums of inverse propensities: of the hits among k, and of the k rarest gold labels.
    scored: [f64; DEEPEST],
    best_scored: [f64; DEEPEST],
    /// The same sums, discounted by rank, over the ideal DCG@k.
    discounted: [f64; DEEPEST],
    best_discounted: [f64; DEEPEST],
}

impl Sums {
    /// Adds a text: `top` is best first, `gold` ascending.
    fn add(&mut self, top: &[u32], gold: &[u32], inverse_propensities: &[f64]) {
        if gold.is_empty() {
            return;
        }
        let mut best: Vec<f64> =
            gold.iter().map(|&label| inverse_propensities[label as usize]).collect();
        best.sort_unstable_by(|left, right| right.total_cmp(left));
        let (mut hits, mut dcg, mut ideal) = (0, 0.0, 0.0);
        let (mut scored, mut best_scored) = (0.0, 0.0);
        let (mut discounted, mut best_discounted) = (0.0, 0.0);
        for rank in 0..DEEPEST {
            let discount = 1.0 / (rank as f64 + 2.0).log2();
            if let Some(&label) = top.get(rank).filter(|&label| gold.binary_search(label).is_ok()) {
                let inverse = inverse_propensities[label as usize];
                hits += 1;
                dcg += discount;
                scored += inverse;
                discounted += inverse * discount;
            }
            if let Some(&inverse) = best.get(rank) {
                ideal += discount;
                best_scored += inverse;
                best_discounted += inverse * discount;
            }
            self.hits[rank] += hits;
            self.ndcg[rank] += dcg / ideal;
            self.scored[rank] += scored;
            self.best_scored[rank] += best_scored;
            self.discounted[rank] += discounted / ideal;
            self.best_discounted[rank] += best_discounted / ideal;
        }
    }

    /// Computes the metrics at k. What is divided by the number of texts in both parts of a ratio
    /// is not divided here.
    fn at(&self, k: usize, n_texts: usize) -> At {
        let last = k - 1;
        let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        At {
            precision: ratio(self.hits[last] as f64, (k * n_texts) as f64),
            ndcg: ratio(self.ndcg[last], n_texts as f64),
            psp: ratio(self.scored[last], self.best_scored[last]),
            psndcg: ratio(self.discounted[last], self.best_discounted[last]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alhost_base::matrix::Matrix;

    fn ranking(rows: &[(&[f32], &[u32])], inverse_propensities: &[f64]) -> Ranking {
        let cols = rows[0].0.len();
        let mut gold = Labels::new(cols);
        let mut top = TopK::new(DEEPEST, cols);
        for (scores, labels) in rows {
            top.add(&Matrix::new(scores.to_vec(), 1, cols));
            gold.push(labels);
        }
        rank(&top, &gold, inverse_propensities)
    }

    fn check(rows: &[(&[f32], &[u32])], expected: [f64; 3]) {
        let ranking = ranking(rows, &vec![1.0; rows[0].0.len()]);
        let values = [ranking.p_at_1, ranking.p_at_3, ranking.p_at_5];
        for (value, expected) in values.into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-15, "{values:?}");
        }
    }

    #[test]
    fn precision_of_the_top_labels() {
        check(&[(&[0.1, 0.9, 0.5, 0.3, 0.2, 0.7], &[1, 2, 4])], [1.0, 2.0 / 3.0, 3.0 / 5.0]);
        // Two texts, one of them without labels.
        check(&[(&[0.9, 0.1, 0.8], &[0, 2]), (&[0.9, 0.1, 0.8], &[])], [0.5, 2.0 / 6.0, 0.2]);
        // Fewer classes than k.
        check(&[(&[0.4, 0.6], &[0, 1])], [1.0, 2.0 / 3.0, 2.0 / 5.0]);
        check(&[(&[0.5; 7], &[0, 1, 5])], [1.0, 2.0 / 3.0, 2.0 / 5.0]);
        check(&[(&[f32::NAN, 0.1, f32::NAN, 0.0], &[1, 2])], [1.0, 1.0 / 3.0, 2.0 / 5.0]);
    }

    #[test]
    fn what_is_ideal_is_one_and_what_is_missed_is_weighed() {
        let close = |value: Option<f64>, expected: f64| {
            assert!((value.unwrap() - expected).abs() < 1e-12, "{value:?} != {expected}");
        };
        // Gold 0 and 2 of three, ranked 0, 1, 2; 2 is rare.
        let scores: &[(&[f32], &[u32])] = &[(&[0.9, 0.5, 0.1], &[0, 2])];
        let found = ranking(scores, &[2.0, 3.0, 8.0]);
        let second = 1.0 / 3.0_f64.log2();
        close(found.ndcg_at_1, 1.0);
        close(found.ndcg_at_3, 1.5 / (1.0 + second));
        close(found.psp_at_1, 2.0 / 8.0);
        close(found.psp_at_3, 1.0);
        close(found.psndcg_at_3, (2.0 + 8.0 * 0.5) / (8.0 + 2.0 * second));
        // All propensities 1: the propensity-scored metrics are ratios to what is possible.
        let plain = ranking(scores, &[1.0; 3]);
        close(plain.psp_at_5, 1.0);
        close(plain.psndcg_at_3, plain.ndcg_at_3.unwrap());
        // No gold label at all, no class at all.
        close(ranking(&[(&[0.9, 0.5], &[])], &[1.0; 2]).psp_at_3, 0.0);
        let nothing = rank(&TopK::new(DEEPEST, 0), &Labels::new(0), &[]);
        close(nothing.psndcg_at_5, 0.0);
    }
}
