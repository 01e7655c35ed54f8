//! The gradients of the encoder's variables, which every step writes anew.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::embed::TableGradients;
use crate::cpu::Variables;
use crate::cpu::slices::values_mut;
use crate::cpu::workers::Workers;

/// Values of the word table, which is large, that a thread sets to zero at once.
const PIECE: usize = 1 << 18;

pub(super) struct Gradients {
    pub(super) layers: Vec<LayerGradients>,
    words: Tensor,
    positions: Tensor,
    token_types: Tensor,
    norm: [Tensor; 2],
}

/// Query, key and value are one product here, and one matrix.
pub(super) struct LayerGradients {
    /// [outputs, inputs]
    pub(super) weights: [Tensor; 4],
    pub(super) biases: [Tensor; 4],
    /// Scale and shift of both layer norms.
    pub(super) norms: [[Tensor; 2]; 2],
}

impl Gradients {
    pub(super) fn of(variables: &Variables) -> Self {
        let zeros = |like: &Tensor| Tensor::zeros(like.size(), (Kind::Float, Device::Cpu));
        let (hidden, wide) = (variables.config.hidden_size, variables.config.intermediate_size);
        let layer = |_| LayerGradients::new(hidden, wide);
        Self {
            layers: (0..variables.layers.len()).map(layer).collect(),
            words: zeros(&variables.words),
            positions: zeros(&variables.positions),
            token_types: zeros(&variables.token_types),
            norm: [zeros(&variables.norm.weight), zeros(&variables.norm.bias)],
        }
    }

    /// The gradients of the embeddings, with those of the tables set to zero.
    pub(super) fn embeddings(
        &mut self,
        workers: &Workers,
    ) -> (TableGradients<'_>, [&mut [f32]; 2]) {
        let tables = TableGradients {
            words: values_mut(&mut self.words),
            positions: values_mut(&mut self.positions),
            token_types: values_mut(&mut self.token_types),
        };
        workers.each(tables.words.chunks_mut(PIECE), |piece| piece.fill(0.0));
        tables.positions.fill(0.0);
        tables.token_types.fill(0.0);
        let [scale, shift] = &mut self.norm;
        (tables, [values_mut(scale), values_mut(shift)])
    }

    /// Handles to the gradients in the order of their variables' names.
    pub(super) fn by_name(&self) -> Vec<Tensor> {
        let mut named = BTreeMap::new();
        let mut put = |name: String, tensor: Tensor| drop(named.insert(name, tensor));
        for (name, tensor) in [
            ("word_embeddings.weight", &self.words),
            ("position_embeddings.weight", &self.positions),
            ("token_type_embeddings.weight", &self.token_types),
            ("LayerNorm.weight", &self.norm[0]),
            ("LayerNorm.bias", &self.norm[1]),
        ] {
            put(format!("embeddings.{name}"), tensor.shallow_clone());
        }
        for (index, layer) in self.layers.iter().enumerate() {
            layer.name(|name, tensor| put(format!("encoder.layer.{index}.{name}"), tensor));
        }
        named.into_values().collect()
    }
}

impl LayerGradients {
    fn new(hidden: i64, wide: i64) -> Self {
        let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
        let sizes = [(3 * hidden, hidden), (hidden, hidden), (wide, hidden), (hidden, wide)];
        Self {
            weights: sizes.map(|(outputs, inputs)| zeros(&[outputs, inputs])),
            biases: sizes.map(|(outputs, _)| zeros(&[outputs])),
            norms: std::array::from_fn(|_| std::array::from_fn(|_| zeros(&[hidden]))),
        }
    }

    /// Calls `put` with each variable's name within the layer and its gradient.
    fn name(&self, mut put: impl FnMut(String, Tensor)) {
        let hidden = self.norms[0][0].size()[0];
        for (part, name) in ["query", "key", "value"].into_iter().enumerate() {
            let rows = |tensor: &Tensor| tensor.narrow(0, part as i64 * hidden, hidden);
            put(format!("attention.self.{name}.weight"), rows(&self.weights[0]));
            put(format!("attention.self.{name}.bias"), rows(&self.biases[0]));
        }
        let products = ["attention.output.dense", "intermediate.dense", "output.dense"];
        let tensors = self.weights.iter().zip(&self.biases).skip(1);
        for (name, (weight, bias)) in products.into_iter().zip(tensors) {
            put(format!("{name}.weight"), weight.shallow_clone());
            put(format!("{name}.bias"), bias.shallow_clone());
        }
        for (name, [weight, bias]) in ["attention.output", "output"].into_iter().zip(&self.norms) {
            put(format!("{name}.LayerNorm.weight"), weight.shallow_clone());
            put(format!("{name}.LayerNorm.bias"), bias.shallow_clone());
        }
    }
}
