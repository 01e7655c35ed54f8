//! The encoder and its masked-LM head against Hugging Face transformers, and its gradients against the CPU's.

use std::path::Path;

use alhost::base::progress::Silent;
use alhost::data::tokens::Tokens;
use alhost::learn::encoder::batch::Batch;
use alhost::learn::encoder::bert::{Encoder, Pass};
use alhost::learn::surprisal::fill_losses;
use alhost::learn::surprisal::mlm::MlmHead;
use alhost::learn::{Checkpoint, Places};
use alhost_model::Surprisal;
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::{Check, Setting, apart};

pub(crate) const CHECKS: &[Check] = &[
    ("encoder, f32", |setting| hidden_states(setting, Kind::Float)),
    ("encoder, bf16", |setting| hidden_states(setting, Kind::BFloat16)),
    ("surprisal, f32", |setting| surprisal(setting, Kind::Float, 1e-4)),
    ("surprisal, bf16", |setting| surprisal(setting, Kind::BFloat16, 0.15)),
    ("gradients, f32", |setting| gradients(setting, Kind::Float, 0.9999)),
    ("gradients, bf16", |setting| gradients(setting, Kind::BFloat16, 0.99)),
];

#[derive(Deserialize)]
struct Golden {
    tiny: Expected,
}

#[derive(Deserialize)]
struct Expected {
    input_ids: Vec<u32>,
    cls: Vec<f32>,
    mean: Vec<f32>,
    surprisal_positions: Vec<u32>,
    surprisal: Vec<f32>,
}

fn goldens(folder: &Path) -> Result<Vec<Expected>> {
    let text = fs_err::read_to_string(folder.join("bert_golden.json"))?;
    let all: Vec<Golden> = serde_json::from_str(&text)?;
    Ok(all.into_iter().map(|golden| golden.tiny).collect())
}

/// The tiny BERT that the goldens were made with.
pub(crate) fn checkpoint(folder: &Path) -> Result<Checkpoint> {
    let folder = folder.join("tiny-bert-mlm");
    let folder = folder.to_str().context("the path of the goldens is not UTF-8")?;
    Ok(Checkpoint::open(folder, &Places::default())?)
}

/// An encoder on a device, and the variables that it must not outlive.
fn load(checkpoint: &Checkpoint, device: Device) -> (VarStore, Encoder) {
    let mut vs = VarStore::new(device);
    let encoder = Encoder::new(&vs.root(), &checkpoint.config);
    checkpoint.load_into(&mut vs);
    (vs, encoder)
}

fn ids(goldens: &[Expected]) -> Vec<&[u32]> {
    goldens.iter().map(|golden| golden.input_ids.as_slice()).collect()
}

/// [CLS] and the mean of the last hidden states, all texts in one padded batch.
fn hidden_states(setting: &Setting, kind: Kind) -> Result<String> {
    let (_vs, encoder) = load(&checkpoint(&setting.goldens)?, setting.device);
    let goldens = goldens(&setting.goldens)?;
    let batch = Batch::from_texts(&ids(&goldens), setting.device);
    let states = encoder.weights(kind).forward(&batch).to_kind(Kind::Float).to_device(Device::Cpu);
    let (mut most, mut least) = (0.0_f64, 1.0_f64);
    for ((text, &length), golden) in (0..).zip(&batch.lengths).zip(&goldens) {
        let states = states.get(text).narrow(0, 0, length); // [len, hidden]
        let mean = states.mean_dim(0, false, Kind::Float);
        for (what, found, expected) in
            [("[CLS]", states.get(0), &golden.cls), ("mean", mean, &golden.mean)]
        {
            if kind == Kind::Float {
                let found = Vec::<f32>::try_from(found)?.into_iter().map(f64::from);
                let expected = expected.iter().copied().map(f64::from);
                most = most.max(apart(&format!("{what} of text {text}"), found, expected, 1e-4)?);
            } else {
                least = least.min(cosine(&found, &Tensor::from_slice(expected)));
                ensure!(least > 0.999, "{what} of text {text} is at a cosine of {least}");
            }
        }
    }
    Ok(if kind == Kind::Float { format!("{most:.1e} apart") } else { format!("cosine {least:.5}") })
}

fn cosine(a: &Tensor, b: &Tensor) -> f64 {
    let flat = |tensor: &Tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Double).flatten(0, -1);
    let (a, b) = (flat(a), flat(b));
    (a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()).double_value(&[])
}

/// Masked-LM losses at the golden positions.
fn surprisal(setting: &Setting, kind: Kind, allowed: f64) -> Result<String> {
    let checkpoint = checkpoint(&setting.goldens)?;
    let (_vs, encoder) = load(&checkpoint, setting.device);
    let weights = encoder.weights(kind);
    let head = MlmHead::of_checkpoint(&checkpoint, &weights).context("no masked-LM head")?;
    let goldens = goldens(&setting.goldens)?;
    let rows: Vec<Vec<u32>> = goldens.iter().map(|golden| golden.input_ids.clone()).collect();
    let mut asked = Surprisal { offsets: vec![0], ..Surprisal::default() };
    for golden in &goldens {
        asked.positions.extend(&golden.surprisal_positions);
        asked.offsets.push(asked.positions.len() as u64);
    }
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let tokens = Tokens::from_rows(&rows, "golden");
    let found = fill_losses(&weights, &head, &tokens, &all, asked, 130, &Silent);
    let expected = goldens.iter().flat_map(|golden| &golden.surprisal).copied().map(f64::from);
    let most = apart("surprisal", found.losses.into_iter().map(f64::from), expected, allowed)?;
    Ok(format!("{most:.1e} apart"))
}

/// The gradient of every variable, by name, of a number that all of the encoder has a part in.
fn gradients_on(setting: &Setting, device: Device, kind: Kind) -> Result<Vec<(String, Tensor)>> {
    let (vs, encoder) = load(&checkpoint(&setting.goldens)?, device);
    let goldens = goldens(&setting.goldens)?;
    let batch = Batch::from_texts(&ids(&goldens), device);
    let states = encoder.forward(&batch, Pass { kind, train: false });
    let cls = states.select(1, 0).to_kind(Kind::Float);
    cls.get(0).dot(&cls.get(1)).backward();
    let variables = vs.variables().into_iter();
    let mut all: Vec<_> =
        variables.map(|(name, variable)| (name, variable.grad().to_device(Device::Cpu))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}

fn gradients(setting: &Setting, kind: Kind, allowed: f64) -> Result<String> {
    let expected = gradients_on(setting, Device::Cpu, Kind::Float)?;
    let found = gradients_on(setting, setting.device, kind)?;
    let mut least = 1.0_f64;
    for ((name, expected), (_, found)) in expected.iter().zip(&found) {
        // A key's bias shifts all logits of a query alike: its gradient is zero, and rounding all that there is.
        if !name.ends_with("key.bias") {
            let cosine = cosine(expected, found);
            ensure!(cosine > allowed, "the gradient of {name} is at a cosine of {cosine}");
            least = least.min(cosine);
        }
    }
    Ok(format!("cosine {least:.6}"))
}
