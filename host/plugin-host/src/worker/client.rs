//! The host as a strategy in a worker sees it: every request goes over the socket.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abi_stable::std_types::{RResult, RSlice, RStr};
use alhost_plugin_api::Error;
use alhost_plugin_api::ffi::{Block, Host, PlugError, RoundInfo, SinkMut};
use alhost_plugin_protocol::{BlockMessage, Failure, FromWorker, RoundMessage, ToWorker};
use alhost_plugin_protocol::{Channel, ChannelError, Received};
use alhost_plugin_protocol::{MAX_TEXT, cut};

use super::host::NothingLent;
use super::rates::{Messages, Steps};
use super::slices::{Arena, Mapped, Packer};

/// Lives for one call of `select`; what it lends lives as long.
pub(super) struct Client<'a> {
    /// Lock that is held for a request and its answer, so that threads of a strategy do not get
    /// each other's.
    line: Mutex<Line<'a>>,
    arena: &'a Arena,
    round: RoundInfo<'a>,
    /// Lock that is held during a stream: the host serves one at a time.
    streaming: Mutex<()>,
}

struct Line<'a> {
    channel: &'a Channel,
    mapped: &'a mut Mapped,
    steps: Steps,
    messages: Messages,
    /// When the host last said that the user does not want to stop.
    heard: Option<Instant>,
}

/// How long the host's word that nobody wants to stop is good for: a loop may ask in each iteration.
const HEARD_FOR: Duration = Duration::from_millis(10);

impl<'a> Client<'a> {
    pub(super) fn new(
        channel: &'a Channel,
        mapped: &'a mut Mapped,
        arena: &'a Arena,
        round: RoundMessage,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Self, ChannelError> {
        let mut fds = fds.into_iter();
        let fds = &mut fds;
        let round = RoundInfo {
            round: round.round,
            n_texts: round.n_texts,
            n_labels: round.n_labels,
            threshold: round.threshold,
            pool: arena.unpack(round.pool, mapped, fds)?.into(),
            labeled: arena.unpack(round.labeled, mapped, fds)?.into(),
            label_offsets: arena.unpack(round.label_offsets, mapped, fds)?.into(),
            label_ids: arena.unpack(round.label_ids, mapped, fds)?.into(),
            acquired_in: arena.unpack(round.acquired_in, mapped, fds)?.into(),
            seed: round.seed,
        };
        let (steps, messages, heard) = (Steps::default(), Messages::default(), None);
        let line = Mutex::new(Line { channel, mapped, steps, messages, heard });
        Ok(Self { line, arena, round, streaming: Mutex::new(()) })
    }

    fn line(&self) -> MutexGuard<'_, Line<'a>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request with ids and returns its answer.
    fn ask(
        &self,
        ids: &[u32],
        request: impl FnOnce(alhost_plugin_protocol::Slice) -> FromWorker,
    ) -> Result<Block<'_>, PlugError> {
        let mut line = self.line();
        let mut packer = Packer::new(&NothingLent, None);
        let request = request(packer.pack(ids)?);
        line.channel.send(&request, &packer.fds(), None)?;
        self.block(&mut line)
    }

    fn block(&self, line: &mut Line<'_>) -> Result<Block<'_>, PlugError> {
        let Received { message, fds } = line.channel.receive(None)?;
        match message {
            ToWorker::Block(Ok(block)) => self.unpack(line, block, fds),
            ToWorker::Block(Err(failure)) => Err(failure.into()),
            _ => Err(out_of_turn()),
        }
    }

    fn unpack(
        &self,
        line: &mut Line<'_>,
        block: BlockMessage,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Block<'_>, PlugError> {
        Ok(self.arena.block(block, line.mapped, &mut fds.into_iter())?)
    }

    fn stream_blocks(
        &self,
        ids: &[u32],
        request: impl FnOnce(alhost_plugin_protocol::Slice) -> FromWorker,
        mut sink: SinkMut<'_>,
    ) -> Result<(), PlugError> {
        let Ok(_one_at_a_time) = self.streaming.try_lock() else {
            return Err(Error::new("a strategy in a worker reads one stream at a time").into());
        };
        let mut line = self.line();
        let mut packer = Packer::new(&NothingLent, None);
        let request = request(packer.pack(ids)?);
        line.channel.send(&request, &packer.fds(), None)?;
        loop {
            let received = line.channel.receive(None)?;
            let (first, block) = match received.message {
                ToWorker::Streamed { first, block } => (first, block),
                ToWorker::StreamEnd(end) => return end.map_err(PlugError::from),
                _ => return Err(out_of_turn()),
            };
            // A block is gone when the sink has seen it, so it gets an arena of its own.
            let arena = Arena::default();
            let mut fds = received.fds.into_iter();
            let block = arena.block(block, line.mapped, &mut fds)?;
            // The strategy may ask for something else while it looks at the block.
            drop(line);
            let seen = sink.block(first as usize, &block).into_result();
            line = self.line();
            let seen = FromWorker::BlockDone(seen.map_err(Failure::from));
            line.channel.send(&seen, &[], None)?;
        }
    }

    fn compute_block(
        &self,
        service: String,
        options: String,
        inputs: &[Block<'_>],
    ) -> Result<Block<'_>, PlugError> {
        let mut line = self.line();
        let mut packer = Packer::new(&NothingLent, None);
        let inputs: Result<Vec<BlockMessage>, ChannelError> =
            inputs.iter().map(|input| packer.block(input)).collect();
        let request = FromWorker::Compute { service, options, inputs: inputs? };
        line.channel.send(&request, &packer.fds(), None)?;
        self.block(&mut line)
    }

    /// Says at the end of the call how much of what the strategy said was not passed on.
    pub(super) fn say_what_is_left_out(&self) {
        let line = self.line();
        if let Some(message) = line.messages.left_out() {
            line.tell(&FromWorker::Log { level: 2, message });
        }
    }
}

impl Line<'_> {
    /// Sends what needs no answer; a host that is gone is noticed by the next request.
    fn tell(&self, message: &FromWorker) {
        let _noticed_later = self.channel.send(message, &[], None);
    }
}

fn out_of_turn() -> PlugError {
    Error::new("the host answered something else than what was asked").into()
}

impl Host for Client<'_> {
    fn round(&self) -> RoundInfo<'_> {
        self.round
    }

    fn fetch(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
    ) -> RResult<Block<'_>, PlugError> {
        let (feature, options) = (feature.to_string(), options.to_string());
        self.ask(ids.as_slice(), |ids| FromWorker::Fetch { feature, options, ids }).into()
    }

    fn stream(
        &self,
        feature: RStr<'_>,
        options: RStr<'_>,
        ids: RSlice<'_, u32>,
        rows: usize,
        sink: SinkMut<'_>,
    ) -> RResult<(), PlugError> {
        let (feature, options) = (feature.to_string(), options.to_string());
        let rows = rows as u64;
        let request = |ids| FromWorker::Stream { feature, options, ids, rows };
        self.stream_blocks(ids.as_slice(), request, sink).into()
    }

    fn compute(
        &self,
        service: RStr<'_>,
        options: RStr<'_>,
        inputs: RSlice<'_, Block<'_>>,
    ) -> RResult<Block<'_>, PlugError> {
        self.compute_block(service.to_string(), options.to_string(), inputs.as_slice()).into()
    }

    fn cancelled(&self) -> bool {
        let mut line = self.line();
        if line.heard.is_some_and(|heard| heard.elapsed() < HEARD_FOR) {
            return false;
        }
        if line.channel.send(&FromWorker::IsCancelled, &[], None).is_err() {
            return true;
        }
        match line.channel.receive::<ToWorker>(None) {
            Ok(Received { message: ToWorker::Cancelled(false), .. }) => {
                line.heard = Some(Instant::now());
                false
            }
            _ => true,
        }
    }

    fn progress(&self, done: u64, total: u64) {
        let mut line = self.line();
        if line.steps.passes(done, total) {
            line.tell(&FromWorker::Progress { done, total });
        }
    }

    fn log(&self, level: u8, message: RStr<'_>) {
        let mut line = self.line();
        if line.messages.passes() {
            let message = cut(message.to_string(), MAX_TEXT);
            line.tell(&FromWorker::Log { level, message });
        }
    }
}
