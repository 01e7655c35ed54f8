//! `config.json` of a BERT checkpoint: what we read of it, and what we can run.

use serde::{Deserialize, Serialize};

use super::ModelError;

/// Field names and defaults as upstream:
/// <https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/models/bert/configuration_bert.py>.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BertConfig {
    #[serde(default = "bert")]
    pub model_type: String,
    pub vocab_size: i64,
    pub hidden_size: i64,
    pub num_hidden_layers: usize,
    pub num_attention_heads: i64,
    pub intermediate_size: i64,
    #[serde(default = "gelu")]
    pub hidden_act: String,
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f64,
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f64,
    pub max_position_embeddings: i64,
    #[serde(default = "two")]
    pub type_vocab_size: i64,
    #[serde(default = "smallest_variance")]
    pub layer_norm_eps: f64,
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
}

fn bert() -> String {
    "bert".to_owned()
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn tenth() -> f64 {
    0.1
}

fn two() -> i64 {
    2
}

fn smallest_variance() -> f64 {
    1e-12
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl BertConfig {
    /// What makes this configuration impossible to run here, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.model_type != "bert" {
            return Some(format!("model_type `{}` is not supported", self.model_type));
        }
        if self.hidden_act != "gelu" {
            return Some(format!("activation `{}` is not supported, only `gelu`", self.hidden_act));
        }
        if self.position_embedding_type != "absolute" {
            let kind = &self.position_embedding_type;
            return Some(format!(
                "position embeddings `{kind}` are not supported, only `absolute`"
            ));
        }
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        if let Some((name, value)) = sizes.into_iter().find(|&(_, value)| value < 1) {
            return Some(format!("`{name}` is {value}, but must be positive"));
        }
        if self.hidden_size % self.num_attention_heads != 0 {
            return Some(format!(
                "hidden_size {} cannot be divided among {} attention heads",
                self.hidden_size, self.num_attention_heads
            ));
        }
        None
    }

    /// Whether texts of `max_tokens`, [CLS] and [SEP] included, have a position each.
    pub fn check_length(&self, max_tokens: usize) -> Result<(), ModelError> {
        let positions = self.max_position_embeddings as usize;
        if max_tokens > positions {
            return Err(ModelError::TooLong { max_tokens, positions });
        }
        Ok(())
    }

    /// Columns of one attention head.
    pub fn head_size(&self) -> i64 {
        self.hidden_size / self.num_attention_heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = r#"{"vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}"#;

    fn check(change: impl Fn(&mut BertConfig), expected: Option<&str>) {
        let mut config: BertConfig = serde_json::from_str(TINY).unwrap();
        change(&mut config);
        assert_eq!(config.problem().as_deref(), expected);
    }

    #[test]
    fn what_we_cannot_run_is_named() {
        check(|_| (), None);
        check(
            |c| c.model_type = "roberta".to_owned(),
            Some("model_type `roberta` is not supported"),
        );
        check(
            |c| c.hidden_act = "relu".to_owned(),
            Some("activation `relu` is not supported, only `gelu`"),
        );
        check(
            |c| c.num_attention_heads = 3,
            Some("hidden_size 8 cannot be divided among 3 attention heads"),
        );
        check(
            |c| c.num_attention_heads = 0,
            Some("`num_attention_heads` is 0, but must be positive"),
        );
        check(
            |c| c.position_embedding_type = "relative_key".to_owned(),
            Some("position embeddings `relative_key` are not supported, only `absolute`"),
        );
    }

    #[test]
    fn more_tokens_than_positions_is_an_error() {
        let config: BertConfig = serde_json::from_str(TINY).unwrap();
        assert!(config.check_length(32).is_ok());
        assert!(config.check_length(33).unwrap_err().to_string().contains("at most 32"));
    }
}
