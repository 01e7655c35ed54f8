//! The host as one strategy sees it in one round: features computed when they are first asked for,
//! and compute services. Gold labels of unlabeled texts cannot be reached from here.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abi_stable::std_types::{RResult, RSlice, RStr};
use alhost_base::ledger::Work;
use alhost_base::matrix::{Matrix, MatrixRoom, Numbers};
use alhost_base::memory::MemoryHandle;
use alhost_data::{Texts, tokens::Tokens};
use alhost_model::{Model, Outputs, Surprisal, Wants, probabilities};
use alhost_plugin_api::asking::STRATEGY;
use alhost_plugin_api::features::{FEATURES, PROBABILITIES};
use alhost_plugin_api::ffi::{Block, Host, OwnedBlock, PlugError, RoundInfo, SinkMut};
use alhost_plugin_api::offers::{self, Offer};
use alhost_plugin_host::Lends;
use anyhow::{Context as _, bail, ensure};
use elsa::sync::FrozenVec;

use super::asking::Askable;
use super::compute;
use super::features::block;
use super::panels::{Lent, Panels};
use crate::reading::read_whole;

/// The part of the round that a strategy may know; see `RoundInfo` for the fields.
#[derive(Clone, Debug, Default)]
pub struct RoundView {
    pub round: u32,
    pub n_labels: u32,
    pub threshold: f32,
    pub pool: Vec<u32>,
    pub labeled: Vec<u32>,
    pub label_offsets: Vec<u64>,
    pub label_ids: Vec<u32>,
    pub acquired_in: Vec<u32>,
    pub seed: [u8; 32],
}

/// All that the services are made of, apart from the model.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Name of the strategy, for messages and the log.
    pub instance: &'a str,
    pub needs: &'a [String],
    pub texts: &'a Texts,
    pub tokens: &'a Tokens,
    /// Whether a classifier has been trained yet.
    pub trained: bool,
    /// Bytes that one matrix may take.
    pub matrix_limit: u64,
    /// Makes the matrices that are lent.
    pub matrices: &'a MatrixRoom,
    /// Decides which positions surprisal is taken at: the same in all rounds.
    pub surprisal_seed: u64,
    pub work: Work<'a>,
    pub cancelled: &'a AtomicBool,
}

pub struct Services<'a> {
    pub(super) around: Surroundings<'a>,
    pub(super) view: RoundView,
    model: Mutex<&'a mut dyn Model>,
    pub(super) panels: &'a Panels,
    /// Passes that this strategy has paid for, and seconds that it owes for those of others; one purse with
    /// the strategies that it asks.
    paid: Arc<Mutex<(BTreeSet<usize>, f64)>>,
    /// The strategies that it may ask.
    pub(super) askable: Option<Askable<'a>>,
    pub(super) kept: FrozenVec<Box<OwnedBlock>>,
    pub(super) indices: FrozenVec<Vec<u32>>,
    pub(super) embeddings: FrozenVec<Arc<Matrix>>,
    pub(super) surprisals: FrozenVec<Arc<Surprisal>>,
    /// The memory of the block that a stream lends at this moment.
    streamed: Mutex<Option<(MemoryHandle, usize)>>,
    /// Time spent here and not in the strategy.
    spent: Mutex<Duration>,
}

impl<'a> Services<'a> {
    pub fn new(
        around: Surroundings<'a>,
        view: RoundView,
        model: &'a mut dyn Model,
        panels: &'a Panels,
    ) -> Self {
        Self {
            around,
            view,
            model: Mutex::new(model),
            panels,
            paid: Arc::default(),
            askable: None,
            kept: FrozenVec::new(),
            indices: FrozenVec::new(),
            embeddings: FrozenVec::new(),
            surprisals: FrozenVec::new(),
            streamed: Mutex::new(None),
            spent: Mutex::new(Duration::ZERO),
        }
    }

    /// Lends to a strategy that may ask others.
    #[must_use]
    pub fn asking(self, askable: Askable<'a>) -> Self {
        Self { askable: Some(askable), ..self }
    }

    /// Lends to a strategy that was asked by the one that `asker` lends to.
    pub(super) fn of_asked(
        around: Surroundings<'a>,
        view: RoundView,
        model: &'a mut dyn Model,
        asker: &'a Services<'_>,
    ) -> Self {
        Self { paid: Arc::clone(&asker.paid), ..Self::new(around, view, model, asker.panels) }
    }

    /// Time that the strategy's call spent in features and services.
    pub fn spent(&self) -> Duration {
        *self.spent.lock().expect("nothing panics while it is held")
    }

    /// Seconds that what it used would have taken, had no other strategy asked before.
    pub fn owed(&self) -> f64 {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Rows of the current model that are there. A pass of another strategy is owed for once.
    pub(super) fn lend(&self, key: &'static str, ids: &[u32]) -> Option<Lent<'_>> {
        let lent = self.panels.lend(key, ids)?;
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pass) = lent.pass
            && paid.0.insert(pass)
        {
            paid.1 += self.panels.seconds_of(pass);
        }
        Some(lent)
    }

    /// A pass that this strategy waited for itself.
    pub(super) fn paid_pass(&self, seconds: f64) -> usize {
        let pass = self.panels.passed(seconds);
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).0.insert(pass);
        pass
    }

    pub(super) fn with_model<T>(&self, f: impl FnOnce(&mut dyn Model) -> T) -> T {
        // A panic inside the model poisons the lock; it is caught and told by `answered`.
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut **model)
    }

    /// One pass over `ids` for everything wanted, as one matrix each; the caller has checked that they
    /// fit.
    pub(super) fn pass(&self, ids: &[u32], wants: Wants) -> anyhow::Result<Outputs> {
        let of = (self.around.tokens, ids);
        self.with_model(|model| read_whole(&*model, of, wants, self.around.work))
    }

    pub(super) fn check_declared(&self, id: &str) -> anyhow::Result<()> {
        ensure!(
            self.around.needs.iter().any(|need| need == id),
            "`{id}` is not among the needs that the plugin declares (`{}`)\n\
             hint: add it to `needs` of `export_strategy!`",
            self.around.needs.join("`, `")
        );
        Ok(())
    }

    pub(super) fn check_ids(&self, ids: &[u32]) -> anyhow::Result<()> {
        let n = self.around.texts.len();
        // What is computed has a row for each.
        ensure!(ids.len() <= n, "asked about {} texts at once, but there are {n}", ids.len());
        match ids.iter().find(|&&id| id as usize >= n) {
            Some(id) => bail!("asked about text {id}, but there are {n} (0 to {})", n - 1),
            None => Ok(()),
        }
    }

    fn stream_blocks(
        &self,
        feature: &str,
        ids: &[u32],
        rows: usize,
        mut sink: SinkMut<'_>,
    ) -> Result<(), PlugError> {
        let failed = |error: anyhow::Error| plug_error(&error);
        self.check_declared(feature).map_err(failed)?;
        self.check_ids(ids).map_err(failed)?;
        self.check_trained(feature).map_err(failed)?;
        let Some(Offer { id: key, .. }) = offers::find(feature).filter(|offer| offer.streams)
        else {
            return Err(failed(anyhow::anyhow!("`{feature}` cannot be streamed")));
        };
        let rows = rows.max(1);
        for (i, chunk) in ids.chunks(rows).enumerate() {
            if self.around.cancelled.load(Ordering::Relaxed) {
                return Err(alhost_plugin_api::Error::cancelled().into());
            }
            let lent = self.lend(key, chunk);
            let computed = match lent {
                Some(_) => Matrix::default(),
                None => self.compute_block(key, chunk).map_err(failed)?,
            };
            let lent = lent.unwrap_or(Lent { matrix: &computed, row_index: None, pass: None });
            self.set_streamed(Some(lent.matrix));
            let seen = sink.block(i * rows, &block(lent, chunk.len()));
            self.set_streamed(None);
            seen.into_result()?;
        }
        Ok(())
    }

    /// Rows that are not kept.
    fn compute_block(&self, key: &str, ids: &[u32]) -> anyhow::Result<Matrix> {
        let is_features = key == FEATURES;
        let wants = Wants { logits: !is_features, features: is_features, ..Wants::default() };
        let timed = Instant::now();
        let outputs = self.pass(ids, wants)?;
        self.charge(timed.elapsed());
        let got = if is_features { outputs.features } else { outputs.logits };
        let got = got.context("the pass gave nothing")?;
        Ok(if key == PROBABILITIES { probabilities(got) } else { got })
    }

    fn set_streamed(&self, matrix: Option<&Matrix>) {
        let memory = matrix.and_then(|matrix| match &matrix.data {
            Numbers::Shared(numbers) => {
                Some((numbers.handle().clone(), matrix.data.as_ptr().addr()))
            }
            Numbers::Own(_) => None,
        });
        *self.streamed.lock().unwrap_or_else(PoisonError::into_inner) = memory;
    }

    pub(super) fn charge(&self, time: Duration) {
        *self.spent.lock().expect("nothing panics while it is held") += time;
    }

    /// Runs host code on behalf of a plugin, and charges the time.
    fn answered<T>(&self, f: impl FnOnce() -> anyhow::Result<T>) -> RResult<T, PlugError> {
        let timed = Instant::now();
        let answer = caught(f);
        self.charge(timed.elapsed());
        answer
    }
}

/// An error or a panic of ours becomes an answer, since a panic that reached the ABI's boundary would end
/// the program.
fn caught<T>(f: impl FnOnce() -> anyhow::Result<T>) -> RResult<T, PlugError> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(Ok(value)) => RResult::ROk(value),
        Ok(Err(error)) => RResult::RErr(plug_error(&error)),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            let why = text.unwrap_or("no message");
            RResult::RErr(plug_error(&anyhow::anyhow!("the host failed: {why}")))
        }
    }
}

fn plug_error(error: &anyhow::Error) -> PlugError {
    alhost_plugin_api::Error::new(format!("{error:#}")).into()
}

/// A matrix that lies in shared memory is lent to a worker as it is.
impl Lends for Services<'_> {
    fn memory_of(&self, slice: &[u8]) -> Option<(MemoryHandle, usize)> {
        let at = slice.as_ptr().addr();
        let holds = |matrix: &Matrix| match &matrix.data {
            Numbers::Shared(numbers) => {
                let offset = at.checked_sub(numbers.as_ptr().addr())?;
                let is_in = offset + slice.len() <= size_of_val(&**numbers);
                is_in.then(|| (numbers.handle().clone(), offset))
            }
            Numbers::Own(_) => None,
        };
        let embeddings = (0..self.embeddings.len()).filter_map(|i| self.embeddings.get(i));
        let found = self.panels.matrices().chain(embeddings).find_map(holds);
        found.or_else(|| {
            let streamed = self.streamed.lock().unwrap_or_else(PoisonError::into_inner);
            let (handle, start) = streamed.as_ref()?;
            let offset = at.checked_sub(*start)?;
            (offset + slice.len() <= handle.bytes).then(|| (handle.clone(), offset))
        })
    }
}

impl Host for Services<'_> {
    fn round(&self) -> RoundInfo<'_> {
        RoundInfo {
            round: self.view.round,
            n_texts: self.around.texts.len() as u32,
            n_labels: self.view.n_labels,
            threshold: self.view.threshold,
            pool: self.view.pool.as_slice().into(),
            labeled: self.view.labeled.as_slice().into(),
            label_offsets: self.view.label_offsets.as_slice().into(),
            label_ids: self.view.label_ids.as_slice().into(),
            acquired_in: self.view.acquired_in.as_slice().into(),
            seed: self.view.seed,
        }
    }

    fn fetch(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
    ) -> RResult<Block<'_>, PlugError> {
        self.answered(|| self.feature(feature.as_str(), options.as_str(), ids.as_slice()))
    }

    fn stream(
        &self,
        feature: RStr<'_>,
        _options: RStr<'_>,
        ids: RSlice<'_, u32>,
        rows: usize,
        sink: SinkMut<'_>,
    ) -> RResult<(), PlugError> {
        let run = || self.stream_blocks(feature.as_str(), ids.as_slice(), rows, sink);
        catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| Err(plug_error(&anyhow::anyhow!("the host failed"))))
            .into()
    }

    fn compute(
        &self,
        service: RStr<'_>,
        options: RStr<'_>,
        inputs: RSlice<'_, Block<'_>>,
    ) -> RResult<Block<'_>, PlugError> {
        let service = service.as_str();
        if service == STRATEGY {
            // It charges itself what was lent, so that selecting counts as selecting.
            return caught(|| self.ask(options.as_str()));
        }
        self.answered(|| {
            self.check_declared(service)?;
            let call = compute::Call {
                service,
                options: options.as_str(),
                inputs: inputs.as_slice(),
                seed: &self.view.seed,
                cancelled: &|| self.around.cancelled.load(Ordering::Relaxed),
            };
            let on = self.with_model(|model| model.compute());
            let owned = compute::run(&call, &*on)?;
            Ok(self.kept.push_get(Box::new(owned)).lend())
        })
    }

    fn cancelled(&self) -> bool {
        self.around.cancelled.load(Ordering::Relaxed)
    }

    fn progress(&self, done: u64, total: u64) {
        let _caught = self.answered(|| {
            self.around.work.progress.at(done, total);
            Ok(())
        });
    }

    fn log(&self, level: u8, message: RStr<'_>) {
        let (strategy, message) = (self.around.instance, message.as_str());
        match level {
            0..=2 => tracing::warn!("{strategy}: {message}"),
            3 => tracing::info!("{strategy}: {message}"),
            _ => tracing::debug!("{strategy}: {message}"),
        }
    }
}
