//! The way from centres to texts: the nearest to each, none twice.

use alhost_plugin_api::prelude::*;

/// The text to take where two centres share their nearest one.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum Filler {
    /// The later centre takes its nearest text that is still free.
    Greedy,
    /// Texts drawn at random, as the reference does (which may draw one twice, and then stops).
    Reference,
}

/// The number of neighbours of each centre that are asked for at once; more are rarely needed.
const DEPTH: usize = 8;

/// Rows in order of their distance from each centre, found as far as they are needed.
pub struct Neighbors<'a> {
    rows: Matrix<'a>,
    centers: Matrix<'a>,
    /// Centre -> rows, nearest first: the first few, or all.
    nearest: Vec<Vec<u32>>,
}

impl<'a> Neighbors<'a> {
    pub fn find(ctx: &Context<'_>, rows: Matrix<'a>, centers: Matrix<'a>) -> Result<Self> {
        let found = ctx.nearest(rows, centers, DEPTH.min(rows.n_rows()))?;
        let nearest = (0..centers.n_rows()).map(|center| found.of(center).to_vec()).collect();
        Ok(Self { rows, centers, nearest })
    }

    /// The row that is nearest to `center` but for `skip` others.
    fn get(&mut self, center: usize, skip: usize) -> u32 {
        if skip >= self.nearest[center].len() {
            self.nearest[center] = self.all(center);
        }
        self.nearest[center][skip]
    }

    /// All rows by distance from a centre, ties to the lower row.
    fn all(&self, center: usize) -> Vec<u32> {
        let center = self.centers.row(center);
        let distance = |row: &[f32]| -> f64 {
            row.iter().zip(center).map(|(&x, &c)| (f64::from(x) - f64::from(c)).powi(2)).sum()
        };
        let mut all: Vec<(f64, u32)> = self.rows.rows().map(distance).zip(0..).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.into_iter().map(|entry| entry.1).collect()
    }
}

/// `n` different rows (there are at least as many): the centres take turns, each taking the nearest
/// row that is still free, until there are enough.
pub fn greedy(neighbors: &mut Neighbors<'_>, n: usize) -> Vec<u32> {
    let k = neighbors.centers.n_rows();
    let mut is_taken = vec![false; neighbors.rows.n_rows()];
    let mut next = vec![0; k];
    let mut picks = Vec::with_capacity(n);
    for turn in 0..n {
        let center = turn % k;
        loop {
            let row = neighbors.get(center, next[center]);
            next[center] += 1;
            if !is_taken[row as usize] {
                is_taken[row as usize] = true;
                picks.push(row);
                break;
            }
        }
    }
    picks
}

/// The different rows among the nearest ones, and then rows drawn at random without replacement.
pub fn reference(neighbors: &mut Neighbors<'_>, n: usize, rng: &mut Rng) -> Vec<u32> {
    let mut is_taken = vec![false; neighbors.rows.n_rows()];
    let mut picks = Vec::with_capacity(n);
    for center in 0..neighbors.centers.n_rows() {
        let row = neighbors.get(center, 0);
        if !std::mem::replace(&mut is_taken[row as usize], true) {
            picks.push(row);
        }
    }
    let free: Vec<u32> = (0..).zip(&is_taken).filter_map(|(row, &t)| (!t).then_some(row)).collect();
    let drawn = rng.sample(free.len(), n - picks.len());
    picks.extend(drawn.into_iter().map(|i| free[i]));
    picks
}
