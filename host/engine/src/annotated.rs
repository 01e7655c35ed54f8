//! The classifier that a labeling project ships: trained on all that people have labeled, the audit too.

use std::path::Path;

use alhost_base::ledger::Ledger;
use alhost_base::seed::RunSeed;
use alhost_metrics::Estimate;
use alhost_plugin_api::{DocId, Selection};
use alhost_record::{Records, Thresholds};
use anyhow::{Context as _, ensure};

use crate::experiment::{Experiment, Watch};
use crate::full_data::save;
use crate::oracle::{Annotation, Recorded};
use crate::pool::Pool;
use crate::session::classifier;

/// What a shipped classifier was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shipped {
    /// Texts that it was trained on; so many of them are of the audit.
    pub labeled: usize,
    pub audited: usize,
    pub skipped: usize,
    pub thresholds: Thresholds,
    /// What the audit said of the last round's classifier, which was not trained on it.
    pub estimate: Option<Estimate>,
}

/// Trains on every text that `answers` has labels for, and puts the classifier into `folder`. `records` are those of the project's
/// run. Its thresholds are those of the last round: they were tuned on the audit when nothing was trained on it. Before
/// there is such a round they are those that the labeled texts suggest.
pub fn train(
    experiment: &mut Experiment,
    records: &Records,
    answers: &Recorded,
    folder: &Path,
    watch: Watch<'_>,
) -> anyhow::Result<Shipped> {
    let task = &experiment.task;
    let given = answers.all()?;
    let labeled = given.values().filter(|said| matches!(said, Annotation::Labels(_))).count();
    ensure!(
        labeled > 1,
        "{labeled} texts are labeled, and a classifier needs two\nhint: label some"
    );
    let mut pool = Pool::new(task.n_texts(), task.n_labels());
    let ids: Vec<DocId> = given.keys().copied().collect();
    let selection = pool.select(&Selection::ranked(ids), given.len())?;
    let skipped = given.len() - labeled;
    let of_audit = records.selections.iter().flat_map(|selection| &selection.audit_rows);
    let of_audit: Vec<DocId> = of_audit.map(|&row| DocId(row)).collect();
    pool.annotate(&selection, given.into_iter().collect(), 0)?;
    let audited = pool.labeled().iter().filter(|id| of_audit.contains(id)).count();

    let seed = RunSeed(records.manifest.seed);
    let mut ledger = Ledger::default();
    let mut trained =
        classifier(experiment, &mut ledger).train_anew(&pool, seed, 0, watch.progress)?;
    let last = records.rounds.last();
    if let Some(last) = last.filter(|last| last.thresholds.micro.is_some()) {
        trained.thresholds = last.thresholds;
    }
    trained.estimate = last.and_then(|last| last.estimate);
    let (thresholds, estimate) = (trained.thresholds, trained.estimate);
    save(experiment, &pool, seed, &trained, folder)
        .with_context(|| format!("{}: the classifier cannot be written", folder.display()))?;
    Ok(Shipped { labeled, audited, skipped, thresholds, estimate })
}
