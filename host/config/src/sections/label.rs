//! `[label]`: how people label; it changes no result but through what they answer.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LabelConfig {
    /// Splits the name of a label into the parts of its path; empty where labels have no hierarchy.
    pub separator: String,
    /// Whether labels may be added while labeling.
    pub new_labels: bool,
    /// Labels that are suggested for a text, at most.
    pub suggestions: usize,
    /// Whether labels are suggested for texts of the audit too.
    pub suggest_audit: bool,
    /// Share of all texts that a second person labels too.
    pub overlap: f64,
}

impl Default for LabelConfig {
    fn default() -> Self {
        Self {
            separator: String::new(),
            new_labels: true,
            suggestions: 9,
            suggest_audit: false,
            overlap: 0.0,
        }
    }
}
