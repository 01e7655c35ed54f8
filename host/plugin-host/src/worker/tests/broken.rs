//! Broken messages: whatever comes over the socket, either side ends with an error, and in time.
//! `ALHOST_FUZZ=10000 cargo test -p alhost-plugin-host broken` tries more of them.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RSlice};
use alhost_base::memory::MemoryHandle;
use alhost_plugin_api::Rng;
use alhost_plugin_api::ffi::{Block, Host, PlugError, Sink, Sink_TO};
use alhost_plugin_protocol::{
    AnswerMessage, BlockMessage, Channel, Failure, FromWorker, Slice, ToWorker,
};
use serde::Serialize;

use super::{Plain, a_round, inline, lent, options, read};
use crate::worker::client::Client;
use crate::worker::host::NothingLent;
use crate::worker::serving::Serving;
use crate::worker::slices::{Arena, Lent, Mapped};
use crate::worker::talk::Talk;

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
