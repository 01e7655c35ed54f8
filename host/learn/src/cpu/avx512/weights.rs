//! A layer's weights as its products want them.

use super::number::{Element, wide};
use super::panels::{Panels, Rows, along, down};
use crate::cpu::{Affine, Masters};

/// A linear layer, packed for its product and, in training, for that of its gradient.
#[derive(Default)]
pub(super) struct Packed {
    pub(super) forward: Panels,
    pub(super) backward: Panels,
    pub(super) bias: Vec<f32>,
}

/// The scale and the shift of a layer norm.
#[derive(Default)]
pub(super) struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Default)]
pub(super) struct LayerWeights {
    pub(super) query_key_value: Packed,
    pub(super) attention_output: Packed,
    pub(super) attention_norm: Norm,
    pub(super) intermediate: Packed,
    pub(super) output: Packed,
    pub(super) output_norm: Norm,
}

impl Norm {
    pub(super) fn affine(&self) -> Affine<'_> {
        Affine { weight: &self.weight, bias: &self.bias }
    }

    pub(super) fn set(&mut self, from: Affine<'_>) {
        self.weight.clear();
        self.weight.extend_from_slice(from.weight);
        self.bias.clear();
        self.bias.extend_from_slice(from.bias);
    }
}

wide! {
    /// Packs a layer's weights as they now are; for gradients as well if `backward` is set.
    pub(super) fn pack<E: Element>(from: &Masters<'_>, backward: bool, to: &mut LayerWeights) {
        let joined: Vec<f32> = from.query_key_value.iter().flat_map(|part| part.weight).copied().collect();
        let bias: Vec<f32> = from.query_key_value.iter().flat_map(|part| part.bias).copied().collect();
        pack_linear::<E>(Affine { weight: &joined, bias: &bias }, backward, &mut to.query_key_value);
        pack_linear::<E>(from.attention_output, backward, &mut to.attention_output);
        pack_linear::<E>(from.intermediate, backward, &mut to.intermediate);
        pack_linear::<E>(from.output, backward, &mut to.output);
        to.attention_norm.set(from.attention_norm);
        to.output_norm.set(from.output_norm);
    }

    fn pack_linear<E: Element>(from: Affine<'_>, backward: bool, to: &mut Packed) {
        let outputs = from.bias.len();
        let inputs = from.weight.len() / outputs;
        let rows = Rows::new(from.weight, inputs, outputs);
        along::<f32, E>(rows, inputs, &mut to.forward);
        if backward {
            down::<f32, E>(rows, inputs, &mut to.backward);
        }
        to.bias.clear();
        to.bias.extend_from_slice(from.bias);
    }
}
