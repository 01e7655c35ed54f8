//! Entropies of coins from a table: a few additions and multiplications in the place of two logarithms, which are
//! most of what a query costs.

use std::f64::consts::LN_2;

use alhost_plugin_kit::doubt::entropy;

/// Intervals of a power of two.
const STEPS: i32 = 64;
/// The table begins at 2 to the power of this: at 1e-10, less than which classifiers seldom say.
const LEAST_EXPONENT: i32 = -33;
/// Bits of an f64 below those that tell the interval: 52 of the fraction but for log2 of `STEPS`.
const BELOW: u32 = 52 - STEPS.ilog2();

/// For each interval of q its middle c, and the coefficients of Taylor's series of the entropy about c up to
/// (q - c)^6.
///
/// An interval is at most c / 64 wide, so that the rest of the series is less than 1e-16 of the value.
pub struct Entropies {
    rows: Vec<[f64; 8]>,
    /// 2 to the power of `LEAST_EXPONENT`.
    least: f64,
}

impl Entropies {
    pub fn new() -> Self {
        let row = |exponent: i32, step: i32| {
            let middle = 1.0 + (f64::from(step) + 0.5) / f64::from(STEPS);
            series(middle * 2_f64.powi(exponent))
        };
        let exponents = LEAST_EXPONENT..-1;
        let mut rows: Vec<[f64; 8]> =
            exponents.flat_map(|e| (0..STEPS).map(move |step| row(e, step))).collect();
        rows.push(row(-1, 0)); // for 1/2 itself
        Self { rows, least: 2_f64.powi(LEAST_EXPONENT) }
    }

    /// The entropy of a coin that falls on one side with probability p, in bits, to about 2e-16.
    #[inline]
    pub fn of(&self, p: f64) -> f64 {
        let q = if p > 0.5 { 1.0 - p } else { p };
        if q < self.least {
            return entropy(q);
        }
        let interval = (q.to_bits() >> BELOW) - (self.least.to_bits() >> BELOW);
        let [middle, a0, a1, a2, a3, a4, a5, a6] = self.rows[interval as usize];
        let x = q - middle;
        a0 + x * (a1 + x * (a2 + x * (a3 + x * (a4 + x * (a5 + x * a6)))))
    }
}

impl Default for Entropies {
    fn default() -> Self {
        Self::new()
    }
}

/// The middle c of an interval, and the coefficients of the series about it. The derivative of the entropy is
/// log2((1 - c) / c), the k-th (k - 2)! ((-1)^(k - 1) / c^(k - 1) - 1 / (1 - c)^(k - 1)) / ln 2.
fn series(c: f64) -> [f64; 8] {
    let coefficient = |k: i32| {
        let derivative = (-1.0 / c).powi(k - 1) - (1.0 / (1.0 - c)).powi(k - 1);
        derivative / (LN_2 * f64::from(k * (k - 1)))
    };
    let slope = ((1.0 - c) / c).log2();
    let [a2, a3, a4, a5, a6] = [2, 3, 4, 5, 6].map(coefficient);
    [c, entropy(c), slope, a2, a3, a4, a5, a6]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everywhere, the ends of intervals included, and beyond the table.
    #[test]
    fn the_table_says_what_logarithms_say() {
        let entropies = Entropies::new();
        let check = |p: f64| {
            let (got, expected) = (entropies.of(p), entropy(p));
            // Near p = 1 the logarithm of p is rounded as p itself is: compare with the other side there.
            let tolerance = 4e-16 + 1e-15 * expected.abs();
            assert!((got - expected).abs() <= tolerance, "{p:e}: {got:e}, expected {expected:e}");
        };
        for step in 0..=200_000 {
            check(f64::from(step) / 200_000.0);
        }
        for exponent in -45..0 {
            for step in 0..STEPS {
                let edge = (1.0 + f64::from(step) / f64::from(STEPS)) * 2_f64.powi(exponent);
                for p in [edge.next_down(), edge, edge.next_up(), 1.0 - edge] {
                    check(p);
                }
            }
        }
        for p in [0.0, 1.0, f64::MIN_POSITIVE, 1e-300, 0.5_f64.next_down(), 0.5_f64.next_up()] {
            check(p);
        }
    }

    #[test]
    fn both_sides_of_a_coin_have_one_entropy() {
        let entropies = Entropies::new();
        for p in [0.25_f32, 0.1, 1e-3, 0.499, 0.75] {
            let (p, other) = (f64::from(p), 1.0 - f64::from(p));
            assert_eq!(entropies.of(p).to_bits(), entropies.of(other).to_bits(), "{p}");
        }
    }
}
