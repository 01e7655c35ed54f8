//! The stand-in as a host: the ABI's trait over the synthetic corpus.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use abi_stable::std_types::{RResult, RSlice, RStr};
use serde_json::Value;

use super::arena::Owned;
use super::trouble::quickened;
use super::{StandIn, compute, corpus};
use crate::asking::STRATEGY;
use crate::features::{
    EMBEDDING, FEATURES, LOGITS, MC_PROBABILITIES, MLM_SURPRISAL, PROBABILITIES, TEXT, WORD_PIECES,
};
use crate::ffi::{Block, Host, PlugError, RoundInfo, SinkMut};
use crate::{Error, Result};

impl StandIn {
    fn feature(&self, feature: &str, options: &str, ids: &[u32]) -> Result<Owned> {
        self.note(feature, options)?;
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.n_texts) {
            return Err(Error::new(format!("text {id}, but there are {}", self.n_texts)));
        }
        let sigmoid = |logit: f32| 1.0 / (1.0 + (-logit).exp());
        let dense = |data: &[f32], cols: usize| Owned {
            rows: ids.len(),
            cols,
            f32s: ids.iter().flat_map(|&id| &data[id as usize * cols..][..cols]).copied().collect(),
            ..Owned::default()
        };
        match feature {
            LOGITS => Ok(dense(&self.logits, self.n_labels)),
            PROBABILITIES => {
                let mut owned = dense(&self.logits, self.n_labels);
                owned.f32s.iter_mut().for_each(|x| *x = sigmoid(*x));
                Ok(owned)
            }
            FEATURES | EMBEDDING => Ok(dense(&self.vectors.0, self.vectors.1)),
            MC_PROBABILITIES => Ok(self.mc_probabilities(options, ids)),
            MLM_SURPRISAL => Ok(self.sparse(ids)),
            TEXT => Ok(self.text(ids)),
            WORD_PIECES => Ok(Owned {
                rows: ids.len(),
                cols: 3,
                u32s: ids.iter().flat_map(|&id| self.word_pieces[id as usize]).collect(),
                ..Owned::default()
            }),
            _ => Err(Error::new(format!("there is no feature `{feature}`"))),
        }
    }

    /// Pass p shifts every logit by sin(p + id + label) / 2.
    fn mc_probabilities(&self, options: &str, ids: &[u32]) -> Owned {
        let options: Value = serde_json::from_str(options).unwrap_or_default();
        let passes = options["passes"].as_u64().unwrap_or(1) as usize;
        let mut owned = Owned { rows: ids.len(), cols: passes * self.n_labels, ..Owned::default() };
        for &id in ids {
            let logits = &self.logits[id as usize * self.n_labels..][..self.n_labels];
            for pass in 0..passes {
                owned.f32s.extend(logits.iter().enumerate().map(|(label, &logit)| {
                    let shift = ((pass + id as usize + label) as f32).sin() / 2.0;
                    1.0 / (1.0 + (-logit - shift).exp())
                }));
            }
        }
        owned
    }

    fn sparse(&self, ids: &[u32]) -> Owned {
        let (offsets, positions, losses) = &self.surprisal;
        let cols = corpus::n_positions(self);
        let mut owned = Owned { rows: ids.len(), cols, u64s: vec![0], ..Owned::default() };
        for &id in ids {
            let at = offsets[id as usize] as usize..offsets[id as usize + 1] as usize;
            owned.u32s.extend_from_slice(&positions[at.clone()]);
            owned.f32s.extend_from_slice(&losses[at]);
            owned.u64s.push(owned.u32s.len() as u64);
        }
        owned
    }

    fn text(&self, ids: &[u32]) -> Owned {
        let mut owned = Owned { rows: ids.len(), u64s: vec![0], ..Owned::default() };
        for &id in ids {
            owned.bytes.extend_from_slice(self.texts[id as usize].as_bytes());
            owned.u64s.push(owned.bytes.len() as u64);
        }
        owned
    }
}

impl Host for StandIn {
    fn round(&self) -> RoundInfo<'_> {
        RoundInfo {
            round: self.round,
            n_texts: self.n_texts as u32,
            n_labels: self.n_labels as u32,
            threshold: self.threshold,
            pool: self.pool.as_slice().into(),
            labeled: self.labeled.as_slice().into(),
            label_offsets: self.label_offsets.as_slice().into(),
            label_ids: self.label_ids.as_slice().into(),
            acquired_in: self.acquired_in.as_slice().into(),
            seed: self.seed,
        }
    }

    fn fetch(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
    ) -> RResult<Block<'_>, PlugError> {
        let (feature, options) = (feature.as_str(), options.as_str());
        answered(|| {
            let owned = self.feature(feature, options, ids.as_slice())?;
            Ok(self.kept.keep(self.spoilt(owned)).lend())
        })
    }

    fn stream(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
        rows: usize,
        mut sink: SinkMut<'_>,
    ) -> RResult<(), PlugError> {
        for (i, ids) in ids.as_slice().chunks(rows.max(1)).enumerate() {
            let computed = || self.feature(feature.as_str(), options.as_str(), ids);
            let owned = match answered(computed) {
                RResult::ROk(owned) => self.spoilt(owned),
                RResult::RErr(error) => return RResult::RErr(error),
            };
            if let RResult::RErr(error) = sink.block(i * rows.max(1), &owned.lend()) {
                return RResult::RErr(error);
            }
        }
        RResult::ROk(())
    }

    fn compute(
        &self,
        service: RStr<'_>,
        options: RStr<'_>,
        inputs: RSlice<'_, Block<'_>>,
    ) -> RResult<Block<'_>, PlugError> {
        let (service, options) = (service.as_str(), options.as_str());
        answered(|| {
            self.note(service, options)?;
            if service == STRATEGY {
                return Ok(self.kept.keep(self.spoilt(self.ask(options)?)).lend());
            }
            let quick = self.trouble.is_quick.then(|| quickened(options));
            let options = quick.as_deref().unwrap_or(options);
            let owned = compute::run(service, options, inputs.as_slice(), &self.seed)?;
            Ok(self.kept.keep(self.spoilt(owned)).lend())
        })
    }

    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.is_impatient()
    }

    fn progress(&self, _done: u64, _total: u64) {}

    fn log(&self, _level: u8, message: RStr<'_>) {
        push(&self.logged, message.as_str());
    }
}

/// A panic of the stand-in is an error of the host, not one of the plugin; past the boundary it
/// would end the program.
fn answered<T>(f: impl FnOnce() -> Result<T>) -> RResult<T, PlugError> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(Error::new("the stand-in host failed")))
        .map_err(PlugError::from)
        .into()
}

fn push(list: &Mutex<Vec<String>>, line: &str) {
    if let Ok(mut list) = list.lock() {
        list.push(line.to_owned());
    }
}
