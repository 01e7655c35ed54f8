//! A session: one strategy, one seed, stepped from one event to the next.
//!
//! Everything it does is on disk before it is acted upon, so a session that was killed at any moment goes on
//! when it is opened again, and ends with the same records.

mod steps;
mod suggest;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use alhost_base::ledger::Ledger;
use alhost_base::seed::RunSeed;
use alhost_config::Start;
use alhost_plugin_host::LoadedStrategy;
use alhost_record::{Resume, RoundRecord, RunDir, Signals, Stop, place};
use anyhow::{Context as _, bail, ensure};

use crate::classifier::{Classifier, Trained};
use crate::experiment::{Experiment, Task, Watch};
use crate::oracle::{self, Oracle};
use crate::pool::{Audit, Pool, ValidSelection};
use crate::shadow::Shadows;
use crate::strategies::Strategies;

pub use suggest::Suggested;

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
    /// A step gave an error, or is under way.
    Failed,
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
    /// Whether the model has been trained here, and so is that of the last round.
    has_classifier: bool,
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
        let (dir, resume) =
            RunDir::open(&path, &experiment.manifest(&strategy, initial.as_ref(), seed))?;
        let shadows = strategies.shadows(task)?;
        let shadows = (!shadows.is_empty()).then(|| Shadows::open(shadows, &path)).transpose()?;
        let paid = resume.rounds.iter().flat_map(|round| &round.cost.shared);
        let mut session = Self {
            ledger: Ledger::after(paid),
            pool: new_pool(task, seed),
            rounds: Vec::new(),
            state: State::New,
            has_classifier: false,
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
                Step::Waiting { missing } => bail!(
                    "{missing} texts have no labels yet\n\
                     hint: the oracle answers later; step the session again then"
                ),
                Step::Queried { .. } if !self.rounds.is_empty() => self.stop_if_asked()?,
                Step::Queried { .. } | Step::Trained { .. } => {}
            }
        }
    }

    /// Steps until `rounds` rounds are recorded, or the session is over. Opened again, it goes on from there.
    ///
    /// # Errors
    /// As for [`Session::step`], and if the oracle waits.
    pub fn run_rounds(mut self, rounds: usize) -> anyhow::Result<()> {
        while self.rounds.len() < rounds {
            match self.step()? {
                Step::Stopped(_) => break,
                Step::Waiting { missing } => bail!("{missing} texts have no labels yet"),
                Step::Queried { .. } | Step::Trained { .. } => {}
            }
        }
        Ok(())
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
    ///
    /// # Errors
    /// Of the strategy, the oracle, the model or the disk. After one, every further step is an error: what
    /// was on disk is whole, and a session that is opened on it goes on from there.
    pub fn step(&mut self) -> anyhow::Result<Step> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::New => self.select_first(),
            State::Selected(selection) => self.label_and_train(selection),
            State::Trained(trained) => self.query_and_record(*trained),
            State::Over(stop) => {
                self.state = State::Over(stop);
                Ok(Step::Stopped(stop))
            }
            State::Failed => bail!(
                "{}: an earlier step of this session failed\nhint: open it again to go on from its records",
                self.path.display()
            ),
        }
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

/// The experiment's model, at the cost of a run.
pub(crate) fn classifier<'a>(
    experiment: &'a mut Experiment,
    ledger: &'a mut Ledger,
) -> Classifier<'a> {
    Classifier { task: &experiment.task, model: &mut *experiment.model, ledger }
}

/// All texts unlabeled, but for those that the config keeps apart.
pub(crate) fn new_pool(task: &Task, seed: RunSeed) -> Pool {
    let (n_texts, n_labels) = (task.n_texts(), task.n_labels());
    let audit = Audit::draw(task.config.r#loop.audit, n_texts, n_labels, seed);
    Pool::with_audit(n_texts, n_labels, audit)
}

fn check_ids(resume: &Resume, ids: &[String], dir: &Path) -> anyhow::Result<()> {
    for (index, selection) in resume.selections.iter().enumerate() {
        let id = |row: &u32| ids.get(*row as usize);
        let same = selection.rows.iter().map(id).eq(selection.ids.iter().map(Some))
            && selection.audit_rows.iter().map(id).eq(selection.audit_ids.iter().map(Some));
        ensure!(
            same,
            "{}: the ids of selection {index} are not those of its rows in the data set\n\
             hint: no kill leaves this behind; restore the folder, or delete it to start over",
            dir.display()
        );
    }
    Ok(())
}
