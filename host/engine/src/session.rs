//! A session: one strategy, one seed, stepped from one event to the next.
//!
//! Everything it does is on disk before it is acted upon, so a session that was killed at any moment goes on
//! when it is opened again, and ends with the same records.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use alhost_base::ledger::Ledger;
use alhost_base::seed::RunSeed;
use alhost_config::Start;
use alhost_plugin_host::LoadedStrategy;
use alhost_record::{
    Resume, RoundRecord, RunDir, SelectionRecord, Signals, Stop, peak_memory_bytes, place,
};
use anyhow::{Context as _, bail, ensure};

use crate::acquired::acquired;
use crate::classifier::{Classifier, Trained};
use crate::experiment::{Experiment, Watch};
use crate::lending::Panels;
use crate::oracle::{self, Answer, Oracle};
use crate::pool::{Pool, ValidSelection};
use crate::query::{self, Asking, Query};
use crate::rounds::{charge_query, cost, record, tell};
use crate::shadow::Shadows;
use crate::stopping;
use crate::strategies::Strategies;

/// The event that a step led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Texts were selected, and the selection is on disk: the initial set, or what a strategy chose on the
    /// model of the round before, whose record is on disk too.
    Queried { texts: usize },
    /// The oracle has no labels yet for so many of the texts selected last. The next step asks it again.
    Waiting { missing: usize },
    /// The classifier of this round has been trained and judged. Its record is written by the next step.
    Trained { round: usize },
    /// The session is over; further steps say so again.
    Stopped(Stop),
}

/// The state of a session.
enum State {
    /// Nothing is selected yet.
    New,
    /// These texts are on disk and want labels.
    Selected(ValidSelection),
    /// The classifier of the round is trained; boxed, since it is large.
    Trained(Box<(Trained, Option<Signals>)>),
    Over(Stop),
}

/// One run of an experiment.
pub struct Session<'a> {
    experiment: &'a mut Experiment,
    watch: Watch<'a>,
    seed: RunSeed,
    strategy: LoadedStrategy,
    /// Chooses the initial set; `None` draws it at random.
    initial: Option<LoadedStrategy>,
    /// Select on the same models, and change nothing.
    shadows: Option<Shadows>,
    oracle: Box<dyn Oracle + 'a>,
    dir: RunDir,
    path: PathBuf,
    /// The records that were on disk when it was opened.
    resume: Resume,
    ledger: Ledger,
    pool: Pool,
    rounds: Vec<RoundRecord>,
    state: State,
}

impl<'a> Session<'a> {
    /// Opens the records of `strategy` (its instance's name in the plan) with this seed, new or to go on
    /// with. The labels come from the oracle that the config names.
    pub fn open(
        experiment: &'a mut Experiment,
        strategies: &mut Strategies,
        strategy: &str,
        seed: u64,
        watch: Watch<'a>,
    ) -> anyhow::Result<Self> {
        let oracle = oracle::of(&experiment.task, RunSeed(seed));
        Self::open_with(experiment, strategies, strategy, seed, oracle, watch)
    }

    /// Opens a session as [`Session::open`] does, with an oracle of the caller's.
    pub fn open_with(
        experiment: &'a mut Experiment,
        strategies: &mut Strategies,
        strategy: &str,
        seed: u64,
        oracle: Box<dyn Oracle + 'a>,
        watch: Watch<'a>,
    ) -> anyhow::Result<Self> {
        let task = &experiment.task;
        let (strategy, initial) = strategies.create(strategy, task)?;
        let path = place(&task.config.out, &task.config.name, &strategy.instance, seed);
        let seed = RunSeed(seed);
        let (dir, resume) = RunDir::open(&path, &experiment.manifest(&strategy, seed))?;
        let shadows = strategies.shadows(task)?;
        let shadows = (!shadows.is_empty()).then(|| Shadows::open(shadows, &path)).transpose()?;
        let paid = resume.rounds.iter().flat_map(|round| &round.cost.shared);
        let mut session = Self {
            ledger: Ledger::after(paid),
            pool: Pool::new(task.n_texts(), task.n_labels()),
            rounds: Vec::new(),
            state: State::New,
            experiment,
            watch,
            seed,
            strategy,
            initial,
            shadows,
            oracle,
            dir,
            path,
            resume,
        };
        session.tell_where_it_stands();
        session.go_on()?;
        Ok(session)
    }

    /// The records' folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rounds that are recorded.
    pub fn rounds(&self) -> &[RoundRecord] {
        &self.rounds
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Steps until the session is over, and gives back all its rounds.
    ///
    /// # Errors
    /// Also if the oracle waits, or if the watch is cancelled, after the round that it is in.
    pub fn run(mut self) -> anyhow::Result<Vec<RoundRecord>> {
        loop {
            match self.step()? {
                Step::Stopped(_) => return Ok(self.rounds),
                Step::Waiting { missing } => bail!("{missing} texts have no labels yet"),
                Step::Queried { .. } if !self.rounds.is_empty() => self.stop_if_asked()?,
                Step::Queried { .. } | Step::Trained { .. } => {}
            }
        }
    }

    fn stop_if_asked(&self) -> anyhow::Result<()> {
        ensure!(
            !self.watch.cancelled.load(Ordering::Relaxed),
            "stopped after round {}\nhint: the same command goes on from here",
            self.rounds.len().saturating_sub(1)
        );
        Ok(())
    }

    /// Goes on to the next event.
    pub fn step(&mut self) -> anyhow::Result<Step> {
        match std::mem::replace(&mut self.state, State::New) {
            State::New => self.select_first(),
            State::Selected(selection) => self.label_and_train(selection),
            State::Trained(trained) => self.query_and_record(*trained),
            State::Over(stop) => {
                self.state = State::Over(stop);
                Ok(Step::Stopped(stop))
            }
        }
    }

    /// Chooses the initial set, unless it is on disk.
    fn select_first(&mut self) -> anyhow::Result<Step> {
        let selection = match recorded(&self.resume, 0, &self.pool)? {
            Some(selection) => selection,
            None => {
                let mut asking = asking(self.experiment, &mut self.ledger, self.watch);
                let selection = asking.initial_set(self.initial.as_mut(), &self.pool, self.seed)?;
                self.keep(0, &selection, &[])?;
                selection
            }
        };
        Ok(self.selected(selection))
    }

    /// Asks the oracle; once it has answered, trains on all that is labeled and judges on test.
    fn label_and_train(&mut self, selection: ValidSelection) -> anyhow::Result<Step> {
        let round = self.rounds.len();
        match self.oracle.answer(&selection)? {
            Answer::Waiting { missing } => {
                self.state = State::Selected(selection);
                return Ok(Step::Waiting { missing });
            }
            Answer::Given(given) => self.pool.annotate(&selection, given, round as u32)?,
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
        self.state = State::Trained(Box::new((trained, signals)));
        Ok(Step::Trained { round })
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
    fn query_and_record(
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
            let n = config.query_size.min(config.budget - self.pool.labeled().len());
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

    /// The strategy's answer, from disk if it has given one; then that of the shadows.
    fn query(
        &mut self,
        query: Query,
        cost: &mut alhost_record::Cost,
    ) -> anyhow::Result<ValidSelection> {
        let panels = Panels::new(self.pool.n_texts());
        let next = match recorded(&self.resume, query.round, &self.pool)? {
            Some(next) => next,
            None => {
                let mut asking = asking(self.experiment, &mut self.ledger, self.watch);
                let answer = asking.ask(&mut self.strategy, &self.pool, query, &panels)?;
                let query::Answer { selection, seconds, actual, shared } = answer;
                charge_query(cost, seconds, actual, shared);
                let state = self.strategy.save()?;
                self.keep(query.round, &selection, &state)?;
                selection
            }
        };
        if let Some(shadows) = &mut self.shadows {
            let of = (&self.pool, query);
            shadows.follow(self.experiment, of, &next, &panels, self.watch)?;
        }
        Ok(next)
    }

    fn selected(&mut self, selection: ValidSelection) -> Step {
        let texts = selection.ids().len();
        self.state = State::Selected(selection);
        Step::Queried { texts }
    }

    fn keep(
        &mut self,
        round: usize,
        selection: &ValidSelection,
        strategy_state: &[u8],
    ) -> anyhow::Result<()> {
        let selected = (selection.ids(), selection.scores());
        let ids = &self.experiment.task.dataset.train.ids;
        let record = SelectionRecord::new(round, selected, ids);
        Ok(self.dir.append_selection(&record, strategy_state)?)
    }

    fn tell_where_it_stands(&self) {
        let (instance, seed) = (&self.strategy.instance, self.seed.0);
        if self.resume.is_finished() {
            tracing::info!("{instance}, seed {seed}: finished before, nothing to do");
            if self.shadows.is_some() {
                tracing::warn!(
                    "its models are gone, so it can have no shadow; choose another --out"
                );
            }
        } else if !self.resume.is_fresh() {
            let rounds = self.resume.rounds.len();
            tracing::info!("{instance}, seed {seed}: going on after {rounds} rounds");
        }
    }

    /// Brings strategy and model to where a resumed run left them.
    fn go_on(&mut self) -> anyhow::Result<()> {
        if let (true, Some(last)) = (self.resume.is_finished(), self.resume.rounds.last()) {
            let stop = last.stop.context("a finished run says why it ended")?;
            self.rounds = self.resume.rounds.clone();
            self.state = State::Over(stop);
            return Ok(());
        }
        if let Some(state) = self.resume.strategy_state.as_ref().filter(|state| !state.is_empty()) {
            self.strategy.load(state)?;
        }
        check_ids(&self.resume, &self.experiment.task.dataset.train.ids, &self.path)?;
        let warm = self.experiment.task.config.train.start == Start::Warm;
        if warm && !self.resume.rounds.is_empty() {
            let weights = self.resume.model_state.as_ref().with_context(|| {
                format!(
                    "{}: the weights that the last round ended with are gone\nhint: restore the folder \
                     `checkpoint` in it, or delete the run to start over",
                    self.path.display()
                )
            })?;
            self.experiment.model.load(weights)?;
        }
        Ok(())
    }
}

fn asking<'a>(
    experiment: &'a mut Experiment,
    ledger: &'a mut Ledger,
    watch: Watch<'a>,
) -> Asking<'a> {
    Asking { experiment, ledger, watch }
}

/// The experiment's model, at the cost of a run.
pub(crate) fn classifier<'a>(
    experiment: &'a mut Experiment,
    ledger: &'a mut Ledger,
) -> Classifier<'a> {
    Classifier { task: &experiment.task, model: &mut *experiment.model, ledger }
}

fn check_ids(resume: &Resume, ids: &[String], dir: &Path) -> anyhow::Result<()> {
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

fn stop(pool: &Pool, budget: usize) -> Option<Stop> {
    if pool.labeled().len() >= budget {
        Some(Stop::Budget)
    } else if pool.unlabeled().is_empty() {
        Some(Stop::PoolEmpty)
    } else {
        None
    }
}
