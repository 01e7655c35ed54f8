//! Answers what a strategy in a worker asks of its host.

use std::os::fd::OwnedFd;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice};
use alhost_plugin_api::Error;
use alhost_plugin_api::ffi::{Block, Host, PlugError, Sink, Sink_TO};

use super::channel::Received;
use super::host::Lends;
use super::protocol::{Failure, FromWorker, ToWorker};
use super::slices::{Arena, MAX_BLOCKS};
use super::talk::{Lost, Talk, unexpected};

/// Who answers a worker's requests.
pub(super) trait Serves {
    fn is_cancelled(&self) -> bool;

    /// Answers a request; gives back what is none.
    fn serve(
        &self,
        talk: &mut Talk,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost>;
}

/// Outside of `select` there is nothing to ask for.
pub(super) struct Nobody;

impl Serves for Nobody {
    fn is_cancelled(&self) -> bool {
        false
    }

    fn serve(
        &self,
        _talk: &mut Talk,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost> {
        Ok(Some(Received { message, fds }))
    }
}

pub(super) struct Serving<'a> {
    pub(super) host: &'a dyn Host,
    pub(super) lends: &'a dyn Lends,
}

impl Serves for Serving<'_> {
    fn is_cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn serve(
        &self,
        talk: &mut Talk,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost> {
        let arena = Arena::default();
        let mut fds_of_message = fds.into_iter();
        let fds = &mut fds_of_message;
        match message {
            FromWorker::Fetch { feature, options, ids } => {
                let ids = arena.unpack::<u32>(ids, &mut talk.mapped, fds)?;
                let ids = RSlice::from_slice(ids);
                let block = self.host.fetch(feature.as_str().into(), options.as_str().into(), ids);
                self.reply(talk, block)?;
            }
            FromWorker::Compute { service, options, inputs } => {
                if inputs.len() > MAX_BLOCKS {
                    return Err(Lost::Gone(format!("sent {} inputs at once", inputs.len())));
                }
                let mut blocks = Vec::with_capacity(inputs.len());
                for input in inputs {
                    blocks.push(arena.block(input, &mut talk.mapped, fds)?);
                }
                let inputs = RSlice::from_slice(&blocks);
                let (service, options) = (service.as_str().into(), options.as_str().into());
                self.reply(talk, self.host.compute(service, options, inputs))?;
            }
            FromWorker::Stream { feature, options, ids, rows } => {
                let ids = arena.unpack::<u32>(ids, &mut talk.mapped, fds)?;
                self.stream(talk, &feature, &options, ids, rows as usize)?;
            }
            FromWorker::IsCancelled => {
                talk.channel.send(&ToWorker::Cancelled(self.host.cancelled()), &[])?;
            }
            FromWorker::Progress { done, total } => self.host.progress(done, total),
            FromWorker::Log { level, message } => self.host.log(level, message.as_str().into()),
            message => return Ok(Some(Received { message, fds: fds_of_message.collect() })),
        }
        Ok(None)
    }
}

impl Serving<'_> {
    fn reply(&self, talk: &mut Talk, block: RResult<Block<'_>, PlugError>) -> Result<(), Lost> {
        match block {
            RResult::ROk(block) => {
                talk.send_block(self.lends, &block, |block| ToWorker::Block(Ok(block)))
            }
            RResult::RErr(error) => {
                Ok(talk.channel.send(&ToWorker::Block(Err(error.into())), &[])?)
            }
        }
    }

    fn stream(
        &self,
        talk: &mut Talk,
        feature: &str,
        options: &str,
        ids: &[u32],
        rows: usize,
    ) -> Result<(), Lost> {
        let mut forward = Forward { serving: self, talk, lost: None };
        let sink = Sink_TO::from_ptr(&mut forward, TD_Opaque);
        let ids = RSlice::from_slice(ids);
        let end = self.host.stream(feature.into(), options.into(), ids, rows, sink);
        if let Some(lost) = forward.lost {
            return Err(lost);
        }
        let end = end.into_result().map_err(Failure::from);
        Ok(talk.channel.send(&ToWorker::StreamEnd(end), &[])?)
    }
}

/// Sends the blocks of a stream, and serves what the strategy asks for meanwhile.
struct Forward<'a, 'b> {
    serving: &'a Serving<'b>,
    talk: &'a mut Talk,
    lost: Option<Lost>,
}

impl Forward<'_, '_> {
    fn send(&mut self, first: usize, block: &Block<'_>) -> Result<Result<(), Failure>, Lost> {
        let first = first as u64;
        let lends = self.serving.lends;
        self.talk.send_block(lends, block, |block| ToWorker::Streamed { first, block })?;
        match self.talk.answer(self.serving)?.message {
            FromWorker::BlockDone(done) => Ok(done),
            other => Err(unexpected(&other)),
        }
    }
}

impl Sink for Forward<'_, '_> {
    fn block(&mut self, first: usize, block: &Block<'_>) -> RResult<(), PlugError> {
        match self.send(first, block) {
            Ok(done) => done.map_err(PlugError::from).into(),
            Err(lost) => {
                self.lost = Some(lost);
                RResult::RErr(Error::new("the worker is gone").into())
            }
        }
    }
}
