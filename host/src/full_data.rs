//! One training on texts that are labeled already: all of train, or what a run has labeled.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::DocId;
use crate::classifier::Trained;
use crate::experiment::{Experiment, Watch};
use crate::oracle::SimulatedOracle;
use crate::pool::Pool;
use crate::record::{
    Acquired, PluginManifest, Records, Resume, RoundRecord, RunDir, RunManifest, SelectionRecord,
    Stop, peak_memory_bytes,
};
use crate::run::{cost, record};
use crate::saved_classifier::{self, Description};
use crate::seed::RunSeed;

/// What a full-data training is called among the strategies: it has another name for each head,
/// since both lie in one folder.
pub fn instance(experiment: &Experiment) -> String {
    format!("full-data-{}", experiment.config.model.head.name())
}

/// Its records are those of a run whose initial set is all of train, and which ends with that.
pub fn manifest(experiment: &Experiment, seed: RunSeed) -> RunManifest {
    let none = || "none".to_owned();
    let plugin = PluginManifest {
        id: "full-data".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: none(),
        blake3: none(),
        rustc: none(),
        profile: none(),
    };
    experiment.manifest_of(instance(experiment), plugin, seed)
}

/// Trains on all of train and judges on test. The classifier is in the run's folder before the round
/// is recorded, so that a finished run has one.
pub fn train(
    experiment: &mut Experiment,
    seed: RunSeed,
    (mut dir, resume): (RunDir, Resume),
    watch: Watch<'_>,
) -> anyhow::Result<RoundRecord> {
    if let (true, Some(round)) = (resume.is_finished(), resume.rounds.last()) {
        return Ok(round.clone());
    }
    let mut pool = Pool::new(experiment.dataset.train.ids.len(), experiment.n_labels());
    let all = SelectionRecord {
        round: 0,
        ids: experiment.dataset.train.ids.clone(),
        rows: pool.unlabeled().iter().map(|id| id.0).collect(),
        scores: None,
    };
    annotate(experiment, &mut pool, &all)?;
    if resume.is_fresh() {
        dir.append_selection(&all, &[])?;
    }
    // Not kept for others, as a first round is: the classifier's folder has it.
    let trained = experiment.classifier().train_anew(&pool, seed, 0, watch.progress)?;
    save(experiment, &pool, seed, &trained, dir.path())?;
    let mut costs = cost(&trained);
    costs.shared.splice(0..0, experiment.used_at_opening());
    costs.peak_memory_bytes = peak_memory_bytes();
    let mut round = record(&pool, 0, trained, None, Some(Stop::PoolEmpty), costs);
    round.acquired = Some(Acquired::new(&pool, &experiment.tokens.train, 0));
    dir.append_round(&round)?;
    Ok(round)
}

/// Trains on what the run in `folder` has labeled, with the seeds of its last round, and puts the
/// classifier into `folder`. With the run's own config it is the classifier of that round.
pub fn train_as_run(
    experiment: &mut Experiment,
    records: &Records,
    folder: &Path,
    watch: Watch<'_>,
) -> anyhow::Result<RoundRecord> {
    let manifest = &records.manifest;
    ensure!(
        manifest.data_hash == experiment.data_hash,
        "{} is a run on other data\nhint: give the config of that run",
        folder.display()
    );
    let last = records.rounds.last().with_context(|| {
        format!("{} has no finished round\nhint: let the run go on first", folder.display())
    })?;
    let mut pool = Pool::new(experiment.dataset.train.ids.len(), experiment.n_labels());
    for selection in &records.selections[..=last.round] {
        annotate(experiment, &mut pool, selection)?;
    }
    let seed = RunSeed(manifest.seed);
    let trained = experiment.classifier().train(&pool, seed, last.round, watch.progress)?;
    save(experiment, &pool, seed, &trained, folder)?;
    let costs = cost(&trained);
    Ok(record(&pool, last.round, trained, None, last.stop, costs))
}

fn annotate(
    experiment: &Experiment,
    pool: &mut Pool,
    selection: &SelectionRecord,
) -> anyhow::Result<()> {
    let selected = pool.select(&selection.claim(), selection.rows.len())?;
    let known = |id: &DocId| &experiment.dataset.train.ids[id.0 as usize];
    let same = selected.ids().iter().map(known).eq(&selection.ids);
    ensure!(same, "the records name other texts than the data set has");
    let labels = SimulatedOracle::new(&experiment.dataset.train.labels).annotate(&selected);
    pool.annotate(selected, &labels, selection.round as u32);
    Ok(())
}

fn save(
    experiment: &Experiment,
    pool: &Pool,
    seed: RunSeed,
    trained: &Trained,
    folder: &Path,
) -> anyhow::Result<()> {
    let description = Description {
        format: Description::FORMAT,
        host: env!("CARGO_PKG_VERSION").to_owned(),
        data: experiment.dataset.name.clone(),
        data_hash: experiment.data_hash.clone(),
        labeled: pool.labeled().len(),
        seed: seed.0,
        model: experiment.learner.config().clone(),
        thresholds: trained.thresholds,
        test: trained.metrics,
        labels: experiment.dataset.vocabulary.clone(),
        files: BTreeMap::new(), // Known once they are written.
    };
    saved_classifier::write(experiment, &description, &folder.join(saved_classifier::FOLDER))
}
