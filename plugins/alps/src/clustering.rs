//! k-means on the embeddings: by the host's service, or by linfa-clustering inside the plugin, so
//! that each can be checked against the other.

use alhost_plugin_api::prelude::*;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The code that clusters.
#[derive(Choice, Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    Host,
    Linfa,
}

/// k-means++ and Lloyd's iteration, `restarts` times; the run of least inertia counts.
#[derive(Clone, Copy, Debug)]
pub struct Lloyd {
    pub k: usize,
    pub restarts: u32,
    pub max_iterations: u32,
    /// A run ends when the centres move, squared and summed, by at most this times the mean
    /// variance of a column.
    pub tolerance: f64,
}

/// The random stream of both ways.
const STREAM: &str = "k-means";

/// [k, columns], row by row.
pub fn centers(ctx: &Context<'_>, rows: Matrix<'_>, lloyd: &Lloyd, by: By) -> Result<Vec<f32>> {
    match by {
        By::Host => {
            let options = KMeansOptions {
                k: lloyd.k,
                restarts: lloyd.restarts,
                max_iterations: lloyd.max_iterations,
                tolerance: lloyd.tolerance,
                stream: STREAM.to_owned(),
            };
            let clusters = ctx.kmeans(rows, &options)?;
            ctx.info(&format!(
                "{} clusters of {} texts: inertia {:.4}, {} iterations",
                lloyd.k,
                rows.n_rows(),
                clusters.inertia,
                clusters.iterations
            ));
            Ok(clusters.centers.to_vec())
        }
        By::Linfa => {
            let (centers, inertia) = linfa(rows, lloyd, ctx.rng(STREAM).next_u64())?;
            ctx.info(&format!(
                "{} clusters of {} texts by linfa: inertia {inertia:.4}",
                lloyd.k,
                rows.n_rows()
            ));
            Ok(centers.into_iter().map(|x| x as f32).collect())
        }
    }
}

/// Centres and inertia by linfa-clustering, in f64.
///
/// Its update is that of "m_k-means": an old centre counts as one more point of its cluster, so
/// that no cluster runs empty. The fixed points are those of Lloyd's iteration.
pub fn linfa(rows: Matrix<'_>, lloyd: &Lloyd, seed: u64) -> Result<(Vec<f64>, f64)> {
    let values = rows.rows().flatten().map(|&x| f64::from(x)).collect();
    let points = Array2::from_shape_vec((rows.n_rows(), rows.n_cols()), values)
        .expect("there are as many values as rows x columns");
    // linfa compares the distance that the centres moved, not its square, and wants it above 0.
    let tolerance = (lloyd.tolerance * mean_variance(&points)).sqrt().max(f64::MIN_POSITIVE);
    let clusters = KMeans::params_with_rng(lloyd.k, ChaCha8Rng::seed_from_u64(seed))
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(lloyd.restarts as usize)
        .max_n_iterations(u64::from(lloyd.max_iterations))
        .tolerance(tolerance)
        .fit(&DatasetBase::from(points))
        .map_err(|e| Error::new(format!("linfa-clustering: {e}")))?;
    // Its inertia is a mean over the points.
    let inertia = clusters.inertia() * rows.n_rows() as f64;
    Ok((clusters.centroids().iter().copied().collect(), inertia))
}

/// Mean over the columns of their variance.
fn mean_variance(points: &Array2<f64>) -> f64 {
    points.var_axis(ndarray::Axis(0), 0.0).mean().unwrap_or(0.0)
}
