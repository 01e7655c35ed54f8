//! The conversation with a worker: one call after the other, each with the requests that the strategy
//! makes meanwhile.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use abi_stable::std_types::RVec;
use alhost_plugin_api::ffi::{Answer, Block, PlugError};

use super::channel::{Channel, ChannelError, Received};
use super::host::{Lends, NothingLent};
use super::protocol::{AnswerMessage, BlockMessage, FromWorker, RoundMessage, ToWorker};
use super::serving::{Nobody, Serves, Serving};
use super::slices::{Arena, Known, Mapped, Packer};

/// The conversation with a worker.
pub(super) struct Talk {
    pub(super) channel: Channel,
    pub(super) known: Known,
    pub(super) mapped: Mapped,
    deadline: Duration,
}

/// Why a call gave no answer.
pub(crate) enum Lost {
    /// The strategy said so, and can be called again.
    Failed(PlugError),
    /// The process is gone; this is what happened to it.
    Gone(String),
}

impl From<ChannelError> for Lost {
    /// Only for a moment: `Worker::explain` makes the message of it.
    fn from(error: ChannelError) -> Self {
        Self::Gone(match error {
            ChannelError::Closed => CLOSED.to_owned(),
            error => error.to_string(),
        })
    }
}

pub(super) const CLOSED: &str = "";
/// How long a strategy may take to notice that the user wants to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How often the user's wish to stop is looked at.
const TICK: Duration = Duration::from_millis(100);

impl Talk {
    pub(super) fn new(socket: UnixStream, deadline: Duration) -> Self {
        let (known, mapped) = (Known::default(), Mapped::default());
        Self { channel: Channel::new(socket), known, mapped, deadline }
    }

    pub(super) fn start(&mut self, start: &ToWorker) -> Result<(), Lost> {
        self.channel.send(start, &[])?;
        self.done()
    }

    fn done(&mut self) -> Result<(), Lost> {
        match self.answer(&Nobody)?.message {
            FromWorker::Done(done) => done.map_err(|failure| Lost::Failed(failure.into())),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn select(&mut self, serving: &Serving<'_>, n: usize) -> Result<Answer, Lost> {
        let round = serving.host.round();
        self.known.next_call();
        self.mapped.next_call();
        let mut packer = Packer::new(serving.lends, Some(&mut self.known));
        let message = RoundMessage {
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
        let fds = packer.fds();
        self.channel.send(&ToWorker::Select { n: n as u64, round: message }, &fds)?;
        let Received { message, fds } = self.answer(serving)?;
        match message {
            FromWorker::Answer(Ok(answer)) => self.unpack_answer(answer, fds),
            FromWorker::Answer(Err(failure)) => Err(Lost::Failed(failure.into())),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn save(&mut self) -> Result<Vec<u8>, Lost> {
        self.channel.send(&ToWorker::Save, &[])?;
        let Received { message, fds } = self.answer(&Nobody)?;
        match message {
            FromWorker::Saved(Ok(state)) => {
                let arena = Arena::default();
                let state = arena.unpack::<u8>(state, &mut self.mapped, &mut fds.into_iter())?;
                Ok(state.to_vec())
            }
            FromWorker::Saved(Err(failure)) => Err(Lost::Failed(failure.into())),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), Lost> {
        let mut packer = Packer::new(&NothingLent, Some(&mut self.known));
        let message = ToWorker::Load(packer.pack(state)?);
        self.channel.send(&message, &packer.fds())?;
        self.done()
    }

    /// Serves requests until an answer comes that is none of them.
    pub(super) fn answer(&mut self, serving: &dyn Serves) -> Result<Received<FromWorker>, Lost> {
        let mut own = Duration::ZERO;
        let mut asked_to_stop: Option<Instant> = None;
        loop {
            let waited = Instant::now();
            while !self.channel.wait(TICK)? {
                let now = waited.elapsed() + own;
                if now > self.deadline {
                    let seconds = self.deadline.as_secs_f64();
                    return Err(Lost::Gone(format!(
                        "was killed after {seconds} s of its own time"
                    )));
                }
                if serving.is_cancelled() {
                    let since = asked_to_stop.get_or_insert_with(Instant::now);
                    if since.elapsed() > GRACE {
                        let seconds = GRACE.as_secs();
                        let what = format!("did not stop within {seconds} s of being asked to");
                        return Err(Lost::Gone(what));
                    }
                }
            }
            let left = self.deadline.saturating_sub(own + waited.elapsed()).max(TICK);
            let mut received = self.channel.receive(Some(Instant::now() + left))?;
            own += waited.elapsed();
            let fds = std::mem::take(&mut received.fds);
            match serving.serve(self, received.message, fds)? {
                None => {}
                Some(answer) => return Ok(answer),
            }
        }
    }

    fn unpack_answer(
        &mut self,
        answer: AnswerMessage,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Answer, Lost> {
        let arena = Arena::default();
        let mut fds = fds.into_iter();
        let ids = arena.unpack::<u32>(answer.ids, &mut self.mapped, &mut fds)?;
        let scores = match answer.scores {
            Some(scores) => Some(arena.unpack::<f64>(scores, &mut self.mapped, &mut fds)?),
            None => None,
        };
        let scores = scores.map(|scores| RVec::from(scores.to_vec()));
        Ok(Answer { ids: ids.to_vec().into(), scores: scores.into() })
    }

    pub(super) fn send_block(
        &mut self,
        lends: &dyn Lends,
        block: &Block<'_>,
        wrap: impl FnOnce(BlockMessage) -> ToWorker,
    ) -> Result<(), Lost> {
        let mut packer = Packer::new(lends, Some(&mut self.known));
        let message = wrap(packer.block(block)?);
        Ok(self.channel.send(&message, &packer.fds())?)
    }
}

pub(super) fn unexpected(message: &FromWorker) -> Lost {
    let name = format!("{message:?}");
    let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    Lost::Gone(format!("broke the protocol (`{name}` out of turn)"))
}
