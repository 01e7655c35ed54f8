//! One training of the classifier, to be read in one piece: `Learner::train`.

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::ModelError;
use super::batch::Batch;
use super::bert::Pass;
use super::frozen::Kept;
use super::infer::{Wants, probabilities};
use super::learner::{Learner, WORDS};
use super::loss;
use super::optimizer::Adam;
use super::random::seeded;
use super::states::Encoded;
use crate::config::{EncoderMode, HeadKind, Start, TrainConfig};
use crate::data::Labels;
use crate::data::tokens::Tokens;
use crate::matrix::Matrix;
use crate::progress::{Progress, Silent};

/// Texts of one split with their labels.
#[derive(Clone, Copy)]
pub struct Examples<'a> {
    pub tokens: &'a Tokens,
    pub rows: &'a [u32],
    /// One list of labels for each of `rows`.
    pub labels: &'a Labels,
}

/// What early stopping looks at.
#[derive(Clone, Copy)]
pub struct Dev<'a> {
    pub examples: Examples<'a>,
    /// Of probabilities [texts, labels] and gold labels; the greater, the better.
    pub score: &'a dyn Fn(&Matrix, &Labels) -> f64,
}

/// What a training did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Training {
    /// The epoch, from 1, whose weights were taken; 0 if there was no epoch.
    pub best_epoch: usize,
    /// Epochs that ran; of a fit, the iterations.
    pub epochs: usize,
    /// Of the best epoch; of a fit, with the C that was chosen by it.
    pub dev_score: Option<f64>,
    /// Mean training loss of each epoch; of a fit, the loss at its end, penalty included.
    pub losses: Vec<f64>,
    /// The inverse strength of the penalty that a fit was made with.
    pub c: Option<f64>,
    /// Tokens trained on, all epochs together, without padding.
    pub tokens: u64,
    /// Seconds that scoring the dev texts took.
    pub dev_seconds: f64,
}

struct Best {
    epoch: usize,
    score: f64,
    /// Copies of the optimiser's variables.
    weights: Vec<Tensor>,
}

impl Learner {
    /// Trains on `labeled`: fits a logistic head, else goes through epochs and takes the one
    /// with the best dev score, or the last where there is no dev set. `init_seed` decides the head to
    /// start from, `train_seed` order and dropout; a fit needs neither.
    pub fn train(
        &mut self,
        labeled: Examples<'_>,
        dev: Option<Dev<'_>>,
        config: &TrainConfig,
        init_seed: i64,
        train_seed: i64,
        progress: &dyn Progress,
    ) -> Result<Training, ModelError> {
        if self.config.head == HeadKind::Logistic {
            return self.fit(labeled, dev, config.c, progress);
        }
        if config.start == Start::Pretrained || !self.trained {
            self.restart(init_seed, config.head_bias, labeled.labels);
        }
        let kept = self.kept_states(labeled.tokens, progress)?;
        if let Some(dev) = &dev {
            // Where the encoder is frozen, now rather than silently after the first epoch.
            self.kept_states(dev.examples.tokens, progress)?;
        }
        let dev = dev.map(|dev| DevTexts::choose(dev, config.dev_texts, init_seed));
        let mut adam = self.optimizer(labeled, config);
        let mut order: Vec<u32> = (0..labeled.rows.len() as u32).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(train_seed as u64);
        let _dropout = seeded(train_seed);

        let mut best: Option<Best> = None;
        let mut losses = Vec::new();
        let mut dev_seconds = 0.0;
        progress.begin("train", (config.epochs * order.len()) as u64);
        for epoch in 1..=config.epochs {
            shuffle(&mut order, &mut rng);
            let mut epoch_loss = Tensor::from(0.0_f64).to_device(self.device);
            for texts in order.chunks(config.batch) {
                let loss = self.loss(labeled, kept.as_ref(), texts)?;
                let variables: Vec<&Tensor> = adam.variables().collect();
                let gradients = Tensor::run_backward(&[&loss], &variables, false, false);
                adam.step(&gradients);
                epoch_loss += loss.detach() * texts.len() as f64;
                progress.advance(texts.len() as u64);
            }
            // Read once an epoch: each reading makes a GPU wait.
            let epoch_loss = epoch_loss.double_value(&[]) / order.len() as f64;
            if !epoch_loss.is_finite() {
                self.encoder.embed_all();
                return Err(ModelError::Diverged { epoch, rate: config.rate });
            }
            losses.push(epoch_loss);

            let Some(dev) = dev.as_ref().filter(|_| epoch >= config.min_epochs) else { continue };
            let timed = Instant::now();
            let score = self.score(dev)?;
            dev_seconds += timed.elapsed().as_secs_f64();
            tracing::debug!(epoch, loss = epoch_loss, score, "trained an epoch");
            if best.as_ref().is_none_or(|best| score > best.score) {
                best = Some(Best { epoch, score, weights: adam.copy() });
            }
            let best_epoch = best.as_ref().map_or(epoch, |best| best.epoch);
            if config.patience > 0 && epoch - best_epoch >= config.patience {
                break;
            }
        }
        progress.end();

        if let Some(best) = best.as_ref().filter(|best| best.epoch < losses.len()) {
            adam.restore(&best.weights);
        }
        self.encoder.embed_all();
        self.trained = true;
        let epoch_tokens: usize =
            labeled.rows.iter().map(|&row| labeled.tokens.row(row as usize).len()).sum();
        Ok(Training {
            best_epoch: best.as_ref().map_or(losses.len(), |best| best.epoch),
            epochs: losses.len(),
            dev_score: best.map(|best| best.score),
            c: None,
            tokens: (epoch_tokens * losses.len()) as u64,
            dev_seconds,
            losses,
        })
    }

    /// Adam over what is trained: the head, and the encoder unless it is frozen.
    pub(super) fn optimizer(&mut self, labeled: Examples<'_>, config: &TrainConfig) -> Adam {
        let mut groups =
            vec![(self.head.vars().trainable_variables(), config.rate * config.head_rate)];
        if self.config.encoder == EncoderMode::FineTuned {
            let mut encoder: Vec<(String, Tensor)> =
                self.encoder_vars.variables().into_iter().collect();
            encoder.retain(|(name, _)| name != WORDS);
            let used = self.encoder.embed_rows(&words(labeled));
            encoder.push((WORDS.to_owned(), used));
            encoder.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let variables = encoder.into_iter().map(|(_, variable)| variable).collect();
            groups.push((variables, config.rate));
        }
        Adam::new(groups)
    }

    /// The mean loss over some of the labeled texts and all labels.
    pub(super) fn loss(
        &self,
        labeled: Examples<'_>,
        kept: Option<&Kept>,
        texts: &[u32],
    ) -> Result<Tensor, ModelError> {
        let rows: Vec<u32> = texts.iter().map(|&text| labeled.rows[text as usize]).collect();
        let encoded = if let Some(kept) = kept {
            kept.encode(&rows, self.kind, self.device)?
        } else {
            let batch = Batch::new(labeled.tokens, &rows, self.device);
            let pass = Pass { kind: self.kind, train: true };
            Encoded::new(self.encoder.forward(&batch, pass), batch.lengths)
        };
        let features = self.head.features(&encoded);
        let logits = self.head.logits(&self.head.drop_out(&features));
        let targets = loss::multi_hot(labeled.labels, texts, self.device);
        Ok(loss::bce_sum(&logits, &targets) / targets.numel() as f64)
    }

    fn score(&self, dev: &DevTexts<'_>) -> Result<f64, ModelError> {
        let wants = Wants { logits: true, ..Wants::default() };
        let outputs = self.infer(dev.tokens, &dev.rows, wants, &Silent)?;
        let logits = outputs.logits.expect("logits were wanted");
        Ok((dev.score)(&probabilities(&logits), &dev.labels))
    }
}

/// The dev texts that are scored after each epoch.
struct DevTexts<'a> {
    tokens: &'a Tokens,
    rows: Vec<u32>,
    labels: Labels,
    score: &'a dyn Fn(&Matrix, &Labels) -> f64,
}

impl<'a> DevTexts<'a> {
    /// The first `n` in a seeded order; all of them if `n` is 0.
    fn choose(dev: Dev<'a>, n: usize, seed: i64) -> Self {
        let Examples { tokens, rows, labels } = dev.examples;
        let mut chosen: Vec<u32> = (0..rows.len() as u32).collect();
        if n > 0 && n < chosen.len() {
            shuffle(&mut chosen, &mut ChaCha8Rng::seed_from_u64(seed as u64));
            chosen.truncate(n);
        }
        let mut chosen_labels = Labels::new(labels.n_labels());
        for &text in &chosen {
            chosen_labels.push(labels.row(text as usize));
        }
        let rows = chosen.iter().map(|&text| rows[text as usize]).collect();
        Self { tokens, rows, labels: chosen_labels, score: dev.score }
    }
}

/// The words of the labeled texts, each once.
fn words(labeled: Examples<'_>) -> Vec<u32> {
    let mut words: Vec<u32> =
        labeled.rows.iter().flat_map(|&row| labeled.tokens.row(row as usize)).copied().collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Fisher and Yates. Of 2^64 draws, a bias of some 2^-50 is nothing to avoid.
fn shuffle(items: &mut [u32], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
    }
}
