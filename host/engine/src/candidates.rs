//! The part of the pool that strategies see in a query, where the loop filters it: so that strategies whose
//! cost grows with the square of the pool work on large ones. `docs/experiments.md` defines the filters.

use std::time::Instant;

use alhost_base::ledger::{Notes, Reused, Work};
use alhost_base::matrix::Matrix;
use alhost_base::seed::{Purpose, RunSeed};
use alhost_config::Candidates;
use alhost_plugin_api::features::{self, Pooling};
use alhost_plugin_api::{DocId, Rng};
use alhost_plugin_kit::cooccurrence::Cooccurrence;
use alhost_plugin_kit::labels;
use alhost_plugin_kit::rows::UnitRows;
use alhost_plugin_kit::strata::{self, Pairs, Quotas, Strata};

use crate::experiment::Experiment;
use crate::pool::Pool;
use crate::query::{Asking, Query};
use crate::reading::for_each_probabilities;

/// What is left of the pool, and what leaving it cost.
pub(crate) struct Filtered {
    /// Ascending; at least as many as are asked for, where there are so many.
    pub(crate) ids: Vec<DocId>,
    pub(crate) seconds: f64,
    /// What was used of what is computed once.
    pub(crate) reused: Vec<Reused>,
}

impl Asking<'_> {
    /// Filters the pool as the config says; `None` where it says nothing. What is left follows from the seed, the
    /// round, the model and the labeled texts, and not from the strategy.
    pub(crate) fn filter(&mut self, pool: &Pool, query: Query) -> anyhow::Result<Option<Filtered>> {
        let (timed, notes) = (Instant::now(), Notes::default());
        let rounds = &self.experiment.task.config.r#loop;
        let (filter, n) = (rounds.candidates, rounds.n_candidates.max(query.n));
        let chosen = match filter {
            Candidates::All => return Ok(None),
            Candidates::Random => Vec::new(),
            Candidates::Nearest => self.nearest(pool, n, &notes)?,
            Candidates::Stratified => self.stratified(pool, query, &notes)?,
        };
        let least = if filter == Candidates::Random { n } else { query.n };
        let ids = filled_up(chosen, least, pool, query.seed, query.round);
        tracing::debug!("{} of {} texts are candidates", ids.len(), pool.unlabeled().len());
        let seconds = timed.elapsed().as_secs_f64();
        Ok(Some(Filtered { ids, seconds, reused: notes.take() }))
    }

    /// The `n` texts at the least distance from a labeled one, by the mean of the pre-trained encoder's last
    /// hidden states, divided by its length. Ties go to the lower id.
    fn nearest(&mut self, pool: &Pool, n: usize, notes: &Notes) -> anyhow::Result<Vec<DocId>> {
        let Experiment { task, model, .. } = &mut *self.experiment;
        let work = Work { progress: self.watch.progress, notes };
        let all = model.pretrained(&task.tokens.train, Pooling::Mean, work)?;
        let all = UnitRows::new(features::Matrix::new(&all.data, all.rows, all.cols));
        let labeled = unit_rows(&all, pool.labeled());
        if labeled.rows == 0 {
            return Ok(Vec::new());
        }
        let unlabeled = unit_rows(&all, pool.unlabeled());
        let found = model.compute().nearest(&labeled, &unlabeled, 1)?;
        let mut order: Vec<(f32, DocId)> =
            found.distances.into_iter().zip(pool.unlabeled().iter().copied()).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.truncate(n);
        Ok(order.into_iter().map(|(_, id)| id).collect())
    }

    /// Some texts of each stratum of predicted labels, with the quotas of the article (Qi et al. 2025): a
    /// query's size of each, and of those without a prediction a number that shrinks from query to query.
    fn stratified(&self, pool: &Pool, query: Query, notes: &Notes) -> anyhow::Result<Vec<DocId>> {
        let Some(threshold) = query.threshold else { return Ok(Vec::new()) };
        let Experiment { task, model, .. } = &*self.experiment;
        let work = Work { progress: self.watch.progress, notes };
        let (n_labels, unlabeled) = (task.n_labels(), pool.unlabeled());
        let ids: Vec<u32> = unlabeled.iter().map(|id| id.0).collect();
        let mut predicted: Vec<Vec<u32>> = Vec::with_capacity(ids.len());
        let of = (&task.tokens.train, ids.as_slice());
        for_each_probabilities(&**model, of, n_labels, work, |_rows, block| {
            let of_row = |row| labels::predicted(block.row(row), threshold.into()).collect();
            predicted.extend((0..block.rows).map(of_row));
            Ok(())
        })?;
        let labeled: Vec<&[u32]> = pool.labels().rows().collect();
        let pairs = Pairs::of(&Cooccurrence::of(&labeled, n_labels), MIN_COUNT);
        let rounds = &task.config.r#loop;
        let planned = (rounds.budget - rounds.initial).div_ceil(rounds.query_size) as u32;
        let quotas = Quotas {
            stratum: query.n,
            empty: strata::empty_quota(2 * query.n, query.round as u32, Some(planned)),
        };
        let seed = query.seed.torch(Purpose::Candidates, query.round).cast_unsigned();
        let key = |stratum, text: u32| strata::random_key(seed, stratum, unlabeled[text as usize]);
        let chosen = Strata::of(&predicted, &pairs).candidates(quotas, &key);
        Ok(chosen.into_iter().map(|place| unlabeled[place as usize]).collect())
    }
}

/// Labeled texts that a label has to be in for another one to contradict it: as in the article.
const MIN_COUNT: u32 = 1;

/// The chosen texts, and others drawn at random until there are `n`, ascending.
fn filled_up(chosen: Vec<DocId>, n: usize, pool: &Pool, seed: RunSeed, round: usize) -> Vec<DocId> {
    let mut ids = chosen;
    ids.sort_unstable();
    if ids.len() < n {
        let is_free = |id: &&DocId| ids.binary_search(id).is_err();
        let free: Vec<DocId> = pool.unlabeled().iter().filter(is_free).copied().collect();
        let mut rng = Rng::stream(&seed.derive(Purpose::Candidates, round), "fill");
        let drawn = rng.sample(free.len(), n - ids.len());
        ids.extend(drawn.into_iter().map(|place| free[place]));
        ids.sort_unstable();
    }
    ids
}

/// The rows of some texts, in f32 for the model's arithmetic.
fn unit_rows(all: &UnitRows<'_>, ids: &[DocId]) -> Matrix {
    let row = |id: &DocId| all.row(id.0 as usize).into_iter().map(|x| x as f32);
    Matrix::new(ids.iter().flat_map(row).collect(), ids.len(), all.n_cols())
}
