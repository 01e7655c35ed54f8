//! Broken messages: whatever comes over the socket, either side ends with an error, and in time.
//! `ALHOST_FUZZ=10000 cargo test -p alhost-plugin-host broken` tries more of them.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice, RStr};
use alhost_base::memory::MemoryHandle;
use alhost_plugin_api::Rng;
use alhost_plugin_api::ffi::{Block, Host, PlugError, RoundInfo, Sink, Sink_TO, SinkMut};
use alhost_plugin_protocol::MAX_TEXT;
use alhost_plugin_protocol::{
    AnswerMessage, BlockMessage, Failure, FromWorker, Hello, PROTOCOL, RoundMessage, Slice,
    ToWorker,
};
use alhost_plugin_protocol::{Channel, ChannelError};
use serde::Serialize;
use serde_bytes::ByteBuf;

use super::client::Client;
use super::host::{NothingLent, WorkerOptions};
use super::serving::Serving;
use super::slices::{Arena, Lent, Mapped};
use super::talk::{Lost, Talk};

const NUMBERS: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// Lends three rows of two, reads everything that it is given.
struct Plain;

impl Host for Plain {
    fn round(&self) -> RoundInfo<'_> {
        let (pool, nothing) = (RSlice::from_slice(&[0, 1, 2]), RSlice::EMPTY);
        let label_offsets = RSlice::from_slice(&[0]);
        RoundInfo {
            round: 1,
            n_texts: 3,
            n_labels: 2,
            threshold: 0.5,
            pool,
            labeled: nothing,
            label_offsets,
            label_ids: nothing,
            acquired_in: nothing,
            seed: [0; 32],
        }
    }

    fn fetch(
        &self,
        _feature: RStr<'_>,
        _options: RStr<'_>,
        _ids: RSlice<'_, u32>,
    ) -> RResult<Block<'_>, PlugError> {
        RResult::ROk(lent())
    }

    fn stream(
        &self,
        _feature: RStr<'_>,
        _options: RStr<'_>,
        _ids: RSlice<'_, u32>,
        _rows: usize,
        mut sink: SinkMut<'_>,
    ) -> RResult<(), PlugError> {
        sink.block(0, &lent())
    }

    fn compute(
        &self,
        _service: RStr<'_>,
        _options: RStr<'_>,
        inputs: RSlice<'_, Block<'_>>,
    ) -> RResult<Block<'_>, PlugError> {
        inputs.iter().for_each(read);
        RResult::ROk(lent())
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn progress(&self, _done: u64, _total: u64) {}

    fn log(&self, _level: u8, _message: RStr<'_>) {}
}

fn lent() -> Block<'static> {
    Block { rows: 3, cols: 2, f32s: RSlice::from_slice(&NUMBERS), ..Block::EMPTY }
}

/// Touches every value, which a mapping that was cut short would not survive.
fn read(block: &Block<'_>) {
    let floats =
        block.f32s.iter().map(|&x| f64::from(x)).sum::<f64>() + block.f64s.iter().sum::<f64>();
    let whole = block.u32s.iter().fold(0, |a: u64, &b| a ^ u64::from(b));
    std::hint::black_box((floats, block.u64s.iter().fold(whole, |a, b| a ^ b), block.bytes.len()));
}

fn inline(values: &[u32]) -> Slice {
    Slice::Inline(ByteBuf::from(bytemuck::cast_slice::<u32, u8>(values)))
}

fn shared(has_fd: bool, offset: u64) -> Slice {
    Slice::Shared { id: 3, capacity: 4096, offset, bytes: 64, has_fd }
}

fn a_block(rng: &mut Rng) -> BlockMessage {
    let slice = |rng: &mut Rng| match rng.below(5) {
        0 => Slice::Empty,
        1 => inline(&[1, 2, 3, 4]),
        2 => shared(false, 0),
        3 => shared(true, 4090),
        _ => shared(true, 0),
    };
    let row_index = (rng.below(3) == 0).then(|| inline(&[0, 9]));
    BlockMessage {
        rows: rng.below(4) as u64,
        cols: rng.below(4) as u64,
        f32s: slice(rng),
        u64s: slice(rng),
        row_index,
        ..BlockMessage::default()
    }
}

fn from_worker(rng: &mut Rng) -> FromWorker {
    let text = || "logits/1".to_owned();
    let failure = || Failure { code: 1, message: "no".to_owned() };
    match rng.below(10) {
        0 => FromWorker::Done(Ok(())),
        1 => FromWorker::Answer(Ok(AnswerMessage { ids: inline(&[1, 2]), scores: None })),
        2 => FromWorker::Saved(Ok(inline(&[7]))),
        3 => FromWorker::Fetch { feature: text(), options: "{}".into(), ids: inline(&[0, 5]) },
        4 => FromWorker::Stream { feature: text(), options: text(), ids: inline(&[1]), rows: 2 },
        5 => FromWorker::BlockDone(Err(failure())),
        6 => {
            let inputs = (0..rng.below(8)).map(|_| a_block(rng)).collect();
            FromWorker::Compute { service: text(), options: text(), inputs }
        }
        7 => FromWorker::IsCancelled,
        8 => FromWorker::Progress { done: 1, total: 2 },
        _ => FromWorker::Log { level: 3, message: text() },
    }
}

fn to_worker(rng: &mut Rng) -> ToWorker {
    match rng.below(6) {
        0 => ToWorker::Block(Ok(a_block(rng))),
        1 => ToWorker::Block(Err(Failure { code: 1, message: "no".to_owned() })),
        2 => ToWorker::Streamed { first: 0, block: a_block(rng) },
        3 => ToWorker::StreamEnd(Ok(())),
        4 => ToWorker::Cancelled(false),
        _ => ToWorker::Save,
    }
}

/// A frame, most of the time broken somewhere.
fn broken_frame<T: Serialize>(rng: &mut Rng, message: &T) -> Vec<u8> {
    let body = postcard::to_stdvec(message).unwrap();
    let mut frame: Vec<u8> = bytemuck::bytes_of(&[body.len() as u32, 0]).to_vec();
    frame.extend(body);
    for _ in 0..rng.below(4) {
        let at = rng.below(frame.len());
        match rng.below(5) {
            0 => frame[at] ^= 1 << rng.below(8),
            1 => frame[at] = 0xff,
            2 => frame.truncate(at.max(1)),
            3 => frame.insert(at, rng.below(256) as u8),
            _ => {
                // The number of descriptors.
                if let Some(n_fds) = frame.get_mut(4) {
                    *n_fds = rng.below(40) as u8;
                }
            }
        }
    }
    frame
}

/// Sends frames on `socket`, some with descriptors, while it swallows what comes back.
fn talk_nonsense(socket: &UnixStream, rng: &mut Rng, frame: fn(&mut Rng) -> Vec<u8>) {
    let memory = MemoryHandle::copy_of(&[7; 4096]).unwrap();
    let unsealed = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut from = socket.try_clone().unwrap();
    let swallow = std::thread::spawn(move || {
        let _until_it_ends = from.read_to_end(&mut Vec::new());
    });
    for _ in 0..=rng.below(6) {
        let with_fds = rng.below(3);
        let sent = if with_fds == 0 {
            (&*socket).write_all(&frame(rng)).is_ok()
        } else {
            // Whole messages with descriptors of both kinds.
            let fds = [memory.fd(), unsealed.as_fd()];
            let channel = Channel::new(socket.try_clone().unwrap());
            let (one, other) = (from_worker(rng), to_worker(rng));
            let sent = if with_fds == 1 {
                channel.send(&one, &fds[..rng.below(3)], None)
            } else {
                channel.send(&other, &fds[..rng.below(3)], None)
            };
            sent.is_ok()
        };
        if !sent {
            break;
        }
    }
    // The other side may have gone before.
    let _gone = socket.shutdown(Shutdown::Both);
    swallow.join().unwrap();
}

/// Lets `target` listen to nonsense, many times.
fn check(frame: fn(&mut Rng) -> Vec<u8>, target: fn(UnixStream)) {
    #[expect(clippy::disallowed_methods, reason = "how long to search is no part of the test")]
    let n = std::env::var("ALHOST_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    for input in 0..n {
        let mut rng = Rng::stream(&[9; 32], &format!("broken messages {input}"));
        let (ours, theirs) = UnixStream::pair().unwrap();
        let started = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| talk_nonsense(&theirs, &mut rng, frame));
            target(ours);
        });
        assert!(started.elapsed() < Duration::from_secs(20), "input {input} took too long");
    }
}

#[test]
fn a_host_survives_broken_messages() {
    let frame = |rng: &mut Rng| {
        let message = from_worker(rng);
        broken_frame(rng, &message)
    };
    check(frame, |socket| {
        let mut talk = Talk::new(socket, &options(Duration::from_secs(5)), Lent::default());
        let serving = Serving { host: &Plain, lends: &NothingLent };
        // Either is right; what counts is that it comes back.
        let _either = talk.select(&serving, 2);
        let _either = talk.save();
    });
}

#[test]
fn a_worker_survives_broken_messages() {
    let frame = |rng: &mut Rng| {
        let message = to_worker(rng);
        broken_frame(rng, &message)
    };
    check(frame, |socket| {
        let (channel, mut mapped, arena) =
            (Channel::new(socket), Mapped::default(), Arena::default());
        let client = Client::new(&channel, &mut mapped, &arena, a_round(), Vec::new()).unwrap();
        let ids = RSlice::from_slice(&[0, 2]);
        if let RResult::ROk(block) = client.fetch("logits/1".into(), "{}".into(), ids) {
            read(&block);
        }
        let mut sink = Reads;
        let sink = Sink_TO::from_ptr(&mut sink, TD_Opaque);
        let _either = client.stream("logits/1".into(), "{}".into(), ids, 1, sink);
        let _either = client.compute("kmeans/1".into(), "{}".into(), RSlice::from_slice(&[lent()]));
        std::hint::black_box(client.cancelled());
        client.log(1, "still here".into());
    });
}

struct Reads;

impl Sink for Reads {
    fn block(&mut self, _first: usize, block: &Block<'_>) -> RResult<(), PlugError> {
        read(block);
        RResult::ROk(())
    }
}

fn a_round() -> RoundMessage {
    RoundMessage {
        round: 1,
        n_texts: 3,
        n_labels: 2,
        threshold: 0.5,
        pool: inline(&[0, 1, 2]),
        labeled: Slice::Empty,
        label_offsets: Slice::Inline(ByteBuf::from([0_u8; 8])),
        label_ids: Slice::Empty,
        acquired_in: Slice::Empty,
        seed: [0; 32],
    }
}

#[test]
fn a_message_arrives_as_it_was_sent_with_its_memory() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (sender, receiver) = (Channel::new(ours), Channel::new(theirs));
    let memory = MemoryHandle::copy_of(bytemuck::cast_slice(&NUMBERS)).unwrap();
    let slice = Slice::Shared { id: 1, capacity: 24, offset: 8, bytes: 16, has_fd: true };
    let message = ToWorker::Load(slice);
    sender.send(&message, &[memory.fd()], None).unwrap();
    let received = receiver.receive::<ToWorker>(None).unwrap();
    let ToWorker::Load(slice) = received.message else { panic!("another message") };
    let (arena, mut mapped) = (Arena::default(), Mapped::default());
    let fds: Vec<Option<OwnedFd>> = received.fds;
    let values: &[f32] = arena.unpack(slice, &mut mapped, &mut fds.into_iter()).unwrap();
    assert_eq!(values, &NUMBERS[2..]);
    // Known from now on, so that no descriptor is needed.
    let again = Slice::Shared { id: 1, capacity: 24, offset: 0, bytes: 24, has_fd: false };
    let values: &[f32] = arena.unpack(again, &mut mapped, &mut std::iter::empty()).unwrap();
    assert_eq!(values, NUMBERS);
    let beyond = Slice::Shared { id: 1, capacity: 24, offset: 8, bytes: 24, has_fd: false };
    let refused = arena.unpack::<f32>(beyond, &mut mapped, &mut std::iter::empty());
    assert!(matches!(refused, Err(ChannelError::Broken(_))));
}

static NEVER: AtomicBool = AtomicBool::new(false);

fn options(deadline: Duration) -> WorkerOptions {
    let (program, memory_bytes) = ("alhost-worker".into(), 1 << 30);
    WorkerOptions { program, deadline, memory_bytes, threads: 1, cancelled: &NEVER }
}

/// Ends a wait at the third look.
fn impatient() -> impl FnMut() -> Result<(), ChannelError> {
    let mut looks = 0;
    move || {
        looks += 1;
        if looks < 3 { Ok(()) } else { Err(ChannelError::Ended("enough".to_owned())) }
    }
}

#[test]
fn waiting_for_a_message_ends_when_its_watch_says_so() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let channel = Channel::new(ours);
    let receive = || channel.receive::<ToWorker>(Some(&mut impatient())).map(drop);
    assert!(matches!(receive(), Err(ChannelError::Ended(_))));
    // Half a header does not count as a message.
    (&theirs).write_all(&[9, 0, 0]).unwrap();
    assert!(matches!(receive(), Err(ChannelError::Ended(_))));
    drop(theirs);
    assert!(matches!(channel.receive::<ToWorker>(None), Err(ChannelError::Closed)));
}

#[test]
fn a_worker_that_does_not_listen_keeps_nobody() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let message = ToWorker::Load(Slice::Inline(ByteBuf::from(vec![7; 8 << 20])));
    let sent = Channel::new(ours).send(&message, &[], Some(&mut impatient()));
    assert!(matches!(sent, Err(ChannelError::Ended(_))));
    drop(theirs);
}

#[test]
fn a_worker_of_another_version_is_told_apart_before_anything_else_is_said() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut talk = Talk::new(ours, &options(Duration::from_secs(5)), Lent::default());
    let lost = std::thread::scope(|scope| {
        scope.spawn(move || {
            let channel = Channel::new(theirs);
            let greeted = channel.receive::<Hello>(None).unwrap().message;
            assert_eq!(greeted, Hello { protocol: PROTOCOL });
            channel.send(&Hello { protocol: 99 }, &[], None).unwrap();
            assert!(channel.receive::<ToWorker>(None).is_err(), "nothing more is said");
        });
        talk.next_call();
        let answer = talk.start(&ToWorker::Save);
        drop(talk);
        answer
    });
    let Err(Lost::Gone(why)) = lost else { panic!("it was started") };
    assert!(why.contains("version 99") && why.contains("hint: build"), "{why}");
}

/// Returns what becomes of a call that asks for two texts, in which the other side does `worker`.
fn check_select(milliseconds: u64, worker: impl FnOnce(&Channel) + Send) -> String {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let deadline = options(Duration::from_millis(milliseconds));
    let mut talk = Talk::new(ours, &deadline, Lent::default());
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let channel = Channel::new(theirs);
            channel.receive::<ToWorker>(None).unwrap();
            worker(&channel);
            // What is still said is not heard; the other side goes first.
            while channel.receive::<ToWorker>(None).is_ok() {}
        });
        talk.next_call();
        let answer = talk.select(&Serving { host: &Plain, lends: &NothingLent }, 2);
        drop(talk);
        match answer {
            Ok(answer) => format!("{:?}", answer.ids),
            Err(Lost::Gone(why)) => why,
            Err(Lost::Failed(error)) => error.message.into_string(),
        }
    })
}

fn ask(channel: &Channel, message: &FromWorker) -> Option<ToWorker> {
    channel.send(message, &[], None).ok()?;
    Some(channel.receive::<ToWorker>(None).ok()?.message)
}

fn stream() -> FromWorker {
    let (feature, options) = ("logits/1".to_owned(), "{}".to_owned());
    FromWorker::Stream { feature, options, ids: inline(&[0, 1, 2]), rows: 1 }
}

#[test]
fn a_strategy_that_talks_is_ended_at_its_deadline_too() {
    let talks: [fn() -> FromWorker; 4] = [
        || FromWorker::Progress { done: 1, total: 2 },
        || FromWorker::Progress { done: 2, total: 2 },
        || FromWorker::Log { level: 3, message: "again".to_owned() },
        || FromWorker::BlockDone(Ok(())),
    ];
    for (i, talk) in talks.iter().enumerate() {
        let expected = if i == 3 { "`BlockDone` out of turn" } else { "0.3 s of its own time" };
        let why = check_select(300, |channel| while channel.send(&talk(), &[], None).is_ok() {});
        assert!(why.contains(expected), "{why}");
    }
    let why =
        check_select(300, |channel| while ask(channel, &FromWorker::IsCancelled).is_some() {});
    assert!(why.contains("0.3 s of its own time"), "{why}");
    let fetch = || FromWorker::Fetch {
        feature: "logits/1".to_owned(),
        options: "{}".to_owned(),
        ids: inline(&[0]),
    };
    let why = check_select(300, |channel| while ask(channel, &fetch()).is_some() {});
    assert!(why.contains("0.3 s of its own time"), "{why}");
}

#[test]
fn the_blocks_of_a_stream_begin_no_new_deadline() {
    let wait = || std::thread::sleep(Duration::from_millis(200));
    let why = check_select(300, |channel| {
        while let Some(ToWorker::Streamed { .. } | ToWorker::StreamEnd(_)) = ask(channel, &stream())
        {
            wait();
            if ask(channel, &FromWorker::BlockDone(Ok(()))).is_none() {
                return;
            }
        }
    });
    assert!(why.contains("0.3 s of its own time"), "{why}");
}

#[test]
fn streams_inside_each_other_are_refused_however_many() {
    let refused = AtomicBool::new(false);
    let why = check_select(20_000, |channel| {
        assert!(matches!(ask(channel, &stream()), Some(ToWorker::Streamed { .. })));
        let nested = (0..5000).map(|_| ask(channel, &stream()));
        let all = nested.into_iter().all(|end| matches!(end, Some(ToWorker::StreamEnd(Err(_)))));
        refused.store(all, Ordering::Relaxed);
        assert!(ask(channel, &FromWorker::BlockDone(Ok(()))).is_some());
        let answer = AnswerMessage { ids: inline(&[1, 2]), scores: None };
        channel.send(&FromWorker::Answer(Ok(answer)), &[], None).unwrap();
    });
    assert!(refused.load(Ordering::Relaxed));
    assert_eq!(why, "[1, 2]");
}

#[test]
fn what_is_larger_than_it_can_be_is_an_error() {
    let send = |message: FromWorker| {
        check_select(20_000, move |channel| {
            let _gone = channel.send(&message, &[], None);
        })
    };
    let many = AnswerMessage { ids: inline(&[1; 4]), scores: None };
    let why = send(FromWorker::Answer(Ok(many)));
    assert!(why.contains("returned 4 ids or scores, but only 3 texts"), "{why}");
    let failure = Failure { code: 1, message: "E".repeat(20 << 20) };
    let why = send(FromWorker::Answer(Err(failure)));
    assert!(
        why.ends_with("(cut: it has 20971520 bytes)") && why.len() <= MAX_TEXT,
        "{}",
        why.len()
    );
    let (feature, options) = ("x".repeat(1 << 20), "{}".to_owned());
    let why = send(FromWorker::Fetch { feature, options, ids: inline(&[0]) });
    assert!(why.contains("a name of 1048576 bytes"), "{why}");
}

#[test]
fn memory_beyond_what_a_worker_may_have_is_not_read() {
    const TERABYTES: u64 = 16 << 40;
    let why = check_select(20_000, |channel| {
        let fd = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
        for bytes in [1 << 20, TERABYTES] {
            rustix::fs::ftruncate(&fd, bytes).unwrap();
            if bytes == TERABYTES {
                let seals = rustix::fs::SealFlags::SHRINK | rustix::fs::SealFlags::GROW;
                rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
            }
        }
        let (id, has_fd) = (9, true);
        let ids = Slice::Shared { id, capacity: TERABYTES, offset: 0, bytes: TERABYTES, has_fd };
        let answer = AnswerMessage { ids, scores: None };
        channel.send(&FromWorker::Answer(Ok(answer)), &[fd.as_fd()], None).unwrap();
    });
    assert!(why.contains("more than it may have"), "{why}");
}
