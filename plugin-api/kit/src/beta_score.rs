//! The Beta family of proper scores (Buja, Stuetzle and Shen 2005): what a predicted probability is worth.

use crate::powers::Powers;

/// The score of predicting q for a label, less than 0 and largest at the true probability:
///
/// ```text
/// label absent    -l0(q),   l0(q) = integral of t^alpha (1-t)^(beta-1) from 0 to q
/// label present   -l1(q),   l1(q) = integral of t^(alpha-1) (1-t)^beta from q to 1
/// ```
///
/// With beta = 1 and a small alpha it counts most how exact small probabilities are: those of rare labels.
/// Everything follows from two integrals, which are finite sums where beta is whole:
///
/// ```text
/// F0(q) = integral of t^(alpha-1) (1-t)^(beta-1) from 0 to q = q^alpha     sum_i (-1)^i C(beta-1, i) q^i / (alpha+i)
/// F1(q) = integral of t^alpha     (1-t)^(beta-1) from 0 to q = q^(alpha+1) sum_i (-1)^i C(beta-1, i) q^i / (alpha+1+i)
/// ```
#[derive(Clone, Debug)]
pub struct BetaScore {
    powers: Powers,
    /// The coefficients of q^i in the sums of F0 and F1, and in that of q F0 - F1.
    f0: Vec<f64>,
    f1: Vec<f64>,
    own: Vec<f64>,
}

impl BetaScore {
    /// `alpha` lies above 0 and is at most 5; `beta` is at least 1. Alternating sums lose digits as `beta`
    /// grows: three of sixteen at 10.
    pub fn new(alpha: f64, beta: u32) -> Self {
        let mut binomial = 1.0; // (-1)^i C(beta-1, i)
        let (mut f0, mut f1, mut own) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..beta {
            let a = alpha + f64::from(i);
            f0.push(binomial / a);
            f1.push(binomial / (a + 1.0));
            own.push(binomial / (a * (a + 1.0)));
            binomial *= -f64::from(beta - 1 - i) / f64::from(i + 1);
        }
        Self { powers: Powers::new(alpha), f0, f1, own }
    }

    /// F0(q).
    #[inline]
    pub fn f0(&self, q: f64) -> f64 {
        self.powers.of(q) * polynomial(&self.f0, q)
    }

    /// F1(q), which is l0(q).
    #[inline]
    pub fn f1(&self, q: f64) -> f64 {
        self.powers.of(q) * q * polynomial(&self.f1, q)
    }

    /// F1(q) - p F0(q): the loss expected of predicting q for a label of probability p, but for what does
    /// not depend on q.
    #[inline]
    pub fn loss(&self, p: f64, q: f64) -> f64 {
        self.powers.of(q) * (q * polynomial(&self.f1, q) - p * polynomial(&self.f0, q))
    }

    /// q F0(q) - F1(q): the score that q expects of itself, but for terms linear in q. It is convex.
    #[inline]
    pub fn own(&self, q: f64) -> f64 {
        self.powers.of(q) * q * polynomial(&self.own, q)
    }
}

#[inline]
fn polynomial(coefficients: &[f64], q: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * q + c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) -> bool {
        (a - b).abs() <= tolerance
    }

    /// The midpoint rule after t = s^(1/alpha), which takes the pole at 0 away.
    fn integral(alpha: f64, beta: u32, q: f64) -> f64 {
        let (steps, end) = (20_000, q.powf(alpha));
        let at = |i: i32| {
            let t = ((f64::from(i) + 0.5) / f64::from(steps) * end).powf(1.0 / alpha);
            (1.0 - t).powi(beta as i32 - 1) / alpha
        };
        (0..steps).map(at).sum::<f64>() * end / f64::from(steps)
    }

    #[test]
    fn sums_are_the_integrals() {
        for (alpha, beta) in [(0.1, 1), (0.1, 3), (1.0, 2), (2.5, 4), (0.05, 10)] {
            let score = BetaScore::new(alpha, beta);
            for q in [0.0, 1e-3, 0.2, 0.7, 1.0] {
                let (f0, f1) = (score.f0(q), score.f1(q));
                assert!(close(f0, integral(alpha, beta, q), 1e-6), "F0({q}) = {f0}");
                assert!(close(f1, integral(alpha + 1.0, beta, q), 1e-6), "F1({q}) = {f1}");
                assert!(close(score.own(q), q * f0 - f1, 1e-13));
                assert!(close(score.loss(0.4, q), f1 - 0.4 * f0, 1e-13));
            }
        }
    }

    proptest! {
        #[test]
        fn no_prediction_is_better_than_the_truth(p in 0.0_f64..1.0, q in 0.0_f64..1.0, beta in 1_u32..5) {
            let score = BetaScore::new(0.1, beta);
            prop_assert!(score.loss(p, q) >= score.loss(p, p) - 1e-14);
            prop_assert!(close(-score.loss(p, p), score.own(p), 1e-13));
        }
    }
}
