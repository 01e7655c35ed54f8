//! Trainings with seeds of their own on what a run has labeled: how far training alone moves the scores,
//! and what the labels are worth to another model.

use std::path::Path;

use alhost_base::seed::RunSeed;
use alhost_record::{
    Kind, PluginManifest, RETRAINING, Records, Resume, RoundRecord, RunDir, RunManifest,
    SelectionRecord, Stop,
};
use serde_json::json;

use crate::experiment::{Experiment, Watch};
use crate::full_data::{last_round, train_once};
use crate::oracle;

/// Names such trainings among the strategies.
pub fn instance(records: &Records) -> String {
    format!("{RETRAINING}-{}-seed-{}", records.manifest.strategy, records.manifest.seed)
}

/// Its records are those of a run whose initial set is what the other run has labeled. They name that run
/// and the texts, so that they do not go on once it has labeled more.
pub fn manifest(experiment: &Experiment, records: &Records, seed: RunSeed) -> RunManifest {
    let mut manifest = experiment.manifest_of(
        Kind::LabelsOf,
        instance(records),
        PluginManifest::none(RETRAINING),
        seed,
    );
    let texts = texts(records);
    let mut hasher = blake3::Hasher::new();
    for id in &texts.ids {
        hasher.update(id.as_bytes()).update(b"\0");
    }
    let run = &records.manifest;
    manifest.params = json!({
        "strategy": run.strategy,
        "seed": run.seed,
        "config_hash": run.config_hash,
        "labeled": texts.ids.len(),
        "texts": hasher.finalize().to_hex().as_str(),
    });
    manifest
}

/// Trains on the texts that the run in `folder` has labeled in its finished rounds, and judges on test.
pub fn train(
    experiment: &mut Experiment,
    (records, folder): (&Records, &Path),
    seed: RunSeed,
    (dir, resume): (RunDir, Resume),
    watch: Watch<'_>,
) -> anyhow::Result<RoundRecord> {
    last_round(experiment, records, folder)?;
    if let (true, Some(round)) = (resume.is_finished(), resume.rounds.last()) {
        return Ok(round.clone());
    }
    let opened = (dir, resume.is_fresh());
    let mut oracle = oracle::of(&experiment.task, RunSeed(records.manifest.seed));
    let texts = texts(records);
    train_once(experiment, seed, opened, (&texts, &mut *oracle), Stop::Budget, watch)
}

/// Lists the texts in the order in which they were labeled, which is that of training.
fn texts(records: &Records) -> SelectionRecord {
    let trained_on = records.rounds.last().map_or(0, |last| last.round + 1);
    let selections = records.selections.iter().take(trained_on);
    let (mut ids, mut rows) = (Vec::new(), Vec::new());
    for selection in selections {
        ids.extend(selection.ids.iter().cloned());
        rows.extend(&selection.rows);
    }
    SelectionRecord::all(ids, rows)
}
