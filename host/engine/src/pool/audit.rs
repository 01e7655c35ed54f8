//! The audit: texts drawn at random from all texts before anything is selected, which no strategy sees and nothing is
//! trained on. They are labeled little by little, and classifiers are judged on them.

use alhost_base::seed::{Purpose, RunSeed, shuffle};
use alhost_plugin_api::DocId;

use alhost_record::SelectionRecord;

use super::{Pool, SelectionError, ValidSelection};

/// The texts of the audit. Those that have been asked about are at each moment the first ones of a random order, and
/// so a random sample of all texts.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The share of all texts, and of each batch.
    share: f64,
    /// Sorted as they are asked about.
    order: Vec<DocId>,
    /// Whether a text is in `order`, by text.
    is_kept: Vec<bool>,
    /// The answers; all other texts are unlabeled in it and never asked for.
    texts: Box<Pool>,
}

impl Audit {
    /// Draws a share of all texts, rounded up; `None` where the share is 0.
    pub fn draw(share: f64, n_texts: usize, n_labels: usize, seed: RunSeed) -> Option<Self> {
        if share <= 0.0 {
            return None;
        }
        let mut order: Vec<DocId> = (0..n_texts).map(|text| DocId(text as u32)).collect();
        shuffle(&mut order, &mut seed.rng(Purpose::Audit, 0));
        order.truncate((share * n_texts as f64).ceil() as usize);
        let mut is_kept = vec![false; n_texts];
        for id in &order {
            is_kept[id.0 as usize] = true;
        }
        Some(Self { share, order, is_kept, texts: Box::new(Pool::new(n_texts, n_labels)) })
    }

    /// What was answered: its labeled and skipped texts are those of the audit.
    pub fn texts(&self) -> &Pool {
        &self.texts
    }

    pub(super) fn texts_mut(&mut self) -> &mut Pool {
        &mut self.texts
    }

    /// Whether a text is kept for the audit.
    pub fn has(&self, id: DocId) -> bool {
        self.is_kept[id.0 as usize]
    }

    /// The texts that have not been asked about, in the order in which they will be.
    pub fn upcoming(&self) -> &[DocId] {
        &self.order[self.texts.asked.len()..]
    }

    /// How many texts of the audit belong to a batch of `n`, after `asked` texts in all: as many as make it the share
    /// of everything that is labeled.
    fn due(&self, n: usize, asked: usize) -> usize {
        let wanted = (self.share * (asked + n) as f64).floor() as usize;
        wanted.saturating_sub(self.texts.asked.len()).min(n).min(self.upcoming().len())
    }
}

impl Pool {
    /// How many texts of a batch of `n` are of the audit.
    pub(crate) fn audit_of(&self, n: usize) -> usize {
        let due = |audit: &Audit| audit.due(n, self.asked.len() + audit.texts.asked.len());
        self.audit.as_ref().map_or(0, due)
    }

    /// Adds the next texts of the audit to a selection, so many.
    pub(crate) fn with_audited(&self, mut selection: ValidSelection, n: usize) -> ValidSelection {
        if let Some(audit) = &self.audit {
            selection.ids.extend(audit.upcoming().iter().take(n));
        }
        selection
    }

    /// The selection that a record holds, checked as a strategy's is, and its texts of the audit against the order of
    /// these.
    pub(crate) fn recorded(
        &self,
        record: &SelectionRecord,
    ) -> Result<ValidSelection, SelectionError> {
        let chosen = self.select(&record.claim(), record.rows.len())?;
        let selection = self.with_audited(chosen, record.audit_rows.len());
        if !selection.audit().iter().map(|id| &id.0).eq(&record.audit_rows) {
            return Err(SelectionError::OtherAudit);
        }
        Ok(selection)
    }
}
