//! The compute services behind the boundary: options and blocks in, blocks out.

use alhost_base::matrix::Matrix;
use alhost_model::{Compute, KMeans, ToCover};
use alhost_plugin_api::ffi::{Block, OwnedBlock};
use alhost_plugin_api::services::{
    DISCRIMINATOR, DiscriminatorOptions, KERNEL_GREEDY, KMEANS, KMeansOptions, KernelGreedyOptions,
    NEAREST, NearestOptions,
};
use anyhow::{Context as _, bail, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

pub(super) struct Call<'a> {
    pub(super) service: &'a str,
    pub(super) options: &'a str,
    pub(super) inputs: &'a [Block<'a>],
    /// Seed of the strategy in this round; a service draws from the stream that its options name.
    pub(super) seed: &'a [u8; 32],
    pub(super) cancelled: &'a dyn Fn() -> bool,
}

pub(super) fn run(call: &Call<'_>, on: &dyn Compute) -> anyhow::Result<OwnedBlock> {
    match call.service {
        KMEANS => kmeans(call, on),
        NEAREST => nearest(call, on),
        DISCRIMINATOR => discriminator(call, on),
        KERNEL_GREEDY => kernel_greedy(call, on),
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

fn kmeans(call: &Call<'_>, on: &dyn Compute) -> anyhow::Result<OwnedBlock> {
    let options: KMeansOptions = serde_json::from_str(call.options).context("options of kmeans")?;
    let [points] = inputs(call)?;
    let mut rng = rng(call, &options.stream);
    let KMeans { centers, labels, inertia, iterations } =
        on.kmeans(&points, &options, &mut rng, call.cancelled)?;
    Ok(OwnedBlock {
        rows: centers.rows,
        cols: centers.cols,
        f32s: centers.data.into_vec(),
        u32s: labels,
        f64s: vec![inertia, f64::from(iterations)],
        ..OwnedBlock::default()
    })
}

fn nearest(call: &Call<'_>, on: &dyn Compute) -> anyhow::Result<OwnedBlock> {
    let NearestOptions { k } = serde_json::from_str(call.options).context("options of nearest")?;
    let [points, centers] = inputs(call)?;
    let found = on.nearest(&points, &centers, k)?;
    Ok(OwnedBlock {
        rows: centers.rows,
        cols: k,
        u32s: found.indices,
        f32s: found.distances,
        ..OwnedBlock::default()
    })
}

fn discriminator(call: &Call<'_>, on: &dyn Compute) -> anyhow::Result<OwnedBlock> {
    let options: DiscriminatorOptions =
        serde_json::from_str(call.options).context("options of discriminator")?;
    let [labeled, unlabeled] = inputs(call)?;
    let mut rng = rng(call, &options.stream);
    let found = on.discriminator(&labeled, &unlabeled, &options, &mut rng, call.cancelled)?;
    Ok(OwnedBlock {
        rows: found.p_unlabeled.len(),
        cols: 1,
        f32s: found.p_unlabeled,
        f64s: vec![found.accuracy, f64::from(found.epochs)],
        ..OwnedBlock::default()
    })
}

fn kernel_greedy(call: &Call<'_>, on: &dyn Compute) -> anyhow::Result<OwnedBlock> {
    let options: KernelGreedyOptions =
        serde_json::from_str(call.options).context("options of kernel-greedy")?;
    let (points, fixed, weights) = match call.inputs {
        [points, fixed] => (points, fixed, None),
        [points, fixed, weights] => (points, fixed, Some(weights.f64s.as_slice())),
        inputs => bail!("`{}` takes 2 or 3 blocks, not {}", call.service, inputs.len()),
    };
    let (points, fixed) = (matrix(points)?, matrix(fixed)?);
    let given = ToCover { points: &points, fixed: &fixed, weights };
    let mut found = on.kernel_greedy(&given, &options, call.cancelled)?;
    found.gains.push(found.coverage);
    Ok(OwnedBlock {
        rows: found.picks.len(),
        cols: 1,
        u32s: found.picks,
        f64s: found.gains,
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
