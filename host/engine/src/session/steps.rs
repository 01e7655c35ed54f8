//! What a session does between two events: it selects, asks for labels and trains, queries and records.

use alhost_config::Start;
use alhost_plugin_api::{DocId, Selection};
use alhost_record::{Cost, Resume, SelectionRecord, Signals, Stop, peak_memory_bytes};
use anyhow::Context as _;

use super::{Session, State, Step, classifier};
use crate::acquired::acquired;
use crate::classifier::Trained;
use crate::lending::Panels;
use crate::oracle::Answer;
use crate::pool::{Annotation, Offer, Pool, ValidSelection};
use crate::query::{Asking, Query};
use crate::rounds::{charge_filter, charge_query, cost, record, tell};
use crate::stopping;

/// Labeled texts that every classifier can be trained on.
const LABELED_AT_LEAST: usize = 2;

impl Session<'_> {
    /// Chooses the initial set, unless it is on disk.
    pub(super) fn select_first(&mut self) -> anyhow::Result<Step> {
        let selection = match recorded(&self.resume, 0, &self.pool)? {
            Some(selection) => selection,
            None => {
                let (experiment, ledger) = (&mut *self.experiment, &mut self.ledger);
                let mut asking = Asking { experiment, ledger, watch: self.watch };
                let n = asking.experiment.task.config.r#loop.initial;
                let n_audit = self.pool.audit_of(n);
                let (initial, pool) = (self.initial.as_mut(), &self.pool);
                let chosen = asking.initial_set(initial, pool, n - n_audit, self.seed)?;
                let selection = self.pool.with_audited(chosen, n_audit);
                self.dir.append_selection(&self.selection_record(0, &selection), &[])?;
                selection
            }
        };
        Ok(self.selected(selection))
    }

    /// Asks the oracle; once it has answered, trains on all that is labeled and judges on test.
    pub(super) fn label_and_train(&mut self, selection: ValidSelection) -> anyhow::Result<Step> {
        let round = self.rounds.len();
        match self.oracle.answer(&selection)? {
            Answer::Waiting { missing } => {
                self.state = State::Selected(selection);
                return Ok(Step::Waiting { missing });
            }
            Answer::Given(given) => {
                if self.is_first_selection_open()
                    && let Some(wider) = self.more_to_begin_with(&selection, &given)?
                {
                    return Ok(self.selected(wider));
                }
                self.pool.annotate(&selection, given, round as u32)?;
            }
        }
        self.pool.correct(self.oracle.corrections()?)?;
        // A round that is recorded needs no model: the texts that it selected are on disk.
        if let Some(recorded_round) = self.resume.rounds.get(round) {
            self.rounds.push(recorded_round.clone());
            return self.after_recorded(round);
        }
        let progress = self.watch.progress;
        let mut classifier = classifier(self.experiment, &mut self.ledger);
        let mut trained = classifier.train(&self.pool, self.seed, round, progress)?;
        let before = self.rounds.last();
        let signals = classifier.signals(&self.pool, self.seed, &mut trained, before, progress)?;
        self.has_classifier = true;
        self.state = State::Trained(Box::new((trained, signals)));
        Ok(Step::Trained { round })
    }

    /// Whether nothing on disk follows from the first selection.
    fn is_first_selection_open(&self) -> bool {
        let Resume { rounds, selections, .. } = &self.resume;
        self.rounds.is_empty() && rounds.is_empty() && selections.len() <= 1
    }

    /// Where nearly all texts of the first selection were skipped, returns one that has as many others besides:
    /// there is nothing to train on, and without a training nothing else is ever asked.
    fn more_to_begin_with(
        &mut self,
        selection: &ValidSelection,
        given: &[(DocId, Annotation)],
    ) -> anyhow::Result<Option<ValidSelection>> {
        let mut after = self.pool.clone();
        after.annotate(selection, given.to_vec(), 0)?;
        let enough = after.labeled().len() >= LABELED_AT_LEAST;
        if enough || after.skipped().next().is_none() || after.unlabeled().is_empty() {
            return Ok(None);
        }
        let (experiment, ledger) = (&mut *self.experiment, &mut self.ledger);
        let mut asking = Asking { experiment, ledger, watch: self.watch };
        let n = asking.experiment.task.config.r#loop.initial;
        let n_audit = after.audit_of(n);
        let more = asking.initial_set(self.initial.as_mut(), &after, n - n_audit, self.seed)?;
        let ids = [selection.chosen(), more.chosen()].concat();
        let wider = self.pool.select(&Selection::ranked(ids.clone()), ids.len())?;
        let wider = self.pool.with_audited(wider, selection.audit().len() + n_audit);
        self.dir.widen_first_selection(&self.selection_record(0, &wider))?;
        Ok(Some(wider))
    }

    fn after_recorded(&mut self, round: usize) -> anyhow::Result<Step> {
        if let Some(stop) = self.resume.rounds[round].stop {
            self.state = State::Over(stop);
            return Ok(Step::Stopped(stop));
        }
        let selection = recorded(&self.resume, round + 1, &self.pool)?
            .with_context(|| format!("the selection after round {round} is not on disk"))?;
        Ok(self.selected(selection))
    }

    /// Lets the strategy choose what the next round is trained on as well, unless the run ends here; then
    /// records the round, after the selection that was made in it.
    pub(super) fn query_and_record(
        &mut self,
        (trained, signals): (Trained, Option<Signals>),
    ) -> anyhow::Result<Step> {
        let round = self.rounds.len();
        let config = self.experiment.task.config.r#loop.clone();
        let stop = stop(&self.pool, config.budget).or_else(|| {
            let signals = signals.clone().unwrap_or_default();
            stopping::decide(&config.stop, &self.rounds, &signals, &trained.seconds)
        });
        let mut cost = cost(&trained);
        if round == 0 {
            cost.shared.splice(0..0, self.experiment.charge_opening(&mut self.ledger));
        }
        let mut next = None;
        if stop.is_none() {
            let n = config.query_size.min(config.budget - self.pool.n_labeled());
            let threshold = Some(trained.threshold);
            let query = Query { n, round: round + 1, seed: self.seed, threshold };
            next = Some(self.query(query, &mut cost)?);
        }
        let mut weights = None;
        if self.experiment.task.config.train.start == Start::Warm {
            self.experiment.model.save(&self.dir.model_path(round))?;
            weights = Some(self.dir.model_hash(round)?);
        }
        cost.peak_memory_bytes = peak_memory_bytes();
        let mut record = record(&self.pool, round, trained, signals, stop, cost);
        record.weights = weights;
        record.acquired = Some(acquired(&self.pool, &self.experiment.task.tokens.train, round));
        tell(&self.strategy.instance, self.seed, &record);
        self.dir.append_round(&record)?;
        self.rounds.push(record);
        match (next, stop) {
            (Some(selection), _) => Ok(self.selected(selection)),
            (None, stop) => {
                let stop = stop.context("a round without a selection ends the run")?;
                self.state = State::Over(stop);
                Ok(Step::Stopped(stop))
            }
        }
    }

    /// The next batch: the strategy's answer, from disk if it has given one, and texts of the audit; then the answers of the
    /// shadows.
    fn query(&mut self, mut query: Query, cost: &mut Cost) -> anyhow::Result<ValidSelection> {
        let panels = Panels::new(self.pool.n_texts());
        let recorded = recorded(&self.resume, query.round, &self.pool)?;
        if recorded.is_some() && self.shadows.is_none() {
            return recorded.context("it has just been there");
        }
        let n_audit = self.pool.audit_of(query.n);
        query.n -= n_audit;
        let (experiment, ledger) = (&mut *self.experiment, &mut self.ledger);
        let mut asking = Asking { experiment, ledger, watch: self.watch };
        let filtered = asking.filter(&self.pool, query)?;
        let among = filtered.as_ref().map(|filtered| filtered.ids.as_slice());
        let offer = Offer { pool: &self.pool, among };
        let next = match recorded {
            Some(next) => next,
            None => {
                if let Some(filtered) = &filtered {
                    charge_filter(cost, asking.ledger, filtered);
                }
                let answer = asking.ask(&mut self.strategy, offer, query, &panels)?;
                charge_query(cost, answer.seconds, answer.actual, answer.shared);
                let state = self.strategy.save()?;
                let selection = self.pool.with_audited(answer.selection, n_audit);
                let mut record = self.selection_record(query.round, &selection);
                record.candidates = among.map(<[DocId]>::len);
                self.dir.append_selection(&record, &state)?;
                selection
            }
        };
        if let Some(shadows) = &mut self.shadows {
            let of = (Offer { pool: &self.pool, among }, query);
            shadows.follow(self.experiment, of, &next, &panels, self.watch)?;
        }
        Ok(next)
    }

    fn selected(&mut self, selection: ValidSelection) -> Step {
        let texts = selection.ids().len();
        self.state = State::Selected(selection);
        Step::Queried { texts }
    }

    fn selection_record(&self, round: usize, selection: &ValidSelection) -> SelectionRecord {
        let (selected, ids) =
            ((selection.chosen(), selection.scores()), &self.experiment.task.dataset.train.ids);
        SelectionRecord::new(round, selected, ids).with_audit(selection.audit(), ids)
    }
}

/// The selection that round `round` is the first to train on, if it is on disk.
fn recorded(resume: &Resume, round: usize, pool: &Pool) -> anyhow::Result<Option<ValidSelection>> {
    let Some(kept) = resume.selections.get(round) else { return Ok(None) };
    let selection = pool.recorded(kept);
    Ok(Some(
        selection.with_context(|| format!("the recorded selection {round} is no longer valid"))?,
    ))
}

fn stop(pool: &Pool, budget: usize) -> Option<Stop> {
    if pool.n_labeled() >= budget {
        Some(Stop::Budget)
    } else if pool.unlabeled().is_empty() {
        Some(Stop::PoolEmpty)
    } else {
        None
    }
}
