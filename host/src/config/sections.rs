//! The sections of a config file, their keys and defaults. `docs/config.md` describes the same
//! keys, and a test compares the two.

use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// `protocol`: whose values the keys take that the file does not give.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Ours, which train well with few texts and many labels.
    Default,
    /// Those of Fromme et al. (2022), as far as the paper states them; see `protocol.rs`.
    Paper,
}

/// `[data]`: which texts and labels.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    pub format: DataFormat,
    /// Folder that holds the split files. `${NAME}` is replaced by the environment variable.
    pub path: Option<String>,
    /// File names of the splits in `path`; `.gz` and `.zst` are unpacked while reading. Where a
    /// name does not exist as written, the same name with `.gz` or `.zst` is tried. A Parquet name
    /// may have one `*`.
    pub train: String,
    /// An empty name means that there is no dev set.
    pub dev: String,
    pub test: String,
    /// The files of the labels, where texts and labels lie apart; absent: what they are usually
    /// called.
    pub train_labels: Option<String>,
    pub dev_labels: Option<String>,
    pub test_labels: Option<String>,
    /// XMC: files of pairs of a text and a label that are taken out of the labels.
    pub train_filter: Option<String>,
    pub dev_filter: Option<String>,
    pub test_filter: Option<String>,
    /// Without a dev file, this share of train becomes the dev set; 0 leaves it without one.
    pub dev_share: f64,
    /// At most so many texts of test are looked at, drawn at random; 0 means all.
    pub test_texts: usize,
    /// Draws the dev set and the texts of test, apart from the run's seed, so that all seeds of a
    /// run share them.
    pub split_seed: u64,
    /// A file with one label a line, which fixes the vocabulary and its order. Where it is not
    /// given, `labels.txt` if the folder has one; else the vocabulary is the sorted labels of train
    /// and dev (a label seen only in test cannot be learnt and is dropped from test, with a count).
    pub vocabulary: Option<String>,
    /// The columns of a table, or the keys of objects. An empty id column makes ids for all texts.
    pub id_column: Option<String>,
    pub text_columns: Vec<String>,
    pub labels_column: String,
    /// In the place of `labels_column`: columns of 0 and 1 for a label each. `"*"` alone means all that
    /// have no other meaning.
    #[serde(deserialize_with = "one_or_many")]
    pub label_columns: Vec<String>,
    /// Between the labels in one string; an empty one splits nothing.
    pub label_separator: String,
    /// CSV and TSV: one character between fields, where it is not the format's.
    pub separator: Option<String>,
    /// CSV and TSV: whether double quotes enclose fields; absent, they do, but a field that seems to have
    /// swallowed lines is told.
    pub quote: Option<bool>,
    /// CSV and TSV: whether the first line names the columns; else they are called 1, 2, ..
    pub header: bool,
    /// What to do with a text that has no label: `error`, `drop` (counted and reported) or `keep`.
    pub unlabeled: OnUnlabeled,
    pub demo: DemoConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            format: DataFormat::Demo,
            path: None,
            train: "train.jsonl".to_owned(),
            dev: "dev.jsonl".to_owned(),
            test: "test.jsonl".to_owned(),
            train_labels: None,
            dev_labels: None,
            test_labels: None,
            train_filter: None,
            dev_filter: None,
            test_filter: None,
            dev_share: 0.0,
            test_texts: 0,
            split_seed: 1,
            vocabulary: None,
            id_column: None,
            text_columns: vec!["text".to_owned()],
            labels_column: "labels".to_owned(),
            label_columns: Vec::new(),
            label_separator: ";".to_owned(),
            separator: None,
            quote: None,
            header: true,
            unlabeled: OnUnlabeled::Error,
            demo: DemoConfig::default(),
        }
    }
}

/// A list of strings; one string stands for a list of it alone.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;
    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }
        fn visit_str<E: de::Error>(self, one: &str) -> Result<Vec<String>, E> {
            Ok(vec![one.to_owned()])
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
            let mut many = Vec::new();
            while let Some(one) = seq.next_element()? {
                many.push(one);
            }
            Ok(many)
        }
    }
    from.deserialize_any(OneOrMany)
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataFormat {
    Demo,
    Jsonl,
    Csv,
    Tsv,
    /// The XMC repository's: a text a line, and a sparse label matrix.
    Xmc,
    /// The XMC repository's JSON lines, with label numbers.
    XmcJson,
    /// A text a line, and its labels on the same line of another file.
    Pairs,
    Parquet,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnlabeled {
    Error,
    Drop,
    Keep,
}

/// `[data.demo]`: the size of the corpus that the host makes from its own seed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoConfig {
    pub train_texts: usize,
    pub dev_texts: usize,
    pub test_texts: usize,
    /// Seed of the corpus, apart from the run's seed so that all seeds of a run share one corpus.
    pub seed: u64,
}

impl DemoConfig {
    /// More texts of a split than a corpus that is made can be needed to have, and few enough for memory.
    pub const MAX_TEXTS: usize = 10_000_000;
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self { train_texts: 2000, dev_texts: 300, test_texts: 600, seed: 1 }
    }
}

/// `[model]`: encoder, head and how they are run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// A folder, `minilm`, or a hub id such as `bert-base-uncased`, with `@revision` behind it or not.
    pub checkpoint: String,
    /// Texts are cut after so many tokens, [CLS] and [SEP] included.
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
    /// As in a config.
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
    /// What the checkpoint's `1_Pooling/config.json` says; without such a file, the mean.
    Auto,
    /// The mean of the hidden states of all tokens.
    Mean,
    /// The hidden state of [CLS].
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
    /// What of dev decides which epoch is best.
    pub early_stopping: EarlyStopping,
    /// Epochs that are trained and not chosen before; so many have to be there.
    pub min_epochs: usize,
    /// Stop after so many epochs without a better dev score; 0 trains all epochs.
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
    /// Each label's log-odds in the labelled set, with add-one smoothing.
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

/// `[loop]`: how much is labelled, and when.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Texts labelled before the first training.
    pub initial: usize,
    /// Who chooses them: `random`, or a strategy that needs no classifier, as in `--plugin`.
    pub initial_strategy: String,
    pub query_size: usize,
    /// Labelled texts at which the run ends.
    pub budget: usize,
    pub stop: StopConfig,
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            initial: 100,
            initial_strategy: "random".to_owned(),
            query_size: 100,
            budget: 500,
            stop: StopConfig::default(),
        }
    }
}

/// `[loop.stop]`: rules that end a run before its budget. All are off by default; of those that are
/// on, the first that holds ends it. `docs/experiments.md` defines them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StopConfig {
    /// What `target` and `plateau_rounds` look at, on dev.
    pub metric: StopMetric,
    /// At least so good.
    pub target: Option<f64>,
    /// Not better by more than `plateau_delta` in so many rounds; 0 switches it off.
    pub plateau_rounds: usize,
    pub plateau_delta: f64,
    /// Mean entropy of a pool text's label set, in bits, below this.
    pub uncertainty: Option<f64>,
    /// Mean agreement of consecutive models over `kappa_window` pairs, at least this.
    pub kappa: Option<f64>,
    pub kappa_window: usize,
    /// Seconds of all phases, at least so many.
    pub seconds: Option<f64>,
}

impl Default for StopConfig {
    fn default() -> Self {
        Self {
            metric: StopMetric::MicroF1,
            target: None,
            plateau_rounds: 0,
            plateau_delta: 0.005,
            uncertainty: None,
            kappa: None,
            kappa_window: 3,
            seconds: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopMetric {
    MicroF1,
    MacroF1Paper,
    MacroF1,
}

/// `[evaluation]`: how scores become labels, and labels become metrics.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvaluationConfig {
    pub threshold: ThresholdRule,
    /// The threshold of `threshold = "fixed"`.
    pub fixed: f64,
    /// The constants A and B of the propensity model, see `docs/experiments.md`.
    pub propensity_a: f64,
    pub propensity_b: f64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { threshold: ThresholdRule::Each, fixed: 0.5, propensity_a: 0.55, propensity_b: 1.5 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdRule {
    /// Micro-F1 is measured at the threshold that is best for it on dev, either macro-F1 at the one
    /// that is best for that. What needs one threshold takes the first.
    Each,
    /// The exact optimum on dev of the paper's macro-F1, scikit-learn's, or micro-F1.
    MacroF1Paper,
    MacroF1,
    MicroF1,
    /// As many labels a text as the labelled set has; needs no dev set.
    Cardinality,
    Fixed,
}

/// One `[[strategy]]`: a plugin and its parameters.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StrategyConfig {
    /// A file, or the id of a plugin beside `alhost`.
    pub plugin: String,
    /// The name in tables and folders; the plugin's id where absent.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub params: toml::Table,
}

/// `[cache]`: where what can be computed once is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheConfig {
    /// Default: `$XDG_CACHE_HOME/alhost` or `~/.cache/alhost`.
    pub path: Option<PathBuf>,
}

/// `[isolation]`: which plugins run in a process of their own; it changes no result.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct IsolationConfig {
    pub mode: Isolation,
    /// Seconds of its own that a strategy may take for one call; then its process is killed.
    pub deadline_seconds: f64,
    /// Memory of its own, in GiB, that it may have; matrices lent by the host do not count.
    pub memory_gib: f64,
}

impl Default for IsolationConfig {
    fn default() -> Self {
        Self { mode: Isolation::Auto, deadline_seconds: 600.0, memory_gib: 4.0 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Plugins that lie beside `alhost` run in its process, all others in one of their own.
    Auto,
    Off,
    Worker,
}

/// `[limits]`: what a run may use at most; it changes no result.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The largest matrix, in GiB, that the host makes for a strategy at once.
    pub matrix_gib: f64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { matrix_gib: 8.0 }
    }
}
