//! The arithmetic that strategies ask for: k-means, the greedy cover and the discriminator, against goldens and
//! against the CPU.

use alhost::base::matrix::Matrix;
use alhost::learn::compute::On;
use alhost_model::{Compute as _, Discriminator, KMeans, ToCover};
use alhost_plugin_api::services::{
    DiscriminatorOptions, GreedyRule, KMeansOptions, KernelGreedyOptions,
};
use anyhow::{Result, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tch::Device;

use crate::arrays::Arrays;
use crate::{Check, Setting, apart};

pub(crate) const CHECKS: &[Check] = &[
    ("k-means", kmeans),
    ("k-means, equal rows", kmeans_of_equal_rows),
    ("greedy cover, shelf", cover_of_shelf),
    ("greedy cover, misc", cover_of_misc),
    ("discriminator", discriminator),
];

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(11)
}

fn clustered(points: &Matrix, k: usize, device: Device) -> Result<KMeans> {
    let options = KMeansOptions {
        k,
        restarts: 5,
        max_iterations: 300,
        tolerance: 1e-4,
        stream: String::new(),
    };
    On(device).kmeans(points, &options, &mut rng(), &|| false)
}

/// The same starts may end in another optimum, where rows are as far from one centre as from another.
fn kmeans(setting: &Setting) -> Result<String> {
    let points = Arrays::open(&setting.goldens, "alps_n1000_d128_k50.npz")?.rows("X", 0..1000)?;
    let expected = clustered(&points, 50, Device::Cpu)?;
    let found = clustered(&points, 50, setting.device)?;
    let ratio = found.inertia / expected.inertia;
    ensure!((ratio - 1.0).abs() < 0.01, "inertia {}, not {}", found.inertia, expected.inertia);
    let pairs = found.labels.iter().zip(&expected.labels);
    let moved = pairs.filter(|(found, expected)| found != expected).count();
    Ok(format!("{moved} of 1000 rows in another cluster, {ratio:.6} times the inertia"))
}

/// 43 of the rows are distinct, and there are 60 clusters.
fn kmeans_of_equal_rows(setting: &Setting) -> Result<String> {
    let points = Arrays::open(&setting.goldens, "alps_dups_n300_d32_k60.npz")?.rows("X", 0..300)?;
    let found = clustered(&points, 60, setting.device)?;
    ensure!(found.inertia < 1e-20, "inertia {}", found.inertia);
    Ok(format!("inertia {:.0e}", found.inertia))
}

/// What a golden cover was made of.
struct Cover<'a> {
    given: ToCover<'a>,
    rule: GreedyRule,
    k: usize,
}

/// Compares picks, which are the same on every device; returns gains and coverage.
fn covered(
    setting: &Setting,
    cover: &Cover<'_>,
    (what, expected): (&str, &[u32]),
) -> Result<(Vec<f64>, f64)> {
    let options = KernelGreedyOptions { k: cover.k, rule: cover.rule, normalize: true };
    let found = On(setting.device).kernel_greedy(&cover.given, &options, &|| false)?;
    ensure!(found.picks == expected, "{what}: {:?} were picked, not {expected:?}", found.picks);
    Ok((found.gains, found.coverage))
}

fn cover_of_shelf(setting: &Setting) -> Result<String> {
    let mut shelf = Arrays::open(&setting.goldens, "shelf.npz")?;
    let (points, fixed) = (shelf.rows("emb", 0..300)?, shelf.rows("emb_labeled", 0..60)?);
    let k = shelf.number("k")? as usize;
    let weights = shelf.values("uherding_weight")?;
    let delta = shelf.number("probcover_delta")?;
    let width = shelf.number("uherding_bandwidth")?;
    let mut most = 0.0_f64;
    for (name, weights, rule) in [
        ("coreset", None, GreedyRule::Farthest),
        ("probcover", None, GreedyRule::Ball { delta }),
        ("maxherding", None, GreedyRule::Gaussian { width: 1.0 }),
        ("uherding", Some(weights.as_slice()), GreedyRule::Gaussian { width }),
        ("uherding_wide", Some(weights.as_slice()), GreedyRule::Gaussian { width: 0.7 }),
    ] {
        let given = ToCover { points: &points, fixed: &fixed, weights };
        let expected = shelf.picks(&format!("{name}_picks"))?;
        let (gains, _) = covered(setting, &Cover { given, rule, k }, (name, &expected))?;
        if let GreedyRule::Gaussian { .. } = rule {
            let expected = shelf.values(&format!("{name}_gain"))?;
            most = most.max(apart(&format!("gains of {name}"), gains, expected, 1e-12)?);
        }
    }
    Ok(format!("the same picks, gains {most:.0e} apart"))
}

fn cover_of_misc(setting: &Setting) -> Result<String> {
    let mut misc = Arrays::open(&setting.goldens, "misc.npz")?;
    let (points, fixed) = (misc.rows("emb", 0..300)?, misc.rows("emb", 300..360)?);
    let given = ToCover { points: &points, fixed: &fixed, weights: None };
    let (farthest, ball) = (misc.picks("kcenter_incremental")?, misc.picks("probcover_picks")?);
    let cover = Cover { given, rule: GreedyRule::Farthest, k: ball.len() };
    covered(setting, &cover, ("farthest row", &farthest))?;
    let delta = misc.number("probcover_delta")?;
    let cover = Cover { rule: GreedyRule::Ball { delta }, ..cover };
    let (_, coverage) = covered(setting, &cover, ("ball", &ball))?;
    let expected = misc.values("probcover_coverage")?;
    let most = apart("coverage", [coverage], expected, 2e-6)?;
    Ok(format!("the same picks, coverage {most:.0e} apart"))
}

fn discriminator(setting: &Setting) -> Result<String> {
    let mut golden = Arrays::open(&setting.goldens, "dal_mlp.npz")?;
    let (labeled, unlabeled) = (golden.rows("X", 0..40)?, golden.rows("X", 40..240)?);
    let options = DiscriminatorOptions {
        widths: vec![20, 20, 20],
        epochs: 10,
        batch: 64,
        rate: 1e-3,
        stop_accuracy: None,
        class_weights: [6.0, 1.2],
        stream: String::new(),
    };
    let on = |device| -> Result<Discriminator> {
        On(device).discriminator(&labeled, &unlabeled, &options, &mut rng(), &|| false)
    };
    let (expected, found) = (on(Device::Cpu)?, on(setting.device)?);
    let numbers = |answer: Discriminator| answer.p_unlabeled.into_iter().map(f64::from);
    let most = apart("probability", numbers(found), numbers(expected), 1e-3)?;
    Ok(format!("{most:.1e} apart from the CPU's"))
}
