//! The classifier's head: from the encoder's hidden states to one logit a label.
//!
//! `linear` is the usual one: `[CLS]`, a dense layer with tanh (the pooler), dropout, a linear layer.
//! `cnn` is Kim (2014), <https://arxiv.org/abs/1408.5882>, over the last hidden states:
//! convolutions of several widths, ReLU, maximum over time, dropout, a linear layer. Public codes
//! let it see padding; ours does not, so that a text's logits depend on the text alone.
//! `logistic` is a linear layer on the pooled, L2-normalised embedding of a frozen encoder, found by
//! `logistic/` and not by steps.

mod fit;
mod logistic;

use alhost_config::{HeadBias, HeadKind, ModelConfig};
use alhost_data::Labels;
use tch::{Device, IndexOp, Kind, Tensor, nn};

use self::logistic::Fit;
use crate::Pooling;
use crate::cpu::Filters;
use crate::cpu::slices::values;
use crate::encoder::states::Encoded;
use crate::random::seeded;

pub(crate) struct Head {
    vars: nn::VarStore,
    body: Body,
    output: Layer, // [labels, features]
    dropout: f64,
}

enum Body {
    Linear(Layer),         // pooler, [hidden, hidden]
    Cnn(Vec<Convolution>), // one a width
    Logistic(Logistic),
}

/// The parts of the logistic head beside its last layer.
struct Logistic {
    pooling: Pooling,
    /// Standard deviations of the last layer's weights, as a Laplace posterior has them: [labels, hidden].
    deviation: Layer,
}

pub(crate) struct Layer {
    weight: Tensor,
    bias: Tensor,
}

struct Convolution {
    width: i64,
    layer: Layer, // [filters, hidden, width]
}

impl Head {
    /// Makes the variables, all zero; `initialize` makes a head of them, or `set` a logistic one.
    /// `pooling` is the logistic head's.
    pub(crate) fn new(
        config: &ModelConfig,
        pooling: Pooling,
        hidden: i64,
        n_labels: usize,
        device: Device,
    ) -> Self {
        let vars = nn::VarStore::new(device);
        let root = vars.root();
        let (body, features) = match config.head {
            HeadKind::Linear => {
                (Body::Linear(Layer::new(&(&root / "pooler"), &[hidden, hidden])), hidden)
            }
            HeadKind::Cnn => {
                let filters = config.filters as i64;
                let convolution = |&width: &usize| Convolution {
                    width: width as i64,
                    layer: Layer::new(
                        &(&root / format!("conv{width}")),
                        &[filters, hidden, width as i64],
                    ),
                };
                let convolutions = config.widths.iter().map(convolution).collect();
                (Body::Cnn(convolutions), filters * config.widths.len() as i64)
            }
            HeadKind::Logistic => {
                let deviation = Layer::new(&(&root / "deviation"), &[n_labels as i64, hidden]);
                (Body::Logistic(Logistic { pooling, deviation }), hidden)
            }
        };
        let output = Layer::new(&(&root / "output"), &[n_labels as i64, features]);
        Self { vars, body, output, dropout: config.dropout }
    }

    /// Draws all weights anew, as PyTorch does by default: uniform in ±1/sqrt(fan in).
    ///
    /// `pooler`, a checkpoint's weight and bias, is taken by the linear head instead of a draw.
    pub(crate) fn initialize(&mut self, seed: i64, pooler: Option<(&Tensor, &Tensor)>) {
        let _generator = seeded(seed);
        tch::no_grad(|| {
            match &mut self.body {
                Body::Linear(layer) => {
                    layer.draw();
                    if let Some((weight, bias)) = pooler {
                        layer.weight.copy_(weight);
                        layer.bias.copy_(bias);
                    }
                }
                Body::Cnn(convolutions) => {
                    for convolution in convolutions {
                        convolution.layer.draw();
                    }
                }
                Body::Logistic(_) => return,
            }
            self.output.draw();
        });
    }

    /// Sets the last layer's bias. With `LogOdds`, a text of which nothing is known gets each label
    /// at the rate at which `labeled` carries it. From zero, a few hundred steps of Adam barely
    /// move 263 biases, and every label but the most frequent is lost.
    pub(crate) fn set_bias(&mut self, rule: HeadBias, labeled: &Labels) {
        match rule {
            HeadBias::Zero => {}
            HeadBias::LogOdds => {
                let bias = Tensor::from_slice(&logistic::log_odds(labeled));
                tch::no_grad(|| self.output.bias.copy_(&bias));
            }
        }
    }

    /// Takes what a fit has found.
    ///
    /// # Panics
    /// Panics if this is not a logistic head.
    pub(crate) fn set(&mut self, fit: &Fit) {
        let Body::Logistic(Logistic { deviation, .. }) = &mut self.body else {
            panic!("only a logistic head is set")
        };
        tch::no_grad(|| {
            self.output.weight.copy_(&fit.weight);
            self.output.bias.copy_(&fit.bias);
            deviation.weight.copy_(&fit.deviation.0);
            deviation.bias.copy_(&fit.deviation.1);
        });
    }

    /// Turns encoded texts into the last layer's input, f32 [batch, features].
    ///
    /// What stands behind a text's end does not matter.
    pub(crate) fn features(&self, encoded: &Encoded) -> Tensor {
        let (hidden_states, lengths) = (&encoded.hidden_states, &encoded.lengths);
        let features = match &self.body {
            Body::Logistic(Logistic { pooling, .. }) => {
                let pooled = match pooling {
                    Pooling::Cls => encoded.cls(),
                    Pooling::Mean => encoded.mean(),
                };
                let norm = pooled.norm_scalaropt_dim(2.0, [1], true);
                pooled / norm.clamp_min(f64::from(f32::MIN_POSITIVE))
            }
            Body::Linear(pooler) => {
                let kind = hidden_states.kind();
                let cls = hidden_states.i((.., 0)); // [batch, hidden]
                cls.linear(&pooler.weight.to_kind(kind), Some(&pooler.bias.to_kind(kind))).tanh()
            }
            Body::Cnn(convolutions) => {
                let widest = convolutions.iter().map(|c| c.width).max().unwrap_or(1);
                let signal = signal(hidden_states, lengths, widest);
                let maxima: Vec<Tensor> =
                    convolutions.iter().map(|c| c.maxima(&signal, lengths)).collect();
                Tensor::cat(&maxima, 1)
            }
        };
        features.to_kind(Kind::Float)
    }

    /// The convolutions of a CNN head, the weight of each of which is among its variables before its bias, on
    /// the CPU.
    pub(crate) fn filters(&self) -> Option<Vec<Filters<'_>>> {
        let Body::Cnn(convolutions) = &self.body else { return None };
        let filters = convolutions.iter().map(|Convolution { width, layer }| Filters {
            width: *width as usize,
            n: layer.weight.size()[0] as usize,
            weight: values(&layer.weight),
        });
        Some(filters.collect())
    }

    /// Turns the maxima of a CNN head's filters over time, without bias, into its features.
    ///
    /// # Panics
    /// Panics if this is not a CNN head.
    pub(crate) fn features_of_maxima(&self, maxima: &Tensor) -> Tensor {
        let Body::Cnn(convolutions) = &self.body else { panic!("only a CNN head has maxima") };
        let biases: Vec<&Tensor> = convolutions.iter().map(|c| &c.layer.bias).collect();
        (maxima + Tensor::cat(&biases, 0)).relu()
    }

    /// Features with some of them dropped, for training.
    pub(crate) fn drop_out(&self, features: &Tensor) -> Tensor {
        features.dropout(self.dropout, true)
    }

    /// Returns so many last layers that this one may be as well: drawn from the posterior of a logistic head,
    /// and with a part of the features dropped for the others (Gal and Ghahramani 2016). Each is one
    /// classifier for all texts: what two texts have in common under it is no chance of a batch. Draws
    /// from libtorch's generator, on the CPU, so that a seed means the same draws on every device.
    pub(crate) fn draws(&self, passes: u32) -> Vec<Layer> {
        tch::no_grad(|| (0..passes).map(|_| self.draw()).collect())
    }

    fn draw(&self) -> Layer {
        let Layer { weight, bias } = &self.output;
        let on = |drawn: Tensor| drawn.to_device(weight.device());
        let Body::Logistic(Logistic { deviation, .. }) = &self.body else {
            let mask = Tensor::ones([self.n_features() as i64], (Kind::Float, Device::Cpu));
            let mask = on(mask.dropout(self.dropout, true));
            return Layer { weight: weight * mask, bias: bias.copy() };
        };
        let drawn = |mean: &Tensor, deviation: &Tensor| {
            mean + deviation * on(Tensor::randn(mean.size(), (Kind::Float, Device::Cpu)))
        };
        Layer { weight: drawn(weight, &deviation.weight), bias: drawn(bias, &deviation.bias) }
    }

    /// Turns features, f32 [batch, features], into logits, f32 [batch, labels]: the last layer is
    /// not worth the ties that bf16 would make.
    pub(crate) fn logits(&self, features: &Tensor) -> Tensor {
        self.output.apply(features)
    }

    /// The head's variables, by name.
    pub(crate) fn vars(&self) -> &nn::VarStore {
        &self.vars
    }

    pub(crate) fn n_features(&self) -> usize {
        self.output.weight.size()[1] as usize
    }

    pub(crate) fn n_labels(&self) -> usize {
        self.output.weight.size()[0] as usize
    }
}

/// Turns features, f32 [batch, features], into probabilities, f32 [batch, draws * labels], draw after
/// draw.
pub(crate) fn probabilities_of(draws: &[Layer], features: &Tensor) -> Tensor {
    let passes: Vec<Tensor> = draws.iter().map(|layer| layer.apply(features).sigmoid()).collect();
    Tensor::cat(&passes, 1)
}

impl Layer {
    fn apply(&self, features: &Tensor) -> Tensor {
        features.linear(&self.weight, Some(&self.bias))
    }

    fn new(vs: &nn::Path<'_>, weight: &[i64]) -> Self {
        Self {
            weight: vs.var("weight", weight, nn::Init::Const(0.0)),
            bias: vs.var("bias", &weight[..1], nn::Init::Const(0.0)),
        }
    }

    /// Draws on the CPU, so that a seed means the same head on every device.
    fn draw(&mut self) {
        let fan_in: i64 = self.weight.size()[1..].iter().product();
        let bound = 1.0 / (fan_in as f64).sqrt();
        for variable in [&mut self.weight, &mut self.bias] {
            let mut drawn = Tensor::zeros(variable.size(), (Kind::Float, Device::Cpu));
            variable.copy_(&drawn.uniform_(-bound, bound));
        }
    }
}

impl Convolution {
    /// Takes `signal`, [batch, hidden, len], to each filter's maximum over time, [batch, filters].
    ///
    /// The bias is the same in every window and ReLU is monotonic, so both may follow the maximum.
    fn maxima(&self, signal: &Tensor, lengths: &[i64]) -> Tensor {
        let kind = signal.kind();
        let weight = self.layer.weight.to_kind(kind);
        let windows = signal.conv1d(&weight, None::<Tensor>, 1, 0, 1, 1); // [batch, filters, windows]
        let windows = match self.beyond_end(lengths, windows.size()[2], windows.device()) {
            Some(beyond) => windows.masked_fill(&beyond, f64::NEG_INFINITY),
            None => windows,
        };
        let (maxima, _) = windows.max_dim(2, false);
        (maxima + self.layer.bias.to_kind(kind)).relu()
    }

    /// Windows that reach behind a text's end, bool [batch, 1, windows]; `None` if none does. A
    /// text shorter than the filter keeps its first window, over the text and zeros.
    fn beyond_end(&self, lengths: &[i64], n_windows: i64, device: Device) -> Option<Tensor> {
        let allowed: Vec<i64> = lengths.iter().map(|len| (len - self.width + 1).max(1)).collect();
        if allowed.iter().all(|&allowed| allowed == n_windows) {
            return None;
        }
        let allowed = Tensor::from_slice(&allowed).view([-1, 1, 1]);
        let starts = Tensor::arange(n_windows, (Kind::Int64, Device::Cpu));
        Some(starts.ge_tensor(&allowed).to_device(device))
    }
}

/// Hidden states [batch, len, hidden] as convolutions take them, [batch, hidden, len']: at least
/// `widest` long, and zero behind the end of a text that is shorter than that. (Elsewhere no
/// window that counts reaches behind the end.)
fn signal(hidden_states: &Tensor, lengths: &[i64], widest: i64) -> Tensor {
    let len = hidden_states.size()[1];
    let shortest = lengths.iter().copied().min().unwrap_or(0);
    let mut signal = hidden_states.transpose(1, 2);
    if shortest < widest.min(len) {
        let lengths = Tensor::from_slice(lengths).view([-1, 1, 1]);
        let positions = Tensor::arange(len, (Kind::Int64, Device::Cpu));
        let padding = positions.ge_tensor(&lengths).to_device(signal.device());
        signal = signal.masked_fill(&padding, 0.0);
    }
    if len < widest {
        signal = signal.constant_pad_nd([0, widest - len]);
    }
    signal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(head: HeadKind) -> ModelConfig {
        ModelConfig { head, widths: vec![3, 4, 5], filters: 7, ..ModelConfig::default() }
    }

    fn head(kind: HeadKind) -> Head {
        let mut head = Head::new(&config(kind), Pooling::Mean, 6, 5, Device::Cpu);
        head.initialize(1, None);
        head
    }

    fn hidden_states(batch: i64, len: i64) -> Tensor {
        let _generator = seeded(1);
        Tensor::randn([batch, len, 6], (Kind::Float, Device::Cpu))
    }

    fn features(head: &Head, states: &Tensor, lengths: &[i64]) -> Tensor {
        head.features(&Encoded::new(states.shallow_clone(), lengths.to_vec()))
    }

    fn distance(a: &Tensor, b: &Tensor) -> f64 {
        (a - b).abs().max().double_value(&[])
    }

    /// The definition, text by text: every window within the zero-extended text.
    fn cnn_by_hand(head: &Head, text: &Tensor) -> Vec<f32> {
        let Body::Cnn(convolutions) = &head.body else { panic!("not a CNN head") };
        let mut features = Vec::new();
        for Convolution { width, layer } in convolutions {
            let len = text.size()[0];
            let text = Tensor::cat(&[text, &Tensor::zeros([8, 6], (Kind::Float, Device::Cpu))], 0);
            for filter in 0..7 {
                let mut best = 0.0_f64;
                for start in 0..=(len - width).max(0) {
                    let window = text.narrow(0, start, *width).tr(); // [hidden, width]
                    let response = (window * layer.weight.get(filter)).sum(Kind::Float)
                        + layer.bias.get(filter);
                    best = best.max(response.double_value(&[]));
                }
                features.push(best as f32);
            }
        }
        features
    }

    #[test]
    fn the_cnn_sees_each_text_zero_extended_and_no_padding() {
        let head = head(HeadKind::Cnn);
        let lengths = [2, 9, 5, 3, 4];
        let states = hidden_states(5, 9); // not zero behind the ends
        let features = features(&head, &states, &lengths);
        assert_eq!(features.size(), [5, 21]);
        for (row, &len) in lengths.iter().enumerate() {
            let text = states.get(row as i64).narrow(0, 0, len);
            let expected = Tensor::from_slice(&cnn_by_hand(&head, &text));
            assert!(distance(&features.get(row as i64), &expected) < 1e-5, "text of {len} tokens");
        }
    }

    #[test]
    fn a_batch_narrower_than_the_widest_filter_is_extended() {
        let head = head(HeadKind::Cnn);
        let states = hidden_states(1, 2);
        let expected = Tensor::from_slice(&cnn_by_hand(&head, &states.get(0)));
        assert!(distance(&features(&head, &states, &[2]).get(0), &expected) < 1e-5);
    }

    #[test]
    fn the_linear_head_sees_the_first_token_only() {
        let head = head(HeadKind::Linear);
        let states = hidden_states(2, 4);
        let whole = features(&head, &states, &[4, 2]);
        assert_eq!(whole.size(), [2, 6]);
        assert!(distance(&whole, &features(&head, &states.narrow(1, 0, 1), &[1, 1])) < 1e-6);
        assert!(whole.abs().max().double_value(&[]) <= 1.0, "tanh is within ±1");
    }

    #[test]
    fn the_seed_decides_the_head() {
        for kind in [HeadKind::Linear, HeadKind::Cnn] {
            let (first, mut second) = (head(kind), head(kind));
            assert!(first.output.weight.equal(&second.output.weight));
            second.initialize(2, None);
            assert!(!first.output.weight.equal(&second.output.weight));
        }
    }

    #[test]
    fn the_pooler_of_a_checkpoint_is_taken() {
        let mut head = head(HeadKind::Linear);
        let options = (Kind::Float, Device::Cpu);
        head.initialize(1, Some((&Tensor::ones([6, 6], options), &Tensor::zeros([6], options))));
        let Body::Linear(pooler) = &head.body else { panic!("not a linear head") };
        assert!(pooler.weight.equal(&Tensor::ones([6, 6], options)));
    }

    #[test]
    fn log_odds_make_the_first_probabilities_the_smoothed_frequencies() {
        let mut labels = Labels::new(5);
        labels.push(&[0, 1]);
        labels.push(&[0]);
        labels.push(&[0, 4]);
        let mut head = Head::new(&config(HeadKind::Cnn), Pooling::Mean, 6, 5, Device::Cpu); // weights are zero
        head.set_bias(HeadBias::LogOdds, &labels);
        let features = features(&head, &hidden_states(1, 6), &[6]);
        let probabilities = Vec::<f32>::try_from(head.logits(&features).sigmoid().get(0)).unwrap();
        // (c + 1) / (n + 2) with n = 3
        for (probability, expected) in probabilities.iter().zip([0.8, 0.4, 0.2, 0.2, 0.4]) {
            assert!((probability - expected).abs() < 1e-6, "{probability} for {expected}");
        }
    }

    #[test]
    fn without_log_odds_the_bias_stays_as_drawn() {
        let mut labels = Labels::new(5);
        labels.push(&[0, 1]);
        let mut head = head(HeadKind::Cnn);
        let before = head.output.bias.detach().copy();
        head.set_bias(HeadBias::Zero, &labels);
        assert!(head.output.bias.equal(&before));
    }

    #[test]
    fn dropout_zeroes_some_features_and_scales_the_others() {
        let mut config = config(HeadKind::Cnn);
        config.dropout = 0.5;
        let head = Head::new(&config, Pooling::Mean, 6, 5, Device::Cpu);
        let _dropout = seeded(1);
        let dropped = head.drop_out(&Tensor::ones([40, 21], (Kind::Float, Device::Cpu)));
        let values = Vec::<f32>::try_from(dropped.view([-1])).unwrap();
        assert!(values.iter().all(|v| v.abs() < 1e-6 || (v - 2.0).abs() < 1e-6));
        let kept = values.iter().filter(|v| **v > 1.0).count();
        assert!((300..540).contains(&kept), "{kept} of 840 kept");
    }
}
