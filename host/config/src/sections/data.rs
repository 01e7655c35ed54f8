//! `[data]` and `[data.demo]`: which texts and labels.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

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
    /// The most texts of test that are looked at, drawn at random; 0 means all.
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
    /// Columns of 0 and 1 for a label each, in the place of `labels_column`. `"*"` alone means all
    /// that have no other meaning.
    #[serde(deserialize_with = "one_or_many")]
    pub label_columns: Vec<String>,
    /// The separator between the labels in one string; an empty one splits nothing.
    pub label_separator: String,
    /// CSV and TSV: one character between fields, where it is not the format's.
    pub separator: Option<String>,
    /// CSV and TSV: whether double quotes enclose fields; absent, they do, but a field that seems to have
    /// swallowed lines is told.
    pub quote: Option<bool>,
    /// CSV and TSV: whether the first line names the columns; else their names are their numbers
    /// from 1.
    pub header: bool,
    /// Says what to do with a text that has no label: `error`, `drop` (counted and reported) or
    /// `keep`.
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
    /// The XMC repository's format: a text a line, and a sparse label matrix.
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
    /// The most texts of a split: more than a corpus that is made can be needed to have, and few
    /// enough for memory.
    pub const MAX_TEXTS: usize = 10_000_000;
}

impl Default for DemoConfig {
    fn default() -> Self {
        Self { train_texts: 2000, dev_texts: 300, test_texts: 600, seed: 1 }
    }
}
