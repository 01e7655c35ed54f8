//! How far a row reaches another: K as a function of the squared distance, in f64 and, nearly, in f32.

/// Half a unit in the last place of 1, in f32.
pub(super) const ROUNDING: f64 = f32::EPSILON as f64 / 2.0;

/// K falls with the squared distance s, from 1 at 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kernel {
    /// exp(-rate s).
    Gaussian { rate: f64 },
    /// 1 where s is below `square`, else 0.
    Ball { square: f64 },
}

impl Kernel {
    /// K; 0 at an infinite distance.
    pub(super) fn of(self, s: f64) -> f64 {
        match self {
            Self::Gaussian { rate } => (-s * rate).exp(),
            Self::Ball { square } => f64::from(u8::from(s < square)),
        }
    }

    /// The same kernel of distances that are multiplied by `unit`.
    pub(super) fn scaled(self, unit: f64) -> Self {
        match self {
            // A rate that f32 can hold; at the least distance that is not an error, K is 0 with both.
            Self::Gaussian { rate } => Self::Gaussian { rate: (rate / unit.powi(2)).min(1e30) },
            Self::Ball { square } => Self::Ball { square: square * unit.powi(2) },
        }
    }

    /// The error of K in f32 for a given distance. An exponential is off by 4 units in the last place at most,
    /// and its argument x by 2, which makes x e^-x of them.
    pub(super) fn slack(self) -> f64 {
        match self {
            Self::Gaussian { .. } => 8.0 * ROUNDING,
            Self::Ball { .. } => 0.0,
        }
    }

    /// The relative error of a sum of `n` values that this kernel and the weights give, in f32. Those of a
    /// ball are whole numbers, whose sums are exact.
    pub(super) fn sum_error(self, n: usize) -> f64 {
        match self {
            Self::Gaussian { .. } => (n + 8) as f64 * ROUNDING,
            Self::Ball { .. } => 0.0,
        }
    }
}

/// e^x for x of at most 0, and 2^-126 for less than that. Without a branch or a call, so that a compiler makes
/// several at once.
pub(super) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the lowest bits.
    const TO_WHOLE: f32 = 12_582_912.0;
    let power = x * std::f32::consts::LOG2_E;
    let power = if power > -126.0 { power } else { -126.0 };
    let whole = power + TO_WHOLE;
    let z = (power - (whole - TO_WHOLE)) * std::f32::consts::LN_2; // at most 0.35
    // Taylor's series; what is left out is below z^8 / 8!, 6e-9.
    let mut series = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * z + term;
    }
    f32::from_bits(series.to_bits().wrapping_add(whole.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_within_the_slack() {
        let slack = Kernel::Gaussian { rate: 1.0 }.slack();
        for i in 0..2_000_000 {
            let x = -(i as f32).powi(2) * 2.5e-11;
            let error = f64::from(exp(x)) - f64::from(x).exp();
            assert!(error.abs() <= slack, "exp({x}) is off by {error}");
        }
        assert!(exp(-1e30) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
        assert!((exp(0.0) - 1.0).abs() < 1e-30);
    }
}
