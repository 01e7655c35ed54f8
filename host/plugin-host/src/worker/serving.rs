//! Answers what a strategy in a worker asks of its host.

use std::os::fd::OwnedFd;

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice};
use alhost_plugin_api::Error;
use alhost_plugin_api::ffi::{Block, Host, PlugError, Sink, Sink_TO};
use alhost_plugin_protocol::Received;
use alhost_plugin_protocol::{BlockMessage, Failure, FromWorker, Slice, ToWorker};
use alhost_plugin_protocol::{MAX_TEXT, cut};

use super::call::Call;
use super::host::Lends;
use super::slices::{Arena, MAX_BLOCKS};
use super::talk::{Lost, Talk, unexpected};

/// Who answers a worker's requests.
pub(super) trait Serves {
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
    fn serve(
        &self,
        talk: &mut Talk,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost> {
        match message {
            FromWorker::Fetch { feature, options, ids } => {
                let asked = Asked::new(feature, options)?;
                let (arena, mut mapped) = (Arena::default(), talk.mapped());
                let ids = arena.unpack::<u32>(ids, &mut mapped, &mut fds.into_iter())?;
                let ids = RSlice::from_slice(ids);
                let (feature, options) = (asked.name.as_str().into(), asked.options.as_str());
                self.reply(talk, self.host.fetch(feature, options.into(), ids))?;
            }
            FromWorker::Compute { service, options, inputs } => {
                self.compute(talk, &Asked::new(service, options)?, inputs, fds)?;
            }
            FromWorker::Stream { feature, options, ids, rows } => {
                self.stream(talk, &Asked::new(feature, options)?, ids, fds, rows as usize)?;
            }
            FromWorker::IsCancelled => {
                talk.send(&ToWorker::Cancelled(self.host.cancelled()))?;
                talk.call.small();
            }
            FromWorker::Progress { done, total } => {
                if talk.call.steps.passes(done, total) {
                    self.host.progress(done, total);
                }
                talk.call.small();
            }
            FromWorker::Log { level, message } => {
                if talk.call.messages.passes() {
                    self.host.log(level, cut(message, MAX_TEXT).as_str().into());
                }
                talk.call.small();
            }
            message => return Ok(Some(Received { message, fds })),
        }
        Ok(None)
    }
}

/// Most bytes of the name of a feature or service, and of its options.
const MAX_NAME: usize = 256;
const MAX_OPTIONS: usize = 1 << 20;

/// Name and options of what is asked for, in texts of a length that can be real.
struct Asked {
    name: String,
    options: String,
}

impl Asked {
    fn new(name: String, options: String) -> Result<Self, Lost> {
        if name.len() > MAX_NAME || options.len() > MAX_OPTIONS {
            let (name, options) = (name.len(), options.len());
            return Err(Lost::Gone(format!(
                "broke the protocol (a request with a name of {name} bytes and options of {options})"
            )));
        }
        Ok(Self { name, options })
    }
}

impl Serving<'_> {
    /// Warns at the end of a call, where something was not passed on.
    pub(super) fn say_what_is_left_out(&self, call: &Call) {
        if let Some(what) = call.messages.left_out() {
            self.host.log(2, what.as_str().into());
        }
    }

    fn reply(&self, talk: &mut Talk, block: RResult<Block<'_>, PlugError>) -> Result<(), Lost> {
        match block {
            RResult::ROk(block) => {
                talk.send_block(self.lends, &block, |block| ToWorker::Block(Ok(block)))
            }
            RResult::RErr(error) => talk.send(&ToWorker::Block(Err(error.into()))),
        }
    }

    fn compute(
        &self,
        talk: &mut Talk,
        asked: &Asked,
        inputs: Vec<BlockMessage>,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<(), Lost> {
        if inputs.len() > MAX_BLOCKS {
            return Err(Lost::Gone(format!(
                "broke the protocol ({} inputs at once)",
                inputs.len()
            )));
        }
        // The host keeps the results until the call is over.
        if talk.call.computed > talk.memory_bytes() {
            let error = Error::new(
                "what was computed for this call has more bytes than `isolation.memory_gib` allows",
            );
            return self.reply(talk, RResult::RErr(error.into()));
        }
        let (arena, mut mapped, mut fds) = (Arena::default(), talk.mapped(), fds.into_iter());
        let mut blocks = Vec::with_capacity(inputs.len());
        for input in inputs {
            blocks.push(arena.block(input, &mut mapped, &mut fds)?);
        }
        let (service, options) = (asked.name.as_str().into(), asked.options.as_str().into());
        let result = self.host.compute(service, options, RSlice::from_slice(&blocks));
        if let RResult::ROk(block) = &result {
            talk.call.computed = talk.call.computed.saturating_add(bytes_of(block));
        }
        self.reply(talk, result)
    }

    fn stream(
        &self,
        talk: &mut Talk,
        asked: &Asked,
        ids: Slice,
        fds: Vec<Option<OwnedFd>>,
        rows: usize,
    ) -> Result<(), Lost> {
        // Each would be served inside the other.
        if talk.call.is_streaming {
            let error = Error::new("a strategy in a worker reads one stream at a time");
            talk.send(&ToWorker::StreamEnd(Err(PlugError::from(error).into())))?;
            talk.call.small();
            return Ok(());
        }
        let (arena, mut mapped) = (Arena::default(), talk.mapped());
        let ids = arena.unpack::<u32>(ids, &mut mapped, &mut fds.into_iter())?;
        talk.call.is_streaming = true;
        let mut forward = Forward { serving: self, talk, lost: None };
        let sink = Sink_TO::from_ptr(&mut forward, TD_Opaque);
        let (feature, options) = (asked.name.as_str().into(), asked.options.as_str().into());
        let end = self.host.stream(feature, options, RSlice::from_slice(ids), rows, sink);
        if let Some(lost) = forward.lost {
            return Err(lost);
        }
        talk.call.is_streaming = false;
        talk.send(&ToWorker::StreamEnd(end.into_result().map_err(Failure::from)))
    }
}

fn bytes_of(block: &Block<'_>) -> u64 {
    let floats = size_of_val(block.f32s.as_slice()) + size_of_val(block.f64s.as_slice());
    let whole = size_of_val(block.u32s.as_slice()) + size_of_val(block.u64s.as_slice());
    (floats + whole + block.bytes.len()) as u64
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
