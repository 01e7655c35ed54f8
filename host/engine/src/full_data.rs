//! One training on texts that are labeled already: all of train, or what a run has labeled.

use std::collections::BTreeMap;
use std::path::Path;

use alhost_base::ledger::Ledger;
use alhost_base::seed::RunSeed;
use alhost_plugin_api::DocId;
use alhost_record::{
    FULL_DATA, Kind, PluginManifest, Records, Resume, RoundRecord, RunDir, RunManifest,
    SelectionRecord, Stop, peak_memory_bytes,
};
use anyhow::{Context as _, bail, ensure};

use crate::acquired::acquired;
use crate::classifier::Trained;
use crate::experiment::{Experiment, Task, Watch};
use crate::oracle::{self, Answer, Oracle};
use crate::pool::Pool;
use crate::rounds::{cost, record};
use crate::saved_classifier::{self, Description};
use crate::session::{classifier, new_pool};

/// Names a full-data training among the strategies: it has another name for each head,
/// since both lie in one folder.
pub fn instance(experiment: &Experiment) -> String {
    format!("full-data-{}", experiment.task.config.model.head.name())
}

/// Its records are those of a run whose initial set is all of train, and which ends with that.
pub fn manifest(experiment: &Experiment, seed: RunSeed) -> RunManifest {
    let plugin = PluginManifest::none(FULL_DATA);
    experiment.manifest_of(Kind::FullData, instance(experiment), plugin, seed)
}

/// Trains on all of train and judges on test. The classifier is in the run's folder before the round
/// is recorded, so that a finished run has one.
pub fn train(
    experiment: &mut Experiment,
    seed: RunSeed,
    (dir, resume): (RunDir, Resume),
    watch: Watch<'_>,
) -> anyhow::Result<RoundRecord> {
    if let (true, Some(round)) = (resume.is_finished(), resume.rounds.last()) {
        return Ok(round.clone());
    }
    let all = all(experiment);
    let mut oracle = oracle::of(&experiment.task, seed);
    let opened = (dir, resume.is_fresh());
    train_once(experiment, seed, opened, (&all, &mut *oracle), Stop::PoolEmpty, watch)
}

/// Every text of train.
pub(crate) fn all(experiment: &Experiment) -> SelectionRecord {
    let ids = experiment.task.dataset.train.ids.clone();
    let rows = (0..ids.len() as u32).collect();
    SelectionRecord::all(ids, rows)
}

/// The one round of a run that trains on `texts` and ends.
pub(crate) fn train_once(
    experiment: &mut Experiment,
    seed: RunSeed,
    (mut dir, is_fresh): (RunDir, bool),
    (texts, oracle): (&SelectionRecord, &mut dyn Oracle),
    stop: Stop,
    watch: Watch<'_>,
) -> anyhow::Result<RoundRecord> {
    let mut pool = Pool::new(experiment.task.n_texts(), experiment.task.n_labels());
    annotate(&experiment.task, oracle, &mut pool, texts)?;
    if is_fresh {
        dir.append_selection(texts, &[])?;
    }
    // Not kept for others, as a first round is: the classifier's folder has it.
    let mut ledger = Ledger::default();
    let trained = classifier(experiment, &mut ledger).train_anew(&pool, seed, 0, watch.progress)?;
    save(experiment, &pool, seed, &trained, dir.path())?;
    let mut costs = cost(&trained);
    costs.shared.splice(0..0, experiment.charge_opening(&mut ledger));
    costs.peak_memory_bytes = peak_memory_bytes();
    let mut round = record(&pool, 0, trained, None, Some(stop), costs);
    round.acquired = Some(acquired(&pool, &experiment.task.tokens.train, 0));
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
    let last = last_round(experiment, records, folder)?;
    let seed = RunSeed(records.manifest.seed);
    let mut pool = new_pool(&experiment.task, seed);
    let mut oracle = oracle::of(&experiment.task, seed);
    for selection in &records.selections[..=last.round] {
        annotate(&experiment.task, &mut *oracle, &mut pool, selection)?;
    }
    let mut ledger = Ledger::default();
    let trained =
        classifier(experiment, &mut ledger).train(&pool, seed, last.round, watch.progress)?;
    save(experiment, &pool, seed, &trained, folder)?;
    let costs = cost(&trained);
    Ok(record(&pool, last.round, trained, None, last.stop, costs))
}

/// The last round of a run, which must be on the same data.
pub(crate) fn last_round<'a>(
    experiment: &Experiment,
    records: &'a Records,
    folder: &Path,
) -> anyhow::Result<&'a RoundRecord> {
    ensure!(
        records.manifest.data_hash == experiment.task.names_of_data(),
        "{} is a run on other data\nhint: give the config of that run",
        folder.display()
    );
    records.rounds.last().with_context(|| {
        format!("{} has no finished round\nhint: let the run go on first", folder.display())
    })
}

/// Labels the texts of a record, by the oracle that labeled them in the run.
pub(crate) fn annotate(
    task: &Task,
    oracle: &mut dyn Oracle,
    pool: &mut Pool,
    selection: &SelectionRecord,
) -> anyhow::Result<()> {
    let selected = pool.recorded(selection)?;
    let known = |id: &DocId| &task.dataset.train.ids[id.0 as usize];
    let named = selection.ids.iter().chain(&selection.audit_ids);
    let same = selected.ids().iter().map(known).eq(named);
    ensure!(same, "the records name other texts than the data set has");
    match oracle.answer(&selected)? {
        Answer::Given(given) => pool.annotate(&selected, given, selection.round as u32)?,
        Answer::Waiting { missing } => bail!("{missing} texts have no labels yet"),
    }
    Ok(())
}

pub(crate) fn save(
    experiment: &Experiment,
    pool: &Pool,
    seed: RunSeed,
    trained: &Trained,
    folder: &Path,
) -> anyhow::Result<()> {
    let description = Description {
        format: Description::FORMAT,
        host: env!("CARGO_PKG_VERSION").to_owned(),
        data: experiment.task.dataset.name.clone(),
        data_hash: experiment.task.data_hash.clone(),
        labeled: pool.labeled().len(),
        seed: seed.0,
        model: experiment.model.about().config.clone(),
        thresholds: trained.thresholds,
        // None of JSON's numbers is infinite, and such thresholds predict nothing.
        thresholds_per_label: trained
            .per_label
            .clone()
            .filter(|all| all.iter().all(|t| t.is_finite())),
        test: trained.judged.map(|judged| judged.metrics),
        estimate: trained.estimate,
        labels: experiment.task.dataset.vocabulary.clone(),
        files: BTreeMap::new(), // Known once they are written.
    };
    saved_classifier::write(
        &*experiment.model,
        &description,
        &folder.join(saved_classifier::FOLDER),
    )
}
