//! Student's t-tests, two-sided: paired over seeds, and unpaired as in the paper.

use super::distributions::{t_quantile, two_sided_t};
use super::summary::{mean, variance};

/// Figures of the differences a - b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedT {
    /// Mean difference, and its 95% confidence interval.
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    /// Standard deviation of the differences.
    pub sd: f64,
    pub t: f64,
    pub p: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnpairedT {
    pub t: f64,
    pub df: f64,
    pub p: f64,
}

/// Tests pairs: t = mean(d) / (sd(d) / √n), d = a - b. It needs two pairs. Where all differences
/// are 0, p is 1 (scipy: NaN): two strategies that do the same are no evidence of anything.
///
/// # Panics
/// If the two differ in length.
pub fn paired_t(a: &[f64], b: &[f64]) -> Option<PairedT> {
    assert_eq!(a.len(), b.len(), "a pair has two values");
    if a.len() < 2 {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let (pairs, mean) = (differences.len() as f64, mean(&differences));
    let sd = variance(&differences).sqrt();
    let error = sd / pairs.sqrt();
    let half = t_quantile(0.975, pairs - 1.0) * error;
    let (t, p) = quotient(mean, error, pairs - 1.0);
    Some(PairedT { mean, low: mean - half, high: mean + half, sd, t, p })
}

/// Tests two samples with one variance for both, as `scipy.stats.ttest_ind` does by default and the
/// paper did.
pub fn student_t(a: &[f64], b: &[f64]) -> Option<UnpairedT> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let df = n_a + n_b - 2.0;
    let pooled = ((n_a - 1.0) * variance(a) + (n_b - 1.0) * variance(b)) / df;
    let error = (pooled * (1.0 / n_a + 1.0 / n_b)).sqrt();
    let (t, p) = quotient(mean(a) - mean(b), error, df);
    Some(UnpairedT { t, df, p })
}

/// Tests two samples with a variance for each, and Welch and Satterthwaite's degrees of freedom.
pub fn welch_t(a: &[f64], b: &[f64]) -> Option<UnpairedT> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let (of_a, of_b) = (variance(a) / n_a, variance(b) / n_b);
    let both = of_a + of_b;
    let df = if both > 0.0 {
        both.powi(2) / (of_a.powi(2) / (n_a - 1.0) + of_b.powi(2) / (n_b - 1.0))
    } else {
        n_a + n_b - 2.0
    };
    let (t, p) = quotient(mean(a) - mean(b), both.sqrt(), df);
    Some(UnpairedT { t, df, p })
}

/// t and p of a mean and its standard error, which is 0 where all values are the same.
fn quotient(mean: f64, error: f64, df: f64) -> (f64, f64) {
    if error > 0.0 {
        let t = mean / error;
        (t, two_sided_t(t, df))
    } else if mean.abs() > 0.0 {
        (mean.signum() * f64::INFINITY, 0.0)
    } else {
        (0.0, 1.0)
    }
}
