//! The service `kernel-greedy/1`, every worth anew at every pick: O(k n²), written to be read.

use serde_json::Value;

use super::arena::Owned;
use crate::features::Matrix;
use crate::services::{GreedyRule, KernelGreedyOptions};
use crate::{Error, Result};

/// All that a worth depends on.
struct State {
    /// The rows, divided by their lengths where that is asked for.
    rows: Vec<Vec<f64>>,
    weights: Vec<f64>,
    /// Squared distance of each row to the nearest fixed row or pick; infinite where there is none.
    near: Vec<f64>,
    rule: GreedyRule,
}

pub(super) fn answer(
    points: &Matrix<'_>,
    fixed: &Matrix<'_>,
    weights: Option<&[f64]>,
    options: Value,
) -> Result<Owned> {
    let options: KernelGreedyOptions =
        serde_json::from_value(options).map_err(|e| Error::new(e.to_string()))?;
    let KernelGreedyOptions { k, rule, normalize } = options;
    if points.rows().chain(fixed.rows()).flatten().any(|x| !x.is_finite()) {
        return Err(Error::new("NaN and infinity have no distance to anything"));
    }
    let fixed: Vec<Vec<f64>> = fixed.rows().map(|row| prepared(row, normalize)).collect();
    let rows: Vec<Vec<f64>> = points.rows().map(|row| prepared(row, normalize)).collect();
    let least = |row: &Vec<f64>| {
        fixed.iter().map(|other| squared_distance(row, other)).fold(f64::INFINITY, f64::min)
    };
    let near = rows.iter().map(least).collect();
    let weights = weights.map_or_else(|| vec![1.0; rows.len()], <[f64]>::to_vec);
    let mut state = State { rows, weights, near, rule };
    let (picks, mut gains) = state.pick(k);
    gains.push(state.coverage(fixed.len()));
    Ok(Owned { rows: picks.len(), cols: 1, u32s: picks, f64s: gains, ..Owned::default() })
}

fn prepared(row: &[f32], normalize: bool) -> Vec<f64> {
    let row: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
    let scale = if normalize { length.max(1e-12) } else { 1.0 };
    row.iter().map(|x| x / scale).collect()
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum();
    if square < 1e-12 { 0.0 } else { square }
}

impl State {
    fn pick(&mut self, k: usize) -> (Vec<u32>, Vec<f64>) {
        let (mut picks, mut gains) = (Vec::new(), Vec::new());
        while picks.len() < k.min(self.rows.len()) {
            let free = (0..self.rows.len()).filter(|&row| !picks.contains(&(row as u32)));
            let worths: Vec<(f64, usize)> = free.map(|row| (self.worth(row), row)).collect();
            let largest = worths.iter().map(|worth| worth.0).fold(f64::NEG_INFINITY, f64::max);
            let first = worths.into_iter().find(|worth| worth.0 >= largest - self.tie());
            let (gain, row) = first.expect("fewer are picked than there are rows");
            picks.push(row as u32);
            // Of the row nearest to the mean, minus the distance is the worth.
            gains.push(gain.abs());
            for j in 0..self.rows.len() {
                self.near[j] = self.near[j].min(self.distance(row, j));
            }
        }
        (picks, gains)
    }

    fn worth(&self, row: usize) -> f64 {
        let sum: f64 = (0..self.rows.len())
            .map(|j| {
                let more = self.kernel(self.distance(row, j)) - self.kernel(self.near[j]);
                self.weights[j] * more.max(0.0)
            })
            .sum();
        match self.rule {
            GreedyRule::Gaussian { .. } => sum / self.rows.len() as f64,
            GreedyRule::Ball { .. } => sum,
            GreedyRule::Farthest if self.near[row] < f64::INFINITY => self.near[row],
            GreedyRule::Farthest => -squared_distance(&self.rows[row], &self.mean()),
        }
    }

    /// By how much worths may differ that count as equal.
    fn tie(&self) -> f64 {
        let square = |row: &Vec<f64>| row.iter().map(|x| x * x).sum();
        match self.rule {
            GreedyRule::Farthest if self.near[0].is_infinite() => {
                1e-9 * self.rows.iter().map(square).fold(0.0, f64::max)
            }
            _ => 0.0,
        }
    }

    fn kernel(&self, square: f64) -> f64 {
        match self.rule {
            GreedyRule::Gaussian { width } => (-square / width.powi(2)).exp(),
            GreedyRule::Ball { delta } => f64::from(u8::from(square < delta.powi(2))),
            GreedyRule::Farthest => 0.0,
        }
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        squared_distance(&self.rows[a], &self.rows[b])
    }

    fn mean(&self) -> Vec<f64> {
        let n = self.rows.len() as f64;
        let column = |c: usize| self.rows.iter().map(|row| row[c]).sum::<f64>() / n;
        (0..self.rows[0].len()).map(column).collect()
    }

    fn coverage(&self, n_fixed: usize) -> f64 {
        let n = self.rows.len();
        let reach = self.near.iter().zip(&self.weights).map(|(&near, u)| u * self.kernel(near));
        match self.rule {
            GreedyRule::Gaussian { .. } => reach.sum::<f64>() / n.max(1) as f64,
            GreedyRule::Ball { .. } => {
                (reach.sum::<f64>() + n_fixed as f64) / (n + n_fixed).max(1) as f64
            }
            GreedyRule::Farthest => self.near.iter().copied().fold(0.0, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Rows on a line.
    fn check(
        (points, fixed): (&[f32], &[f32]),
        rule: &Value,
        picks: &[u32],
        gains: &[f64],
        coverage: f64,
    ) {
        let options = json!({ "k": picks.len(), "rule": rule, "normalize": false });
        let (points, fixed) =
            (Matrix::new(points, points.len(), 1), Matrix::new(fixed, fixed.len(), 1));
        let found = answer(&points, &fixed, None, options).unwrap();
        assert_eq!(found.u32s, picks, "{rule}");
        let expected = gains.iter().chain([&coverage]);
        for (got, expected) in found.f64s.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{rule}: {:?}", found.f64s);
        }
    }

    #[test]
    fn rows_on_a_line_are_picked_as_by_hand() {
        let rows: (&[f32], &[f32]) = (&[0.0, 1.0, 2.0, 6.0], &[7.0]);
        let farthest = json!("farthest");
        check(rows, &farthest, &[0, 2], &[49.0, 4.0], 1.0);
        check((rows.0, &[]), &farthest, &[2, 3, 0], &[0.0625, 16.0, 4.0], 1.0);
        // The balls of 0 and 2 hold the row between them; that of 7 holds 6.
        let ball = json!({ "ball": { "delta": 1.5 } });
        check(rows, &ball, &[1, 0, 2, 3], &[3.0, 0.0, 0.0, 0.0], 1.0);
        check((rows.0, &[]), &ball, &[1], &[3.0], 0.75);
        // K is e^-1 one step away and e^-25 five.
        let gaussian = json!({ "gaussian": { "width": 1.0 } });
        let e = |x: f64| (-x).exp();
        let first = (1.0 + 2.0 * e(1.0) + e(25.0)) / 4.0;
        let second = (1.0 - e(25.0)) / 4.0;
        check((&[0.0, 1.0, 2.0, 6.0], &[]), &gaussian, &[1, 3], &[first, second], first + second);
    }

    #[test]
    fn a_width_of_another_name_is_told() {
        let options =
            json!({ "k": 1, "rule": { "gaussian": { "length": 1.0 } }, "normalize": true });
        let points = Matrix::new(&[1.0], 1, 1);
        assert!(answer(&points, &points, None, options).unwrap_err().message().contains("width"));
    }
}
