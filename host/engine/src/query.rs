//! One query: a strategy selects on the current model, and its answer is checked.

use std::time::Instant;

use alhost_base::ledger::{Ledger, Notes, Reused, Work};
use alhost_base::seed::{Purpose, RunSeed};
use alhost_plugin_api::{Rng, Selection};
use alhost_plugin_host::LoadedStrategy;
use alhost_record::Seconds;
use anyhow::Context as _;

use crate::experiment::{Experiment, Watch};
use crate::lending::{Askable, Panels, RoundView, Services, Surroundings};
use crate::pool::{Offer, Pool, ValidSelection};

/// A question to a strategy.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    pub(crate) n: usize,
    pub(crate) round: usize,
    pub(crate) seed: RunSeed,
    /// `None` before the first training.
    pub(crate) threshold: Option<f32>,
}

pub(crate) struct Answer {
    pub(crate) selection: ValidSelection,
    /// `features`, what the host spent on features and services, and `select`, the strategy's own;
    /// as if the run were alone, and really.
    pub(crate) seconds: Seconds,
    pub(crate) actual: Seconds,
    /// Lists what was used for the first time of what is computed once.
    pub(crate) shared: Vec<Reused>,
}

/// Puts queries to strategies. `ledger` is that of whoever pays.
pub(crate) struct Asking<'a> {
    pub(crate) experiment: &'a mut Experiment,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) watch: Watch<'a>,
}

impl Asking<'_> {
    /// Asks `strategy` and checks its answer. It sees what is offered alone. `panels` holds what strategies
    /// that select on the same model state use together.
    pub(crate) fn ask(
        &mut self,
        strategy: &mut LoadedStrategy,
        offer: Offer<'_>,
        query: Query,
        panels: &Panels,
    ) -> anyhow::Result<Answer> {
        let notes = Notes::default();
        let Experiment { task, model, matrices, .. } = &mut *self.experiment;
        let view = view(offer, query, &strategy.instance, task.n_labels());
        let needs = strategy.manifest.needs.clone();
        let instance = strategy.instance.clone();
        let around = Surroundings {
            instance: &instance,
            needs: &needs,
            texts: &task.dataset.train.texts,
            tokens: &task.tokens.train,
            trained: query.threshold.is_some(),
            matrix_limit: (task.config.limits.matrix_gib * GIB) as u64,
            matrices,
            surprisal_seed: query.seed.torch(Purpose::Surprisal, 0).cast_unsigned(),
            work: Work { progress: self.watch.progress, notes: &notes },
            cancelled: self.watch.cancelled,
        };
        let mut asked = std::mem::take(&mut strategy.asked);
        let seed_of = |name: &str| query.seed.derive(Purpose::Strategy(name), query.round);
        let askable = Askable::new(&mut asked, seed_of, offer);
        let services = Services::new(around, view, &mut **model, panels).asking(askable);
        let timed = Instant::now();
        let claim = strategy.select_lending(&services, &services, query.n);
        let whole = timed.elapsed();
        let (features, owed) = (services.spent(), services.owed());
        drop(services);
        strategy.asked = asked;
        let claim = claim?;
        let selection = offer.select(&claim, query.n).with_context(|| {
            format!("strategy `{instance}` gave a bad answer in round {}", query.round)
        })?;
        let select = whole.saturating_sub(features).as_secs_f64();
        let features = features.as_secs_f64();
        let (charged, shared) = self.ledger.charge(features + owed, notes.take());
        let actual = Seconds { features, select, ..Seconds::default() };
        let seconds = Seconds { features: charged, ..actual };
        Ok(Answer { selection, seconds, actual, shared })
    }

    /// The texts labeled before the first training: at random, or by a strategy that needs no
    /// classifier. The same for all strategies of a seed.
    pub(crate) fn initial_set(
        &mut self,
        initial: Option<&mut LoadedStrategy>,
        pool: &Pool,
        n: usize,
        seed: RunSeed,
    ) -> anyhow::Result<ValidSelection> {
        match initial {
            Some(strategy) => {
                let query = Query { n, round: 0, seed, threshold: None };
                let panels = Panels::new(pool.n_texts());
                Ok(self.ask(strategy, Offer::whole(pool), query, &panels)?.selection)
            }
            None => {
                let mut rng = Rng::stream(&seed.derive(Purpose::InitialSet, 0), "random");
                let unlabeled = pool.unlabeled();
                let ids = rng.sample(unlabeled.len(), n.min(unlabeled.len()));
                let ids = ids.into_iter().map(|place| unlabeled[place]).collect();
                Ok(pool.select(&Selection::ranked(ids), n)?)
            }
        }
    }
}

const GIB: f64 = (1u64 << 30) as f64;

/// Shows the part of the pool that a strategy may see.
fn view(offer: Offer<'_>, query: Query, instance: &str, n_labels: usize) -> RoundView {
    let pool = offer.pool;
    let (offsets, ids) = pool.labels().csr();
    RoundView {
        round: query.round as u32,
        n_labels: n_labels as u32,
        threshold: query.threshold.unwrap_or(f32::NAN),
        pool: offer.texts().iter().map(|id| id.0).collect(),
        labeled: pool.labeled().iter().map(|id| id.0).collect(),
        label_offsets: offsets.to_vec(),
        label_ids: ids.to_vec(),
        acquired_in: pool.rounds().to_vec(),
        seed: query.seed.derive(Purpose::Strategy(instance), query.round),
    }
}
