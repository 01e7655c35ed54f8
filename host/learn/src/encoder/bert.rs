//! The BERT encoder (Devlin et al. 2019), post-layer-norm, with upstream's parameter names:
//! <https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/models/bert/modeling_bert.py>.
//!
//! Variables are f32. A pass casts them to its own kind inside the graph, so that gradients come
//! back in f32; inference casts once and keeps the copies (`Encoder::weights`).

use tch::{Device, Kind, Tensor, nn};

use crate::cpu::workers::Workers;
use crate::cpu::{self, Masters, Variables};
use crate::encoder::batch::Batch;
use crate::encoder::embeddings::Embeddings;
use crate::files::bert_config::BertConfig;

/// The way in which one pass is computed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pass {
    /// The number format of the layers and of the hidden states.
    pub kind: Kind,
    /// Whether dropout is on, as the checkpoint's config has it.
    pub train: bool,
}

/// The encoder's variables.
pub struct Encoder {
    config: BertConfig,
    embeddings: Embeddings,
    layers: Vec<LayerVariables>,
}

/// The encoder's weights as one pass, or many, use them: cast, and fused where that is faster.
pub struct Weights {
    config: BertConfig,
    embeddings: Embeddings,
    layers: Layers,
    kind: Kind,
}

/// The layers, in the hands of whoever computes them.
enum Layers {
    Torch(Vec<LayerWeights>),
    Cpu(Box<dyn cpu::Encode>),
}

impl Encoder {
    /// Makes the variables, all zero; `Checkpoint::load_into` fills them.
    pub fn new(vs: &nn::Path<'_>, config: &BertConfig) -> Self {
        let layers = vs / "encoder" / "layer";
        Self {
            config: config.clone(),
            embeddings: Embeddings::new(&(vs / "embeddings"), config),
            layers: (0..config.num_hidden_layers)
                .map(|layer| LayerVariables::new(&(&layers / layer), config))
                .collect(),
        }
    }

    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Last hidden states, [batch, len, hidden] of `pass.kind`. Those of padding mean nothing.
    ///
    /// Casts all weights, which is right for training. Inference over many batches should take
    /// `weights` once.
    pub fn forward(&self, batch: &Batch, pass: Pass) -> Tensor {
        let layers = self.layers.iter().map(|layer| layer.cast(pass.kind));
        let embedded = self.embeddings.forward(&batch.ids, self.config.layer_norm_eps);
        encode(&embedded, batch, layers, &self.config, pass)
    }

    /// The weights as they now are, for inference. To be taken anew after training.
    pub fn weights(&self, kind: Kind) -> Weights {
        tch::no_grad(|| Weights {
            config: self.config.clone(),
            embeddings: self.embeddings.snapshot(),
            layers: self.ready_layers(kind),
            kind,
        })
    }

    fn ready_layers(&self, kind: Kind) -> Layers {
        if cpu::encodes(self.embeddings.device(), kind, &self.config) {
            let masters: Vec<Masters<'_>> = self.layers.iter().map(Masters::of).collect();
            return Layers::Cpu(cpu::encoder(&self.config, &masters, kind));
        }
        Layers::Torch(self.layers.iter().map(|layer| layer.cast(kind)).collect())
    }

    /// Handles to the variables, as a training by `cpu::trainer` takes them, during `embed_rows`.
    pub(crate) fn variables(&self) -> Variables {
        let layers = self.layers.iter().map(LayerVariables::handles).collect();
        self.embeddings.variables(self.config.clone(), layers)
    }

    /// From now on, training sees only the word embeddings of `used` words, as a variable
    /// [n, hidden] of its own, which is returned for the optimiser; every word of the training
    /// texts must be among them.
    ///
    /// This is exact under Adam without weight decay: a row whose gradient has always been zero
    /// never moves. It spares the dense gradient and Adam state of the whole table, which is half
    /// of MiniLM's weights. `weights` sees the whole table, the trained rows included.
    pub fn embed_rows(&mut self, used: &[u32]) -> Tensor {
        self.embeddings.embed_rows(used)
    }

    /// Ends `embed_rows`: the trained rows go into the whole table, which is the variable again.
    pub fn embed_all(&mut self) {
        self.embeddings.embed_all();
    }

    /// The whole word table, f32 [vocabulary, hidden], the rows in training included.
    pub fn word_embeddings(&self) -> &Tensor {
        self.embeddings.words()
    }
}

impl Weights {
    /// Last hidden states, [batch, len, hidden] of the kind asked for, without dropout and
    /// without a graph. Those of padding mean nothing.
    pub fn forward(&self, batch: &Batch) -> Tensor {
        tch::no_grad(|| match &self.layers {
            Layers::Torch(layers) => {
                let embedded = self.embeddings.forward(&batch.ids, self.config.layer_norm_eps);
                let pass = Pass { kind: self.kind, train: false };
                encode(&embedded, batch, layers.iter(), &self.config, pass)
            }
            Layers::Cpu(layers) => {
                let texts = batch.texts();
                let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
                layers.encode(self.embeddings.tables(self.config.layer_norm_eps), &texts)
            }
        })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The threads that `forward` computes with, if they are not libtorch's.
    pub(crate) fn workers(&self) -> Option<&Workers> {
        match &self.layers {
            Layers::Torch(_) => None,
            Layers::Cpu(layers) => Some(layers.workers()),
        }
    }

    pub fn device(&self) -> Device {
        self.embeddings.words().device()
    }

    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The whole word table, f32 [vocabulary, hidden].
    pub fn word_embeddings(&self) -> &Tensor {
        self.embeddings.words()
    }
}

fn encode<L: std::borrow::Borrow<LayerWeights>>(
    embedded: &Tensor, // f32 [batch, len, hidden]
    batch: &Batch,
    layers: impl Iterator<Item = L>,
    config: &BertConfig,
    pass: Pass,
) -> Tensor {
    // Each query sees the keys that are tokens: [batch, 1, 1, len].
    let mask = batch.mask.as_ref().map(|mask| mask.unsqueeze(1).unsqueeze(1));
    let embedded = embedded.dropout(config.hidden_dropout_prob, pass.train);
    let mut hidden_states = embedded.to_kind(pass.kind);
    for layer in layers {
        hidden_states = layer.borrow().forward(&hidden_states, mask.as_ref(), config, pass.train);
    }
    hidden_states
}

/// A weight and a bias: of a linear layer or of a layer norm.
pub(crate) struct Affine {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}

impl Affine {
    fn linear(vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Self {
        Self {
            weight: vs.var("weight", &[outputs, inputs], nn::Init::Const(0.0)),
            bias: vs.var("bias", &[outputs], nn::Init::Const(0.0)),
        }
    }

    pub(crate) fn norm(vs: &nn::Path<'_>, size: i64) -> Self {
        Self {
            weight: vs.var("weight", &[size], nn::Init::Const(1.0)),
            bias: vs.var("bias", &[size], nn::Init::Const(0.0)),
        }
    }

    pub(crate) fn cast(&self, kind: Kind) -> Self {
        Self { weight: self.weight.to_kind(kind), bias: self.bias.to_kind(kind) }
    }

    /// Other handles to the same memory.
    pub(crate) fn handles(&self) -> Self {
        Self { weight: self.weight.shallow_clone(), bias: self.bias.shallow_clone() }
    }

    /// Maps [.., inputs] to [.., outputs].
    pub(crate) fn apply(&self, input: &Tensor) -> Tensor {
        input.linear(&self.weight, Some(&self.bias))
    }

    /// Normalises over the last dimension. libtorch sums mean and variance of bf16 in f32.
    pub(crate) fn layer_norm(&self, input: &Tensor, eps: f64) -> Tensor {
        let size = self.bias.size();
        input.layer_norm(size, Some(&self.weight), Some(&self.bias), eps, false)
    }
}

/// One layer's variables, under upstream's names.
pub(crate) struct LayerVariables {
    pub(crate) query: Affine,            // [hidden, hidden]
    pub(crate) key: Affine,              // [hidden, hidden]
    pub(crate) value: Affine,            // [hidden, hidden]
    pub(crate) attention_output: Affine, // [hidden, hidden]
    pub(crate) attention_norm: Affine,   // [hidden]
    pub(crate) intermediate: Affine,     // [intermediate, hidden]
    pub(crate) output: Affine,           // [hidden, intermediate]
    pub(crate) output_norm: Affine,      // [hidden]
}

/// One layer's weights, ready to compute with.
struct LayerWeights {
    query_key_value: Affine, // [3 hidden, hidden]: one product instead of three
    attention_output: Affine,
    attention_norm: Affine,
    intermediate: Affine,
    output: Affine,
    output_norm: Affine,
}

impl LayerVariables {
    fn new(vs: &nn::Path<'_>, config: &BertConfig) -> Self {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let attention = vs / "attention";
        let projection = |name: &str| Affine::linear(&(&attention / "self" / name), hidden, hidden);
        Self {
            query: projection("query"),
            key: projection("key"),
            value: projection("value"),
            attention_output: Affine::linear(&(&attention / "output" / "dense"), hidden, hidden),
            attention_norm: Affine::norm(&(&attention / "output" / "LayerNorm"), hidden),
            intermediate: Affine::linear(&(vs / "intermediate" / "dense"), hidden, wide),
            output: Affine::linear(&(vs / "output" / "dense"), wide, hidden),
            output_norm: Affine::norm(&(vs / "output" / "LayerNorm"), hidden),
        }
    }

    /// Other handles to the same memory.
    fn handles(&self) -> Self {
        Self {
            query: self.query.handles(),
            key: self.key.handles(),
            value: self.value.handles(),
            attention_output: self.attention_output.handles(),
            attention_norm: self.attention_norm.handles(),
            intermediate: self.intermediate.handles(),
            output: self.output.handles(),
            output_norm: self.output_norm.handles(),
        }
    }

    fn cast(&self, kind: Kind) -> LayerWeights {
        let parts = [&self.query, &self.key, &self.value];
        let query_key_value = Affine {
            weight: Tensor::cat(&parts.map(|part| part.weight.to_kind(kind)), 0),
            bias: Tensor::cat(&parts.map(|part| part.bias.to_kind(kind)), 0),
        };
        LayerWeights {
            query_key_value,
            attention_output: self.attention_output.cast(kind),
            attention_norm: self.attention_norm.cast(kind),
            intermediate: self.intermediate.cast(kind),
            output: self.output.cast(kind),
            output_norm: self.output_norm.cast(kind),
        }
    }
}

impl LayerWeights {
    /// Takes hidden states, [batch, len, hidden], to the layer's, of the same shape.
    fn forward(
        &self,
        hidden_states: &Tensor,
        mask: Option<&Tensor>,
        config: &BertConfig,
        train: bool,
    ) -> Tensor {
        let dropout = config.hidden_dropout_prob;
        let attended = self.attention(hidden_states, mask, config, train);
        let attended = self.attention_output.apply(&attended).dropout(dropout, train);
        let attended =
            self.attention_norm.layer_norm(&(attended + hidden_states), config.layer_norm_eps);

        // [batch, len, intermediate]
        let widened = config.activation().apply(&self.intermediate.apply(&attended));
        let output = self.output.apply(&widened).dropout(dropout, train);
        self.output_norm.layer_norm(&(output + attended), config.layer_norm_eps)
    }

    fn attention(
        &self,
        hidden_states: &Tensor,
        mask: Option<&Tensor>,
        config: &BertConfig,
        train: bool,
    ) -> Tensor {
        let (batch, len, hidden) = hidden_states.size3().expect("hidden states have 3 dimensions");
        let heads = [batch, len, 3, config.num_attention_heads, config.head_size()];
        // [3, batch, heads, len, head_size], without a copy.
        let projected =
            self.query_key_value.apply(hidden_states).view(heads).permute([2, 0, 3, 1, 4]);
        let dropout = if train { config.attention_probs_dropout_prob } else { 0.0 };
        let attended = Tensor::scaled_dot_product_attention(
            &projected.get(0),
            &projected.get(1),
            &projected.get(2),
            mask,
            dropout,
            false, // causal
            None,  // scale: 1/sqrt(head_size)
            false, // grouped queries
        ); // [batch, heads, len, head_size]
        attended.transpose(1, 2).reshape([batch, len, hidden])
    }
}
