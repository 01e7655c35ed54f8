//! What a session shows to those who label: the texts that want labels, and labels that the classifier suggests.

use alhost_base::ledger::{Notes, Work};
use alhost_config::EncoderMode;
use alhost_metrics::TopK;
use alhost_plugin_api::DocId;
use alhost_plugin_api::features::Pooling;

use super::{Session, State};
use crate::experiment::Experiment;
use crate::pool::ValidSelection;
use crate::reading::for_each_probabilities;

/// Labels of a text with their probabilities.
pub type Suggested = Vec<(u32, f32)>;

impl Session<'_> {
    /// The texts that want labels now; none where the session does not wait for any.
    pub fn wanted(&self) -> Option<&ValidSelection> {
        match &self.state {
            State::Selected(selection) => Some(selection),
            _ => None,
        }
    }

    /// Computes what the first training will need and the labels do not change: a frozen encoder's view of all texts, which is
    /// kept. While people label their first texts there is time for it.
    pub fn warm_up(&mut self) -> anyhow::Result<()> {
        let Experiment { task, model, .. } = &mut *self.experiment;
        if task.config.model.encoder == EncoderMode::Frozen {
            let notes = Notes::default();
            let work = Work { progress: self.watch.progress, notes: &notes };
            model.pretrained(&task.tokens.train, Pooling::Mean, work)?;
        }
        Ok(())
    }

    /// The `n` labels of each text that the classifier trained last thinks most probable, best first, with their probabilities;
    /// `None` where this session has not trained one.
    pub fn suggest(&self, texts: &[DocId], n: usize) -> anyhow::Result<Option<Vec<Suggested>>> {
        if !self.has_classifier {
            return Ok(None);
        }
        let Experiment { task, model, .. } = &*self.experiment;
        let notes = Notes::default();
        let work = Work { progress: self.watch.progress, notes: &notes };
        let rows: Vec<u32> = texts.iter().map(|id| id.0).collect();
        let (of, n_labels) = ((&task.tokens.train, rows.as_slice()), task.n_labels());
        let mut top = TopK::new(n, n_labels);
        for_each_probabilities(&**model, of, n_labels, work, |_, block| {
            top.add(&block);
            Ok(())
        })?;
        let pairs = |text: usize| {
            let (labels, probabilities) = top.of(text);
            labels.iter().copied().zip(probabilities.iter().copied()).collect()
        };
        Ok(Some((0..rows.len()).map(pairs).collect()))
    }
}
