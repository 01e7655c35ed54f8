//! How much the probabilities of labeled texts differ from those of an unlabeled one.
//!
//! ```text
//! KL(r || p) = sum over labels of r ln(r / p) + (1 - r) ln((1 - r) / (1 - p))     in nats
//!            = cross(r, r) - cross(r, p)
//! cross(r, p) = sum over labels of r ln p + (1 - r) ln(1 - p)
//!             = r . ln(p / (1 - p)) + sum over labels of ln(1 - p)
//! ```
//!
//! So there are two logarithms a label and text, however many neighbours it has. A text is exactly 0 from one of
//! equal probabilities, since both terms are then computed alike.

use alhost_plugin_api::features::Matrix;
use rayon::prelude::*;

/// Probabilities are kept this far from 0 and 1, so that there is no infinite ratio.
const MARGIN: f64 = 1e-7;

/// The labeled texts.
pub struct Divergence<'a> {
    labeled: Matrix<'a>,
    /// cross(r, r) of each.
    certainties: Vec<f64>,
}

impl<'a> Divergence<'a> {
    /// Takes the probabilities of the labeled texts.
    pub fn new(labeled: Matrix<'a>) -> Self {
        let certainty = |text: usize| {
            let row = labeled.row(text);
            Logarithms::new(row).cross(row)
        };
        let certainties = (0..labeled.n_rows()).into_par_iter().map(certainty).collect();
        Self { labeled, certainties }
    }

    /// The mean of KL(neighbour || text); 0 where there is no neighbour.
    pub fn mean_from(&self, probabilities: &[f32], neighbors: &[u32]) -> f64 {
        let logarithms = Logarithms::new(probabilities);
        let from = |&neighbor: &u32| {
            let row = self.labeled.row(neighbor as usize);
            self.certainties[neighbor as usize] - logarithms.cross(row)
        };
        neighbors.iter().map(from).sum::<f64>() / neighbors.len().max(1) as f64
    }
}

/// What cross(r, p) needs of p.
struct Logarithms {
    /// ln(p / (1 - p)) of each label.
    odds: Vec<f64>,
    /// Sum of ln(1 - p).
    absent: f64,
}

impl Logarithms {
    fn new(probabilities: &[f32]) -> Self {
        let mut absent = 0.0;
        let odds = probabilities.iter().map(|&p| {
            let p = clipped(p);
            let none = (1.0 - p).ln();
            absent += none;
            p.ln() - none
        });
        Self { odds: odds.collect(), absent }
    }

    /// cross(r, p), in a fixed order.
    fn cross(&self, row: &[f32]) -> f64 {
        // Four sums side by side, which a compiler makes into one of four lanes.
        const LANES: usize = 4;
        let (row, odds) = (row.as_chunks::<LANES>(), self.odds.as_chunks::<LANES>());
        let mut sums = [0.0; LANES];
        for (r, odds) in row.0.iter().zip(odds.0) {
            for lane in 0..LANES {
                sums[lane] += clipped(r[lane]) * odds[lane];
            }
        }
        let rest: f64 = row.1.iter().zip(odds.1).map(|(&r, odds)| clipped(r) * odds).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest + self.absent
    }
}

fn clipped(p: f32) -> f64 {
    f64::from(p).clamp(MARGIN, 1.0 - MARGIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(labeled: &[f32], probabilities: &[f32], expected: f64) {
        let n_labels = probabilities.len();
        let n = labeled.len() / n_labels;
        let neighbors: Vec<u32> = (0..n as u32).collect();
        let divergence = Divergence::new(Matrix::new(labeled, n, n_labels));
        let got = divergence.mean_from(probabilities, &neighbors);
        let is_close = (got - expected).abs() <= 1e-12 * expected.max(1.0);
        assert!(is_close, "{got}, expected {expected}");
    }

    #[test]
    fn neighbours_come_first() {
        // KL(0.25 || 0.5) = 0.25 ln 0.5 + 0.75 ln 1.5 = 0.130812...
        check(&[0.25], &[0.5], 0.25 * 0.5_f64.ln() + 0.75 * 1.5_f64.ln());
        check(&[0.5], &[0.25], 0.5 * 2.0_f64.ln() + 0.5 * (2.0_f64 / 3.0).ln());
        check(&[], &[0.5], 0.0);
    }

    #[test]
    fn a_certain_text_is_far_from_a_doubtful_one_and_no_farther() {
        let (p, r) = (1.0 - 1e-7_f64, 0.5_f64);
        check(&[0.5], &[1.0], r * (r / p).ln() + r * (r / (1.0 - p)).ln());
        check(&[1.0, 0.0], &[1.0, 0.0], 0.0);
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_definition(
            rows in prop::collection::vec((0.0_f32..=1.0, 0.0_f32..=1.0), 1..40),
        ) {
            let (r, p): (Vec<f32>, Vec<f32>) = rows.iter().copied().unzip();
            let part = |&(r, p): &(f32, f32)| {
                let (r, p) = (clipped(r), clipped(p));
                r * (r / p).ln() + (1.0 - r) * ((1.0 - r) / (1.0 - p)).ln()
            };
            check(&r, &p, rows.iter().map(part).sum());
        }

        #[test]
        fn a_text_is_exactly_0_from_its_like(row in prop::collection::vec(0.0_f32..=1.0, 1..40)) {
            let divergence = Divergence::new(Matrix::new(&row, 1, row.len()));
            prop_assert_eq!(divergence.mean_from(&row, &[0, 0, 0]).to_bits(), 0.0_f64.to_bits());
        }
    }
}
