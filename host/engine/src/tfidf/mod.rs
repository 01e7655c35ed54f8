//! The reference that needs no encoder: TF-IDF and a linear SVM, trained on all of train or on what a run
//! has labeled, round by round. Words and their frequencies come from all texts of train, whose labels they
//! do not use; nothing is drawn, so there is no seed.

mod svm;
#[cfg(test)]
mod tests;
mod words;

use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use alhost_base::matrix::Matrix;
use alhost_base::seed::RunSeed;
use alhost_metrics::{Evaluator, Judgement, Yardstick};
use alhost_model::Training;
use alhost_record::{
    Kind, PluginManifest, REFERENCE, Records, Resume, RoundRecord, RunDir, RunManifest, Seconds,
    Stop, peak_memory_bytes,
};
use anyhow::bail;
use serde_json::json;
use svm::Machines;
use words::TfIdf;

use crate::acquired::acquired;
use crate::classifier::Trained;
use crate::experiment::{Experiment, Task, Watch};
use crate::full_data::{self, annotate, last_round};
use crate::oracle;
use crate::pool::Pool;
use crate::rounds::{cost, record};
use crate::thresholds::{Found, unseen};

/// Its records are those of a run; the run whose labels it takes, if there is one, is in its parameters.
pub fn manifest(experiment: &Experiment, run: Option<&Records>, seed: RunSeed) -> RunManifest {
    let strategy = match run {
        Some(run) => format!("{REFERENCE}-on-{}", run.manifest.strategy),
        None => format!("full-data-{REFERENCE}"),
    };
    let mut manifest =
        experiment.manifest_of(Kind::Reference, strategy, PluginManifest::none(REFERENCE), seed);
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
    if resume.is_finished() {
        return Ok(resume.rounds);
    }
    let selections = match run {
        Some((records, folder)) => {
            let last = last_round(experiment, records, folder)?.round;
            records.selections[..=last].to_vec()
        }
        None => vec![full_data::all(experiment)],
    };
    let seed = run.map_or(experiment.task.config.seeds[0], |(records, _)| records.manifest.seed);
    let mut oracle = oracle::of(&experiment.task, RunSeed(seed));
    let reference = Reference::new(&experiment.task);
    let mut pool = Pool::new(experiment.task.n_texts(), experiment.task.n_labels());
    let mut rounds = resume.rounds.clone();
    let mut kept = resume.selections.len();
    watch.progress.begin("TF-IDF and SVM", selections.len() as u64);
    for selection in &selections {
        let round = selection.round;
        annotate(&experiment.task, &mut *oracle, &mut pool, selection)?;
        // That of the next round too: a selection is on disk before the round that it was made in.
        for selection in selections.iter().take(round + 2).skip(kept) {
            dir.append_selection(selection, &[])?;
            kept += 1;
        }
        if rounds.len() <= round {
            let made = reference.round(&pool, round, round + 1 == selections.len());
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

struct Reference<'a> {
    task: &'a Task,
    words: TfIdf,
    yardstick: Yardstick,
}

impl<'a> Reference<'a> {
    fn new(task: &'a Task) -> Self {
        let dataset = &task.dataset;
        let yardstick = Yardstick::new(&dataset.train.labels, &task.config.evaluation);
        Self { task, words: TfIdf::of(dataset.train.texts.iter()), yardstick }
    }

    /// Trains on what is labeled, and makes the record of it.
    fn round(&self, pool: &Pool, round: usize, is_last: bool) -> RoundRecord {
        let trained = self.train(pool);
        let end = if pool.unlabeled().is_empty() { Stop::PoolEmpty } else { Stop::Budget };
        let mut costs = cost(&trained);
        costs.peak_memory_bytes = peak_memory_bytes();
        let mut made = record(pool, round, trained, None, is_last.then_some(end), costs);
        made.acquired = Some(acquired(pool, &self.task.tokens.train, round));
        made
    }

    fn train(&self, pool: &Pool) -> Trained {
        let timed = Instant::now();
        let labeled: Vec<u32> = pool.labeled().iter().map(|id| id.0).collect();
        let rows = self.words.rows(&self.texts_of_train(&labeled));
        let machines = Machines::fit(&rows, pool.labels(), self.words.n_columns());
        let train = timed.elapsed().as_secs_f64();

        let timed = Instant::now();
        let found = self.thresholds(&machines, pool);
        let dev = timed.elapsed().as_secs_f64();

        let timed = Instant::now();
        let judged = self.judge(&machines, &found);
        let test = timed.elapsed().as_secs_f64();
        let seconds = Seconds { train, dev, test, ..Seconds::default() };
        Trained {
            training: solved(),
            threshold: found.threshold,
            thresholds: found.thresholds,
            judged,
            per_label: found.per_label,
            dev_optimum: found.dev_optimum,
            estimate: None,
            seconds,
            actual: seconds,
            shared: Vec::new(),
            tokens_per_second: 0.0,
        }
    }

    fn thresholds(&self, machines: &Machines, pool: &Pool) -> Found {
        let Task { config, dataset, .. } = self.task;
        let cardinality = pool.labels().cardinality();
        let scores = |texts: &[&str]| machines.scores(&self.words.rows(texts));
        if let Some(dev) = &dataset.dev {
            let scores = scores(&dev.texts.iter().collect::<Vec<_>>());
            return Found::on_dev(config, &scores, &dev.labels, cardinality);
        }
        let scores = || Ok::<_, Infallible>(scores(&self.texts_of_train(&unseen(pool))));
        let Ok(found) = Found::without_dev(&config.evaluation, scores, cardinality);
        found
    }

    /// Judges on test.
    fn judge(&self, machines: &Machines, found: &Found) -> Option<Judgement> {
        let Task { config, dataset, .. } = self.task;
        let test = dataset.test.as_ref()?;
        let gold = &test.labels;
        let at = found.at(config.evaluation.threshold);
        let mut evaluator = Evaluator::new(&self.yardstick, gold, at);
        let texts: Vec<&str> = test.texts.iter().collect();
        for block in texts.chunks(Matrix::block_rows(gold.n_labels())) {
            evaluator.add(&machines.scores(&self.words.rows(block)));
        }
        Some(evaluator.finish())
    }

    fn texts_of_train(&self, rows: &[u32]) -> Vec<&str> {
        rows.iter().map(|&row| self.task.dataset.train.texts.get(row as usize)).collect()
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
