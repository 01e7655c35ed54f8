//! What is read off a text's logits: how many labels are predicted, and how clearly.

use alhost_plugin_api::features::Matrix;
use rayon::prelude::*;

/// What the logits of one text say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub n_predicted: usize,
    /// The least logit of a predicted label minus the largest of the others. Where a side has no label, the
    /// cutoff stands for it: then it is how far all labels keep from being predicted, or from not being.
    pub gap: f64,
}

/// The logit above which a label is predicted: p > threshold and z > ln(threshold / (1 - threshold)) say the same.
/// A threshold of 0 or 1 is taken for 1e-7 or 1 - 1e-7, about the least distance from 1 that an f32 can have.
pub fn cutoff(threshold: f64) -> f64 {
    let threshold = threshold.clamp(1e-7, 1.0 - 1e-7);
    (threshold / (1.0 - threshold)).ln()
}

/// Reads the logits of one text, which are numbers.
pub fn read(logits: &[f32], cutoff: f64) -> Reading {
    let (mut n_predicted, mut least, mut largest) = (0, f32::INFINITY, f32::NEG_INFINITY);
    for &z in logits {
        let is_predicted = f64::from(z) > cutoff;
        n_predicted += usize::from(is_predicted);
        least = least.min(if is_predicted { z } else { f32::INFINITY });
        largest = largest.max(if is_predicted { f32::NEG_INFINITY } else { z });
    }
    let above = if n_predicted == 0 { cutoff } else { f64::from(least) };
    let below = if n_predicted == logits.len() { cutoff } else { f64::from(largest) };
    Reading { n_predicted, gap: above - below }
}

/// Reads the logits of all texts.
pub fn read_all(logits: Matrix<'_>, cutoff: f64) -> Vec<Reading> {
    let of = |text: usize| read(logits.row(text), cutoff);
    (0..logits.n_rows()).into_par_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_side_counts_as_the_cutoff() {
        let check = |logits: &[f32], n_predicted: usize, gap: f64| {
            assert_eq!(read(logits, 1.0), Reading { n_predicted, gap }, "{logits:?}");
        };
        check(&[3.0, 0.5, 1.5, -2.0], 2, 1.0); // 1.5 - 0.5
        check(&[-1.0, 0.25, 1.0], 0, 0.0); // at the cutoff is not above it
        check(&[-1.0, 0.25], 0, 0.75);
        check(&[4.0, 3.0], 2, 2.0);
        check(&[], 0, 0.0);
    }

    #[test]
    fn the_cutoff_is_finite_and_exact() {
        assert!(cutoff(0.5).abs() < 1e-15);
        assert!((cutoff(0.9) - 9.0_f64.ln()).abs() < 1e-12);
        assert!((-17.0..-16.0).contains(&cutoff(0.0)) && (16.0..17.0).contains(&cutoff(1.0)));
    }
}
