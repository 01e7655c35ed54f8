//! The service `strategy/1`: another strategy selects on the same model and pool, for one that combines
//! several.

use std::sync::{Mutex, PoisonError};

use alhost_plugin_api::asking::{AskOptions, STRATEGY};
use alhost_plugin_api::ffi::{Block, OwnedBlock};
use alhost_plugin_host::LoadedStrategy;
use anyhow::Context as _;

use super::services::{RoundView, Services, Surroundings};
use crate::pool::Offer;

/// The strategies that may be asked in one query.
pub struct Askable<'a> {
    /// In the order of the list, each with its seed in this round.
    strategies: Mutex<Vec<(&'a mut LoadedStrategy, [u8; 32])>>,
    /// Checks their answers.
    offer: Offer<'a>,
}

impl<'a> Askable<'a> {
    pub fn new(
        strategies: &'a mut [LoadedStrategy],
        seed_of: impl Fn(&str) -> [u8; 32],
        offer: Offer<'a>,
    ) -> Self {
        let with_seed = |strategy: &'a mut LoadedStrategy| {
            let seed = seed_of(&strategy.instance);
            (strategy, seed)
        };
        let strategies = Mutex::new(strategies.iter_mut().map(with_seed).collect());
        Self { strategies, offer }
    }
}

impl Services<'_> {
    /// Asks a strategy of the list. What it fetched is lent to whoever asks next, and is charged here.
    pub(super) fn ask(&self, options: &str) -> anyhow::Result<Block<'_>> {
        self.check_declared(STRATEGY)?;
        let AskOptions { strategy, n } =
            serde_json::from_str(options).with_context(|| format!("options of `{STRATEGY}`"))?;
        let askable = self.askable.as_ref().context("there is no strategy that may be asked")?;
        // One at a time: they share the model.
        let mut all = askable.strategies.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.len();
        let (strategy, seed) = all
            .get_mut(strategy)
            .with_context(|| format!("asked strategy {strategy} of a list of {count}"))?;
        let instance = strategy.instance.clone();
        let needs = strategy.manifest.needs.clone();
        let around = Surroundings { instance: &instance, needs: &needs, ..self.around };
        let view = RoundView { seed: *seed, ..self.view.clone() };
        let selection = self.with_model(|model| -> anyhow::Result<_> {
            let inner = Services::of_asked(around, view, model, self);
            let claim = strategy.select_lending(&inner, &inner, n);
            self.charge(inner.spent());
            let bad_answer =
                || format!("strategy `{instance}`, which was asked, gave a bad answer");
            askable.offer.select(&claim?, n).with_context(bad_answer)
        })?;
        let owned = OwnedBlock {
            rows: selection.ids().len(),
            u32s: selection.ids().iter().map(|id| id.0).collect(),
            f64s: selection.scores().unwrap_or_default().to_vec(),
            ..OwnedBlock::default()
        };
        Ok(self.kept.push_get(Box::new(owned)).lend())
    }
}
