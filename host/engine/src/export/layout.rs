//! The files of an export that its library reads: configuration, tokenizer, weights, and for each head
//! what makes the library compute it.

use std::path::Path;

use alhost_base::{Unreadable, foreign};
use alhost_config::{HeadKind, PoolingRule};
use serde_json::{Map, Value, json};

use super::Source;
use super::tensors::{self, Tensors};
use crate::saved_classifier::Description;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const HEAD: &str = "head.safetensors";
const TOKENIZER: [&str; 2] = ["tokenizer.json", "tokenizer_config.json"];

/// A tensor that every encoder has, by the name under which alhost writes it.
const WORDS: &str = "embeddings.word_embeddings.weight";

/// The pooler as alhost's head has it, which replaces that of the encoder's checkpoint.
const POOLER: &str = "pooler.dense.";

/// Runs in a folder with the CNN head. transformers has no such model, and code of strangers is not run
/// by loading one; so it is a file to be called.
const READER: &str = include_str!("reader.py");

/// The most bytes of a `config.json`.
const MOST_BYTES: u64 = 64 << 20;

/// Facts about a head that are seen when it is written.
pub(super) struct Head {
    /// Labels of which no text was seen in training, so that a text does not change their probabilities;
    /// `None` where weights do not tell.
    pub(super) n_unseen: Option<usize>,
}

/// Writes the files into `folder`, which is empty.
pub(super) fn write(source: Source<'_>, folder: &Path) -> anyhow::Result<Head> {
    for name in TOKENIZER {
        fs_err::copy(source.folder.join(name), folder.join(name))?;
    }
    match source.classifier.description.model.head {
        HeadKind::Linear => linear(source, folder),
        HeadKind::Logistic => logistic(source, folder),
        HeadKind::Cnn => cnn(source, folder),
    }
}

/// `[CLS]`, a dense layer with tanh, a linear layer: what `BertForSequenceClassification` computes.
fn linear(source: Source<'_>, folder: &Path) -> anyhow::Result<Head> {
    let mut config = config(source.folder)?;
    of_labels(&mut config, &source.classifier.description);
    write_json(&folder.join(CONFIG), &Value::Object(config))?;
    let encoder = Tensors::read(&source.folder.join(WEIGHTS))?;
    let head = Tensors::read(&source.folder.join(HEAD))?;
    encoder.get(WORDS)?;
    let mut all = encoder.all()?;
    all.retain(|(name, _)| !name.starts_with(POOLER));
    for (name, _) in &mut all {
        name.insert_str(0, "bert.");
    }
    for part in ["weight", "bias"] {
        all.push((format!("bert.{POOLER}{part}"), head.get(&format!("pooler.{part}"))?));
        all.push((format!("classifier.{part}"), head.get(&format!("output.{part}"))?));
    }
    tensors::write(&folder.join(WEIGHTS), all)?;
    Ok(Head { n_unseen: None })
}

/// Makes the config of an encoder that of a classifier.
fn of_labels(config: &mut Map<String, Value>, description: &Description) {
    let ids = description.labels.iter().enumerate();
    let names: Map<String, Value> =
        ids.clone().map(|(id, label)| (id.to_string(), json!(label))).collect();
    let by_name: Map<String, Value> = ids.map(|(id, label)| (label.clone(), json!(id))).collect();
    let entries = [
        ("architectures", json!(["BertForSequenceClassification"])),
        ("problem_type", json!("multi_label_classification")),
        ("id2label", Value::Object(names)),
        ("label2id", Value::Object(by_name)),
        ("classifier_dropout", json!(description.model.dropout)),
        ("threshold", json!(description.thresholds.used)),
    ];
    for (key, value) in entries {
        config.insert(key.to_owned(), value);
    }
}

/// The modules of sentence-transformers that compute the head, by the names that all its versions know.
fn logistic(source: Source<'_>, folder: &Path) -> anyhow::Result<Head> {
    let description = &source.classifier.description;
    for name in [CONFIG, WEIGHTS] {
        fs_err::copy(source.folder.join(name), folder.join(name))?;
    }
    let read = Tensors::read(&source.folder.join(HEAD))?;
    let (weight, bias) = (read.get("output.weight")?, read.get("output.bias")?);
    // Rows of f32, little endian, whose zeros are all 0.
    let hidden = source.classifier.model.hidden();
    let n_unseen = weight.data().chunks(4 * hidden).filter(|row| row.iter().all(|&b| b == 0));
    let n_unseen = Some(n_unseen.count());
    let dense = json!({
        "in_features": hidden,
        "out_features": description.labels.len(),
        "bias": true,
        "activation_function": "torch.nn.modules.activation.Sigmoid",
    });
    let is_cls = description.model.pooling == PoolingRule::Cls;
    let pooling = json!({
        "word_embedding_dimension": hidden,
        "pooling_mode_cls_token": is_cls,
        "pooling_mode_mean_tokens": !is_cls,
    });
    let files = [
        ("modules.json", modules()),
        ("sentence_bert_config.json", sentence_bert(description)),
        ("config_sentence_transformers.json", json!({ "prompts": {}, "similarity_fn_name": null })),
        ("1_Pooling/config.json", pooling),
        ("3_Dense/config.json", dense),
    ];
    for (name, value) in files {
        write_json(&folder.join(name), &value)?;
    }
    let layer = [("linear.weight", weight), ("linear.bias", bias)];
    let layer = layer.map(|(name, tensor)| (name.to_owned(), tensor));
    tensors::write(&folder.join("3_Dense").join(WEIGHTS), layer.into())?;
    Ok(Head { n_unseen })
}

fn modules() -> Value {
    let module = |(place, name): (usize, &&str)| {
        let path = if place == 0 { String::new() } else { format!("{place}_{name}") };
        let class = format!("sentence_transformers.models.{name}");
        json!({ "idx": place, "name": place.to_string(), "path": path, "type": class })
    };
    ["Transformer", "Pooling", "Normalize", "Dense"].iter().enumerate().map(module).collect()
}

fn sentence_bert(description: &Description) -> Value {
    json!({ "max_seq_length": description.model.max_tokens, "do_lower_case": false })
}

fn cnn(source: Source<'_>, folder: &Path) -> anyhow::Result<Head> {
    for name in [CONFIG, HEAD] {
        fs_err::copy(source.folder.join(name), folder.join(name))?;
    }
    // Without the pooler, of which transformers would say that nothing reads it.
    let encoder = Tensors::read(&source.folder.join(WEIGHTS))?;
    let mut all = encoder.all()?;
    all.retain(|(name, _)| !name.starts_with(POOLER));
    tensors::write(&folder.join(WEIGHTS), all)?;
    fs_err::write(folder.join("reader.py"), READER)?;
    Ok(Head { n_unseen: None })
}

fn config(folder: &Path) -> Result<Map<String, Value>, Unreadable> {
    let path = folder.join(CONFIG);
    let text = foreign::read_text(&path, MOST_BYTES)?;
    serde_json::from_str(&text).map_err(|error| {
        let problem = format!("is no object in JSON: {error}");
        Unreadable::new(&path, problem, "copy the folder again, or train the classifier again")
    })
}

fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    fs_err::create_dir_all(path.parent().expect("a file lies in a folder"))?;
    fs_err::write(path, format!("{value:#}\n"))?;
    Ok(())
}
