//! The rule of the farthest row: greedy k-centre (Gonzalez 1985).

use alhost_model::KernelGreedy;
use rayon::prelude::*;

use super::rows::Rows;
use crate::compute::ComputeError;
use crate::compute::distance::BLOCK;

/// Picks `k` rows; `near` is the squared distance of each row to the nearest fixed one, infinite if there is
/// none.
pub(super) fn pick(
    rows: &Rows<'_>,
    mut near: Vec<f64>,
    k: usize,
    cancelled: &dyn Fn() -> bool,
) -> Result<KernelGreedy, ComputeError> {
    let (mut picks, mut gains) = (Vec::with_capacity(k), Vec::with_capacity(k));
    let mut is_picked = vec![false; rows.len()];
    while picks.len() < k {
        if cancelled() {
            return Err(ComputeError::Cancelled);
        }
        let (pick, gain) = if near[0].is_infinite() {
            nearest_to_mean(rows)
        } else {
            let free = (0..rows.len()).filter(|&row| !is_picked[row]);
            let pick = first_of_largest(free.map(|row| (row, near[row])));
            (pick, near[pick])
        };
        picks.push(pick as u32);
        gains.push(gain);
        is_picked[pick] = true;
        near.par_iter_mut().enumerate().with_min_len(BLOCK).for_each(|(row, near)| {
            *near = near.min(rows.squared_distance(row, rows, pick));
        });
    }
    let coverage = near.iter().copied().fold(0.0, f64::max);
    Ok(KernelGreedy { picks, gains, coverage })
}

/// The row nearest to the mean of all, and its squared distance. The mean of two rows lies halfway, and rounding
/// would choose between them: what differs by 1e-9 of the largest square is equal.
fn nearest_to_mean(rows: &Rows<'_>) -> (usize, f64) {
    let squares = rows.squared_distances_to_mean();
    let least = squares.iter().copied().fold(f64::INFINITY, f64::min);
    let limit = least + 1e-9 * rows.squares().iter().copied().fold(0.0, f64::max);
    let first = squares.iter().position(|&square| square <= limit);
    let first = first.expect("there is a row to pick");
    (first, squares[first])
}

fn first_of_largest(values: impl Iterator<Item = (usize, f64)>) -> usize {
    let best = values.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.expect("fewer are picked than there are rows").0
}
