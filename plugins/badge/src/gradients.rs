//! Gradients of the last layer, one a text, as they would be if its predicted labels were right.
//!
//! ```text
//! e(i) = p(i) - predicted(i)      [labels]
//! g(i) = e(i) x h(i)              [labels, width], as many numbers as the layer has weights: never built
//! ```
//!
//! Lengths and products of Kronecker products are products of lengths and of products.

use alhost_plugin_api::features::Matrix;
use alhost_plugin_kit::rows::dot;
use rayon::prelude::*;

/// Rows that one task goes through: enough to be worth a task.
const ROWS: usize = 256;

/// Squared distances below this, times both squared lengths, count as 0, so that copies are copies.
const SAME: f64 = 1e-12;

/// The gradients of all texts.
pub struct Gradients<'a> {
    probabilities: Matrix<'a>,
    features: Matrix<'a>,
    threshold: f64,
    /// |g|² = |e|² |h|² of each text.
    squares: Vec<f64>,
}

impl<'a> Gradients<'a> {
    /// Looks at each row once. A label is predicted where its probability is above the threshold.
    pub fn new(probabilities: Matrix<'a>, features: Matrix<'a>, threshold: f64) -> Self {
        let mut gradients = Self { probabilities, features, threshold, squares: Vec::new() };
        let square = |text: usize| {
            let (e, h) = (gradients.residuals(text), features.row(text));
            gradients.residual_product(text, &e) * dot(h, h)
        };
        let texts = (0..probabilities.n_rows()).into_par_iter().with_min_len(ROWS);
        gradients.squares = texts.map(square).collect();
        gradients
    }

    /// |g|² of each text.
    pub fn squares(&self) -> &[f64] {
        &self.squares
    }

    /// Lowers each text's `nearest` to its squared distance from `pick`, where that is less.
    pub fn lower(&self, nearest: &mut [f64], pick: usize) {
        let (e, h) = (self.residuals(pick), self.features.row(pick));
        nearest.par_iter_mut().enumerate().with_min_len(ROWS).for_each(|(text, nearest)| {
            let product = self.residual_product(text, &e) * dot(self.features.row(text), h);
            let lengths = self.squares[text] + self.squares[pick];
            let square = lengths - 2.0 * product;
            *nearest = nearest.min(if square < SAME * lengths { 0.0 } else { square });
        });
    }

    /// e of a text.
    fn residuals(&self, text: usize) -> Vec<f64> {
        let row = self.probabilities.row(text).iter();
        row.map(|&p| residual(p, self.threshold)).collect()
    }

    /// Product of a text's e with another one, in a fixed order.
    fn residual_product(&self, text: usize, other: &[f64]) -> f64 {
        // Four sums side by side, which a compiler makes into one of four lanes.
        const LANES: usize = 4;
        let (row, mut sums) = (self.probabilities.row(text).as_chunks::<LANES>(), [0.0; LANES]);
        let other = other.as_chunks::<LANES>();
        for (p, other) in row.0.iter().zip(other.0) {
            for lane in 0..LANES {
                sums[lane] += residual(p[lane], self.threshold) * other[lane];
            }
        }
        let rest = row.1.iter().zip(other.1);
        let rest: f64 = rest.map(|(&p, other)| residual(p, self.threshold) * other).sum();
        (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
    }
}

/// p less 1 where the label is predicted.
fn residual(p: f32, threshold: f64) -> f64 {
    let p = f64::from(p);
    p - if p > threshold { 1.0 } else { 0.0 }
}
