//! Makes the record of a round from a trained classifier, with what it cost.

use alhost_base::ledger::{Ledger, Reused};
use alhost_base::seed::RunSeed;
use alhost_metrics as metrics;
use alhost_record::{Cost, Headline, RoundRecord, Seconds, Signals, Stop};

use crate::candidates::Filtered;
use crate::classifier::Trained;
use crate::pool::Pool;

pub(crate) fn cost(trained: &Trained) -> Cost {
    Cost {
        seconds: trained.seconds,
        actual: Some(trained.actual),
        shared: trained.shared.clone(),
        tokens_per_second: trained.tokens_per_second,
        peak_memory_bytes: None,
    }
}

pub(crate) fn charge_query(
    cost: &mut Cost,
    seconds: Seconds,
    actual: Seconds,
    shared: Vec<Reused>,
) {
    cost.seconds.features += seconds.features;
    cost.seconds.select += seconds.select;
    if let Some(whole) = &mut cost.actual {
        whole.features += actual.features;
        whole.select += actual.select;
    }
    cost.shared.extend(shared);
}

/// Filtering the pool is work of the host on behalf of the query.
pub(crate) fn charge_filter(cost: &mut Cost, ledger: &mut Ledger, filtered: &Filtered) {
    let (charged, shared) = ledger.charge(filtered.seconds, filtered.reused.clone());
    cost.seconds.features += charged;
    if let Some(whole) = &mut cost.actual {
        whole.features += filtered.seconds;
    }
    cost.shared.extend(shared);
}

pub(crate) fn record(
    pool: &Pool,
    round: usize,
    trained: Trained,
    signals: Option<Signals>,
    stop: Option<Stop>,
    cost: Cost,
) -> RoundRecord {
    let judged = trained.judged;
    RoundRecord {
        round,
        labeled: pool.labeled().len(),
        metrics: judged.map(|judged| judged.metrics),
        metrics_at_micro: judged.and_then(|judged| judged.metrics_at_micro),
        metrics_at_macro_paper: judged.and_then(|judged| judged.metrics_at_macro_paper),
        metrics_at_macro: judged.and_then(|judged| judged.metrics_at_macro),
        metrics_per_label: judged.and_then(|judged| judged.metrics_per_label),
        ranking: judged.map(|judged| judged.ranking),
        thresholds: trained.thresholds,
        best_epoch: trained.training.dev_score.map(|_| trained.training.best_epoch),
        epochs: trained.training.epochs,
        dev_score: trained.training.dev_score,
        losses: trained.training.losses,
        c: trained.training.c,
        weights: None,
        class_coverage: metrics::coverage(pool.labels()),
        acquired: None,
        estimate: trained.estimate,
        signals,
        stop,
        cost,
    }
}

/// Tells of a round in one line, so that a long run can be followed.
pub(crate) fn tell(instance: &str, seed: RunSeed, record: &RoundRecord) {
    if let Some(stop) = record.stop.filter(|stop| *stop != Stop::Budget) {
        tracing::info!("{instance}, seed {}: ends after round {} ({stop})", seed.0, record.round);
    }
    let (seed, round, labeled) = (seed.0, record.round, record.labeled);
    let seconds = record.cost.seconds.total();
    match record.headline() {
        Some(Headline { micro_f1, macro_f1_paper, macro_f1 }) => tracing::info!(
            "{instance}, seed {seed}, round {round}: {labeled} labeled, micro-F1 {micro_f1:.3}, \
             macro-F1 {macro_f1_paper:.3} (paper) {macro_f1:.3}, {seconds:.0} s"
        ),
        None => tracing::info!(
            "{instance}, seed {seed}, round {round}: {labeled} labeled, {seconds:.0} s"
        ),
    }
}
