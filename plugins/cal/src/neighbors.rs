//! The labeled texts nearest to each text: a matrix product in f32 finds those that may be, and distances in f64
//! decide.

use std::ops::Range;

use alhost_plugin_kit::rows::UnitRows;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Texts of one matrix product.
const BLOCK: usize = 128;

/// The labeled texts, as they are searched.
pub struct Search<'a> {
    labeled: &'a UnitRows<'a>,
    /// [labeled, width], rounded to f32.
    rounded: Vec<f32>,
    /// Half the squared length of each: 1/2, or 0 for a row of zeros.
    halves: Vec<f64>,
    k: usize,
    /// Bound on what rounding changes in the product of two rows.
    error: f64,
}

impl<'a> Search<'a> {
    /// Prepares the search for `k` neighbours, or for all labeled texts where there are fewer.
    pub fn new(labeled: &'a UnitRows<'a>, k: usize) -> Self {
        let half = |row: usize| labeled.product(row, labeled, row) / 2.0;
        Self {
            labeled,
            rounded: labeled.to_f32(),
            halves: (0..labeled.len()).map(half).collect(),
            k: k.min(labeled.len()),
            error: product_error(labeled.n_cols()),
        }
    }

    /// Neighbours of each text.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The nearest labeled texts of some rows of `pool`, [rows, k], nearest first, ties by labeled text.
    pub fn nearest(&self, pool: &UnitRows<'_>, rows: Range<usize>) -> Vec<u32> {
        let blocks = rows.clone().into_par_iter().step_by(BLOCK);
        blocks
            .flat_map_iter(|first| self.block(pool, first..(first + BLOCK).min(rows.end)))
            .collect()
    }

    fn block(&self, pool: &UnitRows<'_>, rows: Range<usize>) -> Vec<u32> {
        let products = self.products(pool, rows.clone());
        let nearest = rows.zip(products.axis_iter(Axis(0)));
        let nearest = nearest.flat_map(|(row, products)| {
            let near = self.candidates(products.as_slice().expect("rows lie side by side"));
            let mut near: Vec<(f64, u32)> = near
                .map(|of| (pool.squared_distance(row, self.labeled, of as usize), of))
                .collect();
            near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(self.k);
            near.into_iter().map(|(_, of)| of)
        });
        nearest.collect()
    }

    /// [rows, labeled]: products of rows of length 1, up to `error`.
    fn products(&self, pool: &UnitRows<'_>, rows: Range<usize>) -> Array2<f32> {
        let (n, m, width) = (rows.len(), self.labeled.len(), pool.n_cols());
        let block: Vec<f32> =
            rows.flat_map(|row| pool.row(row).into_iter().map(|x| x as f32)).collect();
        let shape = "there are as many values as rows x columns";
        let block = ArrayView2::from_shape((n, width), &block).expect(shape);
        let labeled = ArrayView2::from_shape((m, width), &self.rounded).expect(shape);
        let mut products = Array2::zeros((n, m));
        general_mat_mul(1.0, &block, &labeled.t(), 0.0, &mut products);
        products
    }

    /// The labeled texts that may be among the `k` nearest, given their products with a text.
    fn candidates(&self, products: &[f32]) -> impl Iterator<Item = u32> {
        // A squared distance is |text|² + 2 (|labeled|² / 2 - product). The bracket decides, and is known up to
        // `error`: whoever is among the nearest is at most twice that beyond the k-th.
        let bracket = |(half, &product): (&f64, &f32)| half - f64::from(product);
        let brackets: Vec<f64> = self.halves.iter().zip(products).map(bracket).collect();
        let limit = match self.k {
            0 => f64::NEG_INFINITY,
            k => {
                let mut sorted = brackets.clone();
                *sorted.select_nth_unstable_by(k - 1, f64::total_cmp).1 + 2.0 * self.error
            }
        };
        (0..).zip(brackets).filter_map(move |(of, bracket)| (bracket <= limit).then_some(of))
    }
}

/// Bound on what f32 makes of the product of two rows of length 1: each of `width` products is rounded, as are
/// their factors and each sum (Higham 2002, section 3.1). A few roundings are added, which leaves room for what
/// f64 rounds and for squared distances that count as 0.
fn product_error(width: usize) -> f64 {
    let roundings = (width + 8) as f64 * f64::from(f32::EPSILON) / 2.0;
    roundings / (1.0 - roundings)
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::features::Matrix;
    use proptest::prelude::*;

    use super::*;

    /// The definition: all distances, sorted.
    fn naive(pool: &UnitRows<'_>, labeled: &UnitRows<'_>, k: usize) -> Vec<u32> {
        let of = |row: usize| {
            let distance = |of: &u32| pool.squared_distance(row, labeled, *of as usize);
            let mut all: Vec<u32> = (0..labeled.len() as u32).collect();
            all.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
            all.truncate(k);
            all
        };
        (0..pool.len()).flat_map(of).collect()
    }

    fn check(values: &[f32], width: usize, n_labeled: usize, k: usize) {
        let n = values.len() / width;
        let (labeled, pool) = values[..n * width].split_at(n_labeled * width);
        let labeled = UnitRows::new(Matrix::new(labeled, n_labeled, width));
        let pool = UnitRows::new(Matrix::new(pool, n - n_labeled, width));
        let got = Search::new(&labeled, k).nearest(&pool, 0..pool.len());
        assert_eq!(got, naive(&pool, &labeled, k), "{n_labeled} labeled of {n}, {width} wide");
    }

    /// More texts than a block has, and rows that all but agree.
    #[test]
    fn near_ties_in_several_blocks() {
        let mut rng = alhost_plugin_api::Rng::stream(&[3; 32], "near ties");
        let values: Vec<f32> = (0..400 * 96).map(|_| 1.0 + 1e-5 * rng.normal() as f32).collect();
        check(&values, 96, 60, 10);
    }

    proptest! {
        /// Few distinct values, so that ties, copies and rows of zeros are common.
        #[test]
        fn the_nearest_are_those_of_a_full_sort(
            values in prop::collection::vec((-1_i8..=1).prop_map(f32::from), 40..400),
            width in 1_usize..6,
            n_labeled in 0_usize..8,
            k in 1_usize..12,
        ) {
            check(&values, width, n_labeled, k);
        }
    }
}
