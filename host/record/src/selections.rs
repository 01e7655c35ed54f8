//! One line of `selections.jsonl`: which texts were selected.

use alhost_plugin_api::DocId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionRecord {
    /// The round that is the first to train on these texts; 0 for the initial set.
    pub round: usize,
    /// The data set's own ids, best first.
    pub ids: Vec<String>,
    /// The same texts as rows of the train split.
    pub rows: Vec<u32>,
    /// The strategy's scores, one for each text, where it gave any.
    pub scores: Option<Vec<f64>>,
    /// The number of texts that the strategy saw, where `loop.candidates` filtered the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<usize>,
    /// Texts of the audit that are labeled with these, as `ids` and `rows`; absent where `loop.audit` is 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit_ids: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit_rows: Vec<u32>,
}

impl SelectionRecord {
    /// Records the texts `selected`, best first, with a score each where there are any. `ids` are
    /// those of the train split, by row.
    pub fn new(
        round: usize,
        (selected, scores): (&[DocId], Option<&[f64]>),
        ids: &[String],
    ) -> Self {
        let rows: Vec<u32> = selected.iter().map(|id| id.0).collect();
        Self {
            round,
            ids: rows.iter().map(|&row| ids[row as usize].clone()).collect(),
            rows,
            scores: scores.map(<[f64]>::to_vec),
            candidates: None,
            audit_ids: Vec::new(),
            audit_rows: Vec::new(),
        }
    }

    /// Records an initial set that nobody chose: these texts, by id and row.
    pub fn all(ids: Vec<String>, rows: Vec<u32>) -> Self {
        let (audit_ids, audit_rows) = (Vec::new(), Vec::new());
        Self { round: 0, ids, rows, scores: None, candidates: None, audit_ids, audit_rows }
    }

    /// The same with texts of the audit, as `new` takes them.
    #[must_use]
    pub fn with_audit(mut self, audit: &[DocId], ids: &[String]) -> Self {
        self.audit_rows = audit.iter().map(|id| id.0).collect();
        self.audit_ids = audit.iter().map(|id| ids[id.0 as usize].clone()).collect();
        self
    }

    /// Returns the selection for the pool, which checks it again: a record is input like any other.
    pub fn claim(&self) -> alhost_plugin_api::Selection {
        alhost_plugin_api::Selection {
            ids: self.rows.iter().map(|&row| DocId(row)).collect(),
            scores: self.scores.clone(),
        }
    }
}
