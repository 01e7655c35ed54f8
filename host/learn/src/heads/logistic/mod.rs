//! One-vs-rest logistic regression for all labels at once, to a tolerance: what `head = "logistic"`
//! learns. There is no step size, no epoch and no seed, so that the result depends on the texts and
//! their labels alone.
//!
//! For each label, over the texts `n` with embeddings `x_n` and targets `y_n` in {0, 1}:
//!
//! ```text
//! minimise   sum_n log(1 + exp(-(2 y_n - 1)(w.x_n + b)))  +  |w|^2 / (2 C)
//! ```
//!
//! which is scikit-learn's `LogisticRegression(C=C)`, one label against the rest; `b` is not penalised.
//! A label that none or all of the texts carry has no finite optimum in `b`: it gets `w = 0` and its
//! smoothed log-odds.
//!
//! The problems are solved in the principal axes of the embeddings, where the Hessian is nearly
//! diagonal: `|w|` is the same in any orthonormal basis, and `w` lies in the span of the texts.

mod lbfgs;
#[cfg(test)]
mod tests;

use alhost_data::Labels;
use tch::{Kind, Tensor};

/// Half the squared Newton step, in units of the loss, below which a label counts as solved. With C = 30
/// it bounds the distance to the optimum by 8e-4 in `|w|`.
pub(crate) const TOLERANCE: f64 = 1e-8;

/// Values of [labels, texts] that are worked on at once: 64 MiB a matrix, of which there are four.
const BLOCK: usize = 1 << 23;

/// One logistic regression a label.
pub(crate) struct Fit {
    /// The weights, f64 [labels, dimensions].
    pub(crate) weight: Tensor,
    /// The biases, f64 [labels].
    pub(crate) bias: Tensor,
    /// Standard deviations of a diagonal Laplace posterior: of each weight and bias, `1 / sqrt(H_ii)` with
    /// the loss's Hessian `H` at the optimum. f64 [labels, dimensions] and [labels].
    pub(crate) deviation: (Tensor, Tensor),
    /// Sum of the losses of all labels, penalties included, divided by texts and labels.
    pub(crate) loss: f64,
    /// The most iterations that a label took.
    pub(crate) iterations: usize,
    /// Labels that were not solved to the tolerance.
    pub(crate) unsolved: usize,
}

/// The texts, ready to be fitted to any labels.
pub(crate) struct Texts {
    /// The embeddings as they came, f64 [texts, dimensions].
    embeddings: Tensor,
    /// The mean of the embeddings, f64 [dimensions].
    mean: Tensor,
    /// Principal axes of the embeddings around their mean, f64 [dimensions, axes].
    axes: Tensor,
    /// The texts in these axes, with a last column of ones: f64 [texts, axes + 1].
    rotated: Tensor,
    /// Sum of squares of each column of `rotated`, f64 [axes + 1].
    spectrum: Tensor,
}

impl Texts {
    /// Prepares `embeddings`, [texts, dimensions] of any kind, all finite, of at least one text.
    pub(crate) fn new(embeddings: &Tensor) -> Self {
        let embeddings = embeddings.to_kind(Kind::Double);
        let mean = embeddings.mean_dim(0, false, Kind::Double);
        let centred = &embeddings - &mean;
        let axes = principal_axes(&centred);
        let ones = Tensor::ones([embeddings.size()[0], 1], (Kind::Double, embeddings.device()));
        let rotated = Tensor::cat(&[centred.matmul(&axes), ones], 1);
        let spectrum = (&rotated * &rotated).sum_dim_intlist(0, false, Kind::Double);
        Self { embeddings, mean, axes, rotated, spectrum }
    }

    fn len(&self) -> usize {
        self.embeddings.size()[0] as usize
    }

    /// Fits one regression a label; `labels` has one row for each text.
    pub(crate) fn fit(&self, labels: &Labels, c: f64, tolerance: f64) -> Fit {
        let (n, n_labels) = (self.len(), labels.n_labels());
        assert_eq!(n, labels.len(), "one row of labels for each text");
        let counts = labels.counts();
        let solvable: Vec<u32> = (0..n_labels as u32)
            .filter(|&label| (1..n as u32).contains(&counts[label as usize]))
            .collect();
        let [dimensions] = self.mean.size()[..] else { unreachable!("a mean has one dimension") };
        let options = (Kind::Double, self.mean.device());
        let weight = Tensor::zeros([n_labels as i64, dimensions], options);
        let bias = Tensor::from_slice(&log_odds(labels)).to_device(self.mean.device());
        let (mut iterations, mut unsolved) = (0, 0);
        for block in solvable.chunks((BLOCK / n).max(1)) {
            let problem = lbfgs::Problem {
                texts: &self.rotated,
                spectrum: &self.spectrum,
                carried: self.targets(labels, block).matmul(&self.rotated),
                c,
                tolerance,
            };
            let solved = problem.solve();
            iterations = iterations.max(solved.iterations);
            unsolved += solved.unsolved;
            self.put_back(&solved.parameters, block, &weight, &bias);
        }
        let (deviation, loss) = self.posterior(labels, &weight, &bias, c);
        Fit { weight, bias, deviation, loss, iterations, unsolved }
    }

    /// Returns 1 where a text carries a label of `block`, else 0: f64 [block, texts].
    fn targets(&self, labels: &Labels, block: &[u32]) -> Tensor {
        let n = labels.len();
        let mut values = vec![0.0_f64; block.len() * n];
        for (text, row) in labels.rows().enumerate() {
            for label in row {
                if let Ok(place) = block.binary_search(label) {
                    values[place * n + text] = 1.0;
                }
            }
        }
        let shape = [block.len() as i64, n as i64];
        Tensor::from_slice(&values).view(shape).to_device(self.mean.device())
    }

    /// Puts parameters into `weight` and `bias`, after turning them from the principal axes back to
    /// the embeddings' own: `w = V w'`, `b = b' - w.mean`.
    fn put_back(&self, parameters: &Tensor, block: &[u32], weight: &Tensor, bias: &Tensor) {
        let n_axes = self.axes.size()[1];
        let block_weight = parameters.narrow(1, 0, n_axes).matmul(&self.axes.tr());
        let block_bias = parameters.select(1, n_axes) - block_weight.mv(&self.mean);
        let rows: Vec<i64> = block.iter().map(|&label| i64::from(label)).collect();
        let rows = Tensor::from_slice(&rows).to_device(weight.device());
        drop(weight.shallow_clone().index_copy_(0, &rows, &block_weight));
        drop(bias.shallow_clone().index_copy_(0, &rows, &block_bias));
    }

    /// Returns the deviations and the loss of a [`Fit`].
    fn posterior(
        &self,
        labels: &Labels,
        weight: &Tensor,
        bias: &Tensor,
        c: f64,
    ) -> ((Tensor, Tensor), f64) {
        let squares = &self.embeddings * &self.embeddings;
        let all: Vec<u32> = (0..labels.n_labels() as u32).collect();
        let (mut of_weights, mut of_biases) = (Vec::new(), Vec::new());
        let mut loss = (weight * weight).sum(Kind::Double).double_value(&[]) / (2.0 * c);
        for block in all.chunks((BLOCK / self.len()).max(1)) {
            let (first, n) = (i64::from(block[0]), block.len() as i64);
            let block_bias = bias.narrow(0, first, n);
            let logits =
                weight.narrow(0, first, n).matmul(&self.embeddings.tr()) + block_bias.unsqueeze(1); // [block, texts]
            let of_targets = &logits * self.targets(labels, block);
            loss += (lbfgs::sum_of_softplus(&logits).sum(Kind::Double)
                - of_targets.sum(Kind::Double))
            .double_value(&[]);
            let curvature = lbfgs::curvature(&logits);
            of_weights.push((curvature.matmul(&squares) + 1.0 / c).rsqrt());
            of_biases.push(curvature.sum_dim_intlist(1, false, Kind::Double).rsqrt());
        }
        let deviation = (Tensor::cat(&of_weights, 0), Tensor::cat(&of_biases, 0));
        (deviation, loss / (self.len() * labels.n_labels()) as f64)
    }
}

/// Orthonormal columns [dimensions, axes] that span the rows of `centred` [texts, dimensions], from
/// the eigenvectors of the smaller of its two Gram matrices.
fn principal_axes(centred: &Tensor) -> Tensor {
    let [n, dimensions] = centred.size()[..] else { unreachable!("a matrix has two dimensions") };
    let gram =
        if n < dimensions { centred.matmul(&centred.tr()) } else { centred.tr().matmul(centred) };
    let (values, vectors) = gram.linalg_eigh("L"); // ascending
    let largest = values.max().double_value(&[]).max(f64::MIN_POSITIVE);
    // Below it an axis is rounding: the square root of f64's precision, relative, in the text's length.
    let kept = values.gt(largest * 1e-13).nonzero().squeeze_dim(1);
    let vectors = vectors.index_select(1, &kept);
    if n < dimensions {
        // Of X X' to those of X' X: V = X' U / sqrt(value).
        centred.tr().matmul(&vectors) * values.index_select(0, &kept).rsqrt()
    } else {
        vectors
    }
}

/// `log((c_l + 1) / (n - c_l + 1))` for each label, which `c_l` of the `n` texts carry: the log-odds
/// of its frequency, with add-one smoothing.
pub(crate) fn log_odds(labeled: &Labels) -> Vec<f64> {
    let n = labeled.len() as f64;
    let odds = |&count: &u32| (f64::from(count) + 1.0) / (n - f64::from(count) + 1.0);
    labeled.counts().iter().map(|count| odds(count).ln()).collect()
}
