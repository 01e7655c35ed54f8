//! Multinomial logistic regression with a penalty on the weights, by Newton's method.
//!
//! ```text
//! minimise  C * sum over texts of -log P(class of the text) + |W|^2 / 2,    P = softmax(W x + b)
//! ```
//!
//! The intercepts b are not penalised. The problem is convex and the penalty makes its solution unique (but for a
//! constant on all b, which changes no probability), so it does not matter how it is found. Each step of Newton's
//! method is itself a system of linear equations, as large as classes x inputs; conjugate gradients solve it without
//! the matrix, from products of it with vectors.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayViewMut1, Axis, Slice, Zip};
use rayon::prelude::*;

/// Texts of a partial sum. Partial sums are added in order, so that threads do not change the result.
const BLOCK: usize = 256;
/// Steps after which the solution is taken as it is; far more than were ever needed.
const MAX_STEPS: usize = 200;
/// Products with the matrix in a step; where they do not suffice, another step follows.
const MAX_PRODUCTS: usize = 200;
/// A step that is shorter, measured by the curvature, is the last: its successor would change probabilities by less
/// than 1e-10.
const SHORT: f64 = 1e-7;

pub struct Regression {
    /// `[texts, inputs + 1]`: inputs minus their means, which leaves less for the intercepts to do, and a 1.
    x: Array2<f64>,
    means: Array1<f64>,
    /// Mean square of each column of `x`.
    squares: Array1<f64>,
    class_of_text: Vec<usize>,
    c: f64,
    /// `[classes, inputs + 1]`, the intercepts last.
    weights: Array2<f64>,
    point: Point,
    first_gradient: f64,
    n_steps: usize,
}

/// What is known of the objective at some weights.
struct Point {
    value: f64,
    gradient: Array2<f64>,
    /// `[texts, classes]`, block by block.
    probabilities: Vec<Array2<f64>>,
}

/// Weights and intercepts that were found.
pub struct Solution {
    /// `[classes, inputs]`
    weights: Array2<f64>,
    intercepts: Array1<f64>,
}

impl Regression {
    /// Begins with the frequencies of the classes, of which there are at least two, each with a text.
    pub fn new(inputs: Array2<f64>, class_of_text: Vec<usize>, c: f64) -> Self {
        let n_classes = class_of_text.iter().max().map_or(0, |last| last + 1);
        let n_inputs = inputs.ncols();
        let means = inputs.mean_axis(Axis(0)).expect("there are texts");
        let mut x = Array2::ones((inputs.nrows(), n_inputs + 1));
        x.slice_axis_mut(Axis(1), Slice::from(..n_inputs)).assign(&(inputs - &means));
        let squares = x.mapv(|value| value * value).mean_axis(Axis(0)).expect("there are texts");
        let mut weights = Array2::zeros((n_classes, n_inputs + 1));
        for &class in &class_of_text {
            weights[[class, n_inputs]] += 1.0;
        }
        weights.column_mut(n_inputs).mapv_inplace(f64::ln);
        let point =
            Point { value: 0.0, gradient: Array2::zeros((0, 0)), probabilities: Vec::new() };
        let mut regression = Self {
            x,
            means,
            squares,
            class_of_text,
            c,
            weights,
            point,
            first_gradient: 0.0,
            n_steps: 0,
        };
        regression.point = regression.look(&regression.weights);
        regression.first_gradient = norm(&regression.point.gradient);
        regression
    }

    /// Takes a step of Newton's method. Whether the solution is reached.
    pub fn step(&mut self) -> bool {
        let direction = self.direction();
        let squared_length = -product(&direction, &self.point.gradient);
        let mut size = 1.0;
        loop {
            let weights = &self.weights + &(&direction * size);
            let point = self.look(&weights);
            // Near the solution the objective differs by less than its rounding.
            let tolerance = 1e-12 * self.point.value.abs();
            if point.value <= self.point.value + tolerance || size < 1e-9 {
                (self.weights, self.point) = (weights, point);
                break;
            }
            size /= 2.0;
        }
        self.n_steps += 1;
        squared_length <= SHORT * SHORT || self.n_steps == MAX_STEPS
    }

    /// The weights of the last step, for inputs as they are.
    pub fn solution(&self) -> Solution {
        let n_inputs = self.means.len();
        let weights = self.weights.slice_axis(Axis(1), Slice::from(..n_inputs)).to_owned();
        let intercepts = &self.weights.column(n_inputs) - &weights.dot(&self.means);
        Solution { weights, intercepts }
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        let n_texts = self.x.nrows();
        let block = |first| first..n_texts.min(first + BLOCK);
        (0..n_texts).step_by(BLOCK).map(block).collect()
    }

    /// The objective, its gradient, and the probabilities that both come from.
    fn look(&self, weights: &Array2<f64>) -> Point {
        let parts: Vec<Point> =
            self.blocks().into_par_iter().map(|texts| self.look_at(texts, weights)).collect();
        let mut gradient = penalised(weights);
        let (mut value, mut probabilities) = (product(&gradient, weights) / 2.0, Vec::new());
        for part in parts {
            value += self.c * part.value;
            gradient.scaled_add(self.c, &part.gradient);
            probabilities.extend(part.probabilities);
        }
        Point { value, gradient, probabilities }
    }

    /// The part that some texts have in the objective, without C.
    fn look_at(&self, texts: Range<usize>, weights: &Array2<f64>) -> Point {
        let x = self.x.slice_axis(Axis(0), Slice::from(texts.clone()));
        let classes = &self.class_of_text[texts];
        let mut probabilities = x.dot(&weights.t());
        let mut value = 0.0;
        for (mut row, &class) in probabilities.rows_mut().into_iter().zip(classes) {
            let score = row[class];
            value += softmax(&mut row) - score;
        }
        let mut residuals = probabilities.clone();
        for (mut row, &class) in residuals.rows_mut().into_iter().zip(classes) {
            row[class] -= 1.0;
        }
        Point { value, gradient: residuals.t().dot(&x), probabilities: vec![probabilities] }
    }

    /// The matrix of second derivatives at the present point, times a vector.
    fn curvature(&self, vector: &Array2<f64>) -> Array2<f64> {
        let blocks: Vec<(Range<usize>, &Array2<f64>)> =
            self.blocks().into_iter().zip(&self.point.probabilities).collect();
        let parts: Vec<Array2<f64>> = blocks
            .into_par_iter()
            .map(|(texts, probabilities)| {
                let x = self.x.slice_axis(Axis(0), Slice::from(texts));
                let mut moved = x.dot(&vector.t());
                moved *= probabilities;
                for (mut row, p) in moved.rows_mut().into_iter().zip(probabilities.rows()) {
                    row.scaled_add(-row.sum(), &p);
                }
                moved.t().dot(&x)
            })
            .collect();
        let mut result = penalised(vector);
        for part in parts {
            result.scaled_add(self.c, &part);
        }
        result
    }

    /// Where Newton's method goes: the solution of curvature x direction = -gradient, by conjugate gradients. The
    /// nearer the goal, the more exactly.
    fn direction(&self) -> Array2<f64> {
        let scales = self.scales();
        let gradient = norm(&self.point.gradient);
        let exactness = (gradient / self.first_gradient.max(1e-300)).sqrt().min(0.1);
        let mut direction = Array2::zeros(self.weights.raw_dim());
        let mut residual = -&self.point.gradient;
        let mut scaled = &residual / &scales;
        let mut search = scaled.clone();
        let mut fall = product(&residual, &scaled);
        for _ in 0..MAX_PRODUCTS {
            let bent = self.curvature(&search);
            let curvature = product(&search, &bent);
            if curvature <= 0.0 {
                break;
            }
            direction.scaled_add(fall / curvature, &search);
            residual.scaled_add(-fall / curvature, &bent);
            if norm(&residual) <= exactness * gradient {
                break;
            }
            scaled = &residual / &scales;
            let next = product(&residual, &scaled);
            search *= next / fall;
            search += &scaled;
            fall = next;
        }
        direction
    }

    /// About the diagonal of the matrix of second derivatives: what makes all weights alike to conjugate gradients.
    fn scales(&self) -> Array2<f64> {
        let mut spreads = Array1::<f64>::zeros(self.weights.nrows());
        for block in &self.point.probabilities {
            spreads += &block.mapv(|p| p * (1.0 - p)).sum_axis(Axis(0));
        }
        let mut scales = Array2::ones(self.weights.raw_dim());
        scales.column_mut(self.means.len()).fill(1e-9);
        for (mut row, spread) in scales.rows_mut().into_iter().zip(spreads) {
            row.scaled_add(self.c * spread, &self.squares);
        }
        scales
    }
}

impl Solution {
    /// The probability of each class. [texts, classes]
    pub fn probabilities(&self, inputs: &Array2<f64>) -> Array2<f64> {
        let mut scores = inputs.dot(&self.weights.t()) + &self.intercepts;
        for mut row in scores.rows_mut() {
            softmax(&mut row);
        }
        scores
    }
}

/// Makes probabilities of scores. Returns the logarithm of the sum of their exponentials.
fn softmax(scores: &mut ArrayViewMut1<'_, f64>) -> f64 {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.mapv_inplace(|score| (score - largest).exp());
    let sum = scores.sum();
    *scores /= sum;
    largest + sum.ln()
}

/// The weights with 0 for the intercepts, which have no penalty.
fn penalised(weights: &Array2<f64>) -> Array2<f64> {
    let mut penalised = weights.clone();
    penalised.column_mut(weights.ncols() - 1).fill(0.0);
    penalised
}

fn product(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, x, y| sum + x * y)
}

fn norm(a: &Array2<f64>) -> f64 {
    product(a, a).sqrt()
}
