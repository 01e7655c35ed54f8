//! Trainings of the whole classifier on the tiny BERT: losses and logits against those of the CPU in f32.

use alhost::base::ledger::{Notes, Work};
use alhost::base::progress::Silent;
use alhost::config::{EncoderMode, HeadKind, ModelConfig, Precision, TrainConfig};
use alhost::data::Labels;
use alhost::data::tokens::Tokens;
use alhost::learn::Learner;
use alhost_model::{Examples, Seeds, Wants};
use anyhow::{Context as _, Result, ensure};
use tch::Device;

use crate::encoder::checkpoint;
use crate::{Check, Setting, apart};

pub(crate) const CHECKS: &[Check] = &[
    ("training, linear head, f32", |setting| compare(setting, HeadKind::Linear, Precision::F32)),
    ("training, linear head, bf16", |setting| compare(setting, HeadKind::Linear, Precision::Bf16)),
    ("training, CNN head, f32", |setting| compare(setting, HeadKind::Cnn, Precision::F32)),
    ("training, CNN head, bf16", |setting| compare(setting, HeadKind::Cnn, Precision::Bf16)),
    ("fit, logistic head, f32", |setting| compare(setting, HeadKind::Logistic, Precision::F32)),
    ("fit, logistic head, bf16", |setting| compare(setting, HeadKind::Logistic, Precision::Bf16)),
    ("training with dropout, f32", |setting| with_dropout(setting, Precision::F32)),
    ("training with dropout, bf16", |setting| with_dropout(setting, Precision::Bf16)),
];

const N_LABELS: usize = 4;
const N_TEXTS: u32 = 20;

struct Trained {
    losses: Vec<f64>,
    logits: Vec<f64>,
}

/// 20 texts of 2 to 21 tokens, whose number decides the labels.
fn texts() -> (Tokens, Labels) {
    let mut rows: Vec<Vec<u32>> = Vec::new();
    let mut labels = Labels::new(N_LABELS);
    for text in 0..N_TEXTS {
        let words = (0..text).map(|at| 10 + (text * 7 + at * 11) % 120);
        rows.push([2].into_iter().chain(words).chain([3]).collect());
        labels.push(match text % 4 {
            0 => &[0],
            1 => &[0, 1],
            2 => &[2],
            _ => &[],
        });
    }
    (Tokens::from_rows(&rows, "twenty"), labels)
}

/// Trains, and reads all texts with what has been trained.
fn train(
    setting: &Setting,
    device: Device,
    (head, precision): (HeadKind, Precision),
    dropout: f64,
) -> Result<Trained> {
    let mut checkpoint = checkpoint(&setting.goldens)?;
    checkpoint.config.hidden_dropout_prob = dropout;
    checkpoint.config.attention_probs_dropout_prob = dropout;
    let encoder = match head {
        HeadKind::Logistic => EncoderMode::Frozen,
        HeadKind::Linear | HeadKind::Cnn => EncoderMode::FineTuned,
    };
    let config = ModelConfig {
        head,
        encoder,
        precision,
        dropout,
        max_tokens: 24,
        filters: 16,
        token_budget: 64,
        ..ModelConfig::default()
    };
    let steps = TrainConfig { epochs: 5, batch: 4, rate: 1e-3, ..TrainConfig::default() };
    let cache = tempfile::tempdir()?;
    let mut learner = Learner::new(&checkpoint, &config, N_LABELS, device, cache.path())?;
    let (tokens, labels) = texts();
    let rows: Vec<u32> = (0..N_TEXTS).collect();
    let notes = Notes::default();
    let work = Work { progress: &Silent, notes: &notes };
    let examples = Examples { tokens: &tokens, rows: &rows, labels: &labels };
    let training = learner.train(examples, None, &steps, Seeds { init: 1, train: 2 }, work)?;
    let outputs = learner.infer(&tokens, &rows, Wants::LOGITS, work)?;
    let logits = outputs.logits.context("no logits")?.data.iter().copied().map(f64::from).collect();
    Ok(Trained { losses: training.losses, logits })
}

/// How far losses and logits may be from those in f32 on the CPU.
fn allowed(precision: Precision) -> (f64, f64) {
    match precision {
        Precision::F32 => (1e-3, 2e-2),
        Precision::Bf16 | Precision::Auto => (2e-2, 0.5),
    }
}

fn compare(setting: &Setting, head: HeadKind, precision: Precision) -> Result<String> {
    let expected = train(setting, Device::Cpu, (head, Precision::F32), 0.0)?;
    let found = train(setting, setting.device, (head, precision), 0.0)?;
    let (of_losses, of_logits) = allowed(precision);
    let losses = apart("loss", found.losses, expected.losses, of_losses)?;
    let logits = apart("logit", found.logits, expected.logits, of_logits)?;
    Ok(format!("losses {losses:.1e} apart, logits {logits:.1e}"))
}

/// Masks are others on another device, so that only the way of the losses can be looked at.
fn with_dropout(setting: &Setting, precision: Precision) -> Result<String> {
    let losses = train(setting, setting.device, (HeadKind::Cnn, precision), 0.1)?.losses;
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    ensure!(last.is_finite() && last < first, "the loss went from {first} to {last}");
    Ok(format!("the loss went from {first:.3} to {last:.3}"))
}
