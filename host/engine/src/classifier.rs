//! One round's classifier: trained on the labeled texts, its threshold tuned on dev, judged on test.

use std::path::{Path, PathBuf};
use std::time::Instant;

use alhost_base::ledger::{Ledger, Notes, Reused, Work};
use alhost_base::matrix::Matrix;
use alhost_base::progress::Progress;
use alhost_base::seed::{Purpose, RunSeed};
use alhost_base::store;
use alhost_config::{ConfigFile, EarlyStopping, HeadKind, Start, ThresholdRule};
use alhost_data::Labels;
use alhost_data::tokens::Tokens;
use alhost_metrics::{self as metrics, Cut, Estimate, Evaluator, Judgement, stability};
use alhost_model::{Dev, Examples, Model, Seeds, Training};
use alhost_plugin_api::Rng;
use alhost_record::{RoundRecord, Seconds, Signals, Thresholds};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Task;
use crate::judges::Judges;
use crate::pool::{Audit, Pool};
use crate::reading::{all_probabilities, for_each_probabilities, rows_of};
use crate::thresholds::{Found, SOME_TEXTS, spread, unseen};

/// A trained classifier's worth, and what it cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Trained {
    pub training: Training,
    /// Probability above which a label is predicted.
    pub threshold: f32,
    pub thresholds: Thresholds,
    /// All metrics on test; `None` without a test split.
    pub judged: Option<Judgement>,
    /// A threshold for each label, where the config asks for them.
    pub per_label: Option<Vec<f32>>,
    /// The best value on dev of the metric that stopping rules look at.
    pub dev_optimum: Option<f64>,
    /// What the texts of the audit say; `None` without any.
    pub estimate: Option<Estimate>,
    /// `train`, `dev` and `test`, as if the run were alone; the others are 0.
    pub seconds: Seconds,
    /// Really spent.
    pub actual: Seconds,
    /// Lists what the run used for the first time of what is computed once.
    pub shared: Vec<Reused>,
    pub tokens_per_second: f64,
}

/// Trains and judges classifiers, and charges a run for it.
pub(crate) struct Classifier<'a> {
    pub(crate) task: &'a Task,
    pub(crate) model: &'a mut dyn Model,
    pub(crate) ledger: &'a mut Ledger,
}

impl Classifier<'_> {
    /// The classifier of a round. That of round 0 depends on the seed and the initial set alone, so
    /// it is kept, and the strategies after the first take it over, with what it cost.
    pub(crate) fn train(
        &mut self,
        pool: &Pool,
        seed: RunSeed,
        round: usize,
        progress: &dyn Progress,
    ) -> anyhow::Result<Trained> {
        if round > 0 {
            return self.train_anew(pool, seed, round, progress);
        }
        let file = self.first_model(pool, seed);
        let notes = Notes::default();
        let work = Work { progress, notes: &notes };
        let timed = Instant::now();
        let mut trained =
            match store::find("model of round 0", &file, work, || self.take_over(&file)) {
                Ok(mut trained) => {
                    let train = timed.elapsed().as_secs_f64();
                    trained.actual = Seconds { train, ..Seconds::default() };
                    trained
                }
                Err(making) => {
                    let trained = self.train_anew(pool, seed, round, progress)?;
                    // TOML and not JSON: its numbers come back bit by bit, so that records are the same.
                    self.model.keep(&file, &toml::to_string(&trained)?)?;
                    making.done(work);
                    trained
                }
            };
        trained.shared.extend(notes.take());
        Ok(trained)
    }

    /// Loads the kept model of round 0, if it is there.
    fn take_over(&mut self, file: &Path) -> Option<Trained> {
        let mut trained: Trained = toml::from_str(&self.model.take_kept(file)?).ok()?;
        let (_paid_by_then, shared) = self.ledger.charge(0.0, trained.shared);
        trained.shared = shared;
        trained.shared.iter_mut().for_each(|shared| shared.computed = false);
        Some(trained)
    }

    fn first_model(&self, pool: &Pool, seed: RunSeed) -> PathBuf {
        let mut hasher = blake3::Hasher::new_derive_key("alhost 4 model of round 0");
        let ConfigFile { model, train, evaluation, r#loop, .. } = &*self.task.config;
        let config = serde_json::json!([model, train, evaluation, r#loop.stop.metric]);
        for part in [&self.task.identity, &config.to_string(), &seed.0.to_string()] {
            hasher.update(part.as_bytes());
            hasher.update(b"\0");
        }
        // The labels too: an oracle need not give those of the data set, which the identity names.
        for pool in std::iter::once(pool).chain(pool.audit().map(Audit::texts)) {
            for (id, labels) in pool.labeled().iter().zip(pool.labels().rows()) {
                hasher.update(&id.0.to_le_bytes());
                hasher.update(&(labels.len() as u64).to_le_bytes());
                for label in labels {
                    hasher.update(&label.to_le_bytes());
                }
            }
            hasher.update(b"\0");
        }
        let name = hasher.finalize().to_hex();
        self.task.cache.join("round-0").join(&name[..32])
    }

    /// Trains as [`Classifier::train`] does, but nothing is taken from other runs nor kept for them.
    pub(crate) fn train_anew(
        &mut self,
        pool: &Pool,
        seed: RunSeed,
        round: usize,
        progress: &dyn Progress,
    ) -> anyhow::Result<Trained> {
        let timed = Instant::now();
        let notes = Notes::default();
        let work = Work { progress, notes: &notes };
        let rows: Vec<u32> = pool.labeled().iter().map(|id| id.0).collect();
        let labeled =
            Examples { tokens: &self.task.tokens.train, rows: &rows, labels: pool.labels() };
        let judges = Judges::of(self.task, pool);
        let evaluation = &self.task.config.evaluation;
        let measure = self.measure();
        let score = |probabilities: &Matrix, gold: &Labels| {
            metrics::dev_score(measure, evaluation, probabilities, gold)
        };
        let dev = judges.as_ref().map(|judges| {
            let Judges { tokens, rows, labels } = judges;
            Dev { examples: Examples { tokens, rows, labels }, score: &score }
        });
        // The same initial weights in every round, so that rounds differ in what is labeled only.
        let init = seed.torch(Purpose::ModelInit, 0);
        let seeds = Seeds { init, train: seed.torch(Purpose::Training, round) };
        let mut config = self.task.config.train.clone();
        if round == 0 {
            config.start = Start::Pretrained; // whatever the learner was trained on before
        }
        let training = self.model.train(labeled, dev, &config, seeds, work)?;
        let train = timed.elapsed().as_secs_f64() - training.dev_seconds;
        let (charged, shared) = self.ledger.charge(train, notes.take());
        let mut trained = self.judge((pool, seed, round), training, progress)?;
        trained.seconds.train = charged;
        trained.actual.train = train;
        for seconds in [&mut trained.seconds, &mut trained.actual] {
            seconds.dev += trained.training.dev_seconds;
        }
        trained.shared.splice(0..0, shared);
        Ok(trained)
    }

    /// Says which measure on dev decides over a training.
    fn measure(&self) -> EarlyStopping {
        match self.task.config.model.head {
            HeadKind::Logistic => EarlyStopping::AveragePrecision,
            HeadKind::Linear | HeadKind::Cnn => self.task.config.train.early_stopping,
        }
    }

    fn judge(
        &mut self,
        (pool, seed, round): (&Pool, RunSeed, usize),
        training: Training,
        progress: &dyn Progress,
    ) -> anyhow::Result<Trained> {
        let notes = Notes::default();
        let work = Work { progress, notes: &notes };
        let timed = Instant::now();
        let found = self.thresholds(pool, work)?;
        let mut rng = seed.rng(Purpose::Audit, round + 1);
        let estimate = self.estimate(pool, &found, &mut rng, work)?;
        let dev = timed.elapsed().as_secs_f64();
        let (charged_dev, mut shared) = self.ledger.charge(dev, notes.take());

        let timed = Instant::now();
        let judged = self.judge_on_test(&found, work)?;
        let seconds = timed.elapsed().as_secs_f64();
        let (charged_test, of_test) = self.ledger.charge(seconds, notes.take());
        shared.extend(of_test);
        let test = self.task.tokens.test.as_ref();
        let n_tokens: usize =
            test.map_or(0, |test| (0..test.len()).map(|row| test.row(row).len()).sum());
        Ok(Trained {
            training,
            threshold: found.threshold,
            thresholds: found.thresholds,
            judged,
            per_label: found.per_label,
            dev_optimum: found.dev_optimum,
            estimate,
            seconds: Seconds { dev: charged_dev, test: charged_test, ..Seconds::default() },
            actual: Seconds { dev, test: seconds, ..Seconds::default() },
            shared,
            tokens_per_second: n_tokens as f64 / seconds,
        })
    }

    fn judge_on_test(&self, found: &Found, work: Work<'_>) -> anyhow::Result<Option<Judgement>> {
        let (Some(tokens), Some(split)) = (&self.task.tokens.test, &self.task.dataset.test) else {
            return Ok(None);
        };
        let (gold, at) = (&split.labels, found.at(self.task.config.evaluation.threshold));
        let mut evaluator = Evaluator::new(&self.task.yardstick, gold, at);
        let rows = rows_of(tokens.len());
        for_each_probabilities(
            &*self.model,
            (tokens, &rows),
            gold.n_labels(),
            work,
            |_, block| {
                evaluator.add(&block);
                Ok(())
            },
        )?;
        Ok(Some(evaluator.finish()))
    }

    fn thresholds(&self, pool: &Pool, work: Work<'_>) -> anyhow::Result<Found> {
        let cardinality = pool.labels().cardinality();
        let Some(Judges { tokens, rows, labels }) = Judges::of(self.task, pool) else {
            let scores = || self.probabilities(&self.task.tokens.train, &unseen(pool), work);
            return Found::without_dev(&self.task.config.evaluation, scores, cardinality);
        };
        let scores = self.probabilities(tokens, &rows, work)?;
        Ok(Found::on_dev(&self.task.config, &scores, labels, cardinality))
    }

    /// Judges on the texts of the audit; where the threshold was tuned on them, each at that of the others.
    fn estimate(
        &self,
        pool: &Pool,
        found: &Found,
        rng: &mut ChaCha8Rng,
        work: Work<'_>,
    ) -> anyhow::Result<Option<Estimate>> {
        let Some(audited) = pool.audit().map(Audit::texts) else { return Ok(None) };
        let rows: Vec<u32> = audited.labeled().iter().map(|id| id.0).collect();
        let scores = self.probabilities(&self.task.tokens.train, &rows, work)?;
        let rule = self.task.config.evaluation.threshold;
        let is_tuned_here = self.task.dataset.dev.is_none() && found.dev_optimum.is_some();
        let cut = match rule {
            ThresholdRule::Each | ThresholdRule::MicroF1 if is_tuned_here => Cut::CrossFitted,
            _ => Cut::At(found.threshold),
        };
        Ok(metrics::estimate(&scores, audited.labels(), cut, rng))
    }

    /// Computes what the stopping rules go by, if any asks; the time it takes counts as `dev`.
    pub(crate) fn signals(
        &mut self,
        pool: &Pool,
        seed: RunSeed,
        trained: &mut Trained,
        before: Option<&RoundRecord>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Option<Signals>> {
        let stop = &self.task.config.r#loop.stop;
        let asks_dev = stop.target.is_some() || stop.plateau_rounds > 0;
        if !asks_dev && stop.uncertainty.is_none() && stop.kappa.is_none() {
            return Ok(None);
        }
        let notes = Notes::default();
        let work = Work { progress, notes: &notes };
        let timed = Instant::now();
        let mut signals = Signals::default();
        if asks_dev {
            signals.dev = trained.dev_optimum;
        }
        if stop.uncertainty.is_some() && !pool.unlabeled().is_empty() {
            let scores =
                self.probabilities(&self.task.tokens.train, &spread(pool.unlabeled()), work)?;
            signals.uncertainty = Some(stability::uncertainty(&scores));
        }
        if stop.kappa.is_some() {
            let texts = stop_set(pool.n_texts(), seed);
            let scores = self.probabilities(&self.task.tokens.train, &texts, work)?;
            let now = stability::predicted(&scores, trained.threshold);
            let before = before.and_then(|round| round.signals.as_ref()?.predictions.as_ref());
            signals.kappa = before.map(|before| stability::kappa(before, &now, scores.cols));
            signals.predictions = Some(now);
        }
        for seconds in [&mut trained.seconds, &mut trained.actual] {
            seconds.dev += timed.elapsed().as_secs_f64();
        }
        Ok(Some(signals))
    }

    fn probabilities(
        &self,
        tokens: &Tokens,
        rows: &[u32],
        work: Work<'_>,
    ) -> anyhow::Result<Matrix> {
        all_probabilities(&*self.model, (tokens, rows), self.task.n_labels(), work)
    }
}

/// The texts on which consecutive models are compared: the same in every round.
fn stop_set(n_texts: usize, seed: RunSeed) -> Vec<u32> {
    let mut rng = Rng::stream(&seed.derive(Purpose::StopSet, 0), "stop set");
    let mut texts: Vec<u32> =
        rng.sample(n_texts, SOME_TEXTS.min(n_texts)).into_iter().map(|text| text as u32).collect();
    texts.sort_unstable();
    texts
}
