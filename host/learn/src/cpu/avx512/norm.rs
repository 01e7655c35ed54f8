//! Dropout, the residual connection and layer norm, in one pass over each row, and their gradients.

use super::dropout::{Mask, Whole};
use super::number::{Element, sum, wide};
use crate::cpu::Affine;

/// What a layer norm leaves, of some rows.
#[derive(Default)]
pub(super) struct Normed<E> {
    /// Its result, [rows, hidden].
    pub(super) output: Vec<E>,
    /// The rows with mean 0 and variance 1, before scale and shift.
    pub(super) standard: Vec<E>,
    /// The inverse standard deviation of each row.
    pub(super) scale: Vec<f32>,
}

impl<E: Element> Normed<E> {
    pub(super) fn grow(&mut self, rows: usize, hidden: usize) {
        grow(&mut self.output, rows * hidden);
        grow(&mut self.standard, rows * hidden);
        grow(&mut self.scale, rows);
    }
}

/// Makes room for `len` values. What is there already stays, and nothing shrinks.
pub(super) fn grow<T: Copy + Default>(values: &mut Vec<T>, len: usize) {
    if values.len() < len {
        values.resize(len, T::default());
    }
}

/// The first index of a mask, of the first row.
#[derive(Clone, Copy)]
pub(super) struct Masked<M> {
    pub(super) mask: M,
    pub(super) first: usize,
}

wide! {
    /// Normalises `rows`, f32 [rows, hidden], after dropout and with the residual added to them.
    pub(super) fn add_and_norm<E: Element, M: Mask>(
        rows: &mut [f32],
        dropout: Masked<M>,
        residual: &[E],
        (affine, eps): (Affine<'_>, f32),
        to: &mut Normed<E>,
    ) {
        let hidden = affine.weight.len();
        let residual = residual.chunks_exact(hidden);
        for (index, (row, residual)) in rows.chunks_exact_mut(hidden).zip(residual).enumerate() {
            let first = (dropout.first + index * hidden) as u32;
            for (column, (value, residual)) in row.iter_mut().zip(residual).enumerate() {
                let factor = dropout.mask.factor(first.wrapping_add(column as u32));
                *value = value.mul_add(factor, residual.to_f32());
            }
            norm_row(row, (affine, eps), index, Masked { mask: Whole, first: 0 }, to);
        }
    }

    /// Normalises one row, the `index`th, with dropout after it.
    pub(super) fn norm_row<E: Element, M: Mask>(
        row: &[f32],
        (affine, eps): (Affine<'_>, f32),
        index: usize,
        dropout: Masked<M>,
        to: &mut Normed<E>,
    ) {
        let hidden = row.len();
        let first = (dropout.first + index * hidden) as u32;
        let mean = sum(row, row, |value, _| value) / hidden as f32;
        let variance = sum(row, row, |value, _| (value - mean) * (value - mean)) / hidden as f32;
        let scale = 1.0 / (variance + eps).sqrt();
        to.scale[index] = scale;
        let span = index * hidden..(index + 1) * hidden;
        let out = to.standard[span.clone()].iter_mut().zip(&mut to.output[span]);
        let affine = affine.weight.iter().zip(affine.bias);
        let row = row.iter().zip(affine).zip(out).enumerate();
        for (column, ((&value, (&weight, &bias)), (standard, output))) in row {
            let factor = dropout.mask.factor(first.wrapping_add(column as u32));
            let normed = (value - mean) * scale;
            *standard = E::from_f32(normed);
            *output = E::from_f32(normed.mul_add(weight, bias) * factor);
        }
    }

    /// Takes `rows`, the gradient of a layer norm's output, to that of its input, and adds the gradients
    /// of scale and shift to theirs.
    pub(super) fn norm_backward<E: Element>(
        rows: &mut [f32],
        normed: &Normed<E>,
        weight: &[f32],
        (weight_gradient, bias_gradient): (&mut [f32], &mut [f32]),
    ) {
        let hidden = weight.len();
        let standard = normed.standard.chunks_exact(hidden).zip(&normed.scale);
        for (row, (standard, &scale)) in rows.chunks_exact_mut(hidden).zip(standard) {
            let sums = weight_gradient.iter_mut().zip(bias_gradient.iter_mut());
            for ((gradient, (weight_sum, bias_sum)), (&weight, standard)) in
                row.iter_mut().zip(sums).zip(weight.iter().zip(standard))
            {
                *weight_sum += *gradient * standard.to_f32();
                *bias_sum += *gradient;
                *gradient *= weight;
            }
            let mean = sum(row, row, |gradient, _| gradient) / hidden as f32;
            let along = sum(row, standard, |gradient, s: E| gradient * s.to_f32()) / hidden as f32;
            for (gradient, standard) in row.iter_mut().zip(standard) {
                *gradient = scale * (*gradient - mean - along * standard.to_f32());
            }
        }
    }

    /// The gradient of what dropout saw, from `rows`, that of what it gave; and its sum over the rows is
    /// added to `sums`, the gradient of the bias before.
    pub(super) fn dropout_backward<E: Element, M: Mask>(
        rows: &[f32],
        dropout: Masked<M>,
        sums: &mut [f32],
        to: &mut [E],
    ) {
        let hidden = sums.len();
        for (index, (row, to)) in
            rows.chunks_exact(hidden).zip(to.chunks_exact_mut(hidden)).enumerate()
        {
            let first = (dropout.first + index * hidden) as u32;
            let out = to.iter_mut().zip(sums.iter_mut());
            for (column, (&gradient, (to, sum))) in row.iter().zip(out).enumerate() {
                let factor = dropout.mask.factor(first.wrapping_add(column as u32));
                *to = E::from_f32(gradient * factor);
                *sum += gradient * factor;
            }
        }
    }

    /// Multiplies `rows` by a mask.
    pub(super) fn drop_rows<M: Mask>(rows: &mut [f32], dropout: Masked<M>) {
        for (column, value) in rows.iter_mut().enumerate() {
            *value *= dropout.mask.factor((dropout.first as u32).wrapping_add(column as u32));
        }
    }

    /// Adds the sum of the rows to `sums`.
    pub(super) fn sum_rows<E: Element>(rows: &[E], sums: &mut [f32]) {
        for row in rows.chunks_exact(sums.len()) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value.to_f32();
            }
        }
    }
}
