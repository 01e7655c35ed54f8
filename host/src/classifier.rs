//! One round's classifier: trained on the labeled texts, its threshold tuned on dev, judged on test.

use std::path::{Path, PathBuf};
use std::time::Instant;

use alhost_plugin_api::Rng;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::DocId;
use crate::charge::Charged;
use crate::config::{
    ConfigFile, EarlyStopping, HeadKind, RunConfig, Start, StopMetric, ThresholdRule,
};
use crate::data::Dataset;
use crate::data::tokens::Tokens;
use crate::experiment::SplitTokens;
use crate::matrix::Matrix;
use crate::metrics::{self, At, Evaluator, Metrics, Ranking, Yardstick, stability};
use crate::model::{Dev, Examples, Learner, Training, Wants, probabilities};
use crate::pool::Pool;
use crate::progress::{Noting, Progress, Shared};
use crate::record::{RoundRecord, Seconds, Signals, Thresholds};
use crate::seed::{Purpose, RunSeed};
use crate::store;

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

/// What dev says of thresholds.
struct Found {
    /// That of the config's rule.
    threshold: f32,
    /// The optima, for the record.
    thresholds: Thresholds,
    per_label: Option<Vec<f32>>,
    /// The best value of the metric that stopping rules look at.
    dev_optimum: Option<f64>,
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
        let Found { threshold, thresholds, per_label, dev_optimum } =
            self.thresholds(pool, &noting)?;
        let dev = timed.elapsed().as_secs_f64();
        let (charged_dev, mut shared) = self.charged.charge(dev, noting.take());

        let timed = Instant::now();
        let test = &self.tokens.test;
        let gold = &self.dataset.test.labels;
        let at = At { per_label: per_label.clone(), ..self.judged_at(threshold, &thresholds) };
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
            threshold,
            thresholds,
            metrics: judgement.metrics,
            metrics_at_micro: judgement.metrics_at_micro,
            metrics_at_macro_paper: judgement.metrics_at_macro_paper,
            metrics_at_macro: judgement.metrics_at_macro,
            metrics_per_label: judgement.metrics_per_label,
            per_label,
            ranking: judgement.ranking,
            dev_optimum,
            seconds: Seconds { dev: charged_dev, test: charged_test, ..Seconds::default() },
            actual: Seconds { dev, test: seconds, ..Seconds::default() },
            shared,
            tokens_per_second: n_tokens as f64 / seconds,
        })
    }

    fn judged_at(&self, used: f32, thresholds: &Thresholds) -> At {
        let has_dev = self.dataset.dev.is_some();
        let each = has_dev && self.config.evaluation.threshold == ThresholdRule::Each;
        // None of dev's that predicts anything right is recorded as null.
        let own = |threshold: Option<f64>| {
            each.then(|| threshold.map_or(f32::INFINITY, |threshold| threshold as f32))
        };
        At {
            used,
            micro: own(thresholds.micro).or(thresholds.micro.map(|threshold| threshold as f32)),
            macro_paper: own(thresholds.macro_paper),
            macro_f1: own(thresholds.macro_f1),
            per_label: None,
        }
    }

    fn thresholds(&mut self, pool: &Pool, progress: &dyn Progress) -> anyhow::Result<Found> {
        let rule = self.config.evaluation.threshold;
        let finite = |threshold: f32| threshold.is_finite().then_some(f64::from(threshold));
        let (Some(tokens), Some(split)) = (&self.tokens.dev, &self.dataset.dev) else {
            let threshold = match rule {
                ThresholdRule::Fixed => self.config.evaluation.fixed as f32,
                _ => self.cardinality_threshold(pool, progress)?,
            };
            let used = finite(threshold);
            let none = Thresholds { used, micro: None, macro_paper: None, macro_f1: None };
            return Ok(Found { threshold, thresholds: none, per_label: None, dev_optimum: None });
        };
        let scores = self.probabilities(tokens, &rows_of(tokens.len()), progress)?;
        let optima = metrics::optima(&scores, &split.labels);
        let threshold = match rule {
            ThresholdRule::MacroF1Paper => optima.macro_paper.threshold,
            ThresholdRule::MacroF1 => optima.macro_sklearn.threshold,
            ThresholdRule::MicroF1 | ThresholdRule::Each => optima.micro.threshold,
            ThresholdRule::Cardinality => {
                metrics::cardinality_threshold(&scores, pool.labels().cardinality())
            }
            ThresholdRule::Fixed => self.config.evaluation.fixed as f32,
        };
        let thresholds = Thresholds {
            used: finite(threshold),
            micro: finite(optima.micro.threshold),
            macro_paper: finite(optima.macro_paper.threshold),
            macro_f1: finite(optima.macro_sklearn.threshold),
        };
        let dev_optimum = match self.config.r#loop.stop.metric {
            StopMetric::MicroF1 => optima.micro.value,
            StopMetric::MacroF1Paper => optima.macro_paper.value,
            StopMetric::MacroF1 => optima.macro_sklearn.value,
        };
        let per_label = self
            .config
            .evaluation
            .per_label
            .map(|k| metrics::per_label(&scores, &split.labels, optima.micro.threshold, k));
        Ok(Found { threshold, thresholds, per_label, dev_optimum: Some(dev_optimum) })
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

    /// Without dev: as many labels a text as the labeled set has, on texts that the model has not
    /// been trained on, since its scores on the others are overfit. No label of theirs is used.
    fn cardinality_threshold(
        &mut self,
        pool: &Pool,
        progress: &dyn Progress,
    ) -> anyhow::Result<f32> {
        let unseen = if pool.unlabeled().is_empty() { pool.labeled() } else { pool.unlabeled() };
        let scores = self.probabilities(&self.tokens.train, &spread(unseen), progress)?;
        Ok(metrics::cardinality_threshold(&scores, pool.labels().cardinality()))
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

/// Texts of the pool that the cardinality threshold and stopping rules look at, at most.
const SOME_TEXTS: usize = 2000;

/// Rows of so many texts, evenly spread over `texts`.
fn spread(texts: &[DocId]) -> Vec<u32> {
    let step = texts.len().div_ceil(SOME_TEXTS).max(1);
    texts.iter().step_by(step).map(|id| id.0).collect()
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
