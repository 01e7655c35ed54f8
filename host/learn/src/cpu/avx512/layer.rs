//! One layer of the encoder on a unit of work: a few texts whose rows one thread takes through it without
//! waiting for the others.

use super::activation::{self, Wide};
use super::attention::{self, Head};
use super::dropout::Masks;
use super::norm::{Masked, Normed, add_and_norm, grow};
use super::number::{Element, wide};
use super::panels::{Panels, Rows};
use super::product::times;
use super::weights::LayerWeights;
use crate::files::bert_config::{Activation, BertConfig};

/// What all layers have in common.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) hidden: usize,
    pub(super) wide: usize,
    pub(super) heads: usize,
    pub(super) eps: f32,
    pub(super) activation: Activation,
}

/// Places of dropout within a layer; that of attention is numbered by the masks themselves.
pub(super) const ATTENDED: usize = 0;
pub(super) const OUTPUT: usize = 1;
/// The place of the embeddings' dropout, which counts for the first layer.
pub(super) const EMBEDDED: usize = 2;

/// Texts that go through the encoder together, one after the other without padding.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// The first of them, in the batch.
    pub(super) first_text: usize,
    /// Tokens of each.
    pub(super) lengths: Vec<usize>,
    /// The rows of the batch that stand before the unit's.
    pub(super) first_row: usize,
    pub(super) rows: usize,
}

/// What a layer leaves of a unit, for the next layer and for the gradient.
#[derive(Default)]
pub(super) struct LayerState<E> {
    /// Queries, keys and values, [rows, 3 hidden].
    pub(super) projected: Vec<E>,
    /// The logarithm of each query's sum of exponentials, [heads, rows].
    pub(super) sums: Vec<f32>,
    /// What attention gave, [rows, hidden].
    pub(super) context: Vec<E>,
    pub(super) attended: Normed<E>,
    /// What the activation saw, [rows, wide].
    pub(super) widened: Vec<E>,
    pub(super) output: Normed<E>,
}

/// Room for what is needed within one layer only.
#[derive(Default)]
pub(super) struct Scratch<E> {
    /// [rows, hidden]
    pub(super) sums: Vec<f32>,
    /// What the activation gave, [rows, wide].
    pub(super) activated: Vec<E>,
    pub(super) attention: attention::Scratch<E>,
}

impl Shape {
    pub(super) fn of(config: &BertConfig) -> Self {
        Self {
            hidden: config.hidden_size as usize,
            wide: config.intermediate_size as usize,
            heads: config.num_attention_heads as usize,
            eps: config.layer_norm_eps as f32,
            activation: config.activation(),
        }
    }

    pub(super) fn head(self, len: usize, head: usize) -> Head {
        let size = self.hidden / self.heads;
        Head { len, hidden: self.hidden, first: head * size, size }
    }
}

impl Unit {
    /// Groups texts of so many tokens, in their order, into units of at least `rows` rows or all that is left.
    pub(super) fn group(lengths: &[usize], rows: usize) -> Vec<Self> {
        let mut units: Vec<Self> = Vec::new();
        let mut first_row = 0;
        for (text, &len) in lengths.iter().enumerate() {
            match units.last_mut() {
                Some(unit) if unit.rows < rows => {
                    unit.lengths.push(len);
                    unit.rows += len;
                }
                _ => {
                    units.push(Self { first_text: text, lengths: vec![len], first_row, rows: len });
                }
            }
            first_row += len;
        }
        units
    }

    /// Each text: its number in the batch, its first row in the unit, and its length.
    pub(super) fn texts(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut first = 0;
        self.lengths.iter().enumerate().map(move |(text, &len)| {
            first += len;
            (self.first_text + text, first - len, len)
        })
    }
}

impl<E: Element> LayerState<E> {
    fn grow(&mut self, shape: Shape, rows: usize) {
        grow(&mut self.projected, rows * 3 * shape.hidden);
        grow(&mut self.sums, rows * shape.heads);
        grow(&mut self.context, rows * shape.hidden);
        grow(&mut self.widened, rows * shape.wide);
        self.attended.grow(rows, shape.hidden);
        self.output.grow(rows, shape.hidden);
    }
}

wide! {
    /// Takes a unit's hidden states, `input`, through a layer, to `state.output`.
    pub(super) fn forward<E: Element, D: Masks>(
        (shape, weights): (Shape, &LayerWeights),
        (unit, layer): (&Unit, usize),
        dropout: D,
        input: &[E],
        state: &mut LayerState<E>,
        scratch: &mut Scratch<E>,
    ) {
        let (rows, hidden) = (unit.rows, shape.hidden);
        state.grow(shape, rows);
        grow(&mut scratch.sums, rows * hidden);
        grow(&mut scratch.activated, rows * shape.wide);
        let packed = &weights.query_key_value;
        let input_rows = Rows::new(input, hidden, rows);
        product_and_bias(input_rows, (&packed.forward, &packed.bias), &mut state.projected);
        attend((shape, unit, layer), dropout, state, &mut scratch.attention);

        let masked = |place| {
            Masked { mask: dropout.hidden(layer, place), first: unit.first_row * hidden }
        };
        let Scratch { sums, activated, .. } = scratch;
        let sums = &mut sums[..rows * hidden];
        let packed = &weights.attention_output;
        let context = Rows::new(&state.context, hidden, rows);
        product_and_bias(context, (&packed.forward, &packed.bias), sums);
        let affine = (weights.attention_norm.affine(), shape.eps);
        add_and_norm(sums, masked(ATTENDED), input, affine, &mut state.attended);

        let packed = &weights.intermediate;
        let mut to = Wide { first: &mut state.widened, second: activated, stride: shape.wide };
        times(Rows::new(&state.attended.output, hidden, rows), &packed.forward, |tile, place| {
            activation::forward(shape.activation, (tile, place), &packed.bias, &mut to);
        });
        let packed = &weights.output;
        let activated = Rows::new(activated, shape.wide, rows);
        product_and_bias(activated, (&packed.forward, &packed.bias), sums);
        let affine = (weights.output_norm.affine(), shape.eps);
        add_and_norm(sums, masked(OUTPUT), &state.attended.output, affine, &mut state.output);
    }

    fn attend<E: Element, D: Masks>(
        (shape, unit, layer): (Shape, &Unit, usize),
        dropout: D,
        state: &mut LayerState<E>,
        scratch: &mut attention::Scratch<E>,
    ) {
        for (text, first, len) in unit.texts() {
            let projected = &state.projected[first * 3 * shape.hidden..][..len * 3 * shape.hidden];
            let context = &mut state.context[first * shape.hidden..][..len * shape.hidden];
            for head in 0..shape.heads {
                let mask = dropout.attention(layer, text, head);
                let sums = &mut state.sums[head * unit.rows + first..][..len];
                attention::forward(shape.head(len, head), projected, mask, (sums, context), scratch);
            }
        }
    }

    /// `left` times `right` and the bias of each column, into rows as wide as the bias.
    fn product_and_bias<L: Element, T: Element>(
        left: Rows<'_, L>,
        (right, bias): (&Panels, &[f32]),
        to: &mut [T],
    ) {
        times(left, right, |tile, place| {
            let stride = bias.len();
            let bias = &bias[place.column..][..place.columns];
            for (row, tile) in tile.iter().enumerate().take(place.rows) {
                let first = (place.row + row) * stride + place.column;
                let to = &mut to[first..][..place.columns];
                for (to, (value, bias)) in to.iter_mut().zip(tile.iter().zip(bias)) {
                    *to = T::from_f32(value + bias);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_texts_in_their_order_until_there_are_rows_enough() {
        let units = Unit::group(&[3, 4, 9, 1, 1], 6);
        let shapes: Vec<_> =
            units.iter().map(|u| (u.first_text, u.lengths.clone(), u.first_row, u.rows)).collect();
        assert_eq!(shapes, [(0, vec![3, 4], 0, 7), (2, vec![9], 7, 9), (3, vec![1, 1], 16, 2)]);
        assert_eq!(units[0].texts().collect::<Vec<_>>(), [(0, 0, 3), (1, 3, 4)]);
    }
}
