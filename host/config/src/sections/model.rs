//! `[model]` and `[train]`: what is trained, and how.

use serde::{Deserialize, Serialize};

/// `[model]`: encoder, head and how they are run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// A folder, `minilm`, or a hub id such as `bert-base-uncased`, with `@revision` behind it or not.
    pub checkpoint: String,
    /// Texts are cut after so many tokens, `[CLS]` and `[SEP]` included.
    pub max_tokens: usize,
    pub head: HeadKind,
    /// CNN head (Kim 2014): widths of the convolutions and filters of each.
    pub widths: Vec<usize>,
    pub filters: usize,
    /// Dropout before the last linear layer.
    pub dropout: f64,
    pub encoder: EncoderMode,
    /// Logistic head: which pooling of a text's hidden states is its embedding.
    pub pooling: PoolingRule,
    pub precision: Precision,
    /// Tokens in one inference batch, padding included.
    pub token_budget: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            checkpoint: "minilm".to_owned(),
            max_tokens: 128,
            head: HeadKind::Logistic,
            widths: vec![3, 4, 5],
            filters: 256,
            dropout: 0.1,
            encoder: EncoderMode::Frozen,
            pooling: PoolingRule::Auto,
            precision: Precision::Auto,
            token_budget: 4096,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadKind {
    /// A linear layer with a pooler, trained by steps.
    Linear,
    Cnn,
    /// Logistic regression on the embeddings of a frozen encoder, solved to a tolerance.
    Logistic,
}

impl HeadKind {
    /// Returns its name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Cnn => "cnn",
            Self::Logistic => "logistic",
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolingRule {
    /// The pooling that the checkpoint's `1_Pooling/config.json` says; without such a file, the
    /// mean.
    Auto,
    /// The mean of the hidden states of all tokens.
    Mean,
    /// The hidden state of `[CLS]`.
    Cls,
}

/// `train.c`: how weakly the weights of a logistic head are penalised.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Penalty {
    /// The loss is that of the texts plus `|w|^2 / (2 C)`.
    C(f64),
    Chosen(Chosen),
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// The value of a grid that has the best average precision on dev.
    Dev,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderMode {
    /// Encoder and head are trained.
    FineTuned,
    /// Only the head is trained, on hidden states that are computed once.
    Frozen,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// bf16 on a GPU and on a CPU with AVX512-BF16 or AMX, else f32.
    Auto,
    F32,
    Bf16,
}

/// `[train]`: one training of the classifier.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Logistic head: `C`, or `"dev"`. The other keys are of heads that are trained by steps.
    pub c: Penalty,
    pub epochs: usize,
    pub batch: usize,
    /// Adam's rate for the encoder.
    pub rate: f64,
    /// The head's rate is `rate` times this.
    pub head_rate: f64,
    pub head_bias: HeadBias,
    /// Names what of dev decides which epoch is best.
    pub early_stopping: EarlyStopping,
    /// Epochs that are trained and not chosen before; so many have to be there.
    pub min_epochs: usize,
    /// Epochs without a better dev score after which training stops; 0 trains all epochs.
    pub patience: usize,
    /// Dev texts that early stopping looks at (the first so many in a seeded order); 0 means all.
    pub dev_texts: usize,
    pub start: Start,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            c: Penalty::C(30.0),
            epochs: 15,
            batch: 16,
            rate: 5e-5,
            head_rate: 10.0,
            head_bias: HeadBias::LogOdds,
            early_stopping: EarlyStopping::AveragePrecision,
            min_epochs: 3,
            patience: 3,
            dev_texts: 0,
            start: Start::Pretrained,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EarlyStopping {
    /// Micro-averaged, over all texts and labels; it knows no threshold.
    AveragePrecision,
    /// The training loss, on dev.
    CrossEntropy,
    /// The criterion of `evaluation.threshold`, at the best threshold of each epoch.
    Threshold,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadBias {
    /// Each label's log-odds in the labeled set, with add-one smoothing.
    LogOdds,
    Zero,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Every round starts from the pre-trained weights.
    Pretrained,
    /// A round starts from the weights that the round before ended with.
    Warm,
}
