//! How much each text counts, and how far it reaches.

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::doubt::{Aggregate, Measure};
use alhost_plugin_kit::rows::{UnitRows, check_finite};
use rayon::prelude::*;

/// Texts whose probabilities are looked at together.
const BLOCK: usize = 4096;

/// The mean of the `top` largest entropies of each text of the pool, in bits.
pub fn doubts(ctx: &Context<'_>, top: usize) -> Result<Vec<f64>> {
    let mut doubts = Vec::with_capacity(ctx.pool().len());
    ctx.stream(PROBABILITIES, ctx.pool(), BLOCK, |first, block| {
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let ids = &ctx.pool()[first..first + block.n_rows()];
        check_finite(block, "probabilities", ids)?;
        doubts.extend(of_block(block, top));
        Ok(())
    })?;
    Ok(doubts)
}

/// The mean of the `top` largest entropies of each row.
pub fn of_block(probabilities: Matrix<'_>, top: usize) -> Vec<f64> {
    let of_row =
        |row: usize| Aggregate::TopUncertain.of(Measure::Entropy, probabilities.row(row), top);
    (0..probabilities.n_rows()).into_par_iter().map(of_row).collect()
}

/// The least distance between two rows that is above 1e-6; 1 where there is none.
pub fn bandwidth(rows: &UnitRows<'_>) -> f64 {
    let of_row = |row: usize| {
        let others = (0..row).map(|other| rows.squared_distance(row, rows, other).sqrt());
        others.filter(|&distance| distance > 1e-6).fold(f64::INFINITY, f64::min)
    };
    let least = (0..rows.len()).into_par_iter().map(of_row).reduce(|| f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}
