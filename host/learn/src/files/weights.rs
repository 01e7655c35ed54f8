//! A checkpoint's weights: read, brought to one set of names, checked against the config.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alhost_base::Unreadable;
use tch::{Kind, Tensor};

use super::{safetensors_file, torch_file};
use crate::ModelError;
use crate::files::bert_config::BertConfig;
use crate::files::weight_files::WeightFiles;
use crate::files::weight_names::Prefix;

/// The masked-LM head is there if its bias is.
pub(crate) const MLM_BIAS: &str = "cls.predictions.bias";

/// Names in one list of a message.
const MOST_NAMES: usize = 8;

type Tensors = BTreeMap<String, Tensor>;

/// All tensors that we have a use for, as f32 on the CPU, by upstream's name without `bert.`.
pub(crate) fn read(files: &WeightFiles, config: &BertConfig) -> Result<Tensors, ModelError> {
    let path = &files.named;
    let (tensors, n_bytes) = read_files(files)?;
    check_layers(path, &tensors, config)?;
    let shapes = shapes(config, tensors.contains_key(MLM_BIAS));
    check(path, &tensors, &shapes)?;

    let (kept, ignored): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tensors.into_iter().partition(|(name, _)| shapes.contains_key(name));
    if !ignored.is_empty() {
        let names: Vec<&str> = ignored.keys().map(String::as_str).collect();
        tracing::debug!("{}: not used: {}", path.display(), names.join(", "));
    }
    // A number takes two bytes at least, and the word table may have two names.
    let n_numbers = kept.values().map(Tensor::numel).sum::<usize>() as u64;
    if n_numbers > n_bytes {
        let problem = format!("{n_numbers} weights cannot lie in {n_bytes} bytes");
        return Err(Unreadable::new(path, problem, "fetch or save the file again").into());
    }
    let kept: Tensors =
        kept.into_iter().map(|(name, tensor)| (name, tensor.to_kind(Kind::Float))).collect();
    check_numbers(path, &kept)?;
    Ok(kept)
}

/// Everything that the files hold, under our names; and their bytes.
fn read_files(files: &WeightFiles) -> Result<(Tensors, u64), ModelError> {
    let (mut read, mut n_bytes) = (Vec::new(), 0);
    for part in &files.parts {
        let is_safe = part.extension().is_some_and(|extension| extension == "safetensors");
        read.extend(if is_safe { safetensors_file::read(part)? } else { torch_file::read(part)? });
        n_bytes += fs_err::metadata(part)?.len();
    }
    let prefix = Prefix::of(read.iter().map(|(name, _)| name.as_str())).map_err(|several| {
        let problem = format!("holds several encoders: {}", listed(&several));
        Unreadable::new(&files.named, problem, "save the one you want alone")
    })?;
    let renamed = read.into_iter().map(|(name, tensor)| (prefix.canonical(&name), tensor));
    let mut tensors: Tensors = renamed.collect();
    // Upstream ties the two, and a file may have either.
    if let Some(bias) = tensors.remove("cls.predictions.decoder.bias") {
        tensors.entry(MLM_BIAS.to_owned()).or_insert(bias);
    }
    Ok((tensors, n_bytes))
}

/// Checks the number of layers before any name is made: a config may speak of more of them than fit
/// into memory. It may speak of fewer, too: layers are left out on purpose, and upstream takes the
/// first.
fn check_layers(path: &Path, tensors: &Tensors, config: &BertConfig) -> Result<(), Unreadable> {
    let layers: BTreeSet<usize> = tensors.keys().filter_map(|name| layer(name)).collect();
    let (there, asked) = (layers.len(), config.num_hidden_layers);
    if layers.is_empty() {
        let names: Vec<&String> = tensors.keys().collect();
        let problem = format!("holds no layers of BERT, but {}", listed(&names));
        let hint = "is it another model's file? the names of a BERT are like \
                    `bert.encoder.layer.0.output.dense.weight`";
        return Err(Unreadable::new(path, problem, hint));
    }
    if asked > there {
        let problem =
            format!("has {there} layers, but config.json has `num_hidden_layers` {asked}");
        return Err(Unreadable::new(path, problem, FROM_ONE_PLACE));
    }
    if asked < there {
        tracing::info!(
            "{}: the first {asked} of {there} layers are used, as config.json says",
            path.display()
        );
    }
    Ok(())
}

/// The number of the layer that a tensor belongs to.
fn layer(name: &str) -> Option<usize> {
    name.strip_prefix("encoder.layer.")?.split('.').next()?.parse().ok()
}

const FROM_ONE_PLACE: &str = "take config.json and the weights from the same checkpoint";

/// Refuses a number that is NaN or infinite, which would only show as a failed training.
fn check_numbers(path: &Path, tensors: &Tensors) -> Result<(), ModelError> {
    for (name, tensor) in tensors {
        if tensor.numel() == 0 || ends_are_finite(tensor)? {
            continue;
        }
        let finite = tensor.f_isfinite()?.f_sum(Kind::Int64)?.int64_value(&[]);
        let bad = tensor.numel() as i64 - finite;
        if bad > 0 {
            let n = tensor.numel();
            let problem = format!("has weights that are NaN or infinite: {bad} of {n} in `{name}`");
            let hint = "the checkpoint is damaged, or was converted to a type that its numbers do not \
                        fit; fetch or convert it again";
            return Err(Unreadable::new(path, problem, hint).into());
        }
    }
    Ok(())
}

/// Looks at the least and the greatest number, in one pass; a NaN is both.
fn ends_are_finite(tensor: &Tensor) -> Result<bool, ModelError> {
    let (least, greatest) = tensor.f_aminmax(None::<i64>, false)?;
    Ok(least.double_value(&[]).is_finite() && greatest.double_value(&[]).is_finite())
}

/// Whether a tensor is used where a file has it, and not missed where it has not.
fn is_optional(name: &str) -> bool {
    name.starts_with("pooler.") || name == "cls.predictions.decoder.weight"
}

/// Whether a tensor is a buffer of upstream's and not a weight: numbers of positions or of token
/// types.
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

/// Names missing, misshapen and unexpected tensors. A tensor outside the encoder and its masked-LM head
/// (a classifier, the next-sentence head) is nobody's mistake, nor is a layer above those in use.
fn check(
    path: &Path,
    tensors: &Tensors,
    shapes: &BTreeMap<String, Vec<i64>>,
) -> Result<(), ModelError> {
    let (mut missing, mut misshapen, mut mistyped) = (Vec::new(), Vec::new(), Vec::new());
    for (name, shape) in shapes {
        match tensors.get(name) {
            None if is_optional(name) => (),
            None => missing.push(format!("{name} {shape:?}")),
            Some(tensor) if tensor.size() != *shape => {
                misshapen.push(format!("{name} is {:?}, expected {shape:?}", tensor.size()));
            }
            Some(tensor) if !tensor.is_floating_point() => {
                mistyped.push(format!("{name} is {:?}, expected floats", tensor.kind()));
            }
            Some(_) => (),
        }
    }
    let unexpected = unexpected(tensors, shapes);
    let kinds = [
        ("missing", missing, "the file does not hold the whole encoder; fetch or save it again"),
        ("wrong shape", misshapen, FROM_ONE_PLACE),
        (
            "wrong type",
            mistyped,
            "quantized weights cannot be used; convert them to f32, f16 or bf16",
        ),
        ("unexpected", unexpected, "the encoder is none of plain BERT; take one that is"),
    ];
    // What is wrong with most tensors is likely what is wrong with the file.
    let worst = kinds.iter().max_by_key(|(_, names, _)| names.len());
    let hint = worst.filter(|(_, names, _)| !names.is_empty()).map(|(_, _, hint)| *hint);
    let Some(hint) = hint else { return Ok(()) };
    let problems: Vec<String> =
        kinds.iter().flat_map(|(kind, names, _)| lines(kind, names)).collect();
    Err(ModelError::BadWeights { path: path.to_owned(), problems: problems.join("\n"), hint })
}

/// Names in the encoder or its masked-LM head that we know nothing of.
fn unexpected(tensors: &Tensors, shapes: &BTreeMap<String, Vec<i64>>) -> Vec<String> {
    let layers: BTreeSet<usize> = shapes.keys().filter_map(|name| layer(name)).collect();
    let is_left_out = |name: &str| layer(name).is_some_and(|layer| !layers.contains(&layer));
    let ours = ["embeddings.", "encoder.", "cls.predictions."];
    let is_ours = |name: &str| ours.iter().any(|prefix| name.starts_with(prefix));
    tensors
        .keys()
        .filter(|name| is_ours(name) && !shapes.contains_key(*name))
        .filter(|name| !is_buffer(name) && !is_left_out(name))
        .cloned()
        .collect()
}

/// A line for each name, up to a number that can be read.
fn lines(kind: &str, names: &[String]) -> Vec<String> {
    let mut lines: Vec<String> =
        names.iter().take(MOST_NAMES).map(|name| format!("  {kind}: {name}")).collect();
    if names.len() > MOST_NAMES {
        lines.push(format!("  {kind}: {} more", names.len() - MOST_NAMES));
    }
    lines
}

/// Some names in a row.
fn listed(names: &[impl std::fmt::Display]) -> String {
    let shown: Vec<String> =
        names.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
