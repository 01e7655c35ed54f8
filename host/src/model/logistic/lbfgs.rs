//! Many small convex problems in step: L-BFGS (Liu and Nocedal 1989) on all labels of a block, each with
//! its own direction, step and end, in three matrix products an iteration.
//!
//! The inverse Hessian that a direction begins with is diagonal, `1 / (s_l lambda_i + 1/C)`: `lambda_i`
//! is the texts' sum of squares along axis `i`, and `s_l` the mean of `p (1 - p)` over the texts as the
//! label now stands. In principal axes that is close to the truth, so some ten to thirty iterations do.

use tch::{Kind, Tensor};

/// Pairs of steps and gradients that are remembered.
const MEMORY: usize = 8;

const MOST_ITERATIONS: usize = 200;

/// Least decrease, as a share of what the slope promises (Armijo).
const SUFFICIENT: f64 = 1e-4;

const MOST_HALVINGS: usize = 40;

pub(super) struct Problem<'a> {
    /// f64 [texts, axes + 1]; the last column is ones, its weight the bias.
    pub(super) texts: &'a Tensor,
    /// Sums of squares of the columns, f64 [axes + 1].
    pub(super) spectrum: &'a Tensor,
    /// f64 [texts, labels]
    pub(super) targets: Tensor,
    pub(super) c: f64,
    pub(super) tolerance: f64,
}

pub(super) struct Solved {
    /// f64 [labels, axes + 1]
    pub(super) parameters: Tensor,
    pub(super) iterations: usize,
    pub(super) unsolved: usize,
}

/// The labels that are not solved yet; all tensors have one row or column for each.
struct State {
    /// Their places in the block, i64 [labels].
    places: Tensor,
    targets: Tensor,    // [texts, labels]
    logits: Tensor,     // [texts, labels]
    parameters: Tensor, // [labels, axes + 1]
    gradient: Tensor,   // [labels, axes + 1]
    loss: Tensor,       // [labels]
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

    /// No weights, and the log-odds of each label's frequency.
    fn start(&self) -> State {
        let (n, n_labels) = (self.targets.size()[0], self.targets.size()[1]);
        let options = (Kind::Double, self.targets.device());
        let frequency = self.targets.mean_dim(0, false, Kind::Double);
        let parameters = Tensor::zeros([n_labels, self.spectrum.size()[0]], options);
        let bias = frequency.logit(None);
        parameters.select(1, self.spectrum.size()[0] - 1).copy_(&bias);
        let logits = bias.unsqueeze(0).expand([n, n_labels], false).contiguous();
        let mut state = State {
            places: Tensor::arange(n_labels, (Kind::Int64, self.targets.device())),
            targets: self.targets.shallow_clone(),
            loss: Tensor::zeros([n_labels], options),
            gradient: parameters.zeros_like(),
            logits,
            parameters,
            memory: Vec::new(),
        };
        state.loss = self.objective(&state.logits, &state.parameters, &state.targets);
        state.gradient = self.gradient(&state);
        state
    }

    /// `1 / C` for each weight, 0 for the bias: f64 [axes + 1].
    fn penalty(&self) -> Tensor {
        let penalty = self.spectrum.full_like(1.0 / self.c);
        drop(penalty.select(0, penalty.size()[0] - 1).fill_(0.0));
        penalty
    }

    /// [labels]
    fn objective(&self, logits: &Tensor, parameters: &Tensor, targets: &Tensor) -> Tensor {
        let squares = parameters * parameters * self.penalty();
        losses(logits, targets) + squares.sum_dim_intlist(1, false, Kind::Double) / 2.0
    }

    fn gradient(&self, state: &State) -> Tensor {
        let residuals = state.logits.sigmoid() - &state.targets;
        residuals.tr().matmul(self.texts) + &state.parameters * self.penalty()
    }

    /// [labels, axes + 1]
    fn inverse_diagonal(&self, state: &State) -> Tensor {
        let curvature = curvature(&state.logits).mean_dim(0, false, Kind::Double);
        // A label whose texts are all certain has no curvature left to divide by.
        let curvature = curvature.clamp_min(1e-12).unsqueeze(1);
        (curvature * self.spectrum + self.penalty()).reciprocal()
    }

    /// Along `direction` as far as each label's loss falls: the whole step, or half of it, and so on.
    fn step(&self, state: &mut State, direction: &Tensor) {
        let change = self.texts.matmul(&direction.tr()); // of the logits, for a whole step
        let slope = (&state.gradient * direction).sum_dim_intlist(1, false, Kind::Double);
        let mut length = state.loss.ones_like(); // [labels]
        // The loss is known to some 1e-15 of itself, which near the end is more than it can fall.
        let slack = state.loss.abs() * 1e-14;
        for halving in 0..=MOST_HALVINGS {
            let logits = &state.logits + &change * &length;
            let parameters = &state.parameters + direction * length.unsqueeze(1);
            let loss = self.objective(&logits, &parameters, &state.targets);
            let enough = &state.loss + &slope * &length * SUFFICIENT + &slack;
            let falls = loss.le_tensor(&enough);
            let all = falls.all().int64_value(&[]) == 1;
            if all || halving == MOST_HALVINGS {
                // Where even the shortest step does not help, rounding is all that is left.
                let old = state.gradient.shallow_clone();
                (state.logits, state.loss) = (logits, loss);
                let step = &parameters - &state.parameters;
                state.parameters = parameters;
                state.gradient = self.gradient(state);
                state.remember(step, &state.gradient - old);
                return;
            }
            length = length.where_self(&falls, &(&length / 2.0));
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
        let columns = |tensor: &Tensor| tensor.index_select(1, rows);
        let rows_of = |tensor: &Tensor| tensor.index_select(0, rows);
        Self {
            places: rows_of(&self.places),
            targets: columns(&self.targets),
            logits: columns(&self.logits),
            parameters: rows_of(&self.parameters),
            gradient: rows_of(&self.gradient),
            loss: rows_of(&self.loss),
            memory: self.memory.iter().map(|pair| pair.each_ref().map(rows_of)).collect(),
        }
    }
}

/// Cross-entropy of each label, summed over the texts: `log(1 + exp(z)) - y z`. [labels]
pub(super) fn losses(logits: &Tensor, targets: &Tensor) -> Tensor {
    // softplus's linear range begins where f64 no longer sees the difference.
    let softplus = logits.clamp_min(0.0) + (-logits.abs()).exp().log1p();
    (softplus - logits * targets).sum_dim_intlist(0, false, Kind::Double)
}

/// `p (1 - p)` with `p = sigmoid(z)`.
pub(super) fn curvature(logits: &Tensor) -> Tensor {
    let probabilities = logits.sigmoid();
    &probabilities - &probabilities * &probabilities
}
