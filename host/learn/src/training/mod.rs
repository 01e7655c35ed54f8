//! One training of the classifier, to be read in one piece: `Learner::train`.

pub(crate) mod by_hand;
mod loss;
pub(crate) mod optimizer;

use std::sync::Arc;
use std::time::Instant;

use alhost_base::ledger::Work;
use alhost_base::matrix::Matrix;
use alhost_base::progress::Silent;
use alhost_config::{EncoderMode, HeadKind, Start, TrainConfig};
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use alhost_model::{Dev, Examples, Seeds, Training, Wants, probabilities};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use tch::Tensor;

use crate::ModelError;
use crate::cpu::workers::Workers;
use crate::device::OneThread;
use crate::encoder::batch::Batch;
use crate::encoder::bert::Pass;
use crate::encoder::frozen::Kept;
use crate::encoder::states::Encoded;
use crate::learner::{Learner, WORDS};
use crate::random::seeded;
use crate::training::by_hand::ByHand;
use crate::training::optimizer::Adam;

/// What a step is made with.
struct Stepper<'a> {
    /// What a frozen encoder says.
    kept: Option<&'a Kept>,
    /// The encoder's gradients, where autograd is not asked for them.
    by_hand: Option<&'a mut ByHand>,
    adam: &'a mut Adam,
}

struct Best {
    epoch: usize,
    score: f64,
    /// Copies of the optimiser's variables.
    weights: Vec<Tensor>,
}

impl Learner {
    /// Trains on `labeled`: fits a logistic head, else goes through epochs and takes the one
    /// with the best dev score, or the last where there is no dev set. A fit needs no `seeds`.
    pub fn train(
        &mut self,
        labeled: Examples<'_>,
        dev: Option<Dev<'_>>,
        config: &TrainConfig,
        seeds: Seeds,
        work: Work<'_>,
    ) -> Result<Training, ModelError> {
        if self.config.head == HeadKind::Logistic {
            return self.fit(labeled, dev, config.c, work);
        }
        if config.start == Start::Pretrained || !self.trained {
            self.restart(seeds.init, config.head_bias, labeled.labels);
        }
        let kept = self.states_of_both(labeled, dev.as_ref(), work)?;
        let dev = dev.map(|dev| DevTexts::choose(dev, config.dev_texts, seeds.init));
        let workers = Arc::new(Workers::start());
        let mut adam = self.optimizer(labeled, config, Arc::clone(&workers));
        let mut by_hand = self.by_hand(seeds.train, &workers);
        let _one = by_hand.is_some().then(OneThread::only);
        let mut order: Vec<u32> = (0..labeled.rows.len() as u32).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seeds.train as u64);
        let _dropout = seeded(seeds.train);

        let mut best: Option<Best> = None;
        let mut losses = Vec::new();
        let mut dev_seconds = 0.0;
        work.progress.begin("train", (config.epochs * order.len()) as u64);
        for epoch in 1..=config.epochs {
            shuffle(&mut order, &mut rng);
            let stepper =
                Stepper { kept: kept.as_ref(), by_hand: by_hand.as_mut(), adam: &mut adam };
            let loss = self.epoch(labeled, &order, config.batch, stepper, work)?;
            if !loss.is_finite() {
                self.encoder.embed_all();
                return Err(ModelError::Diverged { epoch, rate: config.rate });
            }
            losses.push(loss);

            let Some(dev) = dev.as_ref().filter(|_| epoch >= config.min_epochs) else { continue };
            dev_seconds += self.judge(dev, (epoch, loss), (&mut best, &adam), work)?;
            let best_epoch = best.as_ref().map_or(epoch, |best| best.epoch);
            if config.patience > 0 && epoch - best_epoch >= config.patience {
                break;
            }
        }
        work.progress.end();

        self.take_best(&mut adam, best.as_ref(), losses.len());
        Ok(described(labeled, losses, best.as_ref(), dev_seconds))
    }

    /// Scores an epoch on dev and notes it where it is the best so far. Returns the seconds that it took.
    fn judge(
        &self,
        dev: &DevTexts<'_>,
        (epoch, loss): (usize, f64),
        (best, adam): (&mut Option<Best>, &Adam),
        work: Work<'_>,
    ) -> Result<f64, ModelError> {
        let timed = Instant::now();
        let score = self.score(dev, work)?;
        let seconds = timed.elapsed().as_secs_f64();
        tracing::debug!(epoch, loss, score, "trained an epoch");
        if best.as_ref().is_none_or(|best| score > best.score) {
            *best = Some(Best { epoch, score, weights: adam.copy() });
        }
        Ok(seconds)
    }

    /// Returns what a frozen encoder says of the labeled texts, see `kept_states`. That of the dev
    /// texts is made here too, rather than silently after the first epoch.
    fn states_of_both(
        &self,
        labeled: Examples<'_>,
        dev: Option<&Dev<'_>>,
        work: Work<'_>,
    ) -> Result<Option<Kept>, ModelError> {
        let kept = self.kept_states(labeled.tokens, work)?;
        if let Some(dev) = dev {
            self.kept_states(dev.examples.tokens, work)?;
        }
        Ok(kept)
    }

    /// Takes a step for each batch of the texts, in their order, and returns the mean loss.
    fn epoch(
        &self,
        labeled: Examples<'_>,
        order: &[u32],
        batch: usize,
        mut stepper: Stepper<'_>,
        work: Work<'_>,
    ) -> Result<f64, ModelError> {
        let mut sum = Tensor::from(0.0_f64).to_device(self.device);
        for texts in order.chunks(batch) {
            let Stepper { kept, by_hand, adam } = &mut stepper;
            let (loss, gradients) = if let Some(by_hand) = by_hand {
                self.loss_by_hand(labeled, texts, by_hand)
            } else {
                let loss = self.loss(labeled, *kept, texts)?;
                let variables: Vec<&Tensor> = adam.variables().collect();
                let gradients = Tensor::run_backward(&[&loss], &variables, false, false);
                (loss, gradients)
            };
            adam.step(&gradients);
            sum += loss.detach() * texts.len() as f64;
            work.progress.advance(texts.len() as u64);
        }
        // Read once an epoch: each reading makes a GPU wait.
        Ok(sum.double_value(&[]) / order.len() as f64)
    }

    /// Ends a training with the best weights, which later epochs may have changed.
    fn take_best(&mut self, adam: &mut Adam, best: Option<&Best>, epochs: usize) {
        if let Some(best) = best.filter(|best| best.epoch < epochs) {
            adam.restore(&best.weights);
        }
        self.encoder.embed_all();
        self.trained = true;
    }

    /// Adam over what is trained: the head, and the encoder unless it is frozen.
    pub(crate) fn optimizer(
        &mut self,
        labeled: Examples<'_>,
        config: &TrainConfig,
        workers: Arc<Workers>,
    ) -> Adam {
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
        Adam::new(groups, workers)
    }

    /// The mean loss over some of the labeled texts and all labels.
    pub(crate) fn loss(
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
        Ok(self.head_loss(&self.head.features(&encoded), labeled.labels, texts))
    }

    fn head_loss(&self, features: &Tensor, labels: &Labels, texts: &[u32]) -> Tensor {
        let logits = self.head.logits(&self.head.drop_out(features));
        let targets = loss::multi_hot(labels, texts, self.device);
        loss::bce_sum(&logits, &targets) / targets.numel() as f64
    }

    fn score(&self, dev: &DevTexts<'_>, work: Work<'_>) -> Result<f64, ModelError> {
        let wants = Wants { logits: true, ..Wants::default() };
        let outputs =
            self.infer(dev.tokens, &dev.rows, wants, Work { progress: &Silent, ..work })?;
        let logits = outputs.logits.expect("logits were wanted");
        Ok((dev.score)(&probabilities(logits), &dev.labels))
    }
}

/// Describes a training of so many epochs as there are losses.
fn described(
    labeled: Examples<'_>,
    losses: Vec<f64>,
    best: Option<&Best>,
    dev_seconds: f64,
) -> Training {
    let epoch_tokens: usize =
        labeled.rows.iter().map(|&row| labeled.tokens.row(row as usize).len()).sum();
    Training {
        best_epoch: best.map_or(losses.len(), |best| best.epoch),
        epochs: losses.len(),
        dev_score: best.map(|best| best.score),
        c: None,
        tokens: (epoch_tokens * losses.len()) as u64,
        dev_seconds,
        losses,
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
    /// Chooses the first `n` in a seeded order; all of them if `n` is 0.
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

/// Shuffles by Fisher and Yates, with a bias of some 2^-50. Not `seed::shuffle`, whose other bits would
/// change what the same seed has trained so far.
fn shuffle(items: &mut [u32], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
    }
}
