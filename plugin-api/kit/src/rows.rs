//! Rows of f32 as vectors of length 1, with products and distances in f64, without a copy.

use std::collections::HashSet;

use alhost_plugin_api::prelude::*;
use rayon::prelude::*;

/// Squared distances below this count as 0, so that copies of a text are copies.
pub const SAME: f64 = 1e-12;

/// The rows of a matrix, seen as if each were divided by its length; rows of zeros stay zero.
#[derive(Clone, Debug)]
pub struct UnitRows<'a> {
    rows: Matrix<'a>,
    /// 1 / max(length, 1e-12) of each row.
    scales: Vec<f64>,
    /// Squared lengths once divided: 1, or 0 for a row of zeros.
    squares: Vec<f64>,
}

impl<'a> UnitRows<'a> {
    /// Looks at each row once.
    pub fn new(rows: Matrix<'a>) -> Self {
        let lengths = |row: usize| dot(rows.row(row), rows.row(row)).sqrt();
        let lengths: Vec<f64> = (0..rows.n_rows()).into_par_iter().map(lengths).collect();
        let scales: Vec<f64> = lengths.iter().map(|length| 1.0 / length.max(1e-12)).collect();
        let squares = lengths.iter().zip(&scales).map(|(l, s)| (l * s) * (l * s)).collect();
        Self { rows, scales, squares }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.n_rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.rows.n_cols()
    }

    /// One row, divided by its length.
    pub fn row(&self, row: usize) -> Vec<f64> {
        self.rows.row(row).iter().map(|&x| f64::from(x) * self.scales[row]).collect()
    }

    /// All rows, divided by their lengths and rounded to f32, row by row: for the host's services.
    pub fn to_f32(&self) -> Vec<f32> {
        (0..self.len()).flat_map(|row| self.row(row).into_iter().map(|x| x as f32)).collect()
    }

    /// Product of a row with a row of another matrix (or of this one); the same bits the other way round.
    pub fn product(&self, row: usize, other: &UnitRows<'_>, of: usize) -> f64 {
        dot(self.rows.row(row), other.rows.row(of)) * (self.scales[row] * other.scales[of])
    }

    /// Squared distance of a row from a row of another matrix (or of this one).
    pub fn squared_distance(&self, row: usize, other: &UnitRows<'_>, of: usize) -> f64 {
        let product = self.product(row, other, of);
        let square = self.squares[row] + other.squares[of] - 2.0 * product;
        if square < SAME { 0.0 } else { square }
    }

    /// For each centre in order, the row at the least squared distance that no centre before has taken;
    /// distances that differ by less than 1e-9 are ties, which go to the lower row. There must be as many
    /// rows as centres.
    pub fn nearest_unused<'c>(&self, centers: impl IntoIterator<Item = &'c [f64]>) -> Vec<u32> {
        let mut taken = HashSet::new();
        let mut picks = Vec::new();
        for center in centers {
            let square = |row: usize| {
                let parts = self.rows.row(row).iter().zip(center);
                parts.map(|(&x, c)| (f64::from(x) * self.scales[row] - c).powi(2)).sum::<f64>()
            };
            let squares: Vec<f64> = (0..self.len()).into_par_iter().map(square).collect();
            let mut best: Option<(f64, u32)> = None;
            for (row, &square) in (0_u32..).zip(&squares) {
                let is_free = !taken.contains(&row);
                if is_free && best.is_none_or(|(least, _)| square < least - 1e-9) {
                    best = Some((square, row));
                }
            }
            if let Some((_, row)) = best {
                taken.insert(row);
                picks.push(row);
            }
        }
        picks
    }
}

/// Sum of products in f64, in an order that does not depend on threads.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    // Four sums side by side, which a compiler makes into one of four lanes.
    let mut sums = [0.0; 4];
    let (whole, rest) = (a.chunks_exact(4), a.chunks_exact(4).remainder());
    let (other, other_rest) = (b.chunks_exact(4), b.chunks_exact(4).remainder());
    for (x, y) in whole.zip(other) {
        for lane in 0..4 {
            sums[lane] += f64::from(x[lane]) * f64::from(y[lane]);
        }
    }
    let rest: f64 = rest.iter().zip(other_rest).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// Refuses numbers that are not finite; `what` is what the message calls them, and `ids` are the texts.
pub fn check_finite(matrix: Matrix<'_>, what: &str, ids: &[DocId]) -> Result<()> {
    // Without a way out before the end of a row, which keeps a compiler from looking at several at once.
    let is_bad = |row: &usize| !matrix.row(*row).iter().fold(true, |ok, x| ok & x.is_finite());
    // By the calling thread: should the host have lent less than it says, the panic says where only there.
    match (0..matrix.n_rows()).find(is_bad) {
        Some(row) => Err(Error::new(format!(
            "{what} of text {} are not all finite numbers\n\
             hint: the training has diverged; try a lower learning rate",
            ids[row].0
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn lengths_are_one_and_zero_stays_zero() {
        let data = [3.0, 4.0, 0.0, 0.0, 6.0, 8.0];
        let rows = UnitRows::new(Matrix::new(&data, 3, 2));
        assert!(close(rows.row(0)[0], 0.6) && close(rows.row(0)[1], 0.8));
        assert!(close(rows.squared_distance(0, &rows, 1), 1.0), "zero is as far from all");
        assert!(close(rows.squared_distance(0, &rows, 2), 0.0), "copies but for length");
        assert!(close(rows.squared_distance(1, &rows, 1), 0.0));
        assert!(close(rows.product(0, &rows, 2), 1.0));
        assert_eq!(rows.to_f32(), [0.6, 0.8, 0.0, 0.0, 0.6, 0.8]);
    }

    /// So that two texts that are each other's nearest are equally near.
    #[test]
    fn a_distance_is_the_same_the_other_way_round() {
        let data: Vec<f32> = (0..40).map(|i| (i as f32 * 1.7).sin()).collect();
        let rows = UnitRows::new(Matrix::new(&data, 8, 5));
        for (a, b) in (0..8).flat_map(|a| (0..8).map(move |b| (a, b))) {
            let there = rows.squared_distance(a, &rows, b);
            assert_eq!(there.to_bits(), rows.squared_distance(b, &rows, a).to_bits());
        }
    }

    #[test]
    fn products_of_any_length() {
        for n in 0..13 {
            let a: Vec<f32> = (0..n).map(|i| i as f32 + 0.5).collect();
            let b: Vec<f32> = (0..n).map(|i| 2.0 - i as f32).collect();
            let expected: f64 = a.iter().zip(&b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            assert!(close(dot(&a, &b), expected), "{n}");
        }
    }

    /// Directions of 0, 45 and 90 degrees; the first two centres share their nearest row.
    #[test]
    fn a_row_is_taken_once() {
        let data = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0];
        let rows = UnitRows::new(Matrix::new(&data, 3, 2));
        let centers: [&[f64]; 3] = [&[0.9, 0.1], &[0.95, 0.0], &[1.0, 0.0]];
        assert_eq!(rows.nearest_unused(centers), [0, 1, 2]);
    }

    #[test]
    fn numbers_that_are_none_are_told() {
        let data = [1.0, 0.0, f32::NAN, 1.0];
        let matrix = Matrix::new(&data, 2, 2);
        let error = check_finite(matrix, "features", &[DocId(4), DocId(7)]).unwrap_err();
        assert!(error.message().starts_with("features of text 7 are not"), "{error}");
        assert!(check_finite(Matrix::new(&data[..2], 1, 2), "features", &[DocId(4)]).is_ok());
    }
}
