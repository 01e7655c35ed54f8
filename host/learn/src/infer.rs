//! Inference: any number of texts through a model state in one pass, in batches of like length.

use alhost_base::matrix::{Matrix, MatrixRoom};
use alhost_base::progress::Progress;
use alhost_data::tokens::Tokens;
use alhost_model::{Outputs, Wants};
use tch::{Device, Tensor};

use crate::ModelError;
use crate::cpu;
use crate::device::OneThread;
use crate::encoder::batch;
use crate::encoder::states::{Encoded, States};
use crate::heads::{Head, Layer, probabilities_of};
use crate::random::seeded;

/// A model state, ready to read texts.
pub(crate) struct Reader<'a> {
    pub(crate) states: States<'a>,
    pub(crate) head: &'a Head,
    /// The size of the encoder's hidden states.
    pub(crate) hidden: usize,
    pub(crate) token_budget: usize,
    pub(crate) device: Device,
    pub(crate) matrices: &'a MatrixRoom,
}

impl Reader<'_> {
    /// Reads the texts `rows` of `tokens`, which `states` encodes.
    pub(crate) fn read(
        &self,
        tokens: &Tokens,
        rows: &[u32],
        wants: Wants,
        progress: &dyn Progress,
    ) -> Result<Outputs, ModelError> {
        let _one = self.states.workers().map(|_| OneThread::only());
        let _generator = (wants.mc_passes > 0).then(|| seeded(wants.mc_seed));
        let draws = self.head.draws(wants.mc_passes);
        let mut outputs = self.room(rows.len(), wants);
        progress.begin("read texts", rows.len() as u64);
        for positions in batch::by_length(tokens, rows, self.token_budget) {
            let texts: Vec<u32> = positions.iter().map(|&at| rows[at as usize]).collect();
            tch::no_grad(|| self.read_batch(&texts, &positions, &draws, &mut outputs))?;
            progress.advance(texts.len() as u64);
        }
        progress.end();
        Ok(outputs)
    }

    fn read_batch(
        &self,
        texts: &[u32],
        positions: &[u32],
        draws: &[Layer],
        outputs: &mut Outputs,
    ) -> Result<(), ModelError> {
        let encoded = self.states.encode(texts, self.device)?;
        let features = self.features(&encoded);
        if let Some(to) = &mut outputs.logits {
            put(to, positions, &self.head.logits(&features));
        }
        if let Some(to) = &mut outputs.mc {
            put(to, positions, &probabilities_of(draws, &features));
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

    fn features(&self, encoded: &Encoded) -> Tensor {
        let by_hand = self.states.workers().and_then(|workers| {
            let filters = self.head.filters()?;
            let maxima = cpu::maxima(&encoded.hidden_states, &encoded.lengths, &filters, workers);
            Some(self.head.features_of_maxima(&maxima.values))
        });
        by_hand.unwrap_or_else(|| self.head.features(encoded))
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
