//! Losses and gradients of a fine-tuning with the encoder written out (`cpu`), of which autograd has but the
//! last layers.

use std::sync::Arc;

use alhost_config::EncoderMode;
use alhost_model::Examples;
use tch::Tensor;

use crate::cpu::workers::Workers;
use crate::cpu::{self, Filters, Train};
use crate::encoder::states::Encoded;
use crate::learner::Learner;

pub(crate) struct ByHand {
    encoder: Box<dyn Train>,
    workers: Arc<Workers>,
}

/// The loss, and the gradients of the head's variables and of what the head was given.
struct Parts {
    loss: Tensor,
    head: Vec<Tensor>,
    input: Tensor,
}

impl Learner {
    /// Returns what computes the gradients where the encoder is trained and the CPU can do it. To be called when
    /// the optimiser has been made, whose variables it takes.
    pub(crate) fn by_hand(&self, seed: i64, workers: &Arc<Workers>) -> Option<ByHand> {
        let fine_tuned = self.config.encoder == EncoderMode::FineTuned;
        (fine_tuned && cpu::available(self.device, self.encoder.config())).then(|| {
            let variables = self.encoder.variables();
            let encoder = cpu::trainer(variables, self.kind, seed as u64, Arc::clone(workers));
            ByHand { encoder, workers: Arc::clone(workers) }
        })
    }

    /// Computes the mean loss as `loss` does, and the gradients of the optimiser's variables.
    pub(crate) fn loss_by_hand(
        &self,
        labeled: Examples<'_>,
        texts: &[u32],
        by_hand: &mut ByHand,
    ) -> (Tensor, Vec<Tensor>) {
        let rows = texts.iter().map(|&text| labeled.rows[text as usize] as usize);
        let tokens: Vec<&[u32]> = rows.map(|row| labeled.tokens.row(row)).collect();
        by_hand.encoder.forward(&tokens);
        let Parts { loss, head: mut gradients, input } = match self.head.filters() {
            Some(filters) => self.after_convolutions(labeled, texts, &tokens, &filters, by_hand),
            None => self.after_first_states(labeled, texts, by_hand),
        };
        by_hand.encoder.backward(&input);
        gradients.extend(by_hand.encoder.gradients());
        (loss, gradients)
    }

    fn after_first_states(&self, labeled: Examples<'_>, texts: &[u32], by_hand: &ByHand) -> Parts {
        let states = by_hand.encoder.output(true).set_requires_grad(true);
        let encoded = Encoded::new(states.shallow_clone(), vec![1; texts.len()]);
        let loss = self.head_loss(&self.head.features(&encoded), labeled.labels, texts);
        self.backward(loss, states)
    }

    fn after_convolutions(
        &self,
        labeled: Examples<'_>,
        texts: &[u32],
        tokens: &[&[u32]],
        filters: &[Filters<'_>],
        by_hand: &ByHand,
    ) -> Parts {
        let states = by_hand.encoder.output(false);
        let lengths: Vec<i64> = tokens.iter().map(|text| text.len() as i64).collect();
        let maxima = cpu::maxima(&states, &lengths, filters, &by_hand.workers);
        let values = maxima.values.set_requires_grad(true);
        let features = self.head.features_of_maxima(&values);
        let loss = self.head_loss(&features, labeled.labels, texts);
        let mut parts = self.backward(loss, values);
        let (of, to) = ((&states, &*lengths), (&*maxima.starts, &parts.input));
        let (input, weights) = cpu::maxima_backward(of, filters, to, &by_hand.workers);
        for (convolution, weight) in weights.into_iter().enumerate() {
            // Autograd has not seen the weights; after each comes its bias.
            parts.head[2 * convolution] = weight;
        }
        Parts { input, ..parts }
    }

    fn backward(&self, loss: Tensor, input: Tensor) -> Parts {
        let mut inputs = self.head.vars().trainable_variables();
        inputs.push(input);
        let mut head = Tensor::run_backward(&[&loss], &inputs, false, false);
        let input = head.pop().expect("the head's input is the last");
        Parts { loss, head, input }
    }
}
