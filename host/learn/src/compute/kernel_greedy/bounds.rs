//! Upper bounds on what each row would gain, from products in f32.
//!
//! A full pass over all pairs bounds the gain of every row, given how far each row was reached then. Later the
//! gain of a row is less by what it would have gained of the rows that are reached farther since:
//!
//! ```text
//! gain now = gain then - sum over changed j of u_j (clamp(K_ij, m_j then, m_j now) - m_j then)
//! ```
//!
//! So a bound is brought up to date by products with the changed rows only, and only where somebody asks.

use super::arithmetic::{Arithmetic, Changed, Shifted};
use super::kernel::Kernel;
use crate::compute::ComputeError;

pub(super) struct Bounds<'a> {
    arithmetic: &'a dyn Arithmetic,
    /// Of the rows as the arithmetic has them.
    kernel: Kernel,
    /// How much larger and how much smaller a squared distance may be than it is in f32.
    errors: (f64, f64),
    /// Weights divided by the largest one, in f32, and that one.
    weights: (Vec<f32>, f64),
    /// The reach of each row at the last full pass, and the bound of each row that followed.
    then: (Vec<f64>, Vec<f64>),
    now: Vec<f64>,
    is_fresh: Vec<bool>,
    /// Rows that are reached farther than at the last full pass.
    changed: Changed,
    /// Pairs of rows looked at since the last full pass.
    n_pairs: usize,
}

impl<'a> Bounds<'a> {
    /// Makes the first full pass; `reach` is how far each row is reached by what is fixed.
    pub(super) fn new(
        arithmetic: &'a dyn Arithmetic,
        (kernel, weights): (Kernel, Option<&[f64]>),
        errors: (f64, f64),
        reach: &[f64],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Self, ComputeError> {
        let n = reach.len();
        let mut bounds = Self {
            arithmetic,
            kernel,
            errors,
            weights: weights.map_or_else(|| (vec![1.0; n], 1.0), divided),
            then: (Vec::new(), Vec::new()),
            now: vec![f64::INFINITY; n],
            is_fresh: vec![false; n],
            changed: Changed::default(),
            n_pairs: 0,
        };
        bounds.pass(reach, cancelled)?;
        Ok(bounds)
    }

    /// The sum that a row gains is at most this.
    pub(super) fn of(&self, row: u32) -> f64 {
        self.now[row as usize]
    }

    /// Takes over what is known of a gain.
    pub(super) fn set(&mut self, row: u32, gain: f64) {
        self.now[row as usize] = gain;
    }

    /// Whether the bound is as tight as products in f32 make it.
    pub(super) fn is_fresh(&self, row: u32) -> bool {
        self.is_fresh[row as usize]
    }

    /// Takes note that some rows are reached farther than before.
    pub(super) fn reached(&mut self, reach: &[f64]) {
        let slack = self.kernel.slack();
        self.changed = Changed::default();
        for (row, (&now, &then)) in reach.iter().zip(&self.then.0).enumerate() {
            if now > then {
                // Rounded so that nothing is taken for more than it grew.
                let low = up(then + slack);
                self.changed.rows.push(row as u32);
                self.changed.low.push(low);
                self.changed.high.push(down(now + slack).max(low));
                self.changed.weights.push(self.weights.0[row]);
            }
        }
        self.is_fresh.fill(false);
    }

    /// Whether bringing so many bounds up to date would make the work since the last full pass more than
    /// another one is.
    pub(super) fn is_full_pass_due(&self, n_rows: usize) -> bool {
        let n = self.now.len();
        self.n_pairs + n_rows * self.changed.rows.len() > n * n / 2
    }

    /// Brings the bounds of some rows up to date.
    pub(super) fn refresh(&mut self, rows: &[u32]) -> Result<(), ComputeError> {
        let kernel = Shifted { kernel: self.kernel, shift: self.errors.0 };
        let sums = self.arithmetic.growth(kernel, rows, &self.changed)?;
        let share = (1.0 - self.kernel.sum_error(self.arithmetic.block())) * self.weights.1;
        for (&row, sum) in rows.iter().zip(sums) {
            // Adding 0 makes -0 and 0 the same to `total_cmp`.
            let bound = (self.then.1[row as usize] - sum * share).max(0.0) + 0.0;
            let now = &mut self.now[row as usize];
            *now = now.min(bound);
            self.is_fresh[row as usize] = true;
        }
        self.n_pairs += rows.len() * self.changed.rows.len();
        Ok(())
    }

    /// Bounds all gains anew, by a pass over all pairs of rows.
    pub(super) fn pass(
        &mut self,
        reach: &[f64],
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), ComputeError> {
        let slack = self.kernel.slack();
        let low: Vec<f32> = reach.iter().map(|m| down(m - slack)).collect();
        let kernel = Shifted { kernel: self.kernel, shift: -self.errors.1 };
        let sums = self.arithmetic.gains(kernel, &low, &self.weights.0, cancelled)?;
        let share = (1.0 + self.kernel.sum_error(self.arithmetic.block())) * self.weights.1;
        let bounds: Vec<f64> = sums.into_iter().map(|sum| sum * share).collect();
        self.now.iter_mut().zip(&bounds).for_each(|(now, bound)| *now = now.min(*bound));
        self.then = (reach.to_vec(), bounds);
        self.is_fresh.fill(true);
        self.changed = Changed::default();
        self.n_pairs = 0;
        Ok(())
    }
}

fn divided(weights: &[f64]) -> (Vec<f32>, f64) {
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let divisor = if largest > 0.0 { largest } else { 1.0 };
    (weights.iter().map(|u| (u / divisor) as f32).collect(), largest)
}

/// The largest f32 that is not above `x`.
fn down(x: f64) -> f32 {
    let rounded = x as f32;
    if f64::from(rounded) > x { rounded.next_down() } else { rounded }
}

/// The least f32 that is not below `x`.
fn up(x: f64) -> f32 {
    -down(-x)
}
