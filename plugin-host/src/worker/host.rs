//! The host's end of a worker: starts it, serves what its strategy asks for, and says what became of
//! it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RVec};
use alhost_plugin_api::Error;
use alhost_plugin_api::ffi::{Answer, Block, Host, PlugError, Sink, Sink_TO};

use super::channel::{Channel, ChannelError, Received};
use super::process::Process;
use super::protocol::{
    AnswerMessage, BlockMessage, Failure, FromWorker, RoundMessage, Start, ToWorker,
};
use super::slices::{Arena, Known, MAX_BLOCKS, Mapped, Packer};
use crate::memory::MemoryHandle;

/// What a worker is, and what it may have.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// `alhost-worker`.
    pub program: PathBuf,
    /// Time of the strategy's own that one call may take; what the host computes does not count.
    pub deadline: Duration,
    /// Memory of its own that it may have; what the host shares with it does not count.
    pub memory_bytes: u64,
    /// Threads that a strategy should start at most.
    pub threads: usize,
}

/// A host that can say where in shared memory a slice lies that it has lent.
pub trait Lends: Sync {
    /// The memory that holds `slice`, and the offset in it.
    fn memory_of(&self, slice: &[u8]) -> Option<(MemoryHandle, usize)>;
}

/// For a host whose slices lie in its own memory: they are copied once.
pub struct NothingLent;

impl Lends for NothingLent {
    fn memory_of(&self, _slice: &[u8]) -> Option<(MemoryHandle, usize)> {
        None
    }
}

/// A strategy in a process of its own.
pub(crate) struct Worker {
    channel: Channel,
    known: Known,
    mapped: Mapped,
    process: Process,
    deadline: Duration,
    /// Why it is not called any more.
    lost: Option<String>,
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

const CLOSED: &str = "";
/// How long a strategy may take to notice that the user wants to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How often the user's wish to stop is looked at.
const TICK: Duration = Duration::from_millis(100);

impl Worker {
    /// Starts the process and creates the strategy in it.
    pub(crate) fn start(options: &WorkerOptions, start: Start) -> Result<Self, Lost> {
        let (ours, theirs) = UnixStream::pair().map_err(ChannelError::from)?;
        let process = Process::start(options, &start.instance, theirs).map_err(|error| {
            let program = options.program.display();
            Lost::Gone(format!(
                "its worker process `{program}` cannot be started: {error}\nhint: `alhost-worker` \
                 belongs beside `alhost`; build both, or run with `isolation.mode = \"off\"`"
            ))
        })?;
        let mut worker = Self {
            channel: Channel::new(ours),
            known: Known::default(),
            mapped: Mapped::default(),
            process,
            deadline: options.deadline,
            lost: None,
        };
        let memory_bytes = options.memory_bytes;
        let start = ToWorker::Start(Start { memory_bytes, ..start });
        worker.call("while it was created", |worker| {
            worker.channel.send(&start, &[])?;
            match worker.answer(&Nobody)?.message {
                FromWorker::Done(done) => done.map_err(|failure| Lost::Failed(failure.into())),
                other => Err(unexpected(&other)),
            }
        })?;
        Ok(worker)
    }

    pub(crate) fn select(
        &mut self,
        host: &dyn Host,
        lends: &dyn Lends,
        n: usize,
    ) -> Result<Answer, Lost> {
        let round = host.round();
        self.known.next_call();
        self.mapped.next_call();
        self.call(&format!("in select, round {}", round.round), |worker| {
            let mut packer = Packer::new(lends, Some(&mut worker.known));
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
            worker.channel.send(&ToWorker::Select { n: n as u64, round: message }, &fds)?;
            let Received { message, fds } = worker.answer(&Serving { host, lends })?;
            match message {
                FromWorker::Answer(Ok(answer)) => worker.unpack_answer(answer, fds),
                FromWorker::Answer(Err(failure)) => Err(Lost::Failed(failure.into())),
                other => Err(unexpected(&other)),
            }
        })
    }

    pub(crate) fn save(&mut self) -> Result<Vec<u8>, Lost> {
        self.call("in save", |worker| {
            worker.channel.send(&ToWorker::Save, &[])?;
            let Received { message, fds } = worker.answer(&Nobody)?;
            match message {
                FromWorker::Saved(Ok(state)) => {
                    let arena = Arena::default();
                    let mut fds = fds.into_iter();
                    Ok(arena.unpack::<u8>(state, &mut worker.mapped, &mut fds)?.to_vec())
                }
                FromWorker::Saved(Err(failure)) => Err(Lost::Failed(failure.into())),
                other => Err(unexpected(&other)),
            }
        })
    }

    pub(crate) fn load(&mut self, state: &[u8]) -> Result<(), Lost> {
        self.call("in load", |worker| {
            let mut packer = Packer::new(&NothingLent, Some(&mut worker.known));
            let message = ToWorker::Load(packer.pack(state)?);
            worker.channel.send(&message, &packer.fds())?;
            match worker.answer(&Nobody)?.message {
                FromWorker::Done(done) => done.map_err(|failure| Lost::Failed(failure.into())),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// One call; what is wrong with the process is found out once, and told again later.
    fn call<T>(
        &mut self,
        doing: &str,
        f: impl FnOnce(&mut Self) -> Result<T, Lost>,
    ) -> Result<T, Lost> {
        if let Some(why) = &self.lost {
            return Err(Lost::Gone(format!("{why} (earlier)")));
        }
        let answer = f(self);
        if let Err(Lost::Gone(why)) = answer {
            let how = self.process.end(why == CLOSED);
            let what = if why == CLOSED { how } else { why };
            let what = format!("its worker process {what} {doing}{}", self.process.last_words());
            self.lost = Some(what.clone());
            return Err(Lost::Gone(what));
        }
        answer
    }

    /// Serves requests until an answer comes that is none of them.
    fn answer(&mut self, serving: &dyn Serves) -> Result<Received<FromWorker>, Lost> {
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

    fn send_block(
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

/// Who answers a worker's requests.
trait Serves {
    fn is_cancelled(&self) -> bool;

    /// Answers a request; gives back what is none.
    fn serve(
        &self,
        worker: &mut Worker,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost>;
}

/// Outside of `select` there is nothing to ask for.
struct Nobody;

impl Serves for Nobody {
    fn is_cancelled(&self) -> bool {
        false
    }

    fn serve(
        &self,
        _worker: &mut Worker,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost> {
        Ok(Some(Received { message, fds }))
    }
}

struct Serving<'a> {
    host: &'a dyn Host,
    lends: &'a dyn Lends,
}

impl Serves for Serving<'_> {
    fn is_cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn serve(
        &self,
        worker: &mut Worker,
        message: FromWorker,
        fds: Vec<Option<OwnedFd>>,
    ) -> Result<Option<Received<FromWorker>>, Lost> {
        let arena = Arena::default();
        let mut fds_of_message = fds.into_iter();
        let fds = &mut fds_of_message;
        match message {
            FromWorker::Fetch { feature, options, ids } => {
                let ids = arena.unpack::<u32>(ids, &mut worker.mapped, fds)?;
                let ids = RSlice::from_slice(ids);
                let block = self.host.fetch(feature.as_str().into(), options.as_str().into(), ids);
                self.reply(worker, block)?;
            }
            FromWorker::Compute { service, options, inputs } => {
                if inputs.len() > MAX_BLOCKS {
                    return Err(Lost::Gone(format!("sent {} inputs at once", inputs.len())));
                }
                let mut blocks = Vec::with_capacity(inputs.len());
                for input in inputs {
                    blocks.push(arena.block(input, &mut worker.mapped, fds)?);
                }
                let inputs = RSlice::from_slice(&blocks);
                let (service, options) = (service.as_str().into(), options.as_str().into());
                self.reply(worker, self.host.compute(service, options, inputs))?;
            }
            FromWorker::Stream { feature, options, ids, rows } => {
                let ids = arena.unpack::<u32>(ids, &mut worker.mapped, fds)?;
                self.stream(worker, &feature, &options, ids, rows as usize)?;
            }
            FromWorker::IsCancelled => {
                worker.channel.send(&ToWorker::Cancelled(self.host.cancelled()), &[])?;
            }
            FromWorker::Progress { done, total } => self.host.progress(done, total),
            FromWorker::Log { level, message } => self.host.log(level, message.as_str().into()),
            message => return Ok(Some(Received { message, fds: fds_of_message.collect() })),
        }
        Ok(None)
    }
}

impl Serving<'_> {
    fn reply(&self, worker: &mut Worker, block: RResult<Block<'_>, PlugError>) -> Result<(), Lost> {
        match block {
            RResult::ROk(block) => {
                worker.send_block(self.lends, &block, |block| ToWorker::Block(Ok(block)))
            }
            RResult::RErr(error) => {
                Ok(worker.channel.send(&ToWorker::Block(Err(error.into())), &[])?)
            }
        }
    }

    fn stream(
        &self,
        worker: &mut Worker,
        feature: &str,
        options: &str,
        ids: &[u32],
        rows: usize,
    ) -> Result<(), Lost> {
        let mut forward = Forward { serving: self, worker, lost: None };
        let sink = Sink_TO::from_ptr(&mut forward, TD_Opaque);
        let ids = RSlice::from_slice(ids);
        let end = self.host.stream(feature.into(), options.into(), ids, rows, sink);
        if let Some(lost) = forward.lost {
            return Err(lost);
        }
        let end = end.into_result().map_err(Failure::from);
        Ok(worker.channel.send(&ToWorker::StreamEnd(end), &[])?)
    }
}

/// Sends the blocks of a stream, and serves what the strategy asks for meanwhile.
struct Forward<'a, 'b> {
    serving: &'a Serving<'b>,
    worker: &'a mut Worker,
    lost: Option<Lost>,
}

impl Forward<'_, '_> {
    fn send(&mut self, first: usize, block: &Block<'_>) -> Result<Result<(), Failure>, Lost> {
        let first = first as u64;
        let lends = self.serving.lends;
        self.worker.send_block(lends, block, |block| ToWorker::Streamed { first, block })?;
        match self.worker.answer(self.serving)?.message {
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

fn unexpected(message: &FromWorker) -> Lost {
    let name = format!("{message:?}");
    let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    Lost::Gone(format!("broke the protocol (`{name}` out of turn)"))
}
