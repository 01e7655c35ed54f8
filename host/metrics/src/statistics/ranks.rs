//! Many strategies at once: ranks, Friedman's test, what may be said after it, Holm's correction.

use super::distributions::{chi_squared_tail, f_tail, normal_cdf, range_quantile};

/// Rank of each value, 1 for the highest; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|value| {
            let above = values.iter().filter(|other| *other > value).count();
            let equal = values.iter().filter(|other| other.total_cmp(value).is_eq()).count();
            above as f64 + f64::midpoint(1.0, equal as f64)
        })
        .collect()
}

/// Counts how many there are of each value.
pub(super) fn tie_sizes(values: &[f64]) -> impl Iterator<Item = f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let groups: Vec<f64> =
        sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|group| group.len() as f64).collect();
    groups.into_iter()
}

#[derive(Clone, Debug, PartialEq)]
pub struct Friedman {
    /// χ² with k - 1 degrees of freedom, corrected for ties.
    pub statistic: f64,
    pub p: f64,
    /// Iman and Davenport's correction of the same, where there is one.
    pub f: Option<ImanDavenport>,
    /// Mean ranks, one for each treatment; 1 is best.
    pub mean_ranks: Vec<f64>,
}

/// F with k - 1 and (k - 1)(n - 1) degrees of freedom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImanDavenport {
    pub f: f64,
    pub p: f64,
}

/// Computes Friedman's test. `blocks[i][j]` is the score of treatment j in block i, more is better.
/// It needs three treatments and two blocks. The χ² approximation is rough with few blocks; who
/// reports it says so.
///
/// χ² = (12 / (n·k·(k+1)) · ΣR² - 3n(k+1)) / (1 - Σ(t³ - t) / (n·k·(k² - 1))), with R the rank sums
/// and t the sizes of ties.
///
/// # Panics
/// If the blocks differ in length.
pub fn friedman(blocks: &[Vec<f64>]) -> Option<Friedman> {
    let treatments = blocks.first()?.len();
    assert!(blocks.iter().all(|block| block.len() == treatments), "each block has all treatments");
    if treatments < 3 || blocks.len() < 2 {
        return None;
    }
    let (n, k) = (blocks.len() as f64, treatments as f64);
    let mut sums = vec![0.0; treatments];
    let mut ties = 0.0;
    for block in blocks {
        for (sum, rank) in sums.iter_mut().zip(ranks(block)) {
            *sum += rank;
        }
        ties += tie_sizes(block).map(|size| size.powi(3) - size).sum::<f64>();
    }
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let raw = 12.0 / (n * k * (k + 1.0)) * squares - 3.0 * n * (k + 1.0);
    let correction = 1.0 - ties / (n * k * (k * k - 1.0));
    // All ranks the same: nothing differs.
    let statistic = if correction > 0.0 { raw / correction } else { 0.0 };
    let p = chi_squared_tail(statistic, k - 1.0);
    let f = iman_davenport(statistic, treatments, blocks.len());
    Some(Friedman { statistic, p, f, mean_ranks: sums.iter().map(|sum| sum / n).collect() })
}

/// Corrects Friedman's χ², which rejects too rarely: F = (n - 1) χ² / (n(k - 1) - χ²) (Iman and
/// Davenport 1980, in the words of Demšar 2006). Where all blocks agree F is infinite whatever their
/// number, which would make two blocks a proof; there is no answer then.
pub(super) fn iman_davenport(
    statistic: f64,
    treatments: usize,
    blocks: usize,
) -> Option<ImanDavenport> {
    let (n, freedom) = (blocks as f64, treatments as f64 - 1.0);
    let left = n * freedom - statistic;
    if left < 1e-9 * n * freedom {
        return None;
    }
    let f = (n - 1.0) * statistic / left;
    Some(ImanDavenport { f, p: f_tail(f, freedom, freedom * (n - 1.0)) })
}

/// p of a difference between two mean ranks, two-sided: z = difference / √(k(k+1) / 6n). After
/// Friedman's test, for comparisons with one treatment; Holm's correction is for the caller (Demšar
/// 2006).
///
/// # Panics
/// If there is no block.
pub fn rank_difference_p(difference: f64, treatments: usize, blocks: usize) -> f64 {
    2.0 * normal_cdf(-difference.abs() / rank_error(treatments, blocks))
}

/// Standard error of a difference between two mean ranks if all treatments are alike.
fn rank_error(treatments: usize, blocks: usize) -> f64 {
    assert!(blocks > 0, "a difference is one of mean ranks over blocks");
    let (k, n) = (treatments as f64, blocks as f64);
    (k * (k + 1.0) / (6.0 * n)).sqrt()
}

/// Nemenyi: mean ranks that differ by this much differ significantly (Demšar 2006).
/// CD = q / √2 · √(k(k+1) / 6n), with q the 1 - alpha quantile of the studentized range with infinite
/// degrees of freedom.
///
/// # Panics
/// If there are fewer than two treatments, or no block.
pub fn critical_difference(alpha: f64, treatments: usize, blocks: usize) -> f64 {
    let q = range_quantile(1.0 - alpha, treatments) / std::f64::consts::SQRT_2;
    q * rank_error(treatments, blocks)
}

/// Holm's step-down correction: the smallest p times m, the next times m - 1, and so on; none is
/// smaller than the one before, none above 1. The answer is in the order of `p`.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest: f64 = 0.0;
    for (step, &index) in order.iter().enumerate() {
        largest = largest.max((p.len() - step) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}
