//! A model's answers on texts.

use alhost_base::matrix::Matrix;
use anyhow::Result;

/// The outputs that are asked of a model state. One pass gives all of them.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent questions, not states")]
pub struct Wants {
    pub logits: bool,
    /// The input of the last linear layer.
    pub features: bool,
    /// The last hidden state of `[CLS]`.
    pub cls: bool,
    /// The mean of the last hidden states over a text's tokens.
    pub mean: bool,
    /// Passes through the head as it may be as well (some features dropped, or samples of its posterior),
    /// each the same for all texts; 0 for none.
    pub mc_passes: u32,
    pub mc_seed: i64,
}

impl Wants {
    /// Asks for logits alone.
    pub const LOGITS: Self =
        Self { logits: true, features: false, cls: false, mean: false, mc_passes: 0, mc_seed: 0 };
}

/// The outputs that were asked for; rows stand as the texts were given.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// The logits, [rows, labels].
    pub logits: Option<Matrix>,
    /// The input of the last linear layer, [rows, features].
    pub features: Option<Matrix>,
    /// The last hidden states of `[CLS]`, [rows, hidden].
    pub cls: Option<Matrix>,
    /// The means of the last hidden states, [rows, hidden].
    pub mean: Option<Matrix>,
    /// Probabilities, [rows, passes * labels], pass after pass.
    pub mc: Option<Matrix>,
}

/// Takes the outputs of one block: which of the rows that were asked about it has, by position, and what
/// the model says of them.
pub type Visit<'a> = dyn FnMut(std::ops::Range<usize>, Outputs) -> Result<()> + 'a;

/// `1 / (1 + exp(-x))` of each logit.
pub fn probabilities(mut logits: Matrix) -> Matrix {
    logits.data.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()));
    logits
}

/// Sampled positions of texts and the masked-LM losses there; sparse (CSR), one row a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surprisal {
    /// Row `i` is `offsets[i]..offsets[i + 1]` of the other two.
    pub offsets: Vec<u64>,
    /// Positions in the text's token ids, where `[CLS]` has position 0; ascending.
    pub positions: Vec<u32>,
    /// Cross-entropy in nats.
    pub losses: Vec<f32>,
}

impl Surprisal {
    pub fn row(&self, text: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[text] as usize..self.offsets[text + 1] as usize;
        (&self.positions[range.clone()], &self.losses[range])
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
