//! The discriminator against golden trainings, and its rules.

use alhost_base::matrix::Matrix;
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use rand_chacha::rand_core::SeedableRng;

use super::*;

struct Golden(NpzReader<fs_err::File>);

impl Golden {
    fn open() -> Self {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/strategies/dal_mlp.npz");
        Self(NpzReader::new(fs_err::File::open(path).unwrap()).unwrap())
    }

    fn vector(&mut self, name: &str) -> Vec<f64> {
        let array: Array1<f64> = self.0.by_name(name).unwrap();
        array.to_vec()
    }

    fn matrix(&mut self, name: &str) -> Array2<f64> {
        self.0.by_name(name).unwrap()
    }

    /// Weights and biases of the four layers, one after the other.
    fn parameters(&mut self, prefix: &str) -> Vec<f64> {
        let mut all = Vec::new();
        for layer in 0..4 {
            let weight = self.matrix(&format!("{prefix}w{layer}"));
            all.extend(weight.iter());
            if prefix.is_empty() {
                all.resize(all.len() + weight.ncols(), 0.0);
            } else {
                all.extend(self.vector(&format!("{prefix}b{layer}")));
            }
        }
        all
    }
}

fn options() -> DiscriminatorOptions {
    DiscriminatorOptions {
        widths: vec![20, 20, 20],
        epochs: 2,
        batch: 64,
        rate: 1e-3,
        stop_accuracy: None,
        class_weights: [1.0, 1.0],
        stream: String::new(),
    }
}

fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn assert_close(name: &str, values: impl IntoIterator<Item = f64>, expected: &[f64]) {
    let values: Vec<f64> = values.into_iter().collect();
    assert_eq!(values.len(), expected.len(), "{name}");
    for (at, (value, expected)) in values.iter().zip(expected).enumerate() {
        assert!((value - expected).abs() < 1e-4, "{name} {at}: {value}, not {expected}");
    }
}

fn check_golden(run: &str, class_weights: [f64; 2]) {
    let mut golden = Golden::open();
    let points = f32s(golden.matrix("X").as_slice().unwrap());
    let view = |from: usize, to: usize| MatrixView {
        data: &points[from * 16..to * 16],
        rows: to - from,
        cols: 16,
    };
    let rows = Rows::new(view(0, 40), view(40, 240), Device::Cpu).unwrap();
    let initial = f32s(&golden.parameters(""));
    let mut mlp = Mlp::from_parameters(&[16, 20, 20, 20, 2], &initial, Device::Cpu).unwrap();
    let orders: Array2<i64> = golden.0.by_name(&format!("{run}_perms")).unwrap();
    let options =
        DiscriminatorOptions { epochs: orders.nrows() as u32, class_weights, ..options() };
    let mut epoch = 0;
    let mut next = || {
        epoch += 1;
        orders.row(epoch - 1).to_vec()
    };
    let fitted = fit(&mut mlp, &rows, &options, &mut next, &|| false).unwrap();

    assert_close("loss", fitted.losses, &golden.vector(&format!("{run}_losses")));
    let parameters = mlp.parameters().into_iter().map(f64::from);
    assert_close("parameter", parameters, &golden.parameters(&format!("{run}_")));
    let p = mlp.probabilities(&rows.points.narrow(0, 40, 200)).unwrap();
    let expected = golden.vector(&format!("{run}_p_unlabeled"));
    assert_close("p", p.into_iter().map(f64::from), &expected);
}

#[test]
fn trainings_are_the_golden_ones() {
    check_golden("2ep_unweighted", [1.0, 1.0]);
    check_golden("2ep_balanced", [6.0, 1.2]);
    check_golden("50ep_unweighted", [1.0, 1.0]);
}

/// Labeled rows around +1, unlabeled ones around -1, but for the last, which is around +1 too.
fn example() -> (Matrix, Matrix) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut rows = |n: usize, center: f64| {
        let data =
            (0..n * 4).map(|_| (center + crate::compute::uniform(&mut rng)) as f32).collect();
        Matrix::new(data, n, 4)
    };
    let labeled = rows(30, 1.0);
    let mut unlabeled = rows(90, -2.0);
    unlabeled.row_mut(89).copy_from_slice(&[1.5; 4]);
    (labeled, unlabeled)
}

fn run(options: &DiscriminatorOptions, seed: u64) -> Result<Discriminator, ComputeError> {
    let (labeled, unlabeled) = example();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (labeled, unlabeled) = ((&labeled).into(), (&unlabeled).into());
    discriminator(labeled, unlabeled, options, &mut rng, Device::Cpu, &|| false)
}

#[test]
fn an_unlabeled_row_among_the_labeled_ones_is_told_apart() {
    let options = DiscriminatorOptions { epochs: 40, batch: 16, rate: 1e-2, ..options() };
    let found = run(&options, 3).unwrap();
    assert!(found.p_unlabeled[..89].iter().all(|&p| p > 0.9), "{:?}", found.p_unlabeled);
    assert!(found.p_unlabeled[89] < 0.5, "{}", found.p_unlabeled[89]);
    assert!((found.accuracy - 119.0 / 120.0).abs() < 1e-12);
    assert_eq!(found.epochs, 40);
}

#[test]
fn training_stops_when_the_accuracy_is_reached() {
    let stop_accuracy = Some(0.95);
    let options =
        DiscriminatorOptions { epochs: 40, batch: 16, rate: 1e-2, stop_accuracy, ..options() };
    let found = run(&options, 3).unwrap();
    assert!(found.epochs < 40 && found.accuracy > 0.95, "{found:?}");
    let one_less = run(&DiscriminatorOptions { epochs: found.epochs - 1, ..options }, 3).unwrap();
    assert!(one_less.accuracy <= 0.95, "{one_less:?}");
}

#[test]
fn the_seed_decides_and_every_option_counts() {
    let base = run(&options(), 3).unwrap();
    assert_eq!(run(&options(), 3).unwrap(), base);
    let differs = |name: &str, options: &DiscriminatorOptions, seed| {
        assert_ne!(run(options, seed).unwrap().p_unlabeled, base.p_unlabeled, "{name}");
    };
    differs("seed", &options(), 4);
    differs("widths", &DiscriminatorOptions { widths: vec![20, 20], ..options() }, 3);
    differs("epochs", &DiscriminatorOptions { epochs: 3, ..options() }, 3);
    differs("batch", &DiscriminatorOptions { batch: 50, ..options() }, 3);
    differs("rate", &DiscriminatorOptions { rate: 2e-3, ..options() }, 3);
    differs("weights", &DiscriminatorOptions { class_weights: [4.0, 1.0], ..options() }, 3);
}

#[test]
fn shuffling_keeps_every_row() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut order: Vec<i64> = (0..50).collect();
    shuffle(&mut order, &mut rng);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_ne!(order, sorted);
    assert_eq!(sorted, (0..50).collect::<Vec<_>>());
}

#[test]
fn wrong_arguments_are_named() {
    let check = |options: &DiscriminatorOptions, expected: &str| {
        assert_eq!(run(options, 1).unwrap_err().to_string(), expected);
    };
    let zero = DiscriminatorOptions { batch: 0, ..options() };
    check(&zero, "`batch` is 0, but must be at least 1");
    let negative = DiscriminatorOptions { rate: -1.0, ..options() };
    check(&negative, "`rate` is -1, but must be above 0");

    let (labeled, mut unlabeled) = example();
    unlabeled.data[7] = f32::NAN;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let cancelled = || true;
    let error = |unlabeled: &Matrix, rng: &mut ChaCha8Rng| {
        let (labeled, unlabeled) = ((&labeled).into(), unlabeled.into());
        discriminator(labeled, unlabeled, &options(), rng, Device::Cpu, &cancelled)
            .unwrap_err()
            .to_string()
    };
    let message = error(&unlabeled, &mut rng);
    assert_eq!(
        message,
        "unlabeled rows: row 1 holds NaN or infinity, which has no distance to anything"
    );
    assert_eq!(error(&labeled, &mut rng), "cancelled");
}
