//! The work behind the page: it opens data and model, trains when a batch is labeled, and puts up the next one.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use alhost_base::progress::Progress;
use alhost_base::seed::RunSeed;
use alhost_base::{aside, foreign};
use alhost_engine::pool::Audit;
use alhost_engine::{Experiment, Session, Step, Strategies, Watch};
use alhost_exchange::Suggestion;
use alhost_plugin_api::DocId;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::board::Wanted;
use crate::live::{Live, counted};
use crate::shared::{Phase, Shared, State};

static NEVER: AtomicBool = AtomicBool::new(false);

/// Opens data, model and strategies for the project's config.
pub type Open<'a> = dyn Fn() -> anyhow::Result<(Experiment, Strategies)> + Sync + 'a;

/// What to do where a batch is not labeled yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patience {
    /// Wait until it is.
    Wait,
    /// Come back.
    Return,
}

/// Why the work on one opened experiment ended.
enum Ended {
    /// Labels were added, so that the model needs more outputs.
    Grown,
    /// There is nothing to do, or nothing to do now.
    Done,
}

/// Works until no more texts are to be chosen, or until people are to label and `patience` says to come back. Everything that it
/// does is on disk before it is shown.
pub fn work(
    shared: &Shared,
    open: &Open<'_>,
    patience: Patience,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    let done = work_on(shared, open, patience, progress);
    if let Err(error) = &done {
        let text = format!("{error:#}");
        shared.change(|state| state.phase = Phase::Failed(text));
    }
    done
}

fn work_on(
    shared: &Shared,
    open: &Open<'_>,
    patience: Patience,
    progress: &dyn Progress,
) -> anyhow::Result<()> {
    if shared.state().labels.is_empty() {
        first_labels(shared)?;
        if patience == Patience::Return {
            return Ok(());
        }
        shared.wait(|state| (!state.labels.is_empty()).then_some(()));
    }
    loop {
        shared.change(|state| state.phase = Phase::Opening);
        let n_labels = shared.state().labels.len();
        let (mut experiment, mut strategies) = open()?;
        let watch = Watch { progress, cancelled: &NEVER };
        let known = experiment.task.n_labels();
        ensure!(known >= n_labels, "the list of labels became shorter: {known} of {n_labels}");
        if let Ended::Done =
            one_session(shared, (&mut experiment, &mut strategies), patience, watch)?
        {
            return Ok(());
        }
    }
}

/// Hands out texts of the audit, which need no classifier to be chosen.
fn first_labels(shared: &Shared) -> anyhow::Result<()> {
    let config = &shared.project.config;
    let seed = RunSeed(config.seeds[0]);
    let audit = Audit::draw(config.r#loop.audit, shared.texts.ids.len(), 0, seed).context(
        "the project has no labels yet, and no audit to begin with\n\
         hint: write some labels into labels.txt, or set `loop.audit` in project.toml",
    )?;
    let upcoming = audit.upcoming().iter().map(|id| id.0 as usize).collect();
    shared.change(|state| {
        state.phase = Phase::FirstLabels;
        state.board.put_up(Vec::new(), upcoming, &|row| shared.wants_second(row));
    });
    Ok(())
}

fn one_session(
    shared: &Shared,
    (experiment, strategies): (&mut Experiment, &mut Strategies),
    patience: Patience,
    watch: Watch<'_>,
) -> anyhow::Result<Ended> {
    let n_labels = experiment.task.n_labels();
    let planned = strategies.plan.strategies.first().context("the project names no strategy")?;
    let instance = planned.instance.clone();
    let strategy = (instance.clone(), planned.file.manifest.summary.clone());
    shared.change(|state| state.strategy = strategy);
    let oracle = Box::new(Live::new(shared, n_labels));
    let seed = experiment.task.config.seeds[0];
    let mut session = Session::open_with(experiment, strategies, &instance, seed, oracle, watch)?;
    loop {
        if session.wanted().is_some() {
            put_up(shared, &session)?;
            if patience == Patience::Wait && session.rounds().is_empty() {
                session.warm_up()?;
            }
            if !wait_for_batch(shared, patience) {
                return Ok(Ended::Done);
            }
            // What was answered with them may name labels that came in since.
            if shared.state().labels.len() > n_labels {
                return Ok(Ended::Grown);
            }
            shared.change(|state| state.phase = Phase::Training);
        }
        match session.step()? {
            Step::Stopped(why) => {
                shared.change(|state| {
                    state.rounds = session.rounds().to_vec();
                    state.phase = Phase::Finished(why.to_string());
                });
                return Ok(Ended::Done);
            }
            Step::Queried { .. } | Step::Trained { .. } | Step::Waiting { .. } => {}
        }
    }
}

/// Whether the batch is labeled; waits for it, if it is to.
fn wait_for_batch(shared: &Shared, patience: Patience) -> bool {
    let is_labeled = |state: &mut State| {
        state.board.batch().iter().all(|wanted| state.answers.has(&shared.texts.ids[wanted.row]))
    };
    if patience == Patience::Return {
        return is_labeled(&mut shared.state());
    }
    shared.wait(|state| is_labeled(state).then_some(true))
}

/// Shows the batch that the session waits for, with suggestions where there is a classifier.
fn put_up(shared: &Shared, session: &Session<'_>) -> anyhow::Result<()> {
    let wanted = session.wanted().context("the session waits for labels")?;
    let of = |ids: &[DocId], is_audit: bool| {
        let one = |id: &DocId| Wanted { row: id.0 as usize, is_audit };
        ids.iter().map(one).collect::<Vec<_>>()
    };
    let batch = [of(wanted.chosen(), false), of(wanted.audit(), true)].concat();
    let audit = session.pool().audit();
    // The first of those to come are in the batch already.
    let upcoming = audit.map_or(&[][..], Audit::upcoming).iter().skip(wanted.audit().len());
    let upcoming: Vec<usize> = upcoming.map(|id| id.0 as usize).collect();
    let earlier = of(session.pool().labeled(), false);
    let suggestions = suggestions(shared, session)?;
    shared.change(|state| {
        state.rounds = session.rounds().to_vec();
        state.board.put_up(earlier, Vec::new(), &|row| shared.wants_second(row));
        state.board.put_up(batch, upcoming, &|row| shared.wants_second(row));
        state.suggestions = suggestions;
        state.phase = Phase::Asking;
    });
    Ok(())
}

/// Suggestions as they are kept for the next start, which has no classifier until the next training.
#[derive(Deserialize, Serialize)]
struct Kept {
    round: usize,
    /// By id of the text.
    texts: HashMap<String, Vec<Suggestion>>,
}

fn suggestions(
    shared: &Shared,
    session: &Session<'_>,
) -> anyhow::Result<HashMap<usize, Vec<Suggestion>>> {
    let wanted = session.wanted().context("the session waits for labels")?;
    let config = &shared.project.config.label;
    let ids = if config.suggest_audit { wanted.ids() } else { wanted.chosen() };
    let open = {
        let state = shared.state();
        ids.iter().any(|id| counted(shared, &state, id.0 as usize).is_none())
    };
    let round = session.rounds().len();
    if !open {
        return Ok(HashMap::new()); // A batch of the past.
    }
    let Some(found) = session.suggest(ids, config.suggestions)? else {
        return Ok(kept_suggestions(shared, round));
    };
    let state = shared.state();
    let named = |labels: Vec<(u32, f32)>| {
        let one = |(label, probability): (u32, f32)| {
            let label = state.labels.names()[label as usize].clone();
            Suggestion { label, probability }
        };
        labels.into_iter().map(one).collect::<Vec<_>>()
    };
    let by_row: HashMap<usize, Vec<Suggestion>> =
        ids.iter().map(|id| id.0 as usize).zip(found.into_iter().map(named)).collect();
    drop(state);
    let texts = by_row.iter().map(|(&row, found)| (shared.texts.ids[row].clone(), found.clone()));
    let kept = Kept { round, texts: texts.collect() };
    aside::replace(&shared.project.suggestions(), &serde_json::to_vec(&kept)?)?;
    Ok(by_row)
}

/// What was suggested for the batch after `round` trainings. Of another batch, damaged or gone, there is nothing: suggestions are
/// a help, and no result depends on them.
pub(crate) fn kept_suggestions(shared: &Shared, round: usize) -> HashMap<usize, Vec<Suggestion>> {
    let kept = foreign::read_text(&shared.project.suggestions(), 1 << 30).ok();
    let kept = kept.and_then(|text| serde_json::from_str::<Kept>(&text).ok());
    let kept = kept.filter(|kept| kept.round == round).map(|kept| kept.texts);
    let row = |(id, labels)| Some((*shared.rows.get(&id)?, labels));
    kept.unwrap_or_default().into_iter().filter_map(row).collect()
}
