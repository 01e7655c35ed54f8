//! The hidden states of a few texts, wherever they come from, and their poolings.

use alhost_data::tokens::Tokens;
use tch::{Device, IndexOp, Kind, Tensor};

use crate::ModelError;
use crate::cpu::workers::Workers;
use crate::encoder::batch::Batch;
use crate::encoder::bert::Weights;
use crate::encoder::frozen::Kept;

/// A source of the hidden states of one split's texts.
pub(crate) enum States<'a> {
    /// The encoder as it now is, run on the texts' tokens.
    Encoder { weights: &'a Weights, tokens: &'a Tokens },
    /// The pre-trained encoder, run once and kept on disk.
    Kept { kept: &'a Kept, kind: Kind },
}

/// Some texts, encoded.
pub(crate) struct Encoded {
    /// The hidden states, [batch, len, hidden]; of kept states for a linear head only `[CLS]`, so
    /// that len is 1.
    pub(crate) hidden_states: Tensor,
    /// The number of each text's states that are its own.
    pub(crate) lengths: Vec<i64>,
    /// The mean of each text, f32 [batch, hidden], where it is known already.
    mean: Option<Tensor>,
}

impl States<'_> {
    /// The threads that make them, if libtorch's do not.
    pub(crate) fn workers(&self) -> Option<&Workers> {
        match self {
            Self::Encoder { weights, .. } => weights.workers(),
            Self::Kept { .. } => None,
        }
    }

    pub(crate) fn encode(&self, rows: &[u32], device: Device) -> Result<Encoded, ModelError> {
        match self {
            Self::Encoder { weights, tokens } => {
                let batch = Batch::new(tokens, rows, device);
                Ok(Encoded::new(weights.forward(&batch), batch.lengths))
            }
            Self::Kept { kept, kind } => kept.encode(rows, *kind, device),
        }
    }
}

impl Encoded {
    pub(crate) fn new(hidden_states: Tensor, lengths: Vec<i64>) -> Self {
        Self { hidden_states, lengths, mean: None }
    }

    pub(crate) fn with_mean(hidden_states: Tensor, lengths: Vec<i64>, mean: Tensor) -> Self {
        Self { hidden_states, lengths, mean: Some(mean) }
    }

    /// The state of `[CLS]`, f32 [batch, hidden].
    pub(crate) fn cls(&self) -> Tensor {
        self.hidden_states.i((.., 0)).to_kind(Kind::Float)
    }

    /// The mean over a text's tokens, `[CLS]` and `[SEP]` included, f32 [batch, hidden].
    pub(crate) fn mean(&self) -> Tensor {
        match &self.mean {
            Some(mean) => mean.shallow_clone(),
            None => mean(&self.hidden_states, &self.lengths),
        }
    }
}

fn mean(hidden_states: &Tensor, lengths: &[i64]) -> Tensor {
    let (len, device) = (hidden_states.size()[1], hidden_states.device());
    let lengths = Tensor::from_slice(lengths).view([-1, 1, 1]);
    let positions = Tensor::arange(len, (Kind::Int64, Device::Cpu)).view([1, -1, 1]);
    let padding = positions.ge_tensor(&lengths).to_device(device); // [batch, len, 1]
    let sum = hidden_states.to_kind(Kind::Float).masked_fill(&padding, 0.0).sum_dim_intlist(
        1,
        false,
        Kind::Float,
    );
    sum / lengths.squeeze_dim(2).to_kind(Kind::Float).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_a_texts_own_tokens() {
        let states = Tensor::from_slice(&[1.0_f32, 3.0, 8.0, 5.0, f32::NAN, f32::NAN]);
        let encoded = Encoded::new(states.view([2, 3, 1]), vec![3, 1]);
        assert_eq!(Vec::<f32>::try_from(encoded.mean().view([-1])).unwrap(), [4.0, 5.0]);
        assert_eq!(Vec::<f32>::try_from(encoded.cls().view([-1])).unwrap(), [1.0, 5.0]);
    }
}
