//! Mean and spread of a few values.

use super::distributions::t_quantile;

/// Says what there is to say of values, one for each seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub n: usize,
    pub mean: f64,
    pub min: f64,
    pub max: f64,
    /// Is none for one value.
    pub spread: Option<Spread>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation, with n - 1 in the denominator.
    pub sd: f64,
    /// 95% confidence interval of the mean, by Student's t.
    pub low: f64,
    pub high: f64,
}

/// Summarises values; `None` of nothing.
pub fn summary(values: &[f64]) -> Option<Summary> {
    if values.is_empty() {
        return None;
    }
    let n = values.len();
    let mean = mean(values);
    let spread = (n > 1).then(|| {
        let sd = variance(values).sqrt();
        let half = t_quantile(0.975, n as f64 - 1.0) * sd / (n as f64).sqrt();
        Spread { sd, low: mean - half, high: mean + half }
    });
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(Summary { n, mean, min, max, spread })
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the variance, with n - 1 in the denominator.
pub(super) fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}
