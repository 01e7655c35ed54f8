//! Doubt about the labels of a text: a measure for one label, and an aggregate over labels.

use alhost_plugin_api::Choice;

/// Doubt about one label of probability p: 0 where p is 0 or 1, most at 1/2.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// min(p, 1 - p), at most 1/2.
    LeastConfidence,
    /// 1 - |2p - 1|, at most 1: twice the least confidence.
    Margin,
    /// -p log2 p - (1 - p) log2 (1 - p), in bits.
    Entropy,
}

impl Measure {
    /// The doubt about one label.
    pub fn of(self, p: f64) -> f64 {
        match self {
            Self::LeastConfidence => p.min(1.0 - p),
            Self::Margin => 2.0 * p.min(1.0 - p),
            Self::Entropy => entropy(p),
        }
    }
}

/// Entropy of a coin that falls on one side with probability p, in bits; 0 log 0 is 0.
pub fn entropy(p: f64) -> f64 {
    let part = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    part(p) + part(1.0 - p)
}

/// How doubts about labels become one number.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Aggregate {
    /// The mean over all labels.
    Mean,
    /// The largest.
    Max,
    /// The sum over all labels.
    Sum,
    /// The mean over the `top` labels of largest probability, ties by label.
    TopProbable,
    /// The mean of the `top` largest.
    TopUncertain,
}

impl Aggregate {
    /// The doubt about a text with these probabilities; 0 where there are no labels. More than there are
    /// labels for `top` means all of them.
    pub fn of(self, measure: Measure, probabilities: &[f32], top: usize) -> f64 {
        let each = |&p: &f32| measure.of(f64::from(p));
        let n = probabilities.len().max(1) as f64;
        match self {
            Self::Mean => probabilities.iter().map(each).sum::<f64>() / n,
            Self::Sum => probabilities.iter().map(each).sum(),
            Self::Max => probabilities.iter().map(each).fold(0.0, f64::max),
            Self::TopProbable => {
                let likely = largest(probabilities.to_vec(), top, |a, b| b.total_cmp(a));
                mean(&likely.iter().map(each).collect::<Vec<_>>())
            }
            Self::TopUncertain => {
                let all = probabilities.iter().map(each).collect();
                mean(&largest(all, top, |a: &f64, b| b.total_cmp(a)))
            }
        }
    }
}

/// The first `k` in an order, in that order, so that their sum has one value.
fn largest<T: Copy>(
    mut all: Vec<T>,
    k: usize,
    order: impl Fn(&T, &T) -> std::cmp::Ordering + Copy,
) -> Vec<T> {
    if k < all.len() && k > 0 {
        all.select_nth_unstable_by(k - 1, order);
    }
    all.truncate(k);
    all.sort_unstable_by(order);
    all
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: [(&str, Measure); 3] = [
        ("unc_lc", Measure::LeastConfidence),
        ("unc_margin", Measure::Margin),
        ("unc_entropy", Measure::Entropy),
    ];
    const AGGREGATES: [Aggregate; 5] = [
        Aggregate::Mean,
        Aggregate::Max,
        Aggregate::Sum,
        Aggregate::TopProbable,
        Aggregate::TopUncertain,
    ];

    #[test]
    fn golden_values() {
        for case in alhost_golden::all() {
            let (proba, top) = (case.f32s("proba"), case.whole("top"));
            let cols = case.cols("proba");
            for (name, measure) in MEASURES {
                let got: Vec<f64> = AGGREGATES
                    .iter()
                    .flat_map(|by| proba.chunks(cols).map(|row| by.of(measure, row, top)))
                    .collect();
                case.assert_close(name, &got);
            }
        }
    }

    #[test]
    fn nothing_to_doubt_is_no_doubt() {
        for by in AGGREGATES {
            assert!(by.of(Measure::Entropy, &[], 3).abs() < 1e-300, "{by:?}");
            assert!(by.of(Measure::Entropy, &[0.0, 1.0], 3).abs() < 1e-300, "{by:?}");
        }
    }
}
