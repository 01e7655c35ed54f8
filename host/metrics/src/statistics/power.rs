//! Says how much a number of seeds can show: power of the paired t-test.

use super::distributions::{falling_root, noncentral_t_tail, t_quantile};

/// The chance that a two-sided paired t-test over `n` seeds finds a true mean difference of `effect`
/// standard deviations of the differences; 0 with fewer than two.
pub fn paired_power(effect: f64, n: usize, alpha: f64) -> f64 {
    if n < 2 {
        return 0.0;
    }
    let df = n as f64 - 1.0;
    let t = t_quantile(1.0 - alpha / 2.0, df);
    let shift = effect.abs() * (n as f64).sqrt();
    // P(T < -t) with a shift is P(T > t) with the opposite one.
    noncentral_t_tail(t, df, shift) + noncentral_t_tail(t, df, -shift)
}

/// The smallest true difference, in standard deviations of the differences, that `n` seeds find with
/// the chance `power`.
pub fn detectable_effect(n: usize, alpha: f64, power: f64) -> Option<f64> {
    (n >= 2).then(|| falling_root(|effect| power - paired_power(effect, n, alpha)))
}

/// The fewest seeds that find a true difference of `effect` standard deviations with the chance
/// `power`; `None` where that takes more than `MOST_SEEDS`.
pub fn seeds_needed(effect: f64, alpha: f64, power: f64) -> Option<usize> {
    let enough = |n: usize| paired_power(effect, n, alpha) >= power;
    if effect.is_infinite() {
        return Some(2);
    }
    if !enough(MOST_SEEDS) {
        return None;
    }
    let (mut few, mut many) = (1, MOST_SEEDS);
    while many - few > 1 {
        let middle = usize::midpoint(few, many);
        if enough(middle) {
            many = middle;
        } else {
            few = middle;
        }
    }
    Some(many)
}

/// The most seeds that are looked at: more than anybody runs.
const MOST_SEEDS: usize = 1000;
