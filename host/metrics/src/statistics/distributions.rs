//! The distributions behind the tests. Special functions are those of statrs; quantiles are found by
//! bisection, because they are needed to 1e-9 and never in a hurry.

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;
use statrs::function::gamma::{gamma_ur, ln_gamma};

/// P(|T| > |t|) of Student's t.
pub(super) fn two_sided_t(t: f64, df: f64) -> f64 {
    if t.is_infinite() { 0.0 } else { beta_reg(df / 2.0, 0.5, df / (df + t * t)) }
}

/// The t below which a share `p` of Student's t lies.
///
/// # Panics
/// If `p` is not within 0.5..1.
pub fn t_quantile(p: f64, df: f64) -> f64 {
    assert!((0.5..1.0).contains(&p), "the upper half is all that an interval needs");
    // The tail's logarithm would be straighter, but the bounds are found by doubling anyway.
    let tail = 2.0 * (1.0 - p);
    falling_root(|t| two_sided_t(t, df) - tail)
}

/// P(Z <= z) of the standard normal.
pub(super) fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// P(X > x) of chi-squared.
pub(super) fn chi_squared_tail(x: f64, df: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma_ur(df / 2.0, x / 2.0) }
}

/// P(X > f) of F.
pub(super) fn f_tail(f: f64, df: f64, of_error: f64) -> f64 {
    beta_reg(of_error / 2.0, df / 2.0, of_error / (of_error + df * f))
}

/// P(T > t) of the noncentral t: T = (Z + shift) / S, with S² = χ²/df, integrated over S:
/// ∫ f(s) Φ(shift - t·s) ds, f(s) = 2 (df/2)^(df/2) / Γ(df/2) · s^(df-1) exp(-df·s²/2).
pub(super) fn noncentral_t_tail(t: f64, df: f64, shift: f64) -> f64 {
    let half = df / 2.0;
    let ln_constant = 2.0_f64.ln() + half * half.ln() - ln_gamma(half);
    let density = |s: f64| {
        // 0^0 is 1: with one degree of freedom S is half-normal.
        let power = if df > 1.0 { (df - 1.0) * s.ln() } else { 0.0 };
        (ln_constant + power - half * s * s).exp()
    };
    // Nine standard deviations: beyond is less than 1e-17.
    let end = 1.0 + 9.0 / df.sqrt();
    simpson(0.0, end, |s| density(s) * normal_cdf(shift - t * s))
}

/// P(range of k standard normals <= q): k ∫ φ(z) [Φ(z) - Φ(z - q)]^(k-1) dz, the studentized range
/// with infinite degrees of freedom.
fn range_cdf(q: f64, k: usize) -> f64 {
    let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let inner = |z: f64| (normal_cdf(z) - normal_cdf(z - q)).powi(k as i32 - 1);
    k as f64 * simpson(-9.0, 9.0, |z| density(z) * inner(z))
}

/// The range that k standard normals stay below with probability `p`.
///
/// # Panics
/// If `k` is less than two.
pub(super) fn range_quantile(p: f64, k: usize) -> f64 {
    assert!(k >= 2, "a range is that of several values");
    falling_root(|q| p - range_cdf(q, k))
}

/// The positive root of a function that falls through it.
pub(super) fn falling_root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while f(high) > 0.0 {
        (low, high) = (high, 2.0 * high);
    }
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high || (high - low) < 1e-13 * high {
            return middle;
        }
        if f(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Simpson's rule. The integrands here are smooth, and vary over no less than a hundredth of the
/// range, so that the error (step⁴) stays below 1e-11.
fn simpson(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const STEPS: usize = 6000;
    let step = (to - from) / STEPS as f64;
    let weighted = |i: usize| {
        let weight = match i {
            0 | STEPS => 1.0,
            _ if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let value = f(from + i as f64 * step);
        // f(0) of the chi density is 0 · ln 0.
        if value.is_nan() { 0.0 } else { weight * value }
    };
    (0..=STEPS).map(weighted).sum::<f64>() * step / 3.0
}
