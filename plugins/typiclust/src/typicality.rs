//! How typical a text is of those around it: one by the mean squared distance to its nearest neighbors.

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::rows::UnitRows;

/// Added to the mean squared distance, so that copies have a typicality.
const EPSILON: f64 = 1e-5;

/// The place in `free` of the row that is most typical among these, the first among equals, and its
/// typicality. Half of the rows are neighbors, and at most `neighbors`.
pub fn most_typical(
    ctx: &Context<'_>,
    rows: &UnitRows<'_>,
    free: &[usize],
    neighbors: usize,
) -> Result<(usize, f64)> {
    let q = neighbors.min(free.len() / 2);
    if q == 0 {
        return Ok((0, EPSILON.recip()));
    }
    let data: Vec<f32> = free.iter().flat_map(|&row| rows.row(row)).map(|x| x as f32).collect();
    let matrix = Matrix::new(&data, free.len(), rows.n_cols());
    // A row is nearest to itself.
    let found = ctx.nearest(matrix, matrix, q + 1)?;
    let mut best = (0, f64::NEG_INFINITY);
    for place in 0..free.len() {
        let others = found.of(place).iter().map(|&other| other as usize);
        let others = others.filter(|&other| other != place).take(q);
        // Anew in f64: two texts that are each other's nearest are equally typical.
        let mut squares: Vec<f64> =
            others.map(|other| rows.squared_distance(free[place], rows, free[other])).collect();
        squares.sort_unstable_by(f64::total_cmp);
        let typicality = 1.0 / (squares.iter().sum::<f64>() / q as f64 + EPSILON);
        if typicality > best.1 {
            best = (place, typicality);
        }
    }
    Ok(best)
}
