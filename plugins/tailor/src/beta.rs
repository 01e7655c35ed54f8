//! Draws from Beta distributions, as the share of one of two Gammas (Marsaglia and Tsang, *A simple method for
//! generating gamma variables*, ACM Transactions on Mathematical Software 26, 2000).

use alhost_plugin_api::Rng;

/// A draw from Beta(a, b), in [0, 1]; a and b are above 0.
pub fn draw(rng: &mut Rng, a: f64, b: f64) -> f64 {
    // X / (X + Y), from logarithms: at small a and b both are often less than the least f64.
    let (x, y) = (ln_gamma(rng, a), ln_gamma(rng, b));
    1.0 / (1.0 + (y - x).exp())
}

/// The logarithm of a draw from Gamma(shape, 1).
fn ln_gamma(rng: &mut Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        // Gamma(shape) = Gamma(shape + 1) U^(1 / shape).
        return ln_gamma_from_1(rng, shape + 1.0) + ln_uniform(rng) / shape;
    }
    ln_gamma_from_1(rng, shape)
}

/// The same for a shape of at least 1: a cube of a normal is kept or rejected. More than 95% are kept.
fn ln_gamma_from_1(rng: &mut Rng, shape: f64) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let root = 1.0 + c * x;
        // Both numbers are drawn at each attempt, whatever becomes of it.
        let ln_u = ln_uniform(rng);
        if root <= 0.0 {
            continue;
        }
        let ln_v = 3.0 * root.ln();
        if ln_u < x * x / 2.0 + d * (1.0 - ln_v.exp() + ln_v) {
            return d.ln() + ln_v;
        }
    }
}

/// The logarithm of a uniform number in (0, 1], which is finite.
fn ln_uniform(rng: &mut Rng) -> f64 {
    (1.0 - rng.f64()).ln()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_2_PI;

    use super::*;

    const N: usize = 40_000;

    fn draws(a: f64, b: f64) -> Vec<f64> {
        let mut rng = Rng::stream(&[5; 32], &format!("beta {a} {b}"));
        let mut draws: Vec<f64> = (0..N).map(|_| draw(&mut rng, a, b)).collect();
        assert!(draws.iter().all(|x| (0.0..=1.0).contains(x)), "Beta({a}, {b})");
        draws.sort_unstable_by(f64::total_cmp);
        draws
    }

    /// Kolmogorov and Smirnov: the largest difference of the shares is above 1.95 / sqrt(n) once in 1,000
    /// times.
    fn check_shares(a: f64, b: f64, below: impl Fn(f64) -> f64) {
        let n = N as f64;
        for (i, x) in draws(a, b).into_iter().enumerate() {
            let (least, most) = (i as f64 / n, (i + 1) as f64 / n);
            let off = (below(x) - least).abs().max((below(x) - most).abs());
            assert!(off < 1.95 / n.sqrt(), "Beta({a}, {b}) below {x}: off by {off}");
        }
    }

    #[test]
    fn shares_are_those_of_closed_forms() {
        check_shares(1.0, 1.0, |x| x);
        check_shares(2.0, 1.0, |x| x * x);
        check_shares(1.0, 3.5, |x| 1.0 - (1.0 - x).powf(3.5));
        check_shares(0.2, 1.0, |x| x.powf(0.2));
        check_shares(1.0, 0.3, |x| 1.0 - (1.0 - x).powf(0.3));
        check_shares(0.5, 0.5, |x| FRAC_2_PI * x.sqrt().asin());
        check_shares(2.0, 2.0, |x| x * x * (3.0 - 2.0 * x));
    }

    fn check_moments(a: f64, b: f64) {
        let draws = draws(a, b);
        let (n, mean) = (N as f64, a / (a + b));
        let variance = mean * (1.0 - mean) / (a + b + 1.0);
        let got = draws.iter().sum::<f64>() / n;
        assert!((got - mean).abs() < 4.0 * (variance / n).sqrt(), "mean of Beta({a}, {b}): {got}");
        let got = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        assert!((got / variance - 1.0).abs() < 0.1, "variance of Beta({a}, {b}): {got}");
    }

    #[test]
    fn moments_are_those_of_the_distribution() {
        for (a, b) in [(7.5, 2.25), (40.0, 300.0), (1.0, 800.0), (3.0, 0.5), (0.01, 0.01)] {
            check_moments(a, b);
        }
    }

    /// At .01 both Gammas are below the least f64 once in a million times or so, at 1e-300 nearly always:
    /// their logarithms still tell which is larger.
    #[test]
    fn small_parameters_give_one_or_the_other() {
        for parameter in [0.01, 1e-300] {
            let draws = draws(parameter, parameter);
            let low = draws.partition_point(|&x| x < 0.01);
            let high = draws.partition_point(|&x| x < 0.99);
            assert!(high - low < N / 10, "{parameter}: {low} {high}");
            assert!(low > N * 9 / 20 && high < N * 11 / 20, "{parameter}: {low} {high}");
        }
    }
}
