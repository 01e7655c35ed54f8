//! A host and a worker talk: shared parts of the tests, and that a message arrives whole.

mod broken;
mod deadlines;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use abi_stable::std_types::{RResult, RSlice, RStr};
use alhost_base::memory::MemoryHandle;
use alhost_plugin_api::ffi::{Block, Host, PlugError, RoundInfo, SinkMut};
use alhost_plugin_protocol::{Channel, ChannelError, RoundMessage, Slice, ToWorker};
use serde_bytes::ByteBuf;

use super::host::WorkerOptions;
use super::slices::{Arena, Mapped};

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

static NEVER: AtomicBool = AtomicBool::new(false);

fn options(deadline: Duration) -> WorkerOptions {
    let (program, memory_bytes) = ("alhost-worker".into(), 1 << 30);
    WorkerOptions { program, deadline, memory_bytes, threads: 1, cancelled: &NEVER }
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
