//! Checkpoints in every form they come in, and each way in which one can be broken.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use alhost::model::{Checkpoint, ModelError, Places};
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
                Some(("bert.encoder.layer.2.output.dense.weight".to_owned(), tensor))
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
            "unexpected: encoder.layer.2.output.dense.weight",
        ],
    );
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

/// Answers as the hub does, from the tiny checkpoint's folder, until the test ends.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            answer(&mut stream).unwrap();
        }
    });
    endpoint
}

fn answer(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(());
        }
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    let file =
        path.strip_prefix("/someone/tiny/resolve/main/").map(|name| tiny_folder().join(name));
    let Some(file) = file.filter(|file| file.is_file()) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let content = fs_err::read(&file)?;
    // hf-hub first asks for one byte, to learn the size.
    let end =
        if request.to_lowercase().contains("range: bytes=0-0\r\n") { 1 } else { content.len() };
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {end}\r\nETag: \"{}\"\r\n\
         x-repo-commit: 0123456789abcdef\r\nContent-Range: bytes 0-{}/{}\r\n\
         Connection: close\r\n\r\n",
        file.file_name().unwrap().to_str().unwrap(),
        end - 1,
        content.len(),
    )?;
    stream.write_all(&content[..end])
}

#[test]
fn a_hub_id_is_fetched_once_and_then_works_offline() {
    let cache = tempfile::tempdir().unwrap();
    let places = |offline: bool, endpoint: &str| Places {
        hub_cache: cache.path().join("hub"),
        hub_endpoint: Some(endpoint.to_owned()),
        hub_offline: offline,
        ..Places::default()
    };
    let nowhere = "http://127.0.0.1:9";

    let error = Checkpoint::open("someone/tiny", &places(true, nowhere)).err().unwrap().to_string();
    assert!(error.contains("HF_HUB_OFFLINE is set"), "{error}");
    let error =
        Checkpoint::open("someone/tiny", &places(false, nowhere)).err().unwrap().to_string();
    assert!(error.contains("cannot fetch `config.json` of `someone/tiny` from"), "{error}");

    let endpoint = serve();
    let fetched = Checkpoint::open("someone/tiny", &places(false, &endpoint)).unwrap();
    assert_same_weights(&fetched, &open(&tiny_folder()).unwrap(), 0.0);
    let cached = Checkpoint::open("someone/tiny", &places(true, nowhere)).unwrap();
    assert_eq!(cached.weights_hash, fetched.weights_hash);

    let error = Checkpoint::open("someone/else", &places(false, &endpoint)).err().unwrap();
    assert!(error.to_string().contains("the repository has no such file"), "{error}");
}
