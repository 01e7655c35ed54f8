//! Shadow mode: strategies that select on each model state of a run that another one drives. What
//! they select is compared and recorded, and never labeled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alhost_base::ledger::Ledger;
use alhost_metrics::correlation::{kendall, spearman};
use alhost_plugin_api::DocId;
use alhost_plugin_host::LoadedStrategy;
use alhost_record::{
    Likeness, RecordError, Seconds, SelectionRecord, ShadowCost, ShadowLog, ShadowRecord,
};

use crate::experiment::{Experiment, Watch};
use crate::lending::Panels;
use crate::pool::{Offer, ValidSelection};
use crate::query::{Answer, Asking, Query};

/// The shadows of one run.
pub struct Shadows {
    strategies: Vec<Shadow>,
    log: ShadowLog,
    /// Queries that are recorded.
    done: BTreeSet<(usize, String)>,
}

struct Shadow {
    strategy: LoadedStrategy,
    /// Charges it apart from the run's own strategy.
    ledger: Ledger,
}

impl Shadows {
    /// Opens the shadows of the run in `folder`, from where its records left them.
    pub fn open(strategies: Vec<LoadedStrategy>, folder: &Path) -> anyhow::Result<Self> {
        let (log, records) = ShadowLog::open(folder)?;
        let done = records.iter().map(|record| (record.round, record.strategy.clone())).collect();
        let mut shadows = Vec::new();
        for mut strategy in strategies {
            let of_it = |record: &&ShadowRecord| record.strategy == strategy.instance;
            let last = records.iter().rev().find(of_it);
            if let Some(last) = last.filter(|last| !last.state.is_empty()) {
                strategy.load(&last.state)?;
            }
            shadows.push(Shadow { strategy, ledger: Ledger::default() });
        }
        Ok(Self { strategies: shadows, log, done })
    }

    /// Puts the query to each shadow that has not answered it, on the state that the model is in.
    /// `driver` is what the run's own strategy answered. A shadow that fails costs its line only.
    pub(crate) fn follow(
        &mut self,
        experiment: &mut Experiment,
        (offer, query): (Offer<'_>, Query),
        driver: &ValidSelection,
        panels: &Panels,
        watch: Watch<'_>,
    ) -> Result<(), RecordError> {
        for Shadow { strategy, ledger } in &mut self.strategies {
            let key = (query.round, strategy.instance.clone());
            if self.done.contains(&key) {
                continue;
            }
            let mut asking = Asking { experiment, ledger, watch };
            let answer = asking.ask(strategy, offer, query, panels);
            let ids = &experiment.task.dataset.train.ids;
            // Without its state it could not go on, so a failure to save it is a failure to answer.
            let (answer, state) = match answer.and_then(|answer| Ok((answer, strategy.save()?))) {
                Ok((answer, state)) => (Ok(answer), state),
                Err(error) => (Err(error), Vec::new()),
            };
            let mut record = ShadowRecord {
                round: query.round,
                strategy: strategy.instance.clone(),
                selection: None,
                likeness: None,
                error: None,
                state,
                cost: ShadowCost { seconds: Seconds::default(), actual: Seconds::default() },
            };
            match answer {
                Ok(Answer { selection, seconds, actual, .. }) => {
                    record.likeness = Some(likeness(driver, &selection));
                    record.selection = Some(SelectionRecord::new(
                        query.round,
                        (selection.chosen(), selection.scores()),
                        ids,
                    ));
                    record.cost = ShadowCost { seconds, actual };
                }
                Err(error) => {
                    tracing::warn!("shadow `{}`: {error:#}", strategy.instance);
                    record.error = Some(format!("{error:#}"));
                }
            }
            self.log.append(&record)?;
            self.done.insert(key);
        }
        Ok(())
    }
}

fn likeness(driver: &ValidSelection, shadow: &ValidSelection) -> Likeness {
    let set =
        |selection: &ValidSelection| selection.chosen().iter().copied().collect::<BTreeSet<_>>();
    let (a, b) = (set(driver), set(shadow));
    let common = a.intersection(&b).count();
    let either = a.union(&b).count();
    let jaccard = if either == 0 { 0.0 } else { common as f64 / either as f64 };
    let pairs = scores(driver).zip(scores(shadow)).map(|(a, b)| {
        let common = a.into_iter().filter_map(|(id, score)| Some((score, *b.get(&id)?)));
        common.unzip::<f64, f64, Vec<f64>, Vec<f64>>()
    });
    let by = |correlation: fn(&[f64], &[f64]) -> Option<f64>| {
        pairs.as_ref().and_then(|(a, b)| correlation(a, b))
    };
    Likeness { common, jaccard, spearman: by(spearman), kendall: by(kendall) }
}

fn scores(selection: &ValidSelection) -> Option<BTreeMap<DocId, f64>> {
    let scores = selection.scores()?;
    Some(selection.chosen().iter().copied().zip(scores.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use alhost_plugin_api::Selection;

    use super::*;
    use crate::pool::Pool;

    fn selection(ids: &[u32], scores: Option<&[f64]>) -> ValidSelection {
        let ids = ids.iter().map(|&id| DocId(id)).collect::<Vec<_>>();
        let n = ids.len();
        let claim = Selection { ids, scores: scores.map(<[f64]>::to_vec) };
        Pool::new(20, 3).select(&claim, n).unwrap()
    }

    #[test]
    fn likeness_is_of_the_texts_and_of_the_scores_of_the_common_ones() {
        let a = selection(&[1, 2, 3, 4], Some(&[9.0, 8.0, 7.0, 6.0]));
        let b = selection(&[4, 3, 2, 10], Some(&[5.0, 6.0, 1.0, 0.0]));
        let found = likeness(&a, &b);
        assert_eq!(found.common, 3);
        assert!((found.jaccard - 0.6).abs() < 1e-12);
        // Of texts 2, 3, 4: 8, 7, 6 against 1, 6, 5.
        assert!((found.spearman.unwrap() + 0.5).abs() < 1e-12, "{found:?}");
        assert!((found.kendall.unwrap() + 1.0 / 3.0).abs() < 1e-12, "{found:?}");
        let without = likeness(&a, &selection(&[1, 2], None));
        assert_eq!((without.common, without.spearman), (2, None));
        assert!(likeness(&a, &selection(&[7], None)).jaccard.abs() < 1e-12);
    }
}
