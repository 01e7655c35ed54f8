//! The texts that trainings are stopped by and thresholds tuned on: those of dev, or else those of the audit.

use alhost_data::{Labels, Tokens};
use alhost_metrics::estimate::FEWEST;

use crate::Task;
use crate::pool::{Audit, Pool};
use crate::reading::rows_of;

/// Texts that nothing is trained on, with their labels.
pub(crate) struct Judges<'a> {
    pub(crate) tokens: &'a Tokens,
    pub(crate) rows: Vec<u32>,
    /// Row `i` belongs to `rows[i]`.
    pub(crate) labels: &'a Labels,
}

impl<'a> Judges<'a> {
    /// The texts of dev; without dev, those of the audit that are labeled, once there are some.
    pub(crate) fn of(task: &'a Task, pool: &'a Pool) -> Option<Self> {
        if let (Some(tokens), Some(split)) = (&task.tokens.dev, &task.dataset.dev) {
            return Some(Self { tokens, rows: rows_of(tokens.len()), labels: &split.labels });
        }
        let audited = pool.audit().map(Audit::texts)?;
        let rows: Vec<u32> = audited.labeled().iter().map(|id| id.0).collect();
        (rows.len() >= FEWEST).then(|| Self {
            tokens: &task.tokens.train,
            rows,
            labels: audited.labels(),
        })
    }
}
