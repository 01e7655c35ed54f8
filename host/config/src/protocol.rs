//! `protocol = "paper"`: the values of Fromme, Mirylenka, Kuhn and Bogojeska (2022), section 4, for
//! every key that the user did not give.

use toml::{Table, Value};

/// The values that the paper states. It is silent on the head's sizes, the patience, the precision
/// and the initial set; there our defaults stay. The head learns at the encoder's rate and starts
/// from a zero bias, which under-trains with few texts (`docs/config.md` has the figures).
pub(super) const PAPER: &str = r#"
seeds = [1, 2, 3]

[model]
checkpoint = "bert-base-uncased"
max_tokens = 512
head = "cnn"
encoder = "fine-tuned"

[train]
epochs = 15
batch = 16
rate = 5e-5
head_rate = 1.0
head_bias = "zero"
early_stopping = "threshold"
min_epochs = 1
start = "pretrained"

[loop]
initial = 100
query_size = 100
budget = 2000

[evaluation]
threshold = "macro-f1-paper"
"#;

/// Fills in the paper's values where `table` asks for its protocol; keys that are there stay.
pub(super) fn fill(table: &mut Table) {
    if table.get("protocol").and_then(Value::as_str) == Some("paper") {
        merge_missing(table, &PAPER.parse().expect("PAPER is TOML"));
    }
}

fn merge_missing(table: &mut Table, defaults: &Table) {
    for (key, default) in defaults {
        match (table.get_mut(key), default) {
            (Some(Value::Table(section)), Value::Table(defaults)) => {
                merge_missing(section, defaults);
            }
            (Some(_), _) => {}
            (None, _) => {
                table.insert(key.clone(), default.clone());
            }
        }
    }
}
