//! `config.json` of a BERT checkpoint: what we read of it, and what we can run.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::ModelError;

/// A BERT's configuration, with field names and defaults as upstream:
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

/// The activation between the two products of a layer, and in the masked-LM head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Activation {
    /// GELU by the error function.
    Gelu,
    /// The GELU with tanh in the place of the error function: sqrt(2/pi) (x + 0.044715 x^3).
    GeluTanh,
    Relu,
}

impl Activation {
    /// The activations by upstream's names:
    /// <https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/activations.py>.
    /// The names of [`GeluTanh`](Self::GeluTanh) are one formula, written in four ways.
    const NAMES: [(&str, Self); 7] = [
        ("gelu", Self::Gelu),
        ("gelu_python", Self::Gelu),
        ("gelu_new", Self::GeluTanh),
        ("gelu_fast", Self::GeluTanh),
        ("gelu_accurate", Self::GeluTanh),
        ("gelu_pytorch_tanh", Self::GeluTanh),
        ("relu", Self::Relu),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation)
    }

    pub(crate) fn apply(self, input: &Tensor) -> Tensor {
        match self {
            Self::Gelu => input.gelu("none"),
            Self::GeluTanh => input.gelu("tanh"),
            Self::Relu => input.relu(),
        }
    }
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

/// The hint on a configuration that no checkpoint can have.
const DAMAGED: &str =
    "the file may be damaged or edited; take config.json from where the weights are from";

const OTHER_CHECKPOINT: &str =
    "take another checkpoint; this BERT computes something else than the usual one";

const OTHER_ENCODER: &str = "the encoder must be BERT or MiniLM (`model_type = \"bert\"`)";

impl BertConfig {
    /// Reads the text of a `config.json`. An error is what is wrong, and a hint.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let damaged = |error: serde_json::Error| (error.to_string(), DAMAGED);
        let value: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
        // First, since another model's file may lack the keys of BERT's.
        if let Some(model_type) = value["model_type"].as_str().filter(|&name| name != "bert") {
            return Err((format!("model_type `{model_type}` is not supported"), OTHER_ENCODER));
        }
        if value["is_decoder"] == true {
            let hint = "only encoders that see the whole text at once can be used";
            return Err((
                "`is_decoder` is true, so each token sees only those before it".to_owned(),
                hint,
            ));
        }
        let config: Self = serde_json::from_value(value).map_err(damaged)?;
        config.problem().map_or(Ok(config), Err)
    }

    /// Returns what makes this configuration impossible to run here, if anything, and a hint.
    pub fn problem(&self) -> Option<(String, &'static str)> {
        if self.model_type != "bert" {
            return Some((
                format!("model_type `{}` is not supported", self.model_type),
                OTHER_ENCODER,
            ));
        }
        if Activation::named(&self.hidden_act).is_none() {
            let known = Activation::NAMES.map(|(name, _)| name).join("`, `");
            let problem = format!("activation `{}` is not supported", self.hidden_act);
            return Some((problem + &format!(", only `{known}`"), OTHER_CHECKPOINT));
        }
        if self.position_embedding_type != "absolute" {
            let kind = &self.position_embedding_type;
            let problem =
                format!("position embeddings `{kind}` are not supported, only `absolute`");
            return Some((problem, OTHER_CHECKPOINT));
        }
        self.number_out_of_range().map(|problem| (problem, DAMAGED))
    }

    fn number_out_of_range(&self) -> Option<String> {
        let layers = i64::try_from(self.num_hidden_layers).unwrap_or(i64::MAX);
        // What no BERT comes near. Sizes also have to fit the weights, which are looked at next.
        let sizes = [
            ("vocab_size", self.vocab_size, 10_000_000),
            ("hidden_size", self.hidden_size, 65_536),
            ("num_hidden_layers", layers, 1_000),
            ("num_attention_heads", self.num_attention_heads, 4_096),
            ("intermediate_size", self.intermediate_size, 1_048_576),
            ("max_position_embeddings", self.max_position_embeddings, 1_048_576),
            ("type_vocab_size", self.type_vocab_size, 65_536),
        ];
        let outside = sizes.iter().find(|(_, value, most)| !(1..=*most).contains(value));
        if let Some((name, value, most)) = outside {
            return Some(format!("`{name}` is {value}, but must be from 1 to {most}"));
        }
        let dropouts = [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
        ];
        if let Some((name, value)) = dropouts.iter().find(|(_, value)| !(0.0..1.0).contains(value))
        {
            return Some(format!("`{name}` is {value}, but must be from 0 to below 1"));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            let value = self.layer_norm_eps;
            return Some(format!("`layer_norm_eps` is {value}, but must be between 0 and 1"));
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        (hidden % heads != 0).then(|| {
            format!("hidden_size {hidden} cannot be divided among {heads} attention heads")
        })
    }

    /// Returns the activation that `hidden_act` names.
    pub fn activation(&self) -> Activation {
        // A configuration that `problem` has not seen is one made by us, for tests: with "gelu".
        Activation::named(&self.hidden_act).unwrap_or(Activation::Gelu)
    }

    /// Checks that texts of `max_tokens`, `[CLS]` and `[SEP]` included, have a position each.
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
        assert_eq!(config.problem().map(|(problem, _)| problem).as_deref(), expected);
    }

    #[test]
    fn what_we_cannot_run_is_named() {
        check(|_| (), None);
        check(
            |c| c.model_type = "roberta".to_owned(),
            Some("model_type `roberta` is not supported"),
        );
        check(
            |c| c.hidden_act = "swish".to_owned(),
            Some(
                "activation `swish` is not supported, only `gelu`, `gelu_python`, `gelu_new`, \
                 `gelu_fast`, `gelu_accurate`, `gelu_pytorch_tanh`, `relu`",
            ),
        );
        check(
            |c| c.num_attention_heads = 3,
            Some("hidden_size 8 cannot be divided among 3 attention heads"),
        );
        check(
            |c| c.position_embedding_type = "relative_key".to_owned(),
            Some("position embeddings `relative_key` are not supported, only `absolute`"),
        );
    }

    #[test]
    fn every_number_has_a_range() {
        let numbers = [
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "layer_norm_eps",
        ];
        let whole: serde_json::Value = serde_json::from_str(TINY).unwrap();
        for name in numbers {
            for value in ["0", "-1", "1000000000000000000", "1e300", "1e999", "\"8\"", "[]"] {
                if value == "0" && name.ends_with("dropout_prob") {
                    continue;
                }
                let mut config = whole.clone();
                config[name] = serde_json::json!("HERE");
                let (problem, hint) =
                    BertConfig::parse(&config.to_string().replace("\"HERE\"", value)).unwrap_err();
                assert!(!problem.is_empty() && !hint.is_empty(), "{name} = {value}");
            }
        }
    }

    #[test]
    fn hints_follow_the_cause() {
        let with = |key: &str, value: serde_json::Value| {
            let mut config: serde_json::Value = serde_json::from_str(TINY).unwrap();
            config[key] = value;
            let (problem, hint) = BertConfig::parse(&config.to_string()).unwrap_err();
            format!("{problem}; {hint}")
        };
        assert!(with("model_type", "t5".into()).contains("must be BERT"));
        assert!(!with("hidden_act", "swish".into()).contains("must be BERT"));
        assert!(with("is_decoder", true.into()).contains("sees only those before"));
        assert!(with("hidden_size", (-8).into()).contains("damaged or edited"));
    }

    /// The expected values are from math.erf and math.tanh of Python, by the formulas of upstream's
    /// activations.py.
    #[test]
    fn activations_are_upstreams() {
        let inputs = [-3.0, -1.0, -0.1, 0.0, 0.5, 2.0_f32];
        let exact =
            [-0.004_049_694, -0.158_655_26, -0.046_017_216, 0.0, 0.345_731_23, 1.954_499_7_f32];
        let tanh = [-0.003_637_392, -0.158_808_01, -0.046_017_25, 0.0, 0.345_714, 1.954_597_7_f32];
        let relu = [0.0, 0.0, 0.0, 0.0, 0.5, 2.0];
        for (name, activation) in Activation::NAMES {
            let expected = match name {
                "gelu" | "gelu_python" => exact,
                "relu" => relu,
                _ => tanh,
            };
            let outputs = activation.apply(&Tensor::from_slice(&inputs));
            let outputs = Vec::<f32>::try_from(outputs).unwrap();
            for (output, expected) in outputs.iter().zip(expected) {
                assert!((output - expected).abs() < 1e-6, "{name}: {output}, {expected}");
            }
        }
    }

    #[test]
    fn more_tokens_than_positions_is_an_error() {
        let config: BertConfig = serde_json::from_str(TINY).unwrap();
        assert!(config.check_length(32).is_ok());
        assert!(config.check_length(33).unwrap_err().to_string().contains("at most 32"));
    }
}
