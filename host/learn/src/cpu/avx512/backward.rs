//! The gradient of one layer on a unit of work, and of the weights from all units together.

use super::activation::{self, Wide};
use super::attention::{self, store};
use super::dropout::{Dropout, Masks};
use super::layer::{ATTENDED, LayerState, OUTPUT, Scratch, Shape, Unit};
use super::norm::{Masked, dropout_backward, grow, norm_backward, sum_rows};
use super::number::{Element, wide};
use super::panels::{Panels, Rows, down};
use super::product::{Place, Tile, times, transposed_times};
use super::weights::LayerWeights;

/// The four products of a layer, by their places in arrays.
pub(super) const PROJECTION: usize = 0;
pub(super) const ATTENTION_OUTPUT: usize = 1;
pub(super) const INTERMEDIATE: usize = 2;
pub(super) const LAST: usize = 3;

/// The factors of one weight's gradient: that of the product's result, and what it multiplied.
#[derive(Default)]
pub(super) struct Factors {
    pub(super) gradient: Panels,
    pub(super) input: Panels,
}

/// What a unit adds to the gradients of a layer.
#[derive(Default)]
pub(super) struct Share {
    pub(super) factors: [Factors; 4],
    /// Of the four biases.
    pub(super) biases: [Vec<f32>; 4],
    /// Of scale and shift of the two layer norms.
    pub(super) norms: [[Vec<f32>; 2]; 2],
}

/// Room for the gradient of one layer.
#[derive(Default)]
pub(super) struct Room<E> {
    pub(super) layer: Scratch<E>,
    /// [rows, hidden]
    narrow: Vec<E>,
    /// [rows, 3 hidden]
    projected: Vec<E>,
}

/// A layer, and a unit that has gone through it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) shape: Shape,
    pub(super) weights: &'a LayerWeights,
    pub(super) unit: &'a Unit,
    pub(super) layer: usize,
    pub(super) dropout: Dropout,
}

impl Share {
    fn clear(&mut self, shape: Shape) {
        let hidden = shape.hidden;
        for (bias, size) in self.biases.iter_mut().zip([3 * hidden, hidden, shape.wide, hidden]) {
            bias.clear();
            bias.resize(size, 0.0);
        }
        for part in self.norms.iter_mut().flatten() {
            part.clear();
            part.resize(hidden, 0.0);
        }
    }
}

impl At<'_> {
    fn masked(&self, place: usize) -> Masked<super::dropout::Dropped> {
        let mask = self.dropout.hidden(self.layer, place);
        Masked { mask, first: self.unit.first_row * self.shape.hidden }
    }
}

wide! {
    /// Takes `gradient`, f32 [rows, hidden], from the layer's output to its input. What the layer left in
    /// `state` is used up.
    pub(super) fn backward<E: Element>(
        at: At<'_>,
        input: &[E],
        state: &mut LayerState<E>,
        gradient: &mut [f32],
        share: &mut Share,
        room: &mut Room<E>,
    ) {
        share.clear(at.shape);
        let (rows, hidden) = (at.unit.rows, at.shape.hidden);
        grow(&mut room.narrow, rows * hidden);
        grow(&mut room.projected, rows * 3 * hidden);
        wide_part(at, state, gradient, share, room);
        attention_part(at, state, gradient, share, room);
        sum_rows(&room.projected[..rows * 3 * hidden], &mut share.biases[PROJECTION]);
        let projected = Rows::new(&room.projected, 3 * hidden, rows);
        down::<E, E>(projected, 3 * hidden, &mut share.factors[PROJECTION].gradient);
        down::<E, E>(Rows::new(input, hidden, rows), hidden, &mut share.factors[PROJECTION].input);
        times(projected, &at.weights.query_key_value.backward, |tile, place| {
            add(tile, place, hidden, gradient);
        });
    }

    /// From the output to what attention and its layer norm gave.
    fn wide_part<E: Element>(
        at: At<'_>,
        state: &mut LayerState<E>,
        gradient: &mut [f32],
        share: &mut Share,
        room: &mut Room<E>,
    ) {
        let At { shape, weights, .. } = at;
        let (rows, hidden, wide) = (at.unit.rows, shape.hidden, shape.wide);
        let Room { layer: Scratch { activated, .. }, narrow, .. } = room;
        grow(activated, rows * wide);
        let affine = weights.output_norm.affine();
        let [scale, shift] = &mut share.norms[1];
        norm_backward(gradient, &state.output, affine.weight, (scale, shift));
        let narrow = &mut narrow[..rows * hidden];
        dropout_backward(gradient, at.masked(OUTPUT), &mut share.biases[LAST], narrow);
        let narrow = Rows::new(narrow, hidden, rows);
        let [.., intermediate, last] = &mut share.factors;
        down::<E, E>(narrow, hidden, &mut last.gradient);

        let mut of = Wide { first: &mut state.widened, second: activated, stride: wide };
        times(narrow, &weights.output.backward, |tile, place| {
            activation::backward(shape.activation, (tile, place), &mut of);
        });
        down::<E, E>(Rows::new(activated, wide, rows), wide, &mut last.input);
        let widened = Rows::new(&state.widened, wide, rows);
        sum_rows(&state.widened[..rows * wide], &mut share.biases[INTERMEDIATE]);
        down::<E, E>(widened, wide, &mut intermediate.gradient);
        let attended = Rows::new(&state.attended.output, hidden, rows);
        down::<E, E>(attended, hidden, &mut intermediate.input);
        times(widened, &weights.intermediate.backward, |tile, place| {
            add(tile, place, hidden, gradient);
        });
    }

    /// From what attention and its layer norm gave to the projections, and to the residual.
    fn attention_part<E: Element>(
        at: At<'_>,
        state: &LayerState<E>,
        gradient: &mut [f32],
        share: &mut Share,
        room: &mut Room<E>,
    ) {
        let At { shape, weights, unit, .. } = at;
        let (rows, hidden) = (unit.rows, shape.hidden);
        let Room { layer, narrow, projected } = room;
        let affine = weights.attention_norm.affine();
        let [scale, shift] = &mut share.norms[0];
        norm_backward(gradient, &state.attended, affine.weight, (scale, shift));
        let narrow = &mut narrow[..rows * hidden];
        dropout_backward(gradient, at.masked(ATTENDED), &mut share.biases[ATTENTION_OUTPUT], narrow);
        let factors = &mut share.factors[ATTENTION_OUTPUT];
        down::<E, E>(Rows::new(narrow, hidden, rows), hidden, &mut factors.gradient);
        down::<E, E>(Rows::new(&state.context, hidden, rows), hidden, &mut factors.input);

        // The gradient of the context takes the place of what room there is for activations.
        let context_gradient = &mut layer.activated;
        grow(context_gradient, rows * hidden);
        times(Rows::new(narrow, hidden, rows), &weights.attention_output.backward, |tile, place| {
            store(tile, place, hidden, context_gradient);
        });
        for (text, first, len) in unit.texts() {
            let (narrow, wide) = (first * hidden..(first + len) * hidden, first * 3 * hidden..);
            for head in 0..shape.heads {
                let sums = &state.sums[head * rows + first..][..len];
                attention::backward(
                    shape.head(len, head),
                    (&state.projected[wide.clone()], sums, &state.context[narrow.clone()]),
                    &context_gradient[narrow.clone()],
                    at.dropout.attention(at.layer, text, head),
                    &mut projected[wide.clone()],
                    &mut layer.attention,
                );
            }
        }
    }

    /// Computes the rows of a weight's gradient that a panel's columns are, [48 or fewer, inputs], from all
    /// units' factors in their order.
    pub(super) fn weight_gradient<E: Element>(
        parts: &[(&Panels, &Panels)],
        panel: usize,
        to: &mut [f32],
    ) {
        let inputs = parts[0].1.columns;
        let first = panel * super::panels::COLUMNS;
        transposed_times::<E>(parts, panel, |tile, place, more| {
            let place = Place { row: place.row - first, ..place };
            if more {
                add(tile, place, inputs, to);
            } else {
                store(tile, place, inputs, to);
            }
        });
    }

    fn add(tile: &Tile, place: Place, stride: usize, to: &mut [f32]) {
        place.put(tile, stride, to, |to, value| *to += value);
    }
}
