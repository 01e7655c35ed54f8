//! One round's classifier: trained on the labeled texts, its threshold tuned on dev, judged on test.

use std::path::{Path, PathBuf};
use std::time::Instant;

use alhost_plugin_api::Rng;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::charge::Charged;
use crate::config::{ConfigFile, EarlyStopping, HeadKind, RunConfig, Start};
use crate::data::Dataset;
use crate::data::tokens::Tokens;
use crate::experiment::SplitTokens;
use crate::matrix::Matrix;
use crate::metrics::{self, Evaluator, Metrics, Ranking, Yardstick, stability};
use crate::model::{Dev, Examples, Learner, Training, Wants, probabilities};
use crate::pool::Pool;
use crate::progress::{Noting, Progress, Shared};
use crate::record::{RoundRecord, Seconds, Signals, Thresholds};
use crate::seed::{Purpose, RunSeed};
use crate::store;
use crate::thresholds::{Found, SOME_TEXTS, spread, unseen};

/// A trained classifier's worth, and what it cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trained {
    pub training: Training,
    /// Probability above which a label is predicted.
    pub threshold: f32,
    pub thresholds: Thresholds,
    /// On test, at `threshold`.
    pub metrics: Metrics,
    /// On test, at the micro-optimal threshold of dev; `None` without a dev set.
    pub metrics_at_micro: Option<Metrics>,
    /// Each macro-F1 at its own, where the config's rule is that.
    pub metrics_at_macro_paper: Option<Metrics>,
    pub metrics_at_macro: Option<Metrics>,
    /// With `per_label`.
    pub metrics_per_label: Option<Metrics>,
    /// A threshold for each label, where the config asks for them.
    pub per_label: Option<Vec<f32>>,
    pub ranking: Ranking,
    /// The best value on dev of the metric that stopping rules look at.
    pub dev_optimum: Option<f64>,
    /// `train`, `dev` and `test`, as if the run were alone; the others are 0.
    pub seconds: Seconds,
    /// Really spent.
    pub actual: Seconds,
    /// What was used for the first time of what is computed once for many.
    pub shared: Vec<Shared>,
    pub tokens_per_second: f64,
}

pub(crate) struct Classifier<'a> {
    pub(crate) config: &'a RunConfig,
    pub(crate) dataset: &'a Dataset,
    pub(crate) tokens: &'a SplitTokens,
    pub(crate) learner: &'a mut Learner,
    pub(crate) charged: &'a mut Charged,
    pub(crate) cache: &'a Path,
    pub(crate) yardstick: &'a Yardstick,
    /// Names all that a model depends on but for the config, the seed and the labeled texts.
    pub(crate) identity: &'a str,
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
        let noting = Noting::new(progress);
        let timed = Instant::now();
        let mut trained =
            match store::find("model of round 0", &file, &noting, || self.take_over(&file)) {
                Ok(mut trained) => {
                    let train = timed.elapsed().as_secs_f64();
                    trained.actual = Seconds { train, ..Seconds::default() };
                    trained
                }
                Err(making) => {
                    let trained = self.train_anew(pool, seed, round, progress)?;
                    // TOML and not JSON: its numbers come back bit by bit, so that records are the same.
                    self.learner.keep(&file, &toml::to_string(&trained)?)?;
                    making.done(&noting);
                    trained
                }
            };
        trained.shared.extend(noting.take());
        Ok(trained)
    }

    /// Loads the kept model of round 0, if it is there.
    fn take_over(&mut self, file: &Path) -> Option<Trained> {
        let mut trained: Trained = toml::from_str(&self.learner.take_kept(file)?).ok()?;
        let (_paid_by_then, shared) = self.charged.charge(0.0, trained.shared);
        trained.shared = shared;
        trained.shared.iter_mut().for_each(|shared| shared.computed = false);
        Some(trained)
    }

    fn first_model(&self, pool: &Pool, seed: RunSeed) -> PathBuf {
        let mut hasher = blake3::Hasher::new_derive_key("alhost 2 model of round 0");
        let ConfigFile { model, train, evaluation, r#loop, .. } = &**self.config;
        let config = serde_json::json!([model, train, evaluation, r#loop.stop.metric]);
        for part in [self.identity, &config.to_string(), &seed.0.to_string()] {
            hasher.update(part.as_bytes());
            hasher.update(b"\0");
        }
        for id in pool.labeled() {
            hasher.update(&id.0.to_le_bytes());
        }
        let name = hasher.finalize().to_hex();
        self.cache.join("round-0").join(&name[..32])
    }

    /// As [`Classifier::train`], but nothing is taken from other runs nor kept for them.
    pub(crate) fn train_anew(
        &mut self,
        pool: &Pool,
        seed: RunSeed,
        round: usize,
        progress: &dyn Progress,
    ) -> anyhow::Result<Trained> {
        let timed = Instant::now();
        let noting = Noting::new(progress);
        let rows: Vec<u32> = pool.labeled().iter().map(|id| id.0).collect();
        let labeled = Examples { tokens: &self.tokens.train, rows: &rows, labels: pool.labels() };
        let dev_rows: Vec<u32> = rows_of(self.tokens.dev.as_ref().map_or(0, Tokens::len));
        let evaluation = &self.config.evaluation;
        let measure = self.measure();
        let score = |probabilities: &Matrix, gold: &_| {
            metrics::dev_score(measure, evaluation, probabilities, gold)
        };
        let dev = match (&self.tokens.dev, &self.dataset.dev) {
            (Some(tokens), Some(split)) => {
                let examples = Examples { tokens, rows: &dev_rows, labels: &split.labels };
                Some(Dev { examples, score: &score })
            }
            _ => None,
        };
        // The same initial weights in every round, so that rounds differ in what is labeled only.
        let init_seed = seed.torch(Purpose::ModelInit, 0);
        let train_seed = seed.torch(Purpose::Training, round);
        let mut config = self.config.train.clone();
        if round == 0 {
            config.start = Start::Pretrained; // whatever the learner was trained on before
        }
        let training = self.learner.train(labeled, dev, &config, init_seed, train_seed, &noting)?;
        let train = timed.elapsed().as_secs_f64() - training.dev_seconds;
        let (charged, shared) = self.charged.charge(train, noting.take());
        let mut trained = self.judge(pool, training, progress)?;
        trained.seconds.train = charged;
        trained.actual.train = train;
        for seconds in [&mut trained.seconds, &mut trained.actual] {
            seconds.dev += trained.training.dev_seconds;
        }
        trained.shared.splice(0..0, shared);
        Ok(trained)
    }

    /// What of dev decides over a training.
    fn measure(&self) -> EarlyStopping {
        match self.config.model.head {
            HeadKind::Logistic => EarlyStopping::AveragePrecision,
            HeadKind::Linear | HeadKind::Cnn => self.config.train.early_stopping,
        }
    }

    fn judge(
        &mut self,
        pool: &Pool,
        training: Training,
        progress: &dyn Progress,
    ) -> anyhow::Result<Trained> {
        let noting = Noting::new(progress);
        let timed = Instant::now();
        let found = self.thresholds(pool, &noting)?;
        let dev = timed.elapsed().as_secs_f64();
        let (charged_dev, mut shared) = self.charged.charge(dev, noting.take());

        let timed = Instant::now();
        let test = &self.tokens.test;
        let gold = &self.dataset.test.labels;
        let at = found.at(self.config.evaluation.threshold);
        let mut evaluator = Evaluator::new(self.yardstick, gold, at);
        for rows in rows_of(test.len()).chunks(Matrix::block_rows(gold.n_labels())) {
            evaluator.add(&self.probabilities(test, rows, &noting)?);
        }
        let judgement = evaluator.finish();
        let seconds = timed.elapsed().as_secs_f64();
        let (charged_test, of_test) = self.charged.charge(seconds, noting.take());
        shared.extend(of_test);
        let n_tokens: usize = (0..test.len()).map(|row| test.row(row).len()).sum();
        Ok(Trained {
            training,
            threshold: found.threshold,
            thresholds: found.thresholds,
            metrics: judgement.metrics,
            metrics_at_micro: judgement.metrics_at_micro,
            metrics_at_macro_paper: judgement.metrics_at_macro_paper,
            metrics_at_macro: judgement.metrics_at_macro,
            metrics_per_label: judgement.metrics_per_label,
            per_label: found.per_label,
            ranking: judgement.ranking,
            dev_optimum: found.dev_optimum,
            seconds: Seconds { dev: charged_dev, test: charged_test, ..Seconds::default() },
            actual: Seconds { dev, test: seconds, ..Seconds::default() },
            shared,
            tokens_per_second: n_tokens as f64 / seconds,
        })
    }

    fn thresholds(&self, pool: &Pool, progress: &dyn Progress) -> anyhow::Result<Found> {
        let cardinality = pool.labels().cardinality();
        let (Some(tokens), Some(split)) = (&self.tokens.dev, &self.dataset.dev) else {
            let scores = || self.probabilities(&self.tokens.train, &unseen(pool), progress);
            return Found::without_dev(&self.config.evaluation, scores, cardinality);
        };
        let scores = self.probabilities(tokens, &rows_of(tokens.len()), progress)?;
        Ok(Found::on_dev(self.config, &scores, &split.labels, cardinality))
    }

    /// What the stopping rules go by, if any asks; what it takes counts as `dev`.
    pub(crate) fn signals(
        &mut self,
        pool: &Pool,
        seed: RunSeed,
        trained: &mut Trained,
        before: Option<&RoundRecord>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Option<Signals>> {
        let stop = &self.config.r#loop.stop;
        let asks_dev = stop.target.is_some() || stop.plateau_rounds > 0;
        if !asks_dev && stop.uncertainty.is_none() && stop.kappa.is_none() {
            return Ok(None);
        }
        let timed = Instant::now();
        let mut signals = Signals::default();
        if asks_dev {
            signals.dev = trained.dev_optimum;
        }
        if stop.uncertainty.is_some() && !pool.unlabeled().is_empty() {
            let scores =
                self.probabilities(&self.tokens.train, &spread(pool.unlabeled()), progress)?;
            signals.uncertainty = Some(stability::uncertainty(&scores));
        }
        if stop.kappa.is_some() {
            let texts = stop_set(pool.n_texts(), seed);
            let scores = self.probabilities(&self.tokens.train, &texts, progress)?;
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
        progress: &dyn Progress,
    ) -> anyhow::Result<Matrix> {
        let wants = Wants { logits: true, ..Wants::default() };
        let outputs = self.learner.infer(tokens, rows, wants, progress)?;
        Ok(probabilities(&outputs.logits.context("the pass gave no logits")?))
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

fn rows_of(n: usize) -> Vec<u32> {
    (0..n as u32).collect()
}
