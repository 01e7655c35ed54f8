//! A checkpoint's file of weights: read, brought to one set of names, checked against the config.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};

use super::bert_config::BertConfig;
use super::{ModelError, torch_file};

/// The first that a folder has is read.
pub(super) const FILES: &[&str] = &["model.safetensors", "pytorch_model.bin"];

/// The masked-LM head is there if its bias is.
pub(super) const MLM_BIAS: &str = "cls.predictions.bias";

/// All tensors that we have a use for, as f32 on the CPU, by upstream's name without `bert.`.
pub(super) fn read(
    path: &Path,
    config: &BertConfig,
) -> Result<BTreeMap<String, Tensor>, ModelError> {
    let mut tensors = BTreeMap::new();
    for (name, tensor) in read_file(path)? {
        tensors.insert(canonical(&name), tensor);
    }
    // Upstream ties the two, and a file may have either.
    if let Some(bias) = tensors.remove("cls.predictions.decoder.bias") {
        tensors.entry(MLM_BIAS.to_owned()).or_insert(bias);
    }
    let shapes = shapes(config, tensors.contains_key(MLM_BIAS));
    check(path, &tensors, &shapes)?;

    let (kept, ignored): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tensors.into_iter().partition(|(name, _)| shapes.contains_key(name));
    if !ignored.is_empty() {
        let names: Vec<&str> = ignored.keys().map(String::as_str).collect();
        tracing::debug!("{}: not used: {}", path.display(), names.join(", "));
    }
    Ok(kept.into_iter().map(|(name, tensor)| (name, tensor.to_kind(Kind::Float))).collect())
}

fn read_file(path: &Path) -> Result<Vec<(String, Tensor)>, ModelError> {
    let bad = |reason: String| ModelError::BadFile { path: path.to_path_buf(), reason };
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        return Tensor::read_safetensors(path).map_err(|error| bad(error.to_string()));
    }
    torch_file::read(path).map_err(bad)
}

/// `bert.encoder...LayerNorm.gamma` (TensorFlow's names, in old files) is
/// `encoder...LayerNorm.weight`.
fn canonical(name: &str) -> String {
    let name = name.strip_prefix("bert.").unwrap_or(name);
    if let Some(stem) = name.strip_suffix("LayerNorm.gamma") {
        return format!("{stem}LayerNorm.weight");
    }
    if let Some(stem) = name.strip_suffix("LayerNorm.beta") {
        return format!("{stem}LayerNorm.bias");
    }
    name.to_owned()
}

/// What is used where a file has it, and not missed where it has not.
fn is_optional(name: &str) -> bool {
    name.starts_with("pooler.") || name == "cls.predictions.decoder.weight"
}

/// A buffer of upstream's, not a weight: the numbers 0, 1, 2, ...
fn is_buffer(name: &str) -> bool {
    matches!(name, "embeddings.position_ids" | "embeddings.token_type_ids")
}

/// Name and shape of every tensor that we have a use for.
fn shapes(config: &BertConfig, mlm: bool) -> BTreeMap<String, Vec<i64>> {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    let mut shapes = BTreeMap::new();
    let mut both = |stem: String, weight: Vec<i64>| {
        shapes.insert(format!("{stem}.bias"), vec![weight[0]]);
        shapes.insert(format!("{stem}.weight"), weight);
    };
    both("embeddings.LayerNorm".to_owned(), vec![hidden]);
    for layer in 0..config.num_hidden_layers {
        let layer = format!("encoder.layer.{layer}");
        for part in ["query", "key", "value"] {
            both(format!("{layer}.attention.self.{part}"), vec![hidden, hidden]);
        }
        both(format!("{layer}.attention.output.dense"), vec![hidden, hidden]);
        both(format!("{layer}.attention.output.LayerNorm"), vec![hidden]);
        both(format!("{layer}.intermediate.dense"), vec![wide, hidden]);
        both(format!("{layer}.output.dense"), vec![hidden, wide]);
        both(format!("{layer}.output.LayerNorm"), vec![hidden]);
    }
    both("pooler.dense".to_owned(), vec![hidden, hidden]);
    if mlm {
        both("cls.predictions.transform.dense".to_owned(), vec![hidden, hidden]);
        both("cls.predictions.transform.LayerNorm".to_owned(), vec![hidden]);
        shapes.insert(MLM_BIAS.to_owned(), vec![config.vocab_size]);
        shapes.insert("cls.predictions.decoder.weight".to_owned(), vec![config.vocab_size, hidden]);
    }
    let tables = [
        ("word", config.vocab_size),
        ("position", config.max_position_embeddings),
        ("token_type", config.type_vocab_size),
    ];
    for (name, rows) in tables {
        shapes.insert(format!("embeddings.{name}_embeddings.weight"), vec![rows, hidden]);
    }
    shapes
}

/// Names every missing, misshapen and unexpected tensor. A tensor outside the encoder and its
/// masked-LM head (a classifier, the next-sentence head) is nobody's mistake.
fn check(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    shapes: &BTreeMap<String, Vec<i64>>,
) -> Result<(), ModelError> {
    let mut problems = String::new();
    let mut say = |line: String| writeln!(problems, "  {line}").expect("a String takes all");
    for (name, shape) in shapes {
        match tensors.get(name) {
            None if is_optional(name) => (),
            None => say(format!("missing: {name} {shape:?}")),
            Some(tensor) if tensor.size() != *shape => {
                say(format!("wrong shape: {name} is {:?}, expected {shape:?}", tensor.size()));
            }
            Some(tensor) if !tensor.is_floating_point() => {
                say(format!("wrong type: {name} is {:?}, expected floats", tensor.kind()));
            }
            Some(_) => (),
        }
    }
    for name in tensors.keys() {
        let ours = ["embeddings.", "encoder.", "cls.predictions."];
        let is_ours = ours.iter().any(|prefix| name.starts_with(prefix));
        if is_ours && !shapes.contains_key(name) && !is_buffer(name) {
            say(format!("unexpected: {name}"));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let problems = problems.trim_end().to_owned();
    Err(ModelError::BadWeights { path: PathBuf::from(path), problems })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_brought_to_one_form() {
        for (name, expected) in [
            ("bert.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
            ("embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias"),
            ("bert.pooler.dense.bias", "pooler.dense.bias"),
            ("cls.predictions.bias", "cls.predictions.bias"),
        ] {
            assert_eq!(canonical(name), expected);
        }
    }
}
