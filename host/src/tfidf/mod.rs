//! The reference that needs no encoder: TF-IDF and a linear SVM, trained on all of train or on what a run
//! has labeled, round by round. Words and their frequencies come from all texts of train, whose labels they
//! do not use; nothing is drawn, so there is no seed.

mod svm;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::bail;
use serde_json::json;
use svm::Machines;
use words::TfIdf;

use crate::classifier::Trained;
use crate::experiment::{Experiment, Watch};
use crate::full_data::{annotate, last_round};
use crate::matrix::Matrix;
use crate::metrics::{self, At, Evaluator, Judgement, Yardstick};
use crate::model::Training;
use crate::pool::Pool;
use crate::record::{
    Acquired, PluginManifest, REFERENCE, Records, Resume, RoundRecord, RunDir, RunManifest,
    Seconds, SelectionRecord, Stop, Thresholds, peak_memory_bytes,
};
use crate::run::{cost, record};
use crate::seed::RunSeed;

/// Its records are those of a run; the run whose labels it takes, if there is one, is in its parameters.
pub fn manifest(experiment: &Experiment, run: Option<&Records>, seed: RunSeed) -> RunManifest {
    let strategy = match run {
        Some(run) => format!("{REFERENCE}-on-{}", run.manifest.strategy),
        None => format!("full-data-{REFERENCE}"),
    };
    let mut manifest = experiment.manifest_of(strategy, PluginManifest::none(REFERENCE), seed);
    if let Some(run) = run {
        manifest.params = json!({
            "strategy": run.manifest.strategy,
            "seed": run.manifest.seed,
            "config_hash": run.manifest.config_hash,
            "rounds": run.rounds.len(),
        });
    }
    manifest
}

/// Trains on all of train at once or on what `run`, in a folder, had labeled in each round; judges on test.
pub fn train(
    experiment: &Experiment,
    run: Option<(&Records, &Path)>,
    (mut dir, resume): (RunDir, Resume),
    watch: Watch<'_>,
) -> anyhow::Result<Vec<RoundRecord>> {
    let selections = match run {
        Some((records, folder)) => {
            let last = last_round(experiment, records, folder)?.round;
            records.selections[..=last].to_vec()
        }
        None => vec![all(experiment)],
    };
    let reference = Reference::new(experiment);
    let mut pool = Pool::new(experiment.dataset.train.ids.len(), experiment.n_labels());
    let mut rounds = resume.rounds.clone();
    let mut kept = resume.selections.len();
    watch.progress.begin("TF-IDF and SVM", selections.len() as u64);
    for selection in &selections {
        let round = selection.round;
        annotate(experiment, &mut pool, selection)?;
        // That of the next round too: a selection is on disk before the round that it was made in.
        for selection in selections.iter().take(round + 2).skip(kept) {
            dir.append_selection(selection, &[])?;
            kept += 1;
        }
        if rounds.len() <= round {
            let trained = reference.train(&pool);
            let is_last = round + 1 == selections.len();
            let end = if pool.unlabeled().is_empty() { Stop::PoolEmpty } else { Stop::Budget };
            let mut costs = cost(&trained);
            costs.peak_memory_bytes = peak_memory_bytes();
            let mut made = record(&pool, round, trained, None, is_last.then_some(end), costs);
            made.acquired = Some(Acquired::new(&pool, &experiment.tokens.train, round));
            dir.append_round(&made)?;
            rounds.push(made);
        }
        watch.progress.advance(1);
        if watch.cancelled.load(Ordering::Relaxed) {
            bail!("stopped after round {round}\nhint: the same command goes on from here");
        }
    }
    watch.progress.end();
    Ok(rounds)
}

fn all(experiment: &Experiment) -> SelectionRecord {
    let ids = experiment.dataset.train.ids.clone();
    let rows = (0..ids.len() as u32).collect();
    SelectionRecord { round: 0, ids, rows, scores: None }
}

struct Reference<'a> {
    experiment: &'a Experiment,
    words: TfIdf,
    yardstick: Yardstick,
}

impl<'a> Reference<'a> {
    fn new(experiment: &'a Experiment) -> Self {
        let dataset = &experiment.dataset;
        let yardstick = Yardstick::new(&dataset.train.labels, &experiment.config.evaluation);
        Self { experiment, words: TfIdf::of(dataset.train.texts.iter()), yardstick }
    }

    fn train(&self, pool: &Pool) -> Trained {
        let dataset = &self.experiment.dataset;
        let timed = Instant::now();
        let texts: Vec<&str> =
            pool.labeled().iter().map(|id| dataset.train.texts.get(id.0 as usize)).collect();
        let rows = self.words.rows(&texts);
        let machines = Machines::fit(&rows, pool.labels(), self.words.n_columns());
        let train = timed.elapsed().as_secs_f64();

        let timed = Instant::now();
        let (used, thresholds) = self.thresholds(&machines, pool);
        let dev = timed.elapsed().as_secs_f64();

        let timed = Instant::now();
        let judged = self.judge(&machines, used, &thresholds);
        let test = timed.elapsed().as_secs_f64();
        let seconds = Seconds { train, dev, test, ..Seconds::default() };
        Trained {
            training: solved(),
            threshold: used,
            thresholds,
            metrics: judged.metrics,
            metrics_at_micro: judged.metrics_at_micro,
            metrics_at_macro_paper: judged.metrics_at_macro_paper,
            metrics_at_macro: judged.metrics_at_macro,
            metrics_per_label: None,
            per_label: None,
            ranking: judged.ranking,
            dev_optimum: None,
            seconds,
            actual: seconds,
            shared: Vec::new(),
            tokens_per_second: 0.0,
        }
    }

    /// On test.
    fn judge(&self, machines: &Machines, used: f32, thresholds: &Thresholds) -> Judgement {
        let own = |threshold: Option<f64>| threshold.map(|threshold| threshold as f32);
        let at = At {
            used,
            micro: own(thresholds.micro),
            macro_paper: own(thresholds.macro_paper),
            macro_f1: own(thresholds.macro_f1),
            per_label: None,
        };
        let test = &self.experiment.dataset.test;
        let mut evaluator = Evaluator::new(&self.yardstick, &test.labels, at);
        let texts: Vec<&str> = test.texts.iter().collect();
        for block in texts.chunks(Matrix::block_rows(test.labels.n_labels())) {
            evaluator.add(&machines.scores(&self.words.rows(block)));
        }
        evaluator.finish()
    }

    /// Each metric's own on dev; without dev one for all, by cardinality on the unlabeled pool.
    fn thresholds(&self, machines: &Machines, pool: &Pool) -> (f32, Thresholds) {
        let dataset = &self.experiment.dataset;
        let finite = |threshold: f32| threshold.is_finite().then_some(f64::from(threshold));
        if let Some(dev) = &dataset.dev {
            let texts: Vec<&str> = dev.texts.iter().collect();
            let optima = metrics::optima(&machines.scores(&self.words.rows(&texts)), &dev.labels);
            let thresholds = Thresholds {
                used: finite(optima.micro.threshold),
                micro: finite(optima.micro.threshold),
                macro_paper: finite(optima.macro_paper.threshold),
                macro_f1: finite(optima.macro_sklearn.threshold),
            };
            return (optima.micro.threshold, thresholds);
        }
        let unseen = if pool.unlabeled().is_empty() { pool.labeled() } else { pool.unlabeled() };
        let texts: Vec<&str> =
            unseen.iter().map(|id| dataset.train.texts.get(id.0 as usize)).collect();
        let scores = machines.scores(&self.words.rows(&texts));
        let threshold = metrics::cardinality_threshold(&scores, pool.labels().cardinality());
        let used = finite(threshold);
        (threshold, Thresholds { used, micro: None, macro_paper: None, macro_f1: None })
    }
}

/// There are no epochs.
fn solved() -> Training {
    Training {
        best_epoch: 0,
        epochs: 0,
        dev_score: None,
        losses: Vec::new(),
        c: Some(svm::C),
        tokens: 0,
        dev_seconds: 0.0,
    }
}
