//! The active-learning loop: one strategy, one seed.
//!
//! Everything it does is on disk before it is acted upon, so a run that was killed at any moment
//! goes on when it is started again, and ends with the same records.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail, ensure};

use crate::acquired::acquired;
use crate::charge::Charged;
use crate::classifier::Trained;
use crate::config::Start;
use crate::experiment::{Experiment, Watch};
use crate::metrics;
use crate::oracle::SimulatedOracle;
use crate::plugin::{LoadedStrategy, Panels};
use crate::pool::{Pool, ValidSelection};
use crate::progress::Shared;
use crate::query::{Answer, Query};
use crate::record::{
    Cost, Resume, RoundRecord, RunDir, Seconds, SelectionRecord, Signals, Stop, peak_memory_bytes,
};
use crate::seed::RunSeed;
use crate::shadow::Shadows;
use crate::stopping;

/// Strategies beside the one that drives the run.
#[derive(Default)]
pub struct Others<'a> {
    /// Chooses the initial set; `None` draws it at random.
    pub initial: Option<&'a mut LoadedStrategy>,
    /// Select on the same models, and change nothing.
    pub shadows: Option<&'a mut Shadows>,
}

/// Runs the rounds that `resume` has not, and gives back all records, old and new.
pub fn run(
    experiment: &mut Experiment,
    strategy: &mut LoadedStrategy,
    others: Others<'_>,
    seed: RunSeed,
    (mut dir, resume): (RunDir, Resume),
    watch: Watch<'_>,
) -> anyhow::Result<Vec<RoundRecord>> {
    if resume.is_finished() {
        return Ok(resume.rounds);
    }
    let Others { initial, mut shadows } = others;
    let config = experiment.config.r#loop.clone();
    let dataset = Arc::clone(&experiment.dataset);
    let oracle = SimulatedOracle::new(&dataset.train.labels);
    let mut pool = Pool::new(dataset.train.ids.len(), experiment.n_labels());
    let paid = resume.rounds.iter().flat_map(|round| &round.cost.shared);
    experiment.charged = Charged::after(paid);
    go_on(experiment, strategy, &resume, dir.path())?;

    // The initial set: from disk, or chosen now and written down.
    let mut selection = match recorded(&resume, 0, &pool)? {
        Some(selection) => selection,
        None => {
            let selection = experiment.initial_set(initial, &pool, seed, watch)?;
            keep(&mut dir, experiment, 0, &selection, &[])?;
            selection
        }
    };

    let mut rounds = resume.rounds.clone();
    for round in 0.. {
        // Annotate: the oracle labels what was selected.
        let labels = oracle.annotate(&selection);
        pool.annotate(selection, &labels, round as u32);

        // A round that is recorded needs no model: the texts that it selected are on disk.
        if round < resume.rounds.len() {
            selection = recorded(&resume, round + 1, &pool)?
                .with_context(|| format!("the selection after round {round} is not on disk"))?;
            continue;
        }

        // Train on the labeled set, tune the threshold on dev, judge on test.
        let mut trained = experiment.classifier().train(&pool, seed, round, watch.progress)?;
        let signals = experiment.classifier().signals(
            &pool,
            seed,
            &mut trained,
            rounds.last(),
            watch.progress,
        )?;

        // Query: the strategy chooses what the next round is trained on as well.
        let stop = stop(&pool, config.budget).or_else(|| {
            let signals = signals.clone().unwrap_or_default();
            stopping::decide(&config.stop, &rounds, &signals, &trained.seconds)
        });
        let mut cost = cost(&trained);
        if round == 0 {
            cost.shared.splice(0..0, experiment.used_at_opening());
        }
        let mut next = None;
        if stop.is_none() {
            let n = config.query_size.min(config.budget - pool.labeled().len());
            let threshold = Some(trained.threshold);
            let query = Query { n, round: round + 1, seed, threshold };
            let panels = Panels::new(pool.n_texts());
            next = recorded(&resume, round + 1, &pool)?;
            if next.is_none() {
                let answer = experiment.query(strategy, &pool, query, watch, &panels)?;
                let Answer { selection, seconds, actual, shared } = answer;
                charge_query(&mut cost, seconds, actual, shared);
                keep(&mut dir, experiment, round + 1, &selection, &strategy.save()?)?;
                next = Some(selection);
            }
            if let (Some(shadows), Some(next)) = (&mut shadows, &next) {
                shadows.follow(experiment, (&pool, query), next, &panels, watch)?;
            }
        }

        let mut weights = None;
        if experiment.config.train.start == Start::Warm {
            experiment.learner.save(&dir.model_path(round))?;
            weights = Some(dir.model_hash(round)?);
        }

        // Record the round, after the selection that was made in it.
        cost.peak_memory_bytes = peak_memory_bytes();
        let mut record = record(&pool, round, trained, signals, stop, cost);
        record.weights = weights;
        record.acquired = Some(acquired(&pool, &experiment.tokens.train, round));
        tell(&strategy.instance, seed, &record);
        dir.append_round(&record)?;
        rounds.push(record);

        match next {
            Some(next) => selection = next,
            None => break,
        }
        if watch.cancelled.load(Ordering::Relaxed) {
            bail!("stopped after round {round}\nhint: the same command goes on from here");
        }
    }
    Ok(rounds)
}

/// Brings strategy and model to where a resumed run left them.
fn go_on(
    experiment: &mut Experiment,
    strategy: &mut LoadedStrategy,
    resume: &Resume,
    dir: &Path,
) -> anyhow::Result<()> {
    if let Some(state) = resume.strategy_state.as_ref().filter(|state| !state.is_empty()) {
        strategy.load(state)?;
    }
    let ids = &experiment.dataset.train.ids;
    for (index, selection) in resume.selections.iter().enumerate() {
        let id = |row: &u32| ids.get(*row as usize);
        let same = selection.rows.iter().map(id).eq(selection.ids.iter().map(Some));
        ensure!(
            same,
            "{}: the ids of selection {index} are not those of its rows in the data set\n\
             hint: no kill leaves this behind; restore the folder, or delete it to start over",
            dir.display()
        );
    }
    if experiment.config.train.start == Start::Warm && !resume.rounds.is_empty() {
        let weights = resume.model_state.as_ref().with_context(|| {
            format!(
                "{}: the weights that the last round ended with are gone\nhint: restore the folder \
                 `checkpoint` in it, or delete the run to start over",
                dir.display()
            )
        })?;
        experiment.learner.load(weights)?;
    }
    Ok(())
}

/// The selection that round `round` is the first to train on, if it is on disk.
fn recorded(resume: &Resume, round: usize, pool: &Pool) -> anyhow::Result<Option<ValidSelection>> {
    let Some(kept) = resume.selections.get(round) else { return Ok(None) };
    let selection = pool.select(&kept.claim(), kept.rows.len());
    Ok(Some(
        selection.with_context(|| format!("the recorded selection {round} is no longer valid"))?,
    ))
}

fn keep(
    dir: &mut RunDir,
    experiment: &Experiment,
    round: usize,
    selection: &ValidSelection,
    strategy_state: &[u8],
) -> anyhow::Result<()> {
    let record = SelectionRecord::new(
        round,
        (selection.ids(), selection.scores()),
        &experiment.dataset.train.ids,
    );
    Ok(dir.append_selection(&record, strategy_state)?)
}

fn stop(pool: &Pool, budget: usize) -> Option<Stop> {
    if pool.labeled().len() >= budget {
        Some(Stop::Budget)
    } else if pool.unlabeled().is_empty() {
        Some(Stop::PoolEmpty)
    } else {
        None
    }
}

pub(crate) fn cost(trained: &Trained) -> Cost {
    Cost {
        seconds: trained.seconds,
        actual: Some(trained.actual),
        shared: trained.shared.clone(),
        tokens_per_second: trained.tokens_per_second,
        peak_memory_bytes: None,
    }
}

fn charge_query(cost: &mut Cost, seconds: Seconds, actual: Seconds, shared: Vec<Shared>) {
    (cost.seconds.features, cost.seconds.select) = (seconds.features, seconds.select);
    if let Some(whole) = &mut cost.actual {
        (whole.features, whole.select) = (actual.features, actual.select);
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
    RoundRecord {
        round,
        labeled: pool.labeled().len(),
        metrics: trained.metrics,
        metrics_at_micro: trained.metrics_at_micro,
        metrics_at_macro_paper: trained.metrics_at_macro_paper,
        metrics_at_macro: trained.metrics_at_macro,
        metrics_per_label: trained.metrics_per_label,
        ranking: trained.ranking,
        thresholds: trained.thresholds,
        best_epoch: trained.training.dev_score.map(|_| trained.training.best_epoch),
        epochs: trained.training.epochs,
        dev_score: trained.training.dev_score,
        losses: trained.training.losses,
        c: trained.training.c,
        weights: None,
        class_coverage: metrics::coverage(pool.labels()),
        acquired: None,
        signals,
        stop,
        cost,
    }
}

/// One line a round, so that a long run can be followed.
fn tell(instance: &str, seed: RunSeed, record: &RoundRecord) {
    if let Some(stop) = record.stop.filter(|stop| *stop != Stop::Budget) {
        tracing::info!("{instance}, seed {}: ends after round {} ({stop})", seed.0, record.round);
    }
    let headline = record.headline();
    tracing::info!(
        "{instance}, seed {}, round {}: {} labeled, micro-F1 {:.3}, macro-F1 {:.3} (paper) {:.3}, \
         {:.0} s",
        seed.0,
        record.round,
        record.labeled,
        headline.micro_f1,
        headline.macro_f1_paper,
        headline.macro_f1,
        record.cost.seconds.total(),
    );
}
