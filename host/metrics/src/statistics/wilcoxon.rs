//! Wilcoxon's signed-rank test, two-sided, as `scipy.stats.wilcoxon` does it by default.

use super::distributions::normal_cdf;
use super::ranks::{ranks, tie_sizes};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wilcoxon {
    /// The smaller of the rank sums of positive and of negative differences.
    pub statistic: f64,
    pub p: f64,
    /// Whether p is by enumeration; else it is by the normal approximation.
    pub exact: bool,
}

/// Tests the differences. Those of 0 are dropped (Wilcoxon's own treatment); equal sizes share
/// their mean rank. Up to 50 differences without zeros and ties, and up to 13 with, p is exact: the
/// share of all 2^n signs that give a rank sum as extreme. Beyond, it is the normal approximation
/// with the tie correction and without a continuity correction. The answer is `None` of nothing.
pub fn wilcoxon(differences: &[f64]) -> Option<Wilcoxon> {
    if differences.is_empty() {
        return None;
    }
    let kept: Vec<f64> = differences.iter().copied().filter(|d| d.abs() > 0.0).collect();
    let sizes: Vec<f64> = kept.iter().map(|d| -d.abs()).collect();
    let ranks = ranks(&sizes);
    let of_sign = |positive: bool| -> f64 {
        let ranked = kept.iter().zip(&ranks).filter(|(d, _)| (**d > 0.0) == positive);
        ranked.map(|(_, rank)| rank).sum()
    };
    let (plus, minus) = (of_sign(true), of_sign(false));
    let ties: f64 = tie_sizes(&sizes).map(|size| size.powi(3) - size).sum();
    let plain = kept.len() == differences.len() && ties < 1.0;
    let exact = differences.len() <= if plain { 50 } else { 13 };
    let p = if exact { exact_p(&ranks, plus) } else { normal_p(kept.len() as f64, ties, plus) };
    Some(Wilcoxon { statistic: plus.min(minus), p, exact })
}

/// Twice the smaller tail of the rank sum when each sign is a fair coin.
fn exact_p(ranks: &[f64], plus: f64) -> f64 {
    // Mean ranks are halves, so twice a rank is whole.
    let twice = |rank: f64| (2.0 * rank).round() as usize;
    let total: usize = ranks.iter().map(|&rank| twice(rank)).sum();
    let mut share = vec![0.0; total + 1];
    share[0] = 1.0;
    for &rank in ranks {
        let rank = twice(rank);
        for sum in (0..=total).rev() {
            let taken = if sum >= rank { share[sum - rank] } else { 0.0 };
            share[sum] = 0.5 * (share[sum] + taken);
        }
    }
    let at = twice(plus);
    let lower: f64 = share[..=at].iter().sum();
    let upper: f64 = share[at..].iter().sum();
    (2.0 * lower.min(upper)).min(1.0)
}

fn normal_p(n: f64, ties: f64, plus: f64) -> f64 {
    let mean = n * (n + 1.0) / 4.0;
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - ties / 2.0) / 24.0;
    if variance <= 0.0 {
        return 1.0;
    }
    2.0 * normal_cdf(-((plus - mean) / variance.sqrt()).abs())
}

/// The smallest p that n pairs can give, whatever the data: all differences of one sign, 2/2^n.
pub fn smallest_wilcoxon_p(n: usize) -> f64 {
    0.5_f64.powi(n as i32 - 1).min(1.0)
}

/// The fewest pairs with which the test can reach `alpha` when `comparisons` of them share it (Holm,
/// whose first step asks for alpha / comparisons).
pub fn seeds_for_wilcoxon(alpha: f64, comparisons: usize) -> usize {
    let share = alpha / comparisons.max(1) as f64;
    let mut n = 1;
    while smallest_wilcoxon_p(n) > share {
        n += 1;
    }
    n
}
