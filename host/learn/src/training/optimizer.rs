//! Adam (Kingma and Ba 2015, <https://arxiv.org/abs/1412.6980>) without weight decay, with a rate
//! for each group of variables.
//!
//! libtorch's own wants its variables in a `VarStore`, where the word embeddings that a training
//! touches (`Encoder::embed_rows`) are not.

use std::sync::Arc;

use tch::{Device, Tensor};

use crate::cpu::slices::{values, values_mut};
use crate::cpu::workers::Workers;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Values that a thread updates before it looks for more.
const PIECE: usize = 1 << 15;

pub(crate) struct Adam {
    slots: Vec<Slot>,
    steps: i32,
    workers: Arc<Workers>,
}

struct Slot {
    variable: Tensor,
    rate: f64,
    first: Tensor,  // moment, like the variable
    second: Tensor, // moment, like the variable
}

impl Adam {
    /// Makes the optimiser of some groups, each of which is its variables and their rate.
    pub(crate) fn new(groups: Vec<(Vec<Tensor>, f64)>, workers: Arc<Workers>) -> Self {
        let slot = |variable: Tensor, rate| Slot {
            first: variable.zeros_like(),
            second: variable.zeros_like(),
            variable,
            rate,
        };
        let slots = groups
            .into_iter()
            .flat_map(|(variables, rate)| variables.into_iter().map(move |v| slot(v, rate)))
            .collect();
        Self { slots, steps: 0, workers }
    }

    /// The variables, in the order in which `step` takes their gradients.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Tensor> {
        self.slots.iter().map(|slot| &slot.variable)
    }

    /// Copies of the variables, for `restore`.
    pub(crate) fn copy(&self) -> Vec<Tensor> {
        self.variables().map(|variable| variable.detach().copy()).collect()
    }

    /// Puts back what the variables were when `copy` was called.
    pub(crate) fn restore(&mut self, copies: &[Tensor]) {
        tch::no_grad(|| {
            for (slot, copy) in self.slots.iter_mut().zip(copies) {
                slot.variable.copy_(copy);
            }
        });
    }

    /// One step down the loss. Where a variable had no part in the loss, its gradient is undefined
    /// and it stays.
    pub(crate) fn step(&mut self, gradients: &[Tensor]) {
        assert_eq!(gradients.len(), self.slots.len(), "one gradient a variable");
        self.steps += 1;
        let correction_1 = 1.0 - BETA_1.powi(self.steps);
        let correction_2 = 1.0 - BETA_2.powi(self.steps);
        let slots = self.slots.iter_mut().zip(gradients);
        let moved = slots.filter(|(slot, gradient)| gradient.defined() && slot.rate > 0.0);
        let mut pieces = Vec::new();
        for (slot, gradient) in moved {
            if slot.variable.device() == Device::Cpu && gradient.is_contiguous() {
                pieces.extend(slot.pieces(gradient, correction_1, correction_2));
            } else {
                tch::no_grad(|| slot.step(gradient, correction_1, correction_2));
            }
        }
        self.workers.each(pieces.into_iter(), Piece::step);
    }
}

/// Some values of a variable, with all that one step of them needs. On the CPU a step is memory traffic:
/// here each value is read and written once.
struct Piece<'a> {
    values: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
    /// The denominator of the step is `sqrt(second) * scale + shift`.
    scale: f32,
    shift: f32,
}

impl Piece<'_> {
    fn step(self) {
        let moments = self.first.iter_mut().zip(self.second);
        let values = self.values.iter_mut().zip(self.gradient);
        for ((first, second), (value, &gradient)) in moments.zip(values) {
            let m = *first + (gradient - *first) * (1.0 - BETA_1) as f32;
            // What is too small to be a usual number would cost a hundred times as much in each step.
            *first = if m.abs() < f32::MIN_POSITIVE { 0.0 } else { m };
            let v = *second + (gradient * gradient - *second) * (1.0 - BETA_2) as f32;
            *second = if v < f32::MIN_POSITIVE { 0.0 } else { v };
            *value += *first / (second.sqrt() * self.scale + self.shift);
        }
    }
}

impl Slot {
    /// The same as `step`, cut into pieces.
    fn pieces<'a>(
        &'a mut self,
        gradient: &'a Tensor,
        correction_1: f64,
        correction_2: f64,
    ) -> impl Iterator<Item = Piece<'a>> {
        let scale = -correction_1 / self.rate;
        let (shift, scale) = ((scale * EPSILON) as f32, (scale / correction_2.sqrt()) as f32);
        let moments = values_mut(&mut self.first)
            .chunks_mut(PIECE)
            .zip(values_mut(&mut self.second).chunks_mut(PIECE));
        let variable = values_mut(&mut self.variable).chunks_mut(PIECE);
        let values = variable.zip(values(gradient).chunks(PIECE));
        moments.zip(values).map(move |((first, second), (values, gradient))| Piece {
            values,
            first,
            second,
            gradient,
            scale,
            shift,
        })
    }

    /// `variable -= rate * m / (sqrt(v) + eps)`, m and v being the moments over their corrections.
    fn step(&mut self, gradient: &Tensor, correction_1: f64, correction_2: f64) {
        drop(self.first.lerp_(gradient, 1.0 - BETA_1));
        drop(self.second.lerp_(&gradient.square(), 1.0 - BETA_2));
        // The rate goes into the denominator, since tch's addcdiv takes no factor.
        let scale = -correction_1 / self.rate;
        let mut denominator = self.second.sqrt();
        let mut denominator = denominator.g_mul_scalar_(scale / correction_2.sqrt());
        let denominator = denominator.g_add_scalar_(scale * EPSILON);
        drop(self.variable.addcdiv_(&self.first, &denominator));
    }
}

#[cfg(test)]
mod tests {
    use tch::nn::OptimizerConfig;
    use tch::{Device, Kind, nn};

    use super::*;

    fn loss(variables: &[Tensor]) -> Tensor {
        (variables[0].square() * 3.0 + variables[1].sin()).sum(Kind::Float)
    }

    #[test]
    fn it_steps_as_libtorch_does_with_a_rate_for_each_group() {
        let vs = nn::VarStore::new(Device::Cpu);
        let start = [Tensor::from_slice(&[1.0_f32, -2.0]), Tensor::from_slice(&[0.5_f32, 0.1])];
        let theirs = vec![
            vs.root().set_group(0).var_copy("a", &start[0]),
            vs.root().set_group(1).var_copy("b", &start[1]),
        ];
        let mut reference = nn::Adam::default().build(&vs, 0.01).unwrap();
        reference.set_lr_group(1, 0.1);

        let ours: Vec<Tensor> = start.iter().map(|t| t.copy().set_requires_grad(true)).collect();
        let group = |at: usize, rate| (vec![ours[at].shallow_clone()], rate);
        let mut adam = Adam::new(vec![group(0, 0.01), group(1, 0.1)], Arc::new(Workers::start()));
        for _ in 0..20 {
            reference.backward_step(&loss(&theirs));
            let gradients = Tensor::run_backward(&[loss(&ours)], &ours, false, false);
            adam.step(&gradients);
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs().max().double_value(&[]) < 1e-6);
        }
        let moved = (&ours[1] - &start[1]).abs().min().double_value(&[]);
        assert!(moved > 0.1, "the second group's rate is the greater: {moved}");
    }

    #[test]
    fn a_rate_of_zero_moves_nothing() {
        let variable = Tensor::from_slice(&[1.0_f32]).set_requires_grad(true);
        let mut adam =
            Adam::new(vec![(vec![variable.shallow_clone()], 0.0)], Arc::new(Workers::start()));
        adam.step(&[Tensor::from_slice(&[5.0_f32])]);
        assert!(variable.equal(&Tensor::from_slice(&[1.0_f32])));
    }

    #[test]
    fn a_variable_without_a_gradient_stays() {
        let variable = Tensor::from_slice(&[1.0_f32]).set_requires_grad(true);
        let mut adam =
            Adam::new(vec![(vec![variable.shallow_clone()], 0.1)], Arc::new(Workers::start()));
        adam.step(&[Tensor::new()]);
        assert!(variable.equal(&Tensor::from_slice(&[1.0_f32])));
    }
}
