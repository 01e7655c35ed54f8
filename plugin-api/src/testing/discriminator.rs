//! The binary perceptron of DAL, one row at a time: softmax cross-entropy, ReLU, Adam.

use serde_json::Value;

use super::arena::Owned;
use crate::Rng;
use crate::features::Matrix;

/// One linear layer.
#[derive(Clone)]
struct Layer {
    /// [inputs, outputs], row by row.
    weights: Vec<f64>,
    biases: Vec<f64>,
}

/// Linear layers with a ReLU between them; the last has two outputs.
#[derive(Clone)]
struct Network(Vec<Layer>);

struct Training {
    epochs: u32,
    batch: usize,
    rate: f64,
    stop_accuracy: Option<f64>,
    class_weights: [f64; 2],
}

struct Outcome {
    /// The loss of each batch, before its update.
    losses: Vec<f64>,
    /// The accuracy of the last epoch, each row judged before the update of its batch.
    accuracy: f64,
    epochs: u32,
}

/// The service `discriminator/1`: `labeled` is class 0, `unlabeled` class 1.
pub(super) fn answer(
    labeled: Matrix<'_>,
    unlabeled: Matrix<'_>,
    options: &Value,
    rng: &mut Rng,
) -> Owned {
    let count = |name: &str| options[name].as_u64().unwrap_or(1);
    let weight = |class: usize| options["class_weights"][class].as_f64().unwrap_or(1.0);
    let training = Training {
        epochs: count("epochs") as u32,
        batch: count("batch") as usize,
        rate: options["rate"].as_f64().unwrap_or(1e-3),
        stop_accuracy: options["stop_accuracy"].as_f64(),
        class_weights: [weight(0), weight(1)],
    };
    let in_f64 = |row: &[f32]| row.iter().map(|&x| f64::from(x)).collect();
    let rows: Vec<Vec<f64>> = labeled.rows().chain(unlabeled.rows()).map(in_f64).collect();
    let classes: Vec<usize> = (0..rows.len()).map(|i| usize::from(i >= labeled.n_rows())).collect();

    let mut widths = vec![labeled.n_cols()];
    widths.extend(
        options["widths"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .map(|width| width as usize),
    );
    widths.push(2);
    let mut network = Network::random(&widths, rng);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let outcome = network.train(&rows, &classes, &training, |_| {
        rng.shuffle(&mut order);
        order.clone()
    });
    let p_unlabeled: Vec<f32> =
        rows[labeled.n_rows()..].iter().map(|row| network.probabilities(row)[1] as f32).collect();
    Owned {
        rows: p_unlabeled.len(),
        cols: 1,
        f32s: p_unlabeled,
        f64s: vec![outcome.accuracy, f64::from(outcome.epochs)],
        ..Owned::default()
    }
}

impl Network {
    /// Weights uniform in +- sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010), biases 0.
    fn random(widths: &[usize], rng: &mut Rng) -> Self {
        let layer = |pair: &[usize]| {
            let bound = (6.0 / (pair[0] + pair[1]) as f64).sqrt();
            let weight = |_| (2.0 * rng.f64() - 1.0) * bound;
            Layer {
                weights: (0..pair[0] * pair[1]).map(weight).collect(),
                biases: vec![0.0; pair[1]],
            }
        };
        Self(widths.windows(2).map(layer).collect())
    }

    fn zeros_like(&self) -> Self {
        let zeros = |layer: &Layer| Layer {
            weights: vec![0.0; layer.weights.len()],
            biases: vec![0.0; layer.biases.len()],
        };
        Self(self.0.iter().map(zeros).collect())
    }

    /// All parameters, layer by layer.
    fn values(&mut self) -> impl Iterator<Item = &mut f64> {
        self.0.iter_mut().flat_map(|layer| layer.weights.iter_mut().chain(&mut layer.biases))
    }

    /// The input and the output of each layer (after its ReLU, but for the last).
    fn forward(&self, row: &[f64]) -> Vec<Vec<f64>> {
        let mut activations = vec![row.to_vec()];
        for (depth, layer) in self.0.iter().enumerate() {
            let mut out = layer.biases.clone();
            for (x, weights) in activations[depth].iter().zip(layer.weights.chunks(out.len())) {
                out.iter_mut().zip(weights).for_each(|(out, w)| *out += x * w);
            }
            if depth + 1 < self.0.len() {
                for x in &mut out {
                    *x = x.max(0.0);
                }
            }
            activations.push(out);
        }
        activations
    }

    /// P(labeled) and P(unlabeled).
    fn probabilities(&self, row: &[f64]) -> [f64; 2] {
        softmax(&self.forward(row)[self.0.len()])
    }

    /// Adds the gradient of `scale` x cross-entropy of one row to `gradient`.
    fn add_gradient(
        &self,
        activations: &[Vec<f64>],
        class: usize,
        scale: f64,
        gradient: &mut Self,
    ) {
        // Of the loss by the outputs of the layer in hand: p - [class] at the softmax.
        let mut by_output = softmax(&activations[self.0.len()]).to_vec();
        by_output[class] -= 1.0;
        for x in &mut by_output {
            *x *= scale;
        }
        for depth in (0..self.0.len()).rev() {
            let (layer, sums) = (&self.0[depth], &mut gradient.0[depth]);
            let input = &activations[depth];
            let width = by_output.len();
            sums.biases.iter_mut().zip(&by_output).for_each(|(sum, d)| *sum += d);
            for (x, sums) in input.iter().zip(sums.weights.chunks_mut(width)) {
                sums.iter_mut().zip(&by_output).for_each(|(sum, d)| *sum += x * d);
            }
            let back = |(x, weights): (&f64, &[f64])| {
                // Through the ReLU that made this input; at the first layer it is not used.
                let passes = f64::from(u8::from(*x > 0.0));
                passes * weights.iter().zip(&by_output).map(|(w, d)| w * d).sum::<f64>()
            };
            by_output = input.iter().zip(layer.weights.chunks(width)).map(back).collect();
        }
    }

    /// `order_of` gives the order of the rows in an epoch.
    fn train(
        &mut self,
        rows: &[Vec<f64>],
        classes: &[usize],
        training: &Training,
        mut order_of: impl FnMut(u32) -> Vec<usize>,
    ) -> Outcome {
        let mut adam = Adam::new(self, training.rate);
        let mut outcome = Outcome { losses: Vec::new(), accuracy: 0.0, epochs: 0 };
        while outcome.epochs < training.epochs {
            let order = order_of(outcome.epochs);
            let mut correct = 0;
            for batch in order.chunks(training.batch.max(1)) {
                let mut gradient = self.zeros_like();
                let mut loss = 0.0;
                for &i in batch {
                    let activations = self.forward(&rows[i]);
                    let p = softmax(&activations[self.0.len()]);
                    let scale = training.class_weights[classes[i]] / batch.len() as f64;
                    loss -= scale * p[classes[i]].ln();
                    correct += usize::from(p[classes[i]] > p[1 - classes[i]]);
                    self.add_gradient(&activations, classes[i], scale, &mut gradient);
                }
                outcome.losses.push(loss);
                adam.step(self, &mut gradient);
            }
            outcome.epochs += 1;
            outcome.accuracy = correct as f64 / rows.len().max(1) as f64;
            if training.stop_accuracy.is_some_and(|stop| outcome.accuracy > stop) {
                break;
            }
        }
        outcome
    }
}

/// Kingma and Ba 2015, bias-corrected; epsilon is added after the square root.
struct Adam {
    rate: f64,
    steps: i32,
    first: Network,
    second: Network,
}

impl Adam {
    const BETAS: [f64; 2] = [0.9, 0.999];
    const EPSILON: f64 = 1e-8;

    fn new(network: &Network, rate: f64) -> Self {
        Self { rate, steps: 0, first: network.zeros_like(), second: network.zeros_like() }
    }

    fn step(&mut self, network: &mut Network, gradient: &mut Network) {
        self.steps += 1;
        let [beta1, beta2] = Self::BETAS;
        let (unbias1, unbias2) = (1.0 - beta1.powi(self.steps), 1.0 - beta2.powi(self.steps));
        let moments = self.first.values().zip(self.second.values());
        for ((value, g), (m, v)) in network.values().zip(gradient.values()).zip(moments) {
            *m = beta1 * *m + (1.0 - beta1) * *g;
            *v = beta2 * *v + (1.0 - beta2) * *g * *g;
            *value -= self.rate * (*m / unbias1) / ((*v / unbias2).sqrt() + Self::EPSILON);
        }
    }
}

fn softmax(logits: &[f64]) -> [f64; 2] {
    let most = logits[0].max(logits[1]);
    let (a, b) = ((logits[0] - most).exp(), (logits[1] - most).exp());
    [a / (a + b), b / (a + b)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::compute::golden::Golden;
    use super::*;

    const GOLDEN: Golden = Golden(include_bytes!("../../../tests/fixtures/strategies/dal_mlp.npz"));

    fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len(), "{what}");
        for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
            assert!((got - expected).abs() < 1e-10, "{what}[{i}]: {got}, expected {expected}");
        }
    }

    fn check(run: &str, class_weights: [f64; 2]) {
        let (x, cols) = GOLDEN.matrix::<f64>("X");
        let rows: Vec<Vec<f64>> = x.chunks(cols).map(<[f64]>::to_vec).collect();
        let classes: Vec<usize> = GOLDEN.vector::<i64>("y").iter().map(|&y| y as usize).collect();
        let layer = |i: usize| {
            let (weights, outputs) = GOLDEN.matrix::<f64>(&format!("w{i}"));
            Layer { weights, biases: vec![0.0; outputs] }
        };
        let mut network = Network((0..4).map(layer).collect());
        let (perms, n) = GOLDEN.matrix::<i64>(&format!("{run}_perms"));
        let epochs = (perms.len() / n) as u32;
        let training =
            Training { epochs, batch: 64, rate: 1e-3, stop_accuracy: None, class_weights };
        let order = |epoch: u32| {
            perms.chunks(n).nth(epoch as usize).unwrap().iter().map(|&i| i as usize).collect()
        };
        let outcome = network.train(&rows, &classes, &training, order);
        assert_close("loss", &outcome.losses, &GOLDEN.vector::<f64>(&format!("{run}_losses")));
        for (i, layer) in network.0.iter().enumerate() {
            let (weights, _) = GOLDEN.matrix::<f64>(&format!("{run}_w{i}"));
            assert_close("weight", &layer.weights, &weights);
            assert_close("bias", &layer.biases, &GOLDEN.vector::<f64>(&format!("{run}_b{i}")));
        }
        let p: Vec<f64> = rows[40..].iter().map(|row| network.probabilities(row)[1]).collect();
        assert_close("p", &p, &GOLDEN.vector::<f64>(&format!("{run}_p_unlabeled")));
    }

    #[test]
    fn training_agrees_with_values_computed_elsewhere() {
        check("2ep_unweighted", [1.0, 1.0]);
        check("2ep_balanced", [6.0, 1.2]);
        check("50ep_unweighted", [1.0, 1.0]);
    }

    fn run(options: &Value) -> Owned {
        let labeled: Vec<f32> = (0..20).map(|i| (i % 5) as f32 * 0.1).collect();
        let unlabeled: Vec<f32> = (0..60).map(|i| 3.0 + (i % 7) as f32 * 0.1).collect();
        let (labeled, unlabeled) = (Matrix::new(&labeled, 10, 2), Matrix::new(&unlabeled, 30, 2));
        answer(labeled, unlabeled, options, &mut Rng::stream(&[3; 32], "discriminator"))
    }

    #[test]
    fn two_groups_are_told_apart_and_training_stops() {
        let mut options = json!({
            "widths": [8, 8], "epochs": 200, "batch": 8, "rate": 1e-2,
            "stop_accuracy": 0.99, "class_weights": [1.0, 1.0],
        });
        let stopped = run(&options);
        assert!(stopped.f64s[0] > 0.99 && stopped.f64s[1] < 200.0, "{:?}", stopped.f64s);
        options["stop_accuracy"] = Value::Null;
        let whole = run(&options);
        assert!((whole.f64s[1] - 200.0).abs() < 0.5, "{:?}", whole.f64s);
        assert!(whole.f32s.iter().all(|&p| p > 0.9), "{:?}", whole.f32s);
    }
}
