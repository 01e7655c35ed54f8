//! The encoder on the CPU without libtorch, where the CPU has the vector extensions for it. `encoder/` says
//! the same in libtorch's words, which serves GPUs and other CPUs, and is what the tests compare with.
//! Decision 21 has the reasons.

#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod slices;
pub(crate) mod workers;

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use self::slices::values;
use self::workers::Workers;
use crate::encoder::bert::{self, LayerVariables};
use crate::files::bert_config::BertConfig;

/// The encoder in training.
pub(crate) trait Train {
    /// Takes the texts of one step through the encoder as its variables now are, with dropout.
    fn forward(&mut self, texts: &[&[u32]]);

    /// What `forward` gave, [texts, len, hidden] of the layers' kind, zero behind a text's end; with
    /// `first_only` the first state of each text, [texts, 1, hidden].
    fn output(&self, first_only: bool) -> Tensor;

    /// Computes the gradients of all variables, given that of `output`, of whose length it may have less.
    fn backward(&mut self, gradient: &Tensor);

    /// The gradients in the order of the variables' names. The handles stay, whatever a step writes.
    fn gradients(&self) -> Vec<Tensor>;
}

/// The encoder in inference.
pub(crate) trait Encode: Send {
    /// The last hidden states of some texts, [texts, len, hidden] of the layers' kind, zero behind a text's end.
    fn encode(&self, tables: Tables<'_>, texts: &[&[u32]]) -> Tensor;

    /// The threads that do it.
    fn workers(&self) -> &Workers;
}

/// Handles to an encoder's variables, f32 on the CPU.
pub(crate) struct Variables {
    pub(crate) config: BertConfig,
    pub(crate) layers: Vec<LayerVariables>,
    /// Some rows of the word table.
    pub(crate) words: Tensor,
    /// The row there of each word of the vocabulary.
    pub(crate) word_rows: Vec<u32>,
    pub(crate) positions: Tensor,
    pub(crate) token_types: Tensor,
    pub(crate) norm: bert::Affine,
}

/// Convolutions of one width over hidden states.
#[derive(Clone, Copy)]
pub(crate) struct Filters<'a> {
    pub(crate) width: usize,
    pub(crate) n: usize,
    /// [n, hidden, width]
    pub(crate) weight: &'a [f32],
}

/// The greatest result of each filter in each text.
pub(crate) struct Maxima {
    /// f32 [texts, filters]
    pub(crate) values: Tensor,
    /// The first token of the window that it is of, [texts, filters].
    pub(crate) starts: Vec<u32>,
}

/// A weight, [outputs, inputs] or [size], and a bias.
#[derive(Clone, Copy)]
pub(crate) struct Affine<'a> {
    pub(crate) weight: &'a [f32],
    pub(crate) bias: &'a [f32],
}

/// A layer's variables.
pub(crate) struct Masters<'a> {
    pub(crate) query_key_value: [Affine<'a>; 3],
    pub(crate) attention_output: Affine<'a>,
    pub(crate) attention_norm: Affine<'a>,
    pub(crate) intermediate: Affine<'a>,
    pub(crate) output: Affine<'a>,
    pub(crate) output_norm: Affine<'a>,
}

/// The tables of the embeddings, [.., hidden], and their layer norm.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    pub(crate) words: &'a [f32],
    pub(crate) positions: &'a [f32],
    pub(crate) token_types: &'a [f32],
    pub(crate) norm: Affine<'a>,
    pub(crate) eps: f32,
}

impl<'a> Affine<'a> {
    pub(crate) fn of(tensors: &'a bert::Affine) -> Self {
        Self { weight: values(&tensors.weight), bias: values(&tensors.bias) }
    }
}

impl<'a> Masters<'a> {
    pub(crate) fn of(layer: &'a LayerVariables) -> Self {
        Self {
            query_key_value: [&layer.query, &layer.key, &layer.value].map(Affine::of),
            attention_output: Affine::of(&layer.attention_output),
            attention_norm: Affine::of(&layer.attention_norm),
            intermediate: Affine::of(&layer.intermediate),
            output: Affine::of(&layer.output),
            output_norm: Affine::of(&layer.output_norm),
        }
    }
}

impl Variables {
    fn masters(&self) -> Vec<Masters<'_>> {
        self.layers.iter().map(Masters::of).collect()
    }

    fn tables(&self) -> Tables<'_> {
        Tables {
            words: values(&self.words),
            positions: values(&self.positions),
            token_types: values(&self.token_types),
            norm: Affine::of(&self.norm),
            eps: self.config.layer_norm_eps as f32,
        }
    }
}

/// Tells whether an encoder's layers can be computed here: two bf16 lie in one word, so sizes must be even.
pub(crate) fn available(device: Device, config: &BertConfig) -> bool {
    let sizes = [config.hidden_size, config.intermediate_size, config.head_size()];
    device == Device::Cpu && has_extensions() && sizes.iter().all(|size| size % 2 == 0)
}

/// Tells whether inference is done here as well. AMX multiplies bf16 faster, and libtorch uses it.
pub(crate) fn encodes(device: Device, kind: Kind, config: &BertConfig) -> bool {
    available(device, config) && !(kind == Kind::BFloat16 && has_amx())
}

#[cfg(target_arch = "x86_64")]
fn has_amx() -> bool {
    const AMX_BF16: u32 = 1 << 22; // Intel's manual, CPUID leaf 7, EDX
    std::arch::x86_64::__cpuid_count(7, 0).edx & AMX_BF16 != 0
}

#[cfg(not(target_arch = "x86_64"))]
fn has_amx() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
fn has_extensions() -> bool {
    std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512dq")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_extensions() -> bool {
    false
}

/// Returns what trains the variables, with dropout by `seed`.
///
/// # Panics
/// Panics where they are not `available`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn trainer(
    variables: Variables,
    kind: Kind,
    seed: u64,
    workers: Arc<Workers>,
) -> Box<dyn Train> {
    assert!(available(Device::Cpu, &variables.config), "the CPU lacks what is compiled for");
    match kind {
        Kind::BFloat16 => Box::new(avx512::Trainer::<avx512::Bf16>::new(variables, seed, workers)),
        _ => Box::new(avx512::Trainer::<f32>::new(variables, seed, workers)),
    }
}

/// Returns what encodes with the weights as they now are.
///
/// # Panics
/// Panics where they are not `available`.
#[cfg(target_arch = "x86_64")]
pub(crate) fn encoder(config: &BertConfig, layers: &[Masters<'_>], kind: Kind) -> Box<dyn Encode> {
    assert!(available(Device::Cpu, config), "the CPU lacks what is compiled for");
    match kind {
        Kind::BFloat16 => Box::new(avx512::Packed::<avx512::Bf16>::new(config, layers)),
        _ => Box::new(avx512::Packed::<f32>::new(config, layers)),
    }
}

/// Returns the maxima over all windows of each text in `states`, [texts, len, hidden]. A text shorter than a
/// window has one, over itself and zeros.
///
/// # Panics
/// Panics where `states` are not on a CPU with the extensions.
#[cfg(target_arch = "x86_64")]
pub(crate) fn maxima(
    states: &Tensor,
    lengths: &[i64],
    filters: &[Filters<'_>],
    workers: &Workers,
) -> Maxima {
    assert!(has_extensions(), "the CPU lacks what is compiled for");
    match states.kind() {
        Kind::BFloat16 => avx512::maxima::<avx512::Bf16>(states, lengths, filters, workers),
        _ => avx512::maxima::<f32>(states, lengths, filters, workers),
    }
}

/// Returns the gradients of the states, f32 [texts, len, hidden], and of the weights of each width, given that of
/// the maxima.
///
/// # Panics
/// Panics where `maxima` does.
#[cfg(target_arch = "x86_64")]
pub(crate) fn maxima_backward(
    (states, lengths): (&Tensor, &[i64]),
    filters: &[Filters<'_>],
    (starts, gradient): (&[u32], &Tensor),
    workers: &Workers,
) -> (Tensor, Vec<Tensor>) {
    assert!(has_extensions(), "the CPU lacks what is compiled for");
    let (of, to) = ((states, lengths), (starts, gradient));
    match states.kind() {
        Kind::BFloat16 => avx512::maxima_backward::<avx512::Bf16>(of, filters, to, workers),
        _ => avx512::maxima_backward::<f32>(of, filters, to, workers),
    }
}

/// There is none.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn maxima(_: &Tensor, _: &[i64], _: &[Filters<'_>], _: &Workers) -> Maxima {
    unreachable!("`available` says no")
}

/// There is none.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn maxima_backward(
    _: (&Tensor, &[i64]),
    _: &[Filters<'_>],
    _: (&[u32], &Tensor),
    _: &Workers,
) -> (Tensor, Vec<Tensor>) {
    unreachable!("`available` says no")
}

/// There is none.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn trainer(_: Variables, _: Kind, _: u64, _: Arc<Workers>) -> Box<dyn Train> {
    unreachable!("`available` says no")
}

/// There is none.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn encoder(_: &BertConfig, _: &[Masters<'_>], _: Kind) -> Box<dyn Encode> {
    unreachable!("`available` says no")
}
