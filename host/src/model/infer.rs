//! Inference: any number of texts through a model state in one pass, in batches of like length.

use tch::{Device, Tensor};

use super::ModelError;
use super::batch;
use super::heads::{Draws, Head};
use super::random::seeded;
use super::states::States;
use crate::data::tokens::Tokens;
use crate::matrix::{Matrix, MatrixRoom};
use crate::progress::Progress;

/// What is asked of a model state. One pass gives all of it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent questions, not states")]
pub struct Wants {
    pub logits: bool,
    /// The input of the last linear layer.
    pub features: bool,
    /// The last hidden state of [CLS].
    pub cls: bool,
    /// The mean of the last hidden states over a text's tokens.
    pub mean: bool,
    /// Passes through the head as it may be as well, see `Head::draws`; 0 for none.
    pub mc_passes: u32,
    pub mc_seed: i64,
}

/// What was asked for; rows stand as the texts were given.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// [rows, labels]
    pub logits: Option<Matrix>,
    /// [rows, features]
    pub features: Option<Matrix>,
    /// [rows, hidden]
    pub cls: Option<Matrix>,
    /// [rows, hidden]
    pub mean: Option<Matrix>,
    /// Probabilities, [rows, passes * labels], pass after pass.
    pub mc: Option<Matrix>,
    /// Tokens that were read, without padding.
    pub tokens: u64,
}

/// `1 / (1 + exp(-x))` of each logit.
pub fn probabilities(logits: &Matrix) -> Matrix {
    let data = logits.data.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    Matrix::new(data, logits.rows, logits.cols)
}

/// A model state, ready to read texts.
pub(crate) struct Reader<'a> {
    pub(crate) states: States<'a>,
    pub(crate) head: &'a Head,
    /// Of the encoder.
    pub(crate) hidden: usize,
    pub(crate) token_budget: usize,
    pub(crate) device: Device,
    pub(crate) matrices: &'a MatrixRoom,
}

impl Reader<'_> {
    /// `rows` are texts of `tokens`, which `states` encodes.
    pub(crate) fn read(
        &self,
        tokens: &Tokens,
        rows: &[u32],
        wants: Wants,
        progress: &dyn Progress,
    ) -> Result<Outputs, ModelError> {
        let _generator = (wants.mc_passes > 0).then(|| seeded(wants.mc_seed));
        let draws = self.head.draws(wants.mc_passes);
        let mut outputs = self.room(rows.len(), wants);
        progress.begin("read texts", rows.len() as u64);
        for positions in batch::by_length(tokens, rows, self.token_budget) {
            let texts: Vec<u32> = positions.iter().map(|&at| rows[at as usize]).collect();
            tch::no_grad(|| self.read_batch(&texts, &positions, &draws, &mut outputs))?;
            outputs.tokens +=
                texts.iter().map(|&text| tokens.row(text as usize).len() as u64).sum::<u64>();
            progress.advance(texts.len() as u64);
        }
        progress.end();
        Ok(outputs)
    }

    fn read_batch(
        &self,
        texts: &[u32],
        positions: &[u32],
        draws: &Draws<'_>,
        outputs: &mut Outputs,
    ) -> Result<(), ModelError> {
        let encoded = self.states.encode(texts, self.device)?;
        let features = self.head.features(&encoded);
        if let Some(to) = &mut outputs.logits {
            put(to, positions, &self.head.logits(&features));
        }
        if let Some(to) = &mut outputs.mc {
            put(to, positions, &draws.probabilities(&features));
        }
        if let Some(to) = &mut outputs.features {
            put(to, positions, &features);
        }
        if let Some(to) = &mut outputs.cls {
            put(to, positions, &encoded.cls());
        }
        if let Some(to) = &mut outputs.mean {
            put(to, positions, &encoded.mean());
        }
        Ok(())
    }

    fn room(&self, rows: usize, wants: Wants) -> Outputs {
        let matrix = |wanted: bool, cols: usize| wanted.then(|| self.matrices.matrix(rows, cols));
        let n_labels = self.head.n_labels();
        Outputs {
            logits: matrix(wants.logits, n_labels),
            features: matrix(wants.features, self.head.n_features()),
            cls: matrix(wants.cls, self.hidden),
            mean: matrix(wants.mean, self.hidden),
            mc: matrix(wants.mc_passes > 0, wants.mc_passes as usize * n_labels),
            tokens: 0,
        }
    }
}

/// Copies the rows of `from`, f32 [batch, cols], to the rows `positions` of `to`.
fn put(to: &mut Matrix, positions: &[u32], from: &Tensor) {
    let from = from.to_device(Device::Cpu).contiguous();
    let mut values = vec![0.0_f32; from.numel()];
    from.copy_data(&mut values, from.numel());
    for (row, &position) in values.chunks_exact(to.cols.max(1)).zip(positions) {
        to.row_mut(position as usize).copy_from_slice(row);
    }
}
