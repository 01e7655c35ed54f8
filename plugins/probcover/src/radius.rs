//! The radius of the balls, where none is given: as large as leaves most balls within one cluster.

use alhost_plugin_api::prelude::*;
use alhost_plugin_kit::clusters;
use alhost_plugin_kit::rows::UnitRows;

/// Clusters at most.
const CLUSTERS: usize = 500;
/// Balls that are looked at, at most: every so many texts one.
const BALLS: usize = 2000;
/// Neighbors of a text that are asked for at first; four times as many where they do not suffice.
const NEIGHBORS: usize = 32;
/// The radii tried are the multiples of 1/20 up to this.
const STEPS: u32 = 28;

/// The largest of 0.05, 0.10, ..., 1.40 at which the share `purity` of balls holds texts of one cluster only;
/// 0.05 where there is none. k-means makes as many clusters as there are texts labeled and wanted.
pub fn largest_pure(
    ctx: &Context<'_>,
    unlabeled: Matrix<'_>,
    labeled: Matrix<'_>,
    n: usize,
    purity: f64,
) -> Result<f64> {
    let mut rows = UnitRows::new(unlabeled).to_f32();
    rows.extend(UnitRows::new(labeled).to_f32());
    let n_rows = unlabeled.n_rows() + labeled.n_rows();
    let rows = Matrix::new(&rows, n_rows, unlabeled.n_cols());
    let k = CLUSTERS.min(labeled.n_rows() + n).min(n_rows);
    let clusters = clusters::labels(ctx, rows, k)?;
    let every = n_rows.div_ceil(BALLS);
    let centers: Vec<u32> = (0..n_rows as u32).step_by(every).collect();
    let radii = pure_radii(ctx, rows, clusters, &centers)?;
    Ok(largest(&radii, purity))
}

fn largest(radii: &[f64], purity: f64) -> f64 {
    let is_pure = |step: &u32| {
        let pure = radii.iter().filter(|&&radius| radius >= radius_at(*step)).count();
        // A share that is met exactly must not fail by rounding.
        pure as f64 >= purity * radii.len() as f64 - 1e-9
    };
    radius_at((1..=STEPS).rev().find(is_pure).unwrap_or(1))
}

fn radius_at(step: u32) -> f64 {
    f64::from(step) / 20.0
}

/// The distance of some rows from the nearest row of another cluster: up to it a ball is pure. At least the
/// largest radius tried, where all rows within that are of one cluster.
pub fn pure_radii(
    ctx: &Context<'_>,
    rows: Matrix<'_>,
    clusters: &[u32],
    centers: &[u32],
) -> Result<Vec<f64>> {
    let mut radii = vec![f64::INFINITY; centers.len()];
    let mut open: Vec<usize> = (0..centers.len()).collect();
    let mut k = NEIGHBORS.min(rows.n_rows());
    while !open.is_empty() {
        if ctx.cancelled() {
            return Err(Error::cancelled());
        }
        let of = |&place: &usize| rows.row(centers[place] as usize);
        let data: Vec<f32> = open.iter().flat_map(of).copied().collect();
        let found = ctx.nearest(rows, Matrix::new(&data, open.len(), rows.n_cols()), k)?;
        let mut still_open = Vec::new();
        for (i, &place) in open.iter().enumerate() {
            let own = clusters[centers[place] as usize];
            let other = found.of(i).iter().position(|&row| clusters[row as usize] != own);
            let distances = &found.distances[i * k..(i + 1) * k];
            match other {
                Some(other) => radii[place] = f64::from(distances[other]),
                None if f64::from(distances[k - 1]) < radius_at(STEPS) => still_open.push(place),
                None => {}
            }
        }
        if k == rows.n_rows() {
            break;
        }
        open = still_open;
        k = (4 * k).min(rows.n_rows());
    }
    Ok(radii)
}
