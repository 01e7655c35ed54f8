//! The masked-LM head: which word piece stands at a position, from the last hidden state there.
//!
//! Its layers are those of upstream's `BertLMPredictionHead`: dense, GELU, layer norm, then the
//! word embeddings as the decoder, plus a bias. It is evaluated only at the positions asked for,
//! since the logits of one position are as wide as the vocabulary.

use std::fmt;

use tch::{Kind, Tensor};

use crate::Checkpoint;
use crate::encoder::bert::{Affine, Weights};
use crate::files::bert_config::Activation;
use crate::files::weights::MLM_BIAS;

/// Positions whose logits are held at once: 62 MB in f32 for BERT's vocabulary.
const CHUNK: i64 = 512;

pub struct MlmHead {
    pub(crate) transform: Transform,
    pub(crate) pieces: Pieces,
    /// Word embeddings of the pieces, in the encoder's kind, [pieces, hidden].
    decoder: Tensor,
    /// The same embeddings in f32, for the logit of the piece that is there.
    exact_decoder: Tensor,
    bias: Tensor, // f32 [pieces]
    source: MlmSource,
}

/// The word pieces that a head tells apart.
pub(crate) enum Pieces {
    All,
    /// The pieces of the texts that the head was fitted on; whatever else comes is the unknown
    /// piece.
    Some {
        ids: Tensor,   // i64 [pieces], ascending
        local: Tensor, // i64 [vocabulary], place in `ids`
    },
}

impl Pieces {
    /// `ids` ascend and have `unknown` among them.
    pub(crate) fn some(ids: &Tensor, unknown: u32, vocabulary: i64) -> Self {
        let place = Tensor::arange(ids.size()[0], (Kind::Int64, ids.device()));
        let unknown = place.masked_select(&ids.eq(i64::from(unknown)));
        let mut local = unknown.expand([vocabulary], false).copy();
        drop(local.index_copy_(0, ids, &place));
        Self::Some { ids: ids.shallow_clone(), local }
    }

    /// Turns word ids into columns of the logits.
    pub(crate) fn columns(&self, ids: &Tensor) -> Tensor {
        match self {
            Self::All => ids.shallow_clone(),
            Self::Some { local, .. } => local.take(ids),
        }
    }

    /// Rows of the pieces, of a table with a row for each word id.
    pub(crate) fn rows_of(&self, table: &Tensor) -> Tensor {
        match self {
            Self::All => table.detach(),
            Self::Some { ids, .. } => table.detach().index_select(0, ids),
        }
    }
}

/// The origin of a head, for log and manifest.
#[derive(Clone, Debug, PartialEq)]
pub enum MlmSource {
    Checkpoint,
    /// Made on the texts at hand, since the checkpoint has none.
    Fitted(Fitted),
}

/// The numbers that a fit used and reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    pub texts: u64,
    /// Masked positions.
    pub positions: u64,
    /// Mean cross-entropy of held-out positions, in nats, of the piece frequencies alone.
    pub loss_before: f64,
    /// The same loss of the fitted head.
    pub loss: f64,
}

impl fmt::Display for MlmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => write!(f, "masked-LM head of the checkpoint"),
            Self::Fitted(Fitted { texts, positions, loss_before, loss }) => write!(
                f,
                "masked-LM head fitted on {positions} positions of {texts} texts (held-out loss \
                 {loss:.3} nats, {loss_before:.3} by piece frequency), as the checkpoint has none"
            ),
        }
    }
}

/// The layers before the decoder, in f32.
pub(crate) struct Transform {
    pub(crate) dense: Affine, // [hidden, hidden]
    pub(crate) norm: Affine,  // [hidden]
    pub(crate) layer_norm_eps: f64,
    pub(crate) activation: Activation,
}

impl Transform {
    /// Takes [n, hidden] of any kind to f32 [n, hidden].
    pub(crate) fn forward(&self, hidden_states: &Tensor) -> Tensor {
        let widened = self.dense.apply(&hidden_states.to_kind(Kind::Float));
        let widened = self.activation.apply(&widened);
        self.norm.layer_norm(&widened, self.layer_norm_eps)
    }

    /// Returns the same layers without a graph.
    pub(crate) fn detach(&self) -> Self {
        let detach =
            |affine: &Affine| Affine { weight: affine.weight.detach(), bias: affine.bias.detach() };
        let (dense, norm) = (detach(&self.dense), detach(&self.norm));
        Self { dense, norm, layer_norm_eps: self.layer_norm_eps, activation: self.activation }
    }
}

impl MlmHead {
    /// The checkpoint's own head, if it has one, where and as `weights` computes.
    pub fn of_checkpoint(checkpoint: &Checkpoint, weights: &Weights) -> Option<Self> {
        let bias = checkpoint.tensor(MLM_BIAS)?;
        let device = weights.device();
        let get = |name: &str| {
            let tensor = checkpoint.tensor(&format!("cls.predictions.{name}"));
            tensor.expect("the weights were checked when they were read").to_device(device)
        };
        let affine = |name: &str| Affine {
            weight: get(&format!("{name}.weight")),
            bias: get(&format!("{name}.bias")),
        };
        let transform = Transform {
            dense: affine("transform.dense"),
            norm: affine("transform.LayerNorm"),
            layer_norm_eps: checkpoint.config.layer_norm_eps,
            activation: checkpoint.config.activation(),
        };
        // Tied, unless the file has a decoder of its own.
        let decoder = checkpoint
            .tensor("cls.predictions.decoder.weight")
            .or_else(|| checkpoint.tensor("embeddings.word_embeddings.weight"))?
            .to_device(device);
        let bias = bias.to_device(device);
        Some(Self {
            transform,
            pieces: Pieces::All,
            decoder: decoder.to_kind(weights.kind()),
            exact_decoder: decoder,
            bias,
            source: MlmSource::Checkpoint,
        })
    }

    /// Makes a head with the encoder's word embeddings as the decoder.
    pub(crate) fn tied(
        transform: Transform,
        pieces: Pieces,
        bias: Tensor,
        weights: &Weights,
        source: MlmSource,
    ) -> Self {
        let exact_decoder = pieces.rows_of(weights.word_embeddings());
        let decoder = exact_decoder.to_kind(weights.kind());
        Self { transform, pieces, decoder, exact_decoder, bias, source }
    }

    pub fn source(&self) -> &MlmSource {
        &self.source
    }

    pub(crate) fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// Returns the logits, f32 [n, pieces], of few hidden states, [n, hidden].
    pub fn logits(&self, hidden_states: &Tensor) -> Tensor {
        tch::no_grad(|| self.decode(&self.transform.forward(hidden_states)))
    }

    fn decode(&self, transformed: &Tensor) -> Tensor {
        let logits =
            transformed.to_kind(self.decoder.kind()).linear::<&Tensor>(&self.decoder, None);
        logits.to_kind(Kind::Float) + &self.bias
    }

    /// Cross-entropy in nats, f32 `[n]`, of the `pieces` (i64 `[n]`) at positions with the given
    /// hidden states [n, hidden].
    pub fn losses(&self, hidden_states: &Tensor, pieces: &Tensor) -> Tensor {
        tch::no_grad(|| {
            let columns = self.pieces.columns(pieces);
            let chunks = hidden_states.split(CHUNK, 0).into_iter().zip(columns.split(CHUNK, 0));
            let losses: Vec<Tensor> =
                chunks.map(|(hidden, columns)| self.chunk(&hidden, &columns)).collect();
            Tensor::cat(&losses, 0)
        })
    }

    fn chunk(&self, hidden_states: &Tensor, columns: &Tensor) -> Tensor {
        let transformed = self.transform.forward(hidden_states);
        let mut logits = self.decode(&transformed);
        // A logit of 20 is off by up to 0.06 in bf16. Among thousands of others that cancels out,
        // but not in the one logit that the loss is about; so that one is computed in f32.
        let exact = (transformed * self.exact_decoder.index_select(0, columns)).sum_dim_intlist(
            1,
            false,
            Kind::Float,
        ) + self.bias.index_select(0, columns);
        drop(logits.scatter_(1, &columns.unsqueeze(1), &exact.unsqueeze(1)));
        logits.logsumexp(1, false) - exact
    }
}
