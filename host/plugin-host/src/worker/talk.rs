//! The conversation with a worker: one call after the other, each with the requests that the strategy
//! makes meanwhile.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use abi_stable::std_types::RVec;
use alhost_plugin_api::ffi::{Answer, Block, PlugError};
use alhost_plugin_protocol::{
    AnswerMessage, BlockMessage, FromWorker, Hello, PROTOCOL, RoundMessage, ToWorker,
};
use alhost_plugin_protocol::{Channel, ChannelError, Received};

use super::call::Call;
use super::host::{Lends, NothingLent, WorkerOptions};
use super::serving::{Nobody, Serves, Serving};
use super::slices::{Arena, Known, Lent, Mapped, Packer};
use crate::strategy::too_large;

/// The conversation with a worker.
pub(super) struct Talk {
    channel: Channel,
    known: Known,
    options: WorkerOptions,
    /// The account of the call that is going on.
    pub(super) call: Call,
}

/// Why a call gave no answer.
pub(crate) enum Lost {
    /// The strategy said so, and can be called again.
    Failed(PlugError),
    /// The process is gone; this is what happened to it.
    Gone(String),
}

impl From<ChannelError> for Lost {
    /// Converts only for a moment: `Worker::call` makes the message of it.
    fn from(error: ChannelError) -> Self {
        Self::Gone(match error {
            ChannelError::Closed => CLOSED.to_owned(),
            ChannelError::Ended(why) => why,
            ChannelError::Broken(what) => format!("broke the protocol ({what})"),
            ChannelError::Io(error) => format!("cannot be talked to ({error})"),
        })
    }
}

pub(super) const CLOSED: &str = "";

impl Talk {
    pub(super) fn new(socket: UnixStream, options: &WorkerOptions, lent: Lent) -> Self {
        let (options, call) = (options.clone(), Call::new(options));
        Self { channel: Channel::new(socket), known: Known::new(lent), options, call }
    }

    /// Begins a call: what follows is one of its own.
    pub(super) fn next_call(&mut self) {
        self.call = Call::new(&self.options);
        self.known.next_call();
    }

    pub(super) fn start(&mut self, start: &ToWorker) -> Result<(), Lost> {
        self.greet()?;
        self.send(start)?;
        self.done()
    }

    /// Makes sure that both sides speak the same version.
    fn greet(&mut self) -> Result<(), Lost> {
        let Self { channel, call, .. } = self;
        let ours = Hello { protocol: PROTOCOL };
        channel.send(&ours, &[], Some(&mut || call.check()))?;
        let Received { message: theirs, .. } =
            channel.receive::<Hello>(Some(&mut || call.check()))?;
        if theirs != ours {
            return Err(Lost::Gone(format!(
                "speaks version {} of the worker's protocol, and `alhost` {PROTOCOL}\n\
                 hint: build `alhost` and `alhost-worker` together; it was started",
                theirs.protocol
            )));
        }
        Ok(())
    }

    fn done(&mut self) -> Result<(), Lost> {
        match self.answer(&Nobody)?.message {
            FromWorker::Done(done) => done.map_err(|failure| Lost::Failed(failure.into())),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn select(&mut self, serving: &Serving<'_>, n: usize) -> Result<Answer, Lost> {
        let round = serving.host.round();
        self.send_packed(serving.lends, |packer| {
            let round = RoundMessage {
                round: round.round,
                n_texts: round.n_texts,
                n_labels: round.n_labels,
                threshold: round.threshold,
                pool: packer.pack(round.pool.as_slice())?,
                labeled: packer.pack(round.labeled.as_slice())?,
                label_offsets: packer.pack(round.label_offsets.as_slice())?,
                label_ids: packer.pack(round.label_ids.as_slice())?,
                acquired_in: packer.pack(round.acquired_in.as_slice())?,
                seed: round.seed,
            };
            Ok(ToWorker::Select { n: n as u64, round })
        })?;
        let Received { message, fds } = self.answer(serving)?;
        serving.say_what_is_left_out(&self.call);
        match message {
            FromWorker::Answer(Ok(answer)) => self.unpack_answer(answer, fds, round.pool.len()),
            FromWorker::Answer(Err(failure)) => Err(Lost::Failed(failure.into())),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn save(&mut self) -> Result<Vec<u8>, Lost> {
        self.send(&ToWorker::Save)?;
        let Received { message, fds } = self.answer(&Nobody)?;
        match message {
            FromWorker::Saved(Ok(state)) => {
                let (arena, mut mapped) = (Arena::default(), self.mapped());
                let state = arena.unpack::<u8>(state, &mut mapped, &mut fds.into_iter())?;
                match too_large(state.len()) {
                    Some(error) => Err(Lost::Failed(error)),
                    None => Ok(state.to_vec()),
                }
            }
            FromWorker::Saved(Err(failure)) => Err(Lost::Failed(failure.into())),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), Lost> {
        self.send_packed(&NothingLent, |packer| Ok(ToWorker::Load(packer.pack(state)?)))?;
        self.done()
    }

    /// Serves requests until an answer comes that is none of them.
    pub(super) fn answer(&mut self, serving: &dyn Serves) -> Result<Received<FromWorker>, Lost> {
        loop {
            let Self { channel, call, .. } = self;
            let mut received = channel.receive(Some(&mut || call.check()))?;
            // Also for a strategy that never lets us wait.
            call.check()?;
            call.hosts_turn();
            let fds = std::mem::take(&mut received.fds);
            if let Some(answer) = serving.serve(self, received.message, fds)? {
                return Ok(answer);
            }
        }
    }

    fn unpack_answer(
        &self,
        answer: AnswerMessage,
        fds: Vec<Option<OwnedFd>>,
        pool: usize,
    ) -> Result<Answer, Lost> {
        let (arena, mut mapped) = (Arena::default(), self.mapped());
        let mut fds = fds.into_iter();
        let ids = arena.unpack::<u32>(answer.ids, &mut mapped, &mut fds)?;
        let scores = match answer.scores {
            Some(scores) => Some(arena.unpack::<f64>(scores, &mut mapped, &mut fds)?),
            None => None,
        };
        let n = ids.len().max(scores.map_or(0, <[f64]>::len));
        if n > pool {
            let why = format!("it returned {n} ids or scores, but only {pool} texts are unlabeled");
            return Err(Lost::Failed(alhost_plugin_api::Error::new(why).into()));
        }
        let scores = scores.map(|scores| RVec::from(scores.to_vec()));
        Ok(Answer { ids: ids.to_vec().into(), scores: scores.into() })
    }

    /// Makes room for the memories of one message of the worker's, which it never speaks of again.
    pub(super) fn mapped(&self) -> Mapped {
        Mapped::of_a_stranger(self.options.memory_bytes)
    }

    /// Bytes that the worker may have.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.options.memory_bytes
    }

    pub(super) fn send(&mut self, message: &ToWorker) -> Result<(), Lost> {
        self.send_packed(&NothingLent, |_| Ok(message))
    }

    pub(super) fn send_block(
        &mut self,
        lends: &dyn Lends,
        block: &Block<'_>,
        wrap: impl FnOnce(BlockMessage) -> ToWorker,
    ) -> Result<(), Lost> {
        self.send_packed(lends, |packer| Ok(wrap(packer.block(block)?)))
    }

    /// Sends a message. From here on it is the strategy's turn: a worker that does not listen pays
    /// for it.
    fn send_packed<M: serde::Serialize>(
        &mut self,
        lends: &dyn Lends,
        message: impl FnOnce(&mut Packer<'_>) -> Result<M, ChannelError>,
    ) -> Result<(), Lost> {
        let Self { channel, known, call, .. } = self;
        let mut packer = Packer::new(lends, Some(known));
        let message = message(&mut packer)?;
        call.strategys_turn();
        Ok(channel.send(&message, &packer.fds(), Some(&mut || call.check()))?)
    }
}

pub(super) fn unexpected(message: &FromWorker) -> Lost {
    Lost::Gone(format!("broke the protocol (`{}` out of turn)", message.name()))
}
