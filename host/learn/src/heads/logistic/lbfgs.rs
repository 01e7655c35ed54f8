//! Many small convex problems in step: L-BFGS (Liu and Nocedal 1989) on all labels of a block, each with
//! its own direction, step and end, in two matrix products an iteration.
//!
//! The inverse Hessian that a direction begins with is diagonal, `1 / (s_l lambda_i + 1/C)`: `lambda_i`
//! is the texts' sum of squares along axis `i`, and `s_l` the mean of `p (1 - p)` over the texts as the
//! label now stands. In principal axes that is close to the truth, so some ten to thirty iterations do.
//!
//! The targets `y` are needed once only, for `t = sum_n y_n x_n`: with `log(1 + exp(z))` as softplus, the
//! loss is `sum_n softplus(z_n) - w.t` and its gradient `sum_n p_n x_n - t`, penalties aside.

use tch::{Kind, Tensor};

/// Pairs of steps and gradients that are remembered.
const MEMORY: usize = 8;

const MOST_ITERATIONS: usize = 200;

/// Least decrease, as a share of what the slope promises (Armijo).
const SUFFICIENT: f64 = 1e-4;

const MOST_HALVINGS: usize = 40;

/// Logits that are looked at together: 512 KiB, which stay in a core's cache from pass to pass.
const CHUNK: i64 = 1 << 16;

pub(super) struct Problem<'a> {
    /// f64 [texts, axes + 1]; the last column is ones, its weight the bias.
    pub(super) texts: &'a Tensor,
    /// Sums of squares of the columns, f64 [axes + 1].
    pub(super) spectrum: &'a Tensor,
    /// Sum of the texts that carry a label, f64 [labels, axes + 1].
    pub(super) carried: Tensor,
    pub(super) c: f64,
    pub(super) tolerance: f64,
}

pub(super) struct Solved {
    /// The weights and the bias of each label, f64 [labels, axes + 1].
    pub(super) parameters: Tensor,
    pub(super) iterations: usize,
    pub(super) unsolved: usize,
}

/// The labels that are not solved yet; all tensors have one row for each.
struct State {
    /// Their places in the block, i64 [labels].
    places: Tensor,
    carried: Tensor,    // [labels, axes + 1]
    parameters: Tensor, // [labels, axes + 1]
    gradient: Tensor,   // [labels, axes + 1]
    logits: Tensor,     // [labels, texts]
    /// Sums over the texts, [labels].
    loss: Tensor,
    curvature: Tensor,
    /// Steps, changes of the gradient, and the inverse of their products [labels, 1]; oldest first.
    memory: Vec<[Tensor; 3]>,
}

impl Problem<'_> {
    pub(super) fn solve(self) -> Solved {
        let mut state = self.start();
        let parameters = state.parameters.zeros_like();
        let mut iterations = 0;
        loop {
            let diagonal = self.inverse_diagonal(&state);
            // The squared Newton step in the metric of the Hessian is twice the loss still to be had.
            let gradient = &state.gradient;
            let decrement =
                (gradient * gradient * &diagonal).sum_dim_intlist(1, false, Kind::Double) / 2.0;
            let open = decrement.gt(self.tolerance);
            let n_open = open.sum(Kind::Int64).int64_value(&[]) as usize;
            if n_open == 0 || iterations == MOST_ITERATIONS {
                drop(parameters.shallow_clone().index_copy_(0, &state.places, &state.parameters));
                return Solved { parameters, iterations, unsolved: n_open };
            }
            // A label that is solved leaves, so that its result does not depend on its company.
            let diagonal = if n_open < state.places.size()[0] as usize {
                drop(parameters.shallow_clone().index_copy_(0, &state.places, &state.parameters));
                let open = open.nonzero().squeeze_dim(1);
                state = state.keep(&open);
                diagonal.index_select(0, &open)
            } else {
                diagonal
            };
            let direction = state.direction(&diagonal);
            self.step(&mut state, &direction);
            iterations += 1;
        }
    }

    /// Starts with no weights, and with the log-odds of each label's frequency.
    fn start(&self) -> State {
        let (n_labels, n_columns) = (self.carried.size()[0], self.carried.size()[1]);
        let n = self.texts.size()[0];
        let options = (Kind::Double, self.texts.device());
        let frequency = self.carried.select(1, n_columns - 1) / n as f64;
        let parameters = Tensor::zeros([n_labels, n_columns], options);
        let bias = frequency.logit(None);
        parameters.select(1, n_columns - 1).copy_(&bias);
        let logits = bias.unsqueeze(1).expand([n_labels, n], false).contiguous();
        let look = Look::at(&logits);
        let mut state = State {
            places: Tensor::arange(n_labels, (Kind::Int64, self.texts.device())),
            carried: self.carried.shallow_clone(),
            loss: self.loss(&look.softplus, &parameters, &self.carried),
            gradient: parameters.zeros_like(),
            curvature: look.curvature,
            logits,
            parameters,
            memory: Vec::new(),
        };
        state.gradient = self.gradient(&state, &look.probabilities);
        state
    }

    /// `1 / C` for each weight, 0 for the bias: f64 [axes + 1].
    fn penalty(&self) -> Tensor {
        let penalty = self.spectrum.full_like(1.0 / self.c);
        drop(penalty.select(0, penalty.size()[0] - 1).fill_(0.0));
        penalty
    }

    /// Returns the loss of each label, [labels].
    fn loss(&self, softplus: &Tensor, parameters: &Tensor, carried: &Tensor) -> Tensor {
        let others = parameters * (parameters * self.penalty() / 2.0 - carried);
        softplus + others.sum_dim_intlist(1, false, Kind::Double)
    }

    fn gradient(&self, state: &State, probabilities: &Tensor) -> Tensor {
        probabilities.matmul(self.texts) - &state.carried + &state.parameters * self.penalty()
    }

    /// Returns the inverse Hessian that a direction begins with, which is diagonal:
    /// [labels, axes + 1].
    fn inverse_diagonal(&self, state: &State) -> Tensor {
        // A label whose texts are all certain has no curvature left to divide by.
        let mean = (&state.curvature / self.texts.size()[0] as f64).clamp_min(1e-12);
        (mean.unsqueeze(1) * self.spectrum + self.penalty()).reciprocal()
    }

    /// Goes along `direction` as far as each label's loss falls: the whole step, or half of it, and
    /// so on.
    fn step(&self, state: &mut State, direction: &Tensor) {
        let change = direction.matmul(&self.texts.tr()); // of the logits, for a whole step
        let slope = (&state.gradient * direction).sum_dim_intlist(1, false, Kind::Double);
        let mut length = state.loss.ones_like(); // [labels]
        // The loss is known to some 1e-15 of its terms, which near the end is more than it can fall.
        let terms = (&state.parameters * &state.carried).abs();
        let slack = (terms.sum_dim_intlist(1, false, Kind::Double) + state.loss.abs()) * 1e-14;
        for halving in 0..=MOST_HALVINGS {
            let step = direction * length.unsqueeze(1);
            let parameters = &state.parameters + &step;
            let logits = state.logits.addcmul(&change, &length.unsqueeze(1));
            let look = Look::at(&logits);
            let loss = self.loss(&look.softplus, &parameters, &state.carried);
            let enough = &state.loss + &slope * &length * SUFFICIENT + &slack;
            let falls = loss.le_tensor(&enough);
            let all = falls.all().int64_value(&[]) == 1;
            if all || halving == MOST_HALVINGS {
                // Where even the shortest step does not help, rounding is all that is left.
                let old = state.gradient.shallow_clone();
                (state.logits, state.loss, state.curvature) = (logits, loss, look.curvature);
                state.parameters = parameters;
                state.gradient = self.gradient(state, &look.probabilities);
                state.remember(step, &state.gradient - old);
                return;
            }
            length = length.where_self(&falls, &(&length / 2.0));
        }
    }
}

/// The numbers that are needed of each label at some logits.
struct Look {
    /// The sums over the texts, [labels], of `softplus(z)` and of `p (1 - p)`.
    softplus: Tensor,
    curvature: Tensor,
    /// `p = sigmoid(z)`, [labels, texts]
    probabilities: Tensor,
}

impl Look {
    fn at(logits: &Tensor) -> Self {
        let probabilities = logits.empty_like();
        let (mut softplus, mut curvature) = (Vec::new(), Vec::new());
        let [n_labels, n] = logits.size()[..] else { unreachable!("logits have two dimensions") };
        let rows = (CHUNK / n).max(1);
        for first in (0..n_labels).step_by(rows as usize) {
            let rows = rows.min(n_labels - first);
            let z = logits.narrow(0, first, rows);
            let p = z.sigmoid_out(&probabilities.narrow(0, first, rows));
            softplus.push(sum_of_softplus(&z));
            curvature.push((&p - &p * &p).sum_dim_intlist(1, false, Kind::Double));
        }
        Self {
            softplus: Tensor::cat(&softplus, 0),
            curvature: Tensor::cat(&curvature, 0),
            probabilities,
        }
    }
}

impl State {
    /// `-H g`, where `H` is the inverse Hessian that memory and diagonal stand for (the two loops of
    /// Nocedal 1980).
    fn direction(&self, diagonal: &Tensor) -> Tensor {
        let dot = |a: &Tensor, b: &Tensor| (a * b).sum_dim_intlist(1, true, Kind::Double);
        let mut q = self.gradient.copy();
        let mut shares = Vec::with_capacity(self.memory.len());
        for [step, change, inverse] in self.memory.iter().rev() {
            let share = dot(step, &q) * inverse;
            q -= change * &share;
            shares.push(share);
        }
        let mut r = q * diagonal;
        for ([step, change, inverse], share) in self.memory.iter().zip(shares.iter().rev()) {
            r += step * (share - dot(change, &r) * inverse);
        }
        -r
    }

    /// A pair without curvature, which rounding can make, is remembered as nothing.
    fn remember(&mut self, step: Tensor, change: Tensor) {
        let product = (&step * &change).sum_dim_intlist(1, true, Kind::Double);
        let usable = product.gt(1e-300);
        let inverse = product.reciprocal().where_self(&usable, &product.zeros_like());
        if self.memory.len() == MEMORY {
            drop(self.memory.remove(0));
        }
        self.memory.push([step, change, inverse]);
    }

    /// The labels at these rows alone.
    fn keep(self, rows: &Tensor) -> Self {
        let kept = |tensor: &Tensor| tensor.index_select(0, rows);
        Self {
            places: kept(&self.places),
            carried: kept(&self.carried),
            parameters: kept(&self.parameters),
            gradient: kept(&self.gradient),
            logits: kept(&self.logits),
            loss: kept(&self.loss),
            curvature: kept(&self.curvature),
            memory: self.memory.iter().map(|pair| pair.each_ref().map(kept)).collect(),
        }
    }
}

/// `log(1 + exp(z))` of the logits [labels, texts], summed over the texts.
pub(super) fn sum_of_softplus(logits: &Tensor) -> Tensor {
    -(-logits).log_sigmoid().sum_dim_intlist(1, false, Kind::Double)
}

/// `p (1 - p)` with `p = sigmoid(z)`.
pub(super) fn curvature(logits: &Tensor) -> Tensor {
    let probabilities = logits.sigmoid();
    &probabilities - &probabilities * &probabilities
}
