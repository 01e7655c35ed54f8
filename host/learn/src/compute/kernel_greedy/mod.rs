//! The greedy cover: rows picked one after the other, each of the largest worth given what is fixed and
//! picked before (`kernel-greedy/1`).
//!
//! The picks are those of f64 arithmetic. What looks at all pairs of rows is a matrix product in f32 on the
//! device, and gives bounds with a known error; where bounds leave a choice, distances in f64 decide, each
//! summed in one order. So neither the device nor the number of threads changes a bit of the answer, and no
//! matrix of all pairs is ever held.
//!
//! A Gaussian and a ball are the same computation with another kernel ([`cover`]); the rule of the farthest
//! row needs no more than one distance a row and pick ([`farthest`]).

mod arithmetic;
mod bounds;
mod cover;
mod device;
mod farthest;
mod gains;
mod host;
mod kernel;
mod near;
mod rows;

use alhost_model::{KernelGreedy, ToCover};
use alhost_plugin_api::services::{GreedyRule, KernelGreedyOptions};
use tch::Device;

use self::kernel::Kernel;
use self::rows::Rows;
use super::{ComputeError, MatrixView};

/// Picks `options.k` rows of `given.points`, or all of them.
pub fn kernel_greedy(
    given: &ToCover<'_>,
    options: &KernelGreedyOptions,
    device: Device,
    cancelled: &dyn Fn() -> bool,
) -> Result<KernelGreedy, ComputeError> {
    check(given, options)?;
    let points = Rows::new(given.points.into(), options.normalize);
    let fixed = Rows::new(given.fixed.into(), options.normalize);
    let near = near::squared_distances(&points, &fixed, device, cancelled)?;
    let k = options.k.min(points.len());
    let (kernel, weights) = match options.rule {
        GreedyRule::Farthest => return farthest::pick(&points, near, k, cancelled),
        GreedyRule::Gaussian { width } => {
            (Kernel::Gaussian { rate: width.powi(-2) }, given.weights)
        }
        GreedyRule::Ball { delta } => (Kernel::Ball { square: delta.powi(2) }, None),
    };
    let arithmetic = arithmetic::on(device, &points, arithmetic::unit(points.squares()))?;
    let mut found = cover::pick(&points, near, (kernel, weights), k, &*arithmetic, cancelled)?;
    let (n, m) = (points.len() as f64, fixed.len() as f64);
    match kernel {
        Kernel::Gaussian { .. } => {
            found.gains.iter_mut().for_each(|gain| *gain /= n);
            found.coverage /= n.max(1.0);
        }
        Kernel::Ball { .. } => found.coverage = (found.coverage + m) / (n + m).max(1.0),
    }
    Ok(found)
}

fn check(given: &ToCover<'_>, options: &KernelGreedyOptions) -> Result<(), ComputeError> {
    let (points, fixed) = (MatrixView::from(given.points), MatrixView::from(given.fixed));
    points.check("points")?;
    fixed.check("fixed rows")?;
    if fixed.rows > 0 && fixed.cols != points.cols {
        return Err(ComputeError::Columns {
            name: "points",
            cols: points.cols,
            others: "fixed rows",
            other_cols: fixed.cols,
        });
    }
    let is_length = |x: f64| x > 0.0 && (x * x).is_normal();
    match options.rule {
        GreedyRule::Gaussian { width } if !is_length(width) => {
            Err(ComputeError::option("width", width, "above 0, as is its square, and finite"))
        }
        GreedyRule::Ball { delta } if !is_length(delta) => {
            Err(ComputeError::option("delta", delta, "above 0, as is its square, and finite"))
        }
        rule => match given.weights {
            Some(weights) => check_weights(weights, points.rows, rule),
            None => Ok(()),
        },
    }
}

fn check_weights(weights: &[f64], n: usize, rule: GreedyRule) -> Result<(), ComputeError> {
    if !matches!(rule, GreedyRule::Gaussian { .. }) {
        return Err(ComputeError::option("weights", "given", "left out but with a Gaussian"));
    }
    if weights.len() != n {
        let expected = format!("one a point, {n}");
        return Err(ComputeError::option("number of weights", weights.len(), expected));
    }
    match weights.iter().position(|u| !(u.is_finite() && *u >= 0.0)) {
        Some(row) => {
            let which = format!("{} for row {row}", weights[row]);
            Err(ComputeError::option("weight", which, "finite and not negative"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
