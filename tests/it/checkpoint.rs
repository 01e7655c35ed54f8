//! Checkpoints in every form they come in, and each way in which one can be broken.

use std::path::{Path, PathBuf};

use alhost::learn::{Checkpoint, ModelError, Places};
use serde_json::{Value, json};
use tch::{Kind, Tensor};
use tempfile::TempDir;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/fixtures")
}

fn tiny_folder() -> PathBuf {
    fixtures().join("tiny-bert-mlm")
}

/// A copy of the tiny checkpoint, to be spoilt.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs_err::copy(tiny_folder().join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn open(folder: &Path) -> Result<Checkpoint, ModelError> {
    Checkpoint::open(folder.to_str().unwrap(), &Places::default())
}

/// The message of the error, with the folder's name taken out.
fn message(folder: &Path) -> String {
    let error = open(folder).err().expect("the checkpoint is broken");
    error.to_string().replace(folder.to_str().unwrap(), "FOLDER")
}

fn check(spoil: impl Fn(&Path), expected: &[&str]) {
    let folder = copy();
    spoil(folder.path());
    let message = message(folder.path());
    for expected in expected {
        assert!(message.contains(expected), "`{expected}` is not in:\n{message}");
    }
}

fn change_config(folder: &Path, key: &str, value: Value) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_str(&fs_err::read_to_string(&path).unwrap()).unwrap();
    config[key] = value;
    fs_err::write(path, config.to_string()).unwrap();
}

/// Rewrites the weights tensor by tensor: `change` gives a name and a tensor, or nothing.
fn change_weights(folder: &Path, change: impl Fn(String, Tensor) -> Option<(String, Tensor)>) {
    let path = folder.join("model.safetensors");
    let tensors = Tensor::read_safetensors(&path).unwrap();
    let tensors: Vec<_> = tensors.into_iter().filter_map(|(n, t)| change(n, t)).collect();
    Tensor::write_safetensors(&tensors, path).unwrap();
}

fn assert_same_weights(a: &Checkpoint, b: &Checkpoint, tolerance: f64) {
    for name in ["embeddings.LayerNorm.weight", "encoder.layer.1.output.dense.weight"] {
        let (a, b) = (a.tensor(name).unwrap(), b.tensor(name).unwrap());
        assert_eq!((a.kind(), b.kind()), (Kind::Float, Kind::Float));
        assert!((a - b).abs().max().double_value(&[]) <= tolerance, "{name}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for (file, expected) in [
        ("config.json", "FOLDER: config.json is missing"),
        ("tokenizer.json", "FOLDER: the tokenizer is missing"),
        ("model.safetensors", "FOLDER: the file of weights is missing"),
    ] {
        check(|folder| fs_err::remove_file(folder.join(file)).unwrap(), &[expected, "hint: "]);
    }
}

#[test]
fn a_config_that_cannot_be_run_is_said_so() {
    let check = |key: &str, value: Value, expected| {
        check(|f| change_config(f, key, value.clone()), expected);
    };
    check("model_type", json!("roberta"), &["FOLDER/config.json: model_type `roberta` is not"]);
    check("hidden_act", json!("swish"), &["activation `swish` is not supported", "hint: "]);
    check("is_decoder", json!(true), &["each token sees only those before it"]);
    check("num_hidden_layers", json!(1_000_000_000_000_000_000_u64), &["from 1 to 1000"]);
    check("num_hidden_layers", json!(3), &["has 2 layers", "`num_hidden_layers` 3", "hint: "]);
    check(
        "intermediate_size",
        json!(1_000_000),
        &["wrong shape: encoder.layer.0", "hint: take config"],
    );
    check("num_attention_heads", json!(5), &["hidden_size 32 cannot be divided among 5"]);
    check("hidden_size", json!("wide"), &["FOLDER/config.json: invalid type: string \"wide\""]);
    check("vocab_size", json!(100), &["tokenizer.json: gives ids up to 153", "vocab_size 100"]);
}

#[test]
fn every_tensor_that_does_not_fit_is_named() {
    let spoil = |folder: &Path| {
        change_weights(folder, |name, tensor| match name.as_str() {
            "bert.encoder.layer.0.output.dense.bias"
            | "bert.encoder.layer.1.attention.self.key.weight" => None,
            "bert.embeddings.LayerNorm.bias" => Some((name, tensor.narrow(0, 0, 31).copy())),
            "cls.predictions.bias" => Some((name, tensor.to_kind(Kind::Int64))),
            "bert.encoder.layer.1.output.dense.weight" => {
                Some(("bert.encoder.layer.1.surplus.weight".to_owned(), tensor))
            }
            _ => Some((name, tensor)),
        });
    };
    check(
        spoil,
        &[
            "FOLDER/model.safetensors does not fit its config.json:\n",
            "missing: encoder.layer.0.output.dense.bias [32]\n",
            "missing: encoder.layer.1.attention.self.key.weight [32, 32]\n",
            "missing: encoder.layer.1.output.dense.weight [32, 64]\n",
            "wrong shape: embeddings.LayerNorm.bias is [31], expected [32]\n",
            "wrong type: cls.predictions.bias is Int64, expected floats\n",
            "unexpected: encoder.layer.1.surplus.weight\n  hint: ",
        ],
    );
}

#[test]
fn a_list_of_names_is_cut_short() {
    let spoil = |folder: &Path| {
        change_weights(folder, |name, tensor| {
            let is_kept = !name.contains("attention") && !name.contains("output");
            is_kept.then_some((name, tensor))
        });
    };
    check(spoil, &["missing: encoder.layer.0", "missing: 20 more\n  hint: "]);
    let folder = copy();
    spoil(folder.path());
    assert_eq!(message(folder.path()).lines().count(), 1 + 8 + 1 + 1);
}

#[test]
fn weights_of_something_else_are_told_by_their_names() {
    let spoil = |folder: &Path| {
        change_weights(folder, |name, tensor| {
            Some((format!("h{}", name.replace("layer", "h")), tensor))
        });
    };
    check(spoil, &["holds no layers of BERT, but `", "more", "hint: is it another model's file?"]);
    let twice = |folder: &Path| {
        let tensors = Tensor::read_safetensors(folder.join("model.safetensors")).unwrap();
        let of = |tower: &str| {
            let tower = format!("{tower}.");
            let rename = move |(name, tensor): &(String, Tensor)| {
                (name.replace("bert.", &tower), tensor.shallow_clone())
            };
            tensors
                .iter()
                .filter(|(name, _)| name.starts_with("bert."))
                .map(rename)
                .collect::<Vec<_>>()
        };
        let both: Vec<_> = of("question").into_iter().chain(of("answer")).collect();
        Tensor::write_safetensors(&both, folder.join("model.safetensors")).unwrap();
    };
    check(twice, &["holds several encoders: `answer.`, `question.`", "hint: save the one"]);
}

#[test]
fn numbers_that_are_none_are_found_where_they_are() {
    for (bad, kind) in [(f64::NAN, Kind::Float), (f64::INFINITY, Kind::Half)] {
        let spoil = |folder: &Path| {
            change_weights(folder, |name, tensor| {
                let tensor = tensor.to_kind(kind);
                if name.ends_with("layer.1.output.dense.bias") {
                    let _in_place = tensor.get(3).fill_(bad);
                }
                Some((name, tensor))
            });
        };
        let expected = "are NaN or infinite: 1 of 32 in `encoder.layer.1.output.dense.bias`";
        check(spoil, &["FOLDER/model.safetensors: ", expected, "hint: the checkpoint is damaged"]);
    }
}

#[test]
fn fewer_layers_than_the_file_has_are_the_first() {
    let folder = copy();
    change_config(folder.path(), "num_hidden_layers", json!(1));
    let checkpoint = open(folder.path()).unwrap();
    assert!(checkpoint.tensor("encoder.layer.0.output.dense.weight").is_some());
    assert!(checkpoint.tensor("encoder.layer.1.output.dense.weight").is_none());
}

#[test]
fn a_prefix_that_all_names_share_is_removed() {
    for (encoder, heads) in [
        ("module.bert.", "module."),
        ("module.", ""),
        ("model.", ""),
        ("_orig_mod.bert.", "_orig_mod."),
        ("encoder.", ""),
        ("net.text_model.", "net."),
    ] {
        let folder = copy();
        change_weights(folder.path(), |name, tensor| {
            let inner = name.strip_prefix("bert.").map(|name| format!("{encoder}{name}"));
            Some((inner.unwrap_or_else(|| format!("{heads}{name}")), tensor))
        });
        let checkpoint = open(folder.path()).unwrap();
        assert!(checkpoint.has_mlm_head(), "{encoder}");
        assert_same_weights(&checkpoint, &open(&tiny_folder()).unwrap(), 0.0);
    }
}

/// The weights of the tiny checkpoint in two shards, with their index.
pub(crate) fn write_shards(folder: &Path) {
    let tensors = Tensor::read_safetensors(tiny_folder().join("model.safetensors")).unwrap();
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let (mut shards, mut map) = ([Vec::new(), Vec::new()], serde_json::Map::new());
    for (number, (name, tensor)) in tensors.into_iter().enumerate() {
        map.insert(name.clone(), json!(names[number % 2]));
        shards[number % 2].push((name, tensor));
    }
    for (shard, name) in shards.iter().zip(names) {
        Tensor::write_safetensors(shard, folder.join(name)).unwrap();
    }
    let index = json!({ "metadata": {}, "weight_map": map });
    fs_err::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

fn sharded() -> TempDir {
    let folder = copy();
    fs_err::remove_file(folder.path().join("model.safetensors")).unwrap();
    write_shards(folder.path());
    folder
}

#[test]
fn shards_are_read_and_hashed_as_one() {
    let folder = sharded();
    let checkpoint = open(folder.path()).unwrap();
    assert_same_weights(&checkpoint, &open(&tiny_folder()).unwrap(), 0.0);
    let shard = folder.path().join("model-00002-of-00002.safetensors");
    let tensors = Tensor::read_safetensors(&shard).unwrap();
    let tensors: Vec<_> = tensors.into_iter().map(|(name, tensor)| (name, tensor + 1.0)).collect();
    Tensor::write_safetensors(&tensors, &shard).unwrap();
    assert_ne!(open(folder.path()).unwrap().weights_hash, checkpoint.weights_hash);
    let files = Checkpoint::files(folder.path().to_str().unwrap(), &Places::default());
    for part in ["index.json", "00001-of-00002.safetensors", "00002-of-00002.safetensors"] {
        assert!(
            files.iter().any(|file| file.to_str().unwrap().ends_with(part)),
            "{part}: {files:?}"
        );
    }
    fs_err::remove_file(&shard).unwrap();
    let message = message(folder.path());
    assert!(message.contains("index.json: names the shard `model-00002-of-00002"), "{message}");
    assert!(message.contains("hint: "), "{message}");
}

#[test]
fn a_file_that_is_not_one_of_weights_is_an_error() {
    let spoil = |name: &'static str| {
        move |folder: &Path| {
            fs_err::remove_file(folder.join("model.safetensors")).unwrap();
            fs_err::write(folder.join(name), b"PK, but neither archive nor tensors").unwrap();
        }
    };
    check(spoil("model.safetensors"), &["FOLDER/model.safetensors: "]);
    check(spoil("pytorch_model.bin"), &["FOLDER/pytorch_model.bin: "]);
}

#[test]
fn a_file_that_is_not_a_tokenizer_is_an_error() {
    let write = |text: &'static str| {
        move |folder: &Path| fs_err::write(folder.join("tokenizer.json"), text).unwrap()
    };
    check(write("{}"), &["FOLDER/tokenizer.json: "]);
    let vocabulary = |folder: &Path| {
        fs_err::remove_file(folder.join("tokenizer.json")).unwrap();
        fs_err::write(folder.join("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n").unwrap();
    };
    check(vocabulary, &["FOLDER/vocab.txt: has no `[SEP]`"]);
}

#[test]
fn an_unknown_name_is_an_error_with_a_hint() {
    for (name, expected) in [
        ("minilm", "no checkpoint `minilm`: it has not been fetched; `cargo xtask setup` does"),
        ("./nowhere", "no checkpoint `./nowhere`: there is no such folder"),
        ("a/b/c", "no checkpoint `a/b/c`: there is no such folder"),
    ] {
        let message = Checkpoint::open(name, &Places::default()).err().unwrap().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("hint: `model.checkpoint` is a folder"), "{message}");
    }
}

#[test]
fn pickled_files_with_old_names_give_the_same_weights() {
    for pickled in ["tiny-bert-bin/pytorch_model.bin", "tiny-bert-bin/legacy.bin"] {
        let folder = copy();
        fs_err::remove_file(folder.path().join("model.safetensors")).unwrap();
        fs_err::copy(fixtures().join(pickled), folder.path().join("pytorch_model.bin")).unwrap();
        let checkpoint = open(folder.path()).unwrap();
        assert!(checkpoint.has_mlm_head());
        assert_same_weights(&checkpoint, &open(&tiny_folder()).unwrap(), 0.0);
    }
}

#[test]
fn a_pickled_file_cut_anywhere_is_an_error() {
    let folder = copy();
    fs_err::remove_file(folder.path().join("model.safetensors")).unwrap();
    let whole = fs_err::read(fixtures().join("tiny-bert-bin/legacy.bin")).unwrap();
    for len in [0, 1, 40, 300, 3000, whole.len() / 2, whole.len() - 1] {
        fs_err::write(folder.path().join("pytorch_model.bin"), &whole[..len]).unwrap();
        let message = message(folder.path());
        assert!(message.starts_with("FOLDER/pytorch_model.bin: "), "{message}");
    }
}

#[test]
fn half_precision_no_prefix_and_other_heads_are_accepted() {
    let folder = copy();
    change_weights(folder.path(), |name, tensor| {
        let tensor = tensor.to_kind(Kind::Half);
        if name.starts_with("cls.") {
            return Some((name.replace("predictions", "seq_relationship"), tensor));
        }
        Some((name.strip_prefix("bert.").unwrap_or(&name).to_owned(), tensor))
    });
    let checkpoint = open(folder.path()).unwrap();
    assert!(!checkpoint.has_mlm_head());
    assert_same_weights(&checkpoint, &open(&tiny_folder()).unwrap(), 1e-3);
}

#[test]
fn hashes_follow_the_files() {
    let (original, folder) = (open(&tiny_folder()).unwrap(), copy());
    let same = open(folder.path()).unwrap();
    assert_eq!(same.weights_hash, original.weights_hash);
    assert_eq!(same.tokenizer_hash, original.tokenizer_hash);
    change_weights(folder.path(), |name, tensor| Some((name, tensor + 1.0)));
    let other = open(folder.path()).unwrap();
    assert_ne!(other.weights_hash, original.weights_hash);
    assert_eq!(other.tokenizer_hash, original.tokenizer_hash);
}
