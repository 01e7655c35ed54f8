//! The compute services behind the boundary: options and blocks in, blocks out.

use alhost_plugin_api::ffi::{Block, OwnedBlock};
use alhost_plugin_api::services::{
    DISCRIMINATOR, DiscriminatorOptions, KMEANS, KMeansOptions, NEAREST,
};
use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::source::FeatureSource;
use crate::matrix::Matrix;

pub(super) struct Call<'a> {
    pub(super) service: &'a str,
    pub(super) options: &'a str,
    pub(super) inputs: &'a [Block<'a>],
    /// Seed of the strategy in this round; a service draws from the stream that its options name.
    pub(super) seed: &'a [u8; 32],
    pub(super) cancelled: &'a dyn Fn() -> bool,
}

#[derive(Deserialize)]
struct KMeansKeys {
    k: usize,
    restarts: u32,
    max_iterations: u32,
    tolerance: f64,
    stream: String,
}

#[derive(Deserialize)]
struct NearestKeys {
    k: usize,
}

#[derive(Deserialize)]
struct DiscriminatorKeys {
    widths: Vec<u32>,
    epochs: u32,
    batch: u32,
    rate: f64,
    stop_accuracy: Option<f64>,
    class_weights: [f64; 2],
    stream: String,
}

pub(super) fn run(call: &Call<'_>, source: &mut dyn FeatureSource) -> anyhow::Result<OwnedBlock> {
    match call.service {
        KMEANS => kmeans(call, source),
        NEAREST => nearest(call, source),
        DISCRIMINATOR => discriminator(call, source),
        other => bail!("there is no service `{other}`"),
    }
}

fn kmeans(call: &Call<'_>, source: &mut dyn FeatureSource) -> anyhow::Result<OwnedBlock> {
    let keys: KMeansKeys = serde_json::from_str(call.options).context("options of kmeans")?;
    let [points] = inputs(call)?;
    ensure!(keys.k > 0, "k-means into 0 clusters");
    ensure!(keys.k <= points.rows, "{} clusters of {} points", keys.k, points.rows);
    ensure!(keys.restarts > 0 && keys.max_iterations > 0, "0 restarts or 0 iterations");
    ensure!(keys.tolerance >= 0.0, "a tolerance of {}", keys.tolerance);
    let KMeansKeys { k, restarts, max_iterations, tolerance, stream } = keys;
    let options = KMeansOptions { k, restarts, max_iterations, tolerance, stream };
    let (centers, labels, inertia, iterations) =
        source.kmeans(&points, &options, call.seed, call.cancelled)?;
    Ok(OwnedBlock {
        rows: centers.rows,
        cols: centers.cols,
        f32s: centers.data,
        u32s: labels,
        f64s: vec![inertia, f64::from(iterations)],
        ..OwnedBlock::default()
    })
}

fn nearest(call: &Call<'_>, source: &mut dyn FeatureSource) -> anyhow::Result<OwnedBlock> {
    let keys: NearestKeys = serde_json::from_str(call.options).context("options of nearest")?;
    let [points, centers] = inputs(call)?;
    ensure!(points.cols == centers.cols, "{} columns against {}", points.cols, centers.cols);
    ensure!(
        keys.k > 0 && keys.k <= points.rows,
        "the {} nearest of {} points",
        keys.k,
        points.rows
    );
    let (rows, distances) = source.nearest(&points, &centers, keys.k)?;
    let (n, cols) = (centers.rows, keys.k);
    Ok(OwnedBlock { rows: n, cols, u32s: rows, f32s: distances, ..OwnedBlock::default() })
}

fn discriminator(call: &Call<'_>, source: &mut dyn FeatureSource) -> anyhow::Result<OwnedBlock> {
    let keys: DiscriminatorKeys =
        serde_json::from_str(call.options).context("options of discriminator")?;
    let [labeled, unlabeled] = inputs(call)?;
    let (n_labeled, n_unlabeled) = (labeled.rows, unlabeled.rows);
    ensure!(n_labeled > 0 && n_unlabeled > 0, "{n_labeled} labeled, {n_unlabeled} unlabeled rows");
    ensure!(labeled.cols == unlabeled.cols, "{} columns and {}", labeled.cols, unlabeled.cols);
    ensure!(keys.batch > 0 && keys.epochs > 0, "0 epochs or batches of 0 rows");
    ensure!(keys.rate > 0.0 && keys.rate.is_finite(), "a rate of {}", keys.rate);
    ensure!(keys.widths.iter().all(|&width| width > 0), "a layer of width 0");
    let options = DiscriminatorOptions {
        widths: keys.widths,
        epochs: keys.epochs,
        batch: keys.batch,
        rate: keys.rate,
        stop_accuracy: keys.stop_accuracy,
        class_weights: keys.class_weights,
        stream: keys.stream,
    };
    let (p_unlabeled, accuracy, epochs) =
        source.discriminator(&labeled, &unlabeled, &options, call.seed, call.cancelled)?;
    Ok(OwnedBlock {
        rows: unlabeled.rows,
        cols: 1,
        f32s: p_unlabeled,
        f64s: vec![accuracy, f64::from(epochs)],
        ..OwnedBlock::default()
    })
}

/// The blocks as matrices of their own: the arithmetic wants rows side by side, and a NaN would
/// make every distance a NaN.
fn inputs<const N: usize>(call: &Call<'_>) -> anyhow::Result<[Matrix; N]> {
    let matrices: Vec<Matrix> = call.inputs.iter().map(matrix).collect::<Result<_, _>>()?;
    let (service, n) = (call.service, matrices.len());
    matrices.try_into().map_err(|_| anyhow::anyhow!("`{service}` takes {N} matrices, not {n}"))
}

fn matrix(block: &Block<'_>) -> anyhow::Result<Matrix> {
    let (rows, cols) = (block.rows, block.cols);
    let stored = block.f32s.as_slice();
    let data = match block.row_index.into_option() {
        None => {
            ensure!(stored.len() == rows * cols, "a {rows} x {cols} matrix of {}", stored.len());
            stored.to_vec()
        }
        Some(index) => {
            ensure!(index.len() == rows, "an index of {} rows for {rows}", index.len());
            let mut data = Vec::with_capacity(rows * cols);
            for &row in index {
                let from = row as usize * cols;
                data.extend_from_slice(stored.get(from..from + cols).context("no such row")?);
            }
            data
        }
    };
    match data.iter().position(|x| !x.is_finite()) {
        Some(at) => {
            bail!("row {} holds {}, which is no number to compute with", at / cols, data[at])
        }
        None => Ok(Matrix { data, rows, cols }),
    }
}
