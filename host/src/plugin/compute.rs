//! The compute services behind the boundary: options and blocks in, blocks out.

use alhost_plugin_api::ffi::{Block, OwnedBlock};
use alhost_plugin_api::services::{DISCRIMINATOR, KMEANS, NEAREST};
use anyhow::{Context as _, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;

use crate::compute::{self, Device, DiscriminatorOptions, KMeans, KMeansOptions};
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
    widths: Vec<usize>,
    epochs: u32,
    batch: usize,
    rate: f64,
    stop_accuracy: Option<f64>,
    class_weights: [f64; 2],
    stream: String,
}

pub(super) fn run(call: &Call<'_>, device: Device) -> anyhow::Result<OwnedBlock> {
    match call.service {
        KMEANS => kmeans(call, device),
        NEAREST => nearest(call),
        DISCRIMINATOR => discriminator(call, device),
        other => bail!("there is no service `{other}`"),
    }
}

/// The stream that a service's options name, of the strategy's seed in this round.
fn rng(call: &Call<'_>, stream: &str) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new_derive_key("alhost 1 compute service");
    hasher.update(call.seed);
    hasher.update(call.service.as_bytes());
    hasher.update(b"\0");
    hasher.update(stream.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

fn kmeans(call: &Call<'_>, device: Device) -> anyhow::Result<OwnedBlock> {
    let keys: KMeansKeys = serde_json::from_str(call.options).context("options of kmeans")?;
    let [points] = inputs(call)?;
    let options = KMeansOptions {
        k: keys.k,
        restarts: keys.restarts,
        max_iterations: keys.max_iterations,
        tolerance: keys.tolerance,
    };
    let mut rng = rng(call, &keys.stream);
    let KMeans { centers, labels, inertia, iterations } =
        compute::kmeans((&points).into(), &options, &mut rng, device, call.cancelled)?;
    Ok(OwnedBlock {
        rows: centers.rows,
        cols: centers.cols,
        f32s: centers.data.into_vec(),
        u32s: labels,
        f64s: vec![inertia, f64::from(iterations)],
        ..OwnedBlock::default()
    })
}

fn nearest(call: &Call<'_>) -> anyhow::Result<OwnedBlock> {
    let keys: NearestKeys = serde_json::from_str(call.options).context("options of nearest")?;
    let [points, centers] = inputs(call)?;
    let found = compute::nearest((&points).into(), (&centers).into(), keys.k)?;
    Ok(OwnedBlock {
        rows: centers.rows,
        cols: keys.k,
        u32s: found.indices,
        f32s: found.distances,
        ..OwnedBlock::default()
    })
}

fn discriminator(call: &Call<'_>, device: Device) -> anyhow::Result<OwnedBlock> {
    let keys: DiscriminatorKeys =
        serde_json::from_str(call.options).context("options of discriminator")?;
    let [labeled, unlabeled] = inputs(call)?;
    let options = DiscriminatorOptions {
        widths: keys.widths,
        epochs: keys.epochs,
        batch: keys.batch,
        rate: keys.rate,
        stop_accuracy: keys.stop_accuracy,
        class_weights: keys.class_weights,
    };
    let mut rng = rng(call, &keys.stream);
    let (labeled, unlabeled) = ((&labeled).into(), (&unlabeled).into());
    let found =
        compute::discriminator(labeled, unlabeled, &options, &mut rng, device, call.cancelled)?;
    Ok(OwnedBlock {
        rows: found.p_unlabeled.len(),
        cols: 1,
        f32s: found.p_unlabeled,
        f64s: vec![found.accuracy, f64::from(found.epochs)],
        ..OwnedBlock::default()
    })
}

/// The blocks as matrices of their own, since the arithmetic wants rows side by side.
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
    Ok(Matrix::new(data, rows, cols))
}
