//! k-means++: rows that lie far from each other, as the first centres.

use super::Arithmetic;
use crate::compute::{ComputeError, MatrixView};

/// Picks `k` distinct rows. The first is floor(u · rows); each further one is drawn with
/// probability proportional to its squared distance D² to the nearest pick: the first row at which
/// the cumulative D² exceeds u times their sum.
///
/// When every row equals a pick, the rows of lowest index that are not picked follow.
pub(super) fn plus_plus(
    points: MatrixView<'_>,
    k: usize,
    arithmetic: &dyn Arithmetic,
    uniforms: &mut dyn FnMut() -> f64,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<u32>, ComputeError> {
    let mut picks = Vec::with_capacity(k);
    let mut is_picked = vec![false; points.rows];
    let mut nearest = vec![f64::INFINITY; points.rows];
    while picks.len() < k {
        if cancelled() {
            return Err(ComputeError::Cancelled);
        }
        let u = uniforms();
        let pick = if picks.is_empty() {
            ((u * points.rows as f64) as usize).min(points.rows - 1)
        } else {
            draw(&nearest, u)
                .or_else(|| is_picked.iter().position(|&picked| !picked))
                .expect("there are at most as many picks as rows")
        };
        picks.push(pick as u32);
        is_picked[pick] = true;
        if picks.len() < k {
            let distances = arithmetic.distances_to_row(pick)?;
            for (nearest, distance) in nearest.iter_mut().zip(distances) {
                *nearest = nearest.min(distance);
            }
        }
    }
    Ok(picks)
}

/// The first index at which the cumulative weight exceeds `u` times the total; `None` when all
/// weights are zero.
fn draw(weights: &[f64], u: f64) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    let mut cumulative = 0.0;
    let mut last = None;
    for (index, &weight) in weights.iter().enumerate().filter(|&(_, &weight)| weight > 0.0) {
        cumulative += weight;
        last = Some(index);
        if cumulative > u * total {
            break;
        }
    }
    last
}
