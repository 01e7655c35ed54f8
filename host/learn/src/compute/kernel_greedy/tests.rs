//! The greedy cover against values computed elsewhere, in numpy, against the stand-in's, which computes every
//! worth anew, and against itself on other threads.

use alhost_base::matrix::Matrix;
use alhost_golden::Case;
use alhost_plugin_api::features;
use alhost_plugin_api::testing::StandIn;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::arithmetic::{Arithmetic, Changed, Shifted};
use super::device::OnDevice;
use super::host::OnHost;
use super::*;

const RULES: [GreedyRule; 7] = [
    GreedyRule::Farthest,
    GreedyRule::Ball { delta: 0.3 },
    GreedyRule::Ball { delta: 0.9 },
    GreedyRule::Ball { delta: 1e-9 },
    GreedyRule::Gaussian { width: 1.0 },
    GreedyRule::Gaussian { width: 0.2 },
    GreedyRule::Gaussian { width: 1e-5 },
];

struct Input {
    points: Matrix,
    fixed: Matrix,
    weights: Option<Vec<f64>>,
}

impl Input {
    fn given(&self) -> ToCover<'_> {
        ToCover { points: &self.points, fixed: &self.fixed, weights: self.weights.as_deref() }
    }
}

/// Rows around a few centres, some of them equal to others, and every 23rd of zeros.
fn rows(seed: u64, n: usize, cols: usize) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
    let centers: Vec<f64> = (0..5 * cols).map(|_| uniform() - 0.3).collect();
    let mut rows = Matrix::zeros(n, cols);
    for row in 0..n {
        if row % 7 == 3 {
            rows.data.copy_within((row - 3) * cols..(row - 2) * cols, row * cols);
        } else if row % 23 != 11 {
            let center = row % 5 * cols;
            for (to, c) in rows.row_mut(row).iter_mut().zip(&centers[center..center + cols]) {
                *to = (c + 0.4 * (uniform() - 0.5)) as f32;
            }
        }
    }
    rows
}

/// Fixed rows without one of zeros: all others are equally far from that, and the stand-in's rounding would
/// choose.
fn input(seed: u64, n: usize, m: usize, cols: usize) -> Input {
    let mut fixed = rows(seed + 1, m, cols);
    (11..m).step_by(23).for_each(|zero| fixed.row_mut(zero)[0] = 1.0);
    Input { points: rows(seed, n, cols), fixed, weights: None }
}

fn pick(input: &Input, options: &KernelGreedyOptions) -> KernelGreedy {
    kernel_greedy(&input.given(), options, Device::Cpu, &|| false).unwrap()
}

/// Picks are the same, gains and coverage but for rounding.
fn check(input: &Input, options: &KernelGreedyOptions) {
    let view = |m: &Matrix| (m.data.to_vec(), m.rows, m.cols);
    let ((points, n, cols), (fixed, m, fixed_cols)) = (view(&input.points), view(&input.fixed));
    let host = StandIn::new(1, 1);
    let ctx = host.context();
    let points = features::Matrix::new(&points, n, cols);
    let fixed = features::Matrix::new(&fixed, m, fixed_cols);
    let expected = ctx.kernel_greedy(points, fixed, input.weights.as_deref(), options).unwrap();
    let found = pick(input, options);
    let what = format!("{n} and {m} rows of {cols}, {options:?}");
    assert_eq!(found.picks, expected.picks, "{what}");
    let pairs = found.gains.iter().zip(expected.gains);
    for (found, expected) in pairs.chain([(&found.coverage, &expected.coverage)]) {
        let is_close = found.total_cmp(expected).is_eq()
            || (found - expected).abs() <= 1e-12 * expected.abs().max(1.0);
        assert!(is_close, "{found}, expected {expected}: {what}");
    }
}

fn golden(case: &Case, weights: Option<&[f64]>, rule: GreedyRule) -> KernelGreedy {
    let cols = case.cols("emb");
    let matrix = |data: Vec<f32>| Matrix::new(data.clone(), data.len() / cols, cols);
    let (points, fixed) = if case.has("emb_labeled") {
        (case.f32s("emb"), case.f32s("emb_labeled"))
    } else {
        let (points, fixed) = (case.f32s("emb"), 300 * cols);
        (points[..fixed].to_vec(), points[fixed..].to_vec())
    };
    let weights = weights.map(<[f64]>::to_vec);
    let input = Input { points: matrix(points), fixed: matrix(fixed), weights };
    let k = if case.has("k") { case.whole("k") } else { case.rows("probcover_picks") };
    pick(&input, &KernelGreedyOptions { k, rule, normalize: true })
}

#[test]
fn golden_picks_gains_and_coverage() {
    let ball = |case: &Case| GreedyRule::Ball { delta: case.number("probcover_delta") };
    for case in alhost_golden::all() {
        case.assert_picks("coreset_picks", &golden(&case, None, GreedyRule::Farthest).picks);
        let found = golden(&case, None, ball(&case));
        case.assert_picks("probcover_picks", &found.picks);
        case.assert_close("probcover_coverage", &[found.coverage]);
        let weights = Some(case.values("uherding_weight"));
        for (name, weights, width) in [
            ("maxherding", None, 1.0),
            ("uherding", weights, case.number("uherding_bandwidth")),
            ("uherding_wide", weights, 0.7),
        ] {
            let found = golden(&case, weights, GreedyRule::Gaussian { width });
            case.assert_picks(&format!("{name}_picks"), &found.picks);
            case.assert_close(&format!("{name}_gain"), &found.gains);
        }
    }
    let misc = alhost_golden::misc();
    misc.assert_picks("kcenter_incremental", &golden(&misc, None, GreedyRule::Farthest).picks);
    let found = golden(&misc, None, ball(&misc));
    misc.assert_picks("probcover_picks", &found.picks);
    misc.assert_close("probcover_coverage", &[found.coverage]);
}

#[test]
fn picks_are_those_of_the_definition() {
    for (seed, (n, m, cols)) in
        [(60, 9, 5), (130, 0, 3), (90, 40, 17), (40, 1, 2)].iter().enumerate()
    {
        let input = input(seed as u64 * 10, *n, *m, *cols);
        for rule in RULES {
            for normalize in [true, false] {
                check(&input, &KernelGreedyOptions { k: 25, rule, normalize });
            }
        }
    }
}

/// More rows than one block has, and so many picks that bounds are brought up to date and passed over again.
#[test]
fn picks_are_those_of_the_definition_where_rows_go_in_blocks() {
    for m in [0, 30] {
        let input = input(5, 1100, m, 6);
        for rule in [RULES[0], RULES[1], RULES[4], RULES[5]] {
            check(&input, &KernelGreedyOptions { k: 8, rule, normalize: true });
        }
    }
}

#[test]
fn all_rows_are_equally_far_from_zeros() {
    let fixed = Matrix::zeros(1, 5);
    let input = Input { points: rows(7, 40, 5), fixed, weights: None };
    let options = KernelGreedyOptions { k: 1, rule: GreedyRule::Farthest, normalize: true };
    let found = pick(&input, &options);
    assert_eq!((found.picks, found.gains), (vec![0], vec![1.0]));
}

#[test]
fn weights_count() {
    for width in [1.0, 0.2] {
        let mut input = input(3, 80, 6, 5);
        let weights = (0..80).map(|row| f64::from(row % 4) * 1e-3);
        let rule = GreedyRule::Gaussian { width };
        let options = KernelGreedyOptions { k: 80, rule, normalize: true };
        let unweighted = pick(&input, &options);
        input.weights = Some(weights.collect());
        check(&input, &options);
        assert_ne!(pick(&input, &options).picks, unweighted.picks);
        input.weights = Some(vec![0.0; 80]);
        check(&input, &options);
        assert_eq!(pick(&input, &options).picks, (0..80).collect::<Vec<u32>>(), "all worth 0");
    }
}

/// Whole numbers, so that many distances are equal, also between rows that are not.
#[test]
fn ties_go_to_the_lower_row() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let mut whole = |rows: usize| {
        Matrix::new((0..rows * 2).map(|_| (rng.next_u32() % 4) as f32).collect(), rows, 2)
    };
    for m in [0, 2] {
        let input = Input { points: whole(70), fixed: whole(m), weights: None };
        for rule in
            [GreedyRule::Farthest, GreedyRule::Ball { delta: 1.0 }, GreedyRule::Ball { delta: 1.5 }]
        {
            check(&input, &KernelGreedyOptions { k: 70, rule, normalize: false });
        }
    }
}

/// Pairs whose distance is so near to delta that f32 cannot tell on which side.
#[test]
fn the_edge_of_a_ball_is_decided_in_f64() {
    let step = 1.0 + f64::from(f32::EPSILON);
    let at = |i: i32| (f64::from(i) * step) as f32;
    let input = Input {
        points: Matrix::new((0..60).flat_map(|i| [at(i), 1000.0]).collect(), 60, 2),
        fixed: Matrix::zeros(0, 2),
        weights: None,
    };
    for delta in [1.0, 1.0 + 1e-7, 1.0 + 1e-6, 2.0] {
        let rule = GreedyRule::Ball { delta };
        check(&input, &KernelGreedyOptions { k: 60, rule, normalize: false });
    }
}

#[test]
fn few_rows_or_none() {
    for rule in RULES {
        let options = KernelGreedyOptions { k: 5, rule, normalize: true };
        for (n, m) in [(0, 0), (0, 3), (1, 0), (1, 2), (2, 0), (3, 0)] {
            check(&input(2, n, m, 4), &options);
        }
        check(&input(2, 30, 3, 4), &KernelGreedyOptions { k: 0, ..options });
        let alike = Input { points: Matrix::new(vec![0.5; 60], 20, 3), ..input(2, 0, 0, 3) };
        check(&alike, &options);
        check(&Input { points: Matrix::zeros(20, 3), ..alike }, &options);
    }
}

/// Squares of these overflow or vanish in f32.
#[test]
fn long_and_short_rows_are_rows() {
    for size in [1e-30, 1e-9, 1e15, 1e30] {
        let mut input = input(4, 40, 5, 6);
        let scaled = |m: &Matrix| {
            let data = m.data.iter().map(|x| x * size).collect();
            Matrix::new(data, m.rows, m.cols)
        };
        (input.points, input.fixed) = (scaled(&input.points), scaled(&input.fixed));
        for rule in RULES {
            for normalize in [true, false] {
                check(&input, &KernelGreedyOptions { k: 40, rule, normalize });
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let input = input(9, 1500, 600, 33);
    for rule in RULES {
        let options = KernelGreedyOptions { k: 15, rule, normalize: true };
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| pick(&input, &options));
            let bits: Vec<u64> =
                found.gains.iter().chain([&found.coverage]).map(|x| x.to_bits()).collect();
            (found.picks, bits)
        };
        assert_eq!(on(1), on(2), "{rule:?}");
    }
}

/// The sums that a device computes, computed by torch on the CPU.
#[test]
fn the_device_sums_as_the_host_does() {
    tch::set_num_threads(1);
    let (n, cols) = (700, 24);
    let points = rows(6, n, cols);
    let rows = Rows::new((&points).into(), true);
    let host = OnHost::new(&rows, 1.0);
    let device = OnDevice::new(&rows, 1.0, Device::Cpu).unwrap();
    let low: Vec<f32> = (0..n).map(|i| (i % 5) as f32 / 4.0).collect();
    let weights: Vec<f32> = (0..n).map(|i| (i % 3) as f32).collect();
    let some: Vec<u32> = (0..n as u32).step_by(3).collect();
    let at = |values: &[f32]| some.iter().map(|&row| values[row as usize]).collect::<Vec<f32>>();
    let changed = Changed {
        high: at(&low).iter().map(|x| x + 0.2).collect(),
        low: at(&low),
        weights: at(&weights),
        rows: some,
    };
    for kernel in [Kernel::Gaussian { rate: 1.5 }, Kernel::Ball { square: 0.8 }] {
        for shift in [-0.01, 0.01] {
            let k = Shifted { kernel, shift };
            let sums = |on: &dyn Arithmetic| {
                let gains = on.gains(k, &low, &weights, &|| false).unwrap();
                [gains, on.growth(k, &[5, 3, 699], &changed).unwrap()].concat()
            };
            for (host, device) in sums(&host).into_iter().zip(sums(&device)) {
                assert!((host - device).abs() < 1e-4 * host.max(1.0), "{k:?}: {host}, {device}");
            }
        }
    }
}

#[test]
fn the_device_picks_as_the_host_does() {
    tch::set_num_threads(1);
    let input = input(8, 300, 40, 9);
    let (points, fixed) =
        (Rows::new((&input.points).into(), true), Rows::new((&input.fixed).into(), true));
    let near = near::on_device(&points, &fixed, 1.0, Device::Cpu, &|| false).unwrap();
    let on_host = near::on_host(&points, &fixed, 1.0, &|| false).unwrap();
    assert!(near.iter().zip(&on_host).all(|(a, b)| a.total_cmp(b).is_eq()));
    let arithmetic = OnDevice::new(&points, 1.0, Device::Cpu).unwrap();
    for (kernel, rule) in [
        (Kernel::Gaussian { rate: 1.0 }, GreedyRule::Gaussian { width: 1.0 }),
        (Kernel::Ball { square: 0.09 }, GreedyRule::Ball { delta: 0.3 }),
    ] {
        let expected = pick(&input, &KernelGreedyOptions { k: 60, rule, normalize: true });
        let rule = (kernel, None);
        let found = cover::pick(&points, near.clone(), rule, 60, &arithmetic, &|| false).unwrap();
        assert_eq!(found.picks, expected.picks, "{kernel:?}");
    }
}

#[test]
fn bad_input_is_told() {
    let options = |rule| KernelGreedyOptions { k: 2, rule, normalize: true };
    let message = |input: &Input, rule, is_cancelled: bool| {
        let found = kernel_greedy(&input.given(), &options(rule), Device::Cpu, &|| is_cancelled);
        found.unwrap_err().to_string()
    };
    let gaussian = |width: f64| GreedyRule::Gaussian { width };
    let good = || input(1, 9, 2, 3);
    let positive = "but must be above 0, as is its square, and finite";
    assert_eq!(message(&good(), gaussian(0.0), false), format!("`width` is 0, {positive}"));
    assert!(message(&good(), gaussian(f64::NAN), false).contains("`width` is NaN"));
    let ball = GreedyRule::Ball { delta: -1.0 };
    assert_eq!(message(&good(), ball, false), format!("`delta` is -1, {positive}"));
    for rule in RULES {
        assert_eq!(message(&good(), rule, true), "cancelled");
        let mut bad = good();
        bad.points.data[7] = f32::NAN;
        assert!(message(&bad, rule, false).starts_with("points: row 2 holds NaN"));
        let mut bad = good();
        bad.fixed.data[0] = f32::INFINITY;
        assert!(message(&bad, rule, false).starts_with("fixed rows: row 0 holds NaN"));
    }
    let wide = Input { fixed: Matrix::zeros(2, 4), ..good() };
    assert_eq!(message(&wide, gaussian(1.0), false), "points have 3 columns, fixed rows have 4");
    let weighted = |weights: &[f64]| Input { weights: Some(weights.to_vec()), ..good() };
    assert!(message(&weighted(&[1.0]), gaussian(1.0), false).contains("one a point, 9"));
    let mut weights = [1.0; 9];
    weights[4] = -0.5;
    assert_eq!(
        message(&weighted(&weights), gaussian(1.0), false),
        "`weight` is -0.5 for row 4, but must be finite and not negative"
    );
    assert!(message(&weighted(&[1.0; 9]), GreedyRule::Farthest, false).starts_with("`weights`"));
}
