//! A small multi-layer perceptron with two outputs, trained by Adam. Its gradient is written out:
//! with batches of 32, autograd's bookkeeping would cost more than the arithmetic.

use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use super::{ComputeError, uniform};

/// D -> widths -> 2, ReLU between, softmax at the end.
///
/// All parameters lie in one tensor, and so do their gradients and Adam's two moments: an update
/// is then a handful of operations, whatever the number of layers.
pub(super) struct Mlp {
    parameters: Tensor, // [all]
    gradients: Tensor,  // [all]
    mean: Tensor,       // [all]
    variance: Tensor,   // [all]
    steps: i32,
    layers: Vec<Layer>,
}

/// Views into the tensors of the network.
struct Layer {
    weight: Tensor, // [in, out]
    bias: Tensor,   // [out]
    weight_gradient: Tensor,
    bias_gradient: Tensor,
}

pub(super) struct Batch {
    pub(super) points: Tensor, // [rows, in]
    /// Holds 1 in the column of the row's class.
    pub(super) one_hot: Tensor, // [rows, 2]
    /// The weight of each row's cross-entropy in the loss.
    pub(super) weights: Tensor, // [rows, 1]
}

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
/// Adam's epsilon, which is added after the square root.
const EPSILON: f64 = 1e-8;

/// Rows that are asked about at once.
const ROWS: i64 = 1 << 16;

impl Mlp {
    /// Weights uniform within ±√(6/(in + out)), as Keras (Glorot & Bengio 2010); biases 0.
    pub(super) fn glorot(
        sizes: &[usize],
        rng: &mut ChaCha8Rng,
        device: Device,
    ) -> Result<Self, ComputeError> {
        let mut parameters = Vec::new();
        for pair in sizes.windows(2) {
            let limit = (6.0 / (pair[0] + pair[1]) as f64).sqrt();
            parameters.extend(
                (0..pair[0] * pair[1]).map(|_| (limit * (2.0 * uniform(rng) - 1.0)) as f32),
            );
            parameters.resize(parameters.len() + pair[1], 0.0);
        }
        Self::from_parameters(sizes, &parameters, device)
    }

    /// Makes a network of `parameters`, which hold for each layer the weight, [in, out], and then
    /// the bias.
    pub(super) fn from_parameters(
        sizes: &[usize],
        parameters: &[f32],
        device: Device,
    ) -> Result<Self, ComputeError> {
        let parameters = Tensor::f_from_slice(parameters)?.f_to(device)?;
        let gradients = parameters.f_zeros_like()?;
        let mut layers = Vec::new();
        let mut first = 0;
        for pair in sizes.windows(2) {
            let (inputs, outputs) = (pair[0] as i64, pair[1] as i64);
            let weight =
                |all: &Tensor| all.f_narrow(0, first, inputs * outputs)?.f_view([inputs, outputs]);
            let bias = |all: &Tensor| all.f_narrow(0, first + inputs * outputs, outputs);
            layers.push(Layer {
                weight: weight(&parameters)?,
                bias: bias(&parameters)?,
                weight_gradient: weight(&gradients)?,
                bias_gradient: bias(&gradients)?,
            });
            first += (inputs + 1) * outputs;
        }
        Ok(Self {
            mean: parameters.f_zeros_like()?,
            variance: parameters.f_zeros_like()?,
            steps: 0,
            parameters,
            gradients,
            layers,
        })
    }

    pub(super) fn n_parameters(&self) -> usize {
        self.parameters.numel()
    }

    /// One update; gives the logits before it, [rows, 2].
    pub(super) fn step(&mut self, batch: &Batch, rate: f64) -> Result<Tensor, ComputeError> {
        let (inputs, logits) = self.forward(&batch.points)?;
        // d loss / d logits of softmax and cross-entropy.
        let error =
            logits.f_softmax(1, Kind::Float)?.f_sub(&batch.one_hot)?.f_mul(&batch.weights)?;
        self.backward(&inputs, error)?;
        self.update(rate)?;
        Ok(logits)
    }

    /// P(class 1) of each row.
    pub(super) fn probabilities(&self, points: &Tensor) -> Result<Vec<f32>, ComputeError> {
        let mut probabilities = Vec::new();
        for rows in points.f_split(ROWS, 0)? {
            let (_, logits) = self.forward(&rows)?;
            let p = logits.f_softmax(1, Kind::Float)?.f_select(1, 1)?;
            probabilities.extend(Vec::<f32>::try_from(p.f_contiguous()?)?);
        }
        Ok(probabilities)
    }

    /// The input of each layer, and the logits.
    fn forward(&self, points: &Tensor) -> Result<(Vec<Tensor>, Tensor), ComputeError> {
        let mut inputs = vec![points.shallow_clone()];
        let (last, hidden) = self.layers.split_last().expect("there is an output layer");
        for layer in hidden {
            let input = inputs.last().expect("the points are there");
            inputs.push(layer.bias.f_addmm(input, &layer.weight)?.f_relu_()?); // [rows, out]
        }
        let input = inputs.last().expect("the points are there");
        let logits = last.bias.f_addmm(input, &last.weight)?; // [rows, 2]
        Ok((inputs, logits))
    }

    /// Computes the gradients from the last layer to the first; `error` is the gradient of the
    /// layer's output.
    fn backward(&self, inputs: &[Tensor], mut error: Tensor) -> Result<(), ComputeError> {
        for (idx, (layer, input)) in self.layers.iter().zip(inputs).enumerate().rev() {
            let _in_place = input.f_tr()?.f_mm_out(&layer.weight_gradient, &error)?;
            let _in_place = error.f_sum_intlist_out(&layer.bias_gradient, 0, false, Kind::Float)?;
            if idx > 0 {
                let through = error.f_mm(&layer.weight.f_tr()?)?; // [rows, in]
                error = input.f_threshold_backward(&through, 0.0)?;
            }
        }
        Ok(())
    }

    /// Adam: θ -= rate · (m / (1 - β1^t)) / (√(v / (1 - β2^t)) + ε), with everything that is the
    /// same for all parameters moved into the denominator.
    fn update(&mut self, rate: f64) -> Result<(), ComputeError> {
        self.steps += 1;
        let _in_place = self.mean.f_lerp_(&self.gradients, 1.0 - BETA_1)?;
        let _in_place = self.variance.f_lerp_(&self.gradients.f_square()?, 1.0 - BETA_2)?;
        let correction_1 = 1.0 - BETA_1.powi(self.steps);
        let correction_2 = (1.0 - BETA_2.powi(self.steps)).sqrt();
        let scale = -rate * correction_2 / correction_1;
        let denominator = self
            .variance
            .f_sqrt()?
            .f_add_scalar_(EPSILON * correction_2)?
            .f_mul_scalar_(1.0 / scale)?;
        let _in_place = self.parameters.f_addcdiv_(&self.mean, &denominator)?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn parameters(&self) -> Vec<f32> {
        Vec::try_from(&self.parameters).expect("a flat tensor of f32")
    }
}
