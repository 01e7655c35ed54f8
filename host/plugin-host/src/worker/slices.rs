//! Slices on their way between the processes: small ones in the message, large ones in shared memory.

use std::collections::{HashMap, HashSet};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use alhost_base::memory::{self, MemoryHandle, WORTH_SHARING};
use alhost_plugin_api::ffi::Block;
use alhost_plugin_protocol::{BlockMessage, Slice};
use alhost_plugin_protocol::{ChannelError, MAX_FDS};
use bytemuck::Pod;
use elsa::sync::FrozenVec;
use memmap2::Mmap;
use serde_bytes::ByteBuf;

use super::host::Lends;

/// Packs the slices of one message; its descriptors go along.
pub(super) struct Packer<'a> {
    lends: &'a dyn Lends,
    /// Memories that the other side has, and the call in which they were last spoken of.
    known: Option<&'a mut Known>,
    handles: Vec<MemoryHandle>,
}

/// Memories that a worker has mapped. Both sides forget one when a call has not used it.
#[derive(Debug)]
pub(super) struct Known {
    used_in: HashMap<u64, u64>,
    call: u64,
    lent: Lent,
}

/// The memories that a host has lent to a worker, by the numbers of their files. They are in the
/// worker's memory, but not at its expense.
#[derive(Clone, Debug, Default)]
pub(super) struct Lent(Arc<Mutex<HashSet<u64>>>);

impl Lent {
    fn add(&self, handle: &MemoryHandle) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(handle.inode);
    }

    pub(super) fn inodes(&self) -> HashSet<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Known {
    pub(super) fn new(lent: Lent) -> Self {
        Self { used_in: HashMap::new(), call: 0, lent }
    }

    pub(super) fn next_call(&mut self) {
        let call = self.call;
        self.used_in.retain(|_, &mut used| used == call);
        self.call += 1;
    }
}

impl<'a> Packer<'a> {
    pub(super) fn new(lends: &'a dyn Lends, known: Option<&'a mut Known>) -> Self {
        Self { lends, known, handles: Vec::new() }
    }

    pub(super) fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.handles.iter().map(MemoryHandle::fd).collect()
    }

    pub(super) fn pack<T: Pod>(&mut self, values: &[T]) -> Result<Slice, ChannelError> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        if bytes.is_empty() {
            return Ok(Slice::Empty);
        }
        if bytes.len() < WORTH_SHARING {
            return Ok(Slice::Inline(ByteBuf::from(bytes)));
        }
        let (handle, offset) = match self.lends.memory_of(bytes) {
            Some(lent) => lent,
            None => (MemoryHandle::copy_of(bytes)?, 0),
        };
        let is_known = self.known.as_mut().is_some_and(|known| {
            let call = known.call;
            known.lent.add(&handle);
            known.used_in.insert(handle.id, call).is_some()
        });
        let (id, capacity) = (handle.id, handle.bytes as u64);
        if !is_known {
            self.handles.push(handle);
        }
        let has_fd = !is_known;
        Ok(Slice::Shared { id, capacity, offset: offset as u64, bytes: bytes.len() as u64, has_fd })
    }

    pub(super) fn block(&mut self, block: &Block<'_>) -> Result<BlockMessage, ChannelError> {
        Ok(BlockMessage {
            rows: block.rows as u64,
            cols: block.cols as u64,
            f32s: self.pack(block.f32s.as_slice())?,
            f64s: self.pack(block.f64s.as_slice())?,
            u32s: self.pack(block.u32s.as_slice())?,
            u64s: self.pack(block.u64s.as_slice())?,
            bytes: self.pack(block.bytes.as_slice())?,
            row_index: match block.row_index.as_ref().into_option() {
                Some(index) => Some(self.pack(index.as_slice())?),
                None => None,
            },
        })
    }
}

/// One slice has one memory at most, and a block six slices.
pub(super) const MAX_BLOCKS: usize = MAX_FDS / 6;

/// Memories of the other side that are mapped here.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    maps: HashMap<u64, (Arc<Mmap>, u64)>,
    call: u64,
    /// Bytes that may be mapped yet, where the other side is not trusted.
    room: Option<u64>,
}

impl Mapped {
    /// Takes memories of a side that may have `room` bytes. They have to be whole and to stay as
    /// they are: a hole costs that side nothing and its reader much, and what changes cannot be
    /// checked.
    pub(super) fn of_a_stranger(room: u64) -> Self {
        Self { room: Some(room), ..Self::default() }
    }

    pub(super) fn next_call(&mut self) {
        let call = self.call;
        self.maps.retain(|_, (_, used)| *used == call);
        self.call += 1;
    }

    fn open(
        &mut self,
        id: u64,
        capacity: u64,
        fd: Option<OwnedFd>,
    ) -> Result<Arc<Mmap>, ChannelError> {
        let call = self.call;
        if let Some(fd) = fd {
            self.admit(&fd, capacity)?;
            let map = memory::map(&fd, capacity as usize)
                .map_err(|e| ChannelError::Broken(e.to_string()))?;
            self.maps.insert(id, (Arc::new(map), call));
        }
        let unknown = || ChannelError::Broken(format!("memory {id} was never sent"));
        let (map, used) = self.maps.get_mut(&id).ok_or_else(unknown)?;
        *used = call;
        Ok(Arc::clone(map))
    }

    fn admit(&mut self, fd: &OwnedFd, capacity: u64) -> Result<(), ChannelError> {
        let Some(room) = self.room else { return Ok(()) };
        let left = room.checked_sub(capacity).ok_or_else(|| {
            ChannelError::Broken(format!("{capacity} bytes, more than it may have"))
        })?;
        if let Some(what) = memory::suspect(fd, capacity)? {
            return Err(ChannelError::Broken(what.to_owned()));
        }
        self.room = Some(left);
        Ok(())
    }
}

/// Holds what a slice of a message became here: aligned for every number that there is.
enum Held {
    Inline { words: Vec<u64>, bytes: usize },
    Mapped { map: Arc<Mmap>, offset: usize, bytes: usize },
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Inline { words, bytes } => &bytemuck::cast_slice(words)[..*bytes],
            Self::Mapped { map, offset, bytes } => &map[*offset..*offset + *bytes],
        }
    }
}

/// Keeps what was received for as long as something may borrow it.
#[derive(Default)]
pub(super) struct Arena(FrozenVec<Box<HeldBytes>>);

/// Sized, so that `FrozenVec` can box it.
struct HeldBytes(Held);

impl std::ops::Deref for HeldBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl Arena {
    /// The values of a slice; `fds` are those of its message, of which it takes its own.
    pub(super) fn unpack<T: Pod>(
        &self,
        slice: Slice,
        mapped: &mut Mapped,
        fds: &mut impl Iterator<Item = Option<OwnedFd>>,
    ) -> Result<&[T], ChannelError> {
        let held = match slice {
            Slice::Empty => return Ok(&[]),
            Slice::Inline(body) => {
                let mut words = vec![0_u64; body.len().div_ceil(8)];
                bytemuck::cast_slice_mut(&mut words)[..body.len()].copy_from_slice(&body);
                Held::Inline { words, bytes: body.len() }
            }
            Slice::Shared { id, capacity, offset, bytes, has_fd } => {
                let broken = |what: &str| ChannelError::Broken(what.to_owned());
                let sent = has_fd.then(|| fds.next().flatten());
                let fd = sent.map(|fd| fd.ok_or_else(|| broken("no descriptor"))).transpose()?;
                let map = mapped.open(id, capacity, fd)?;
                let end = offset.checked_add(bytes);
                if end.is_none_or(|end| end > map.len() as u64) {
                    return Err(broken("a slice beyond the end of its memory"));
                }
                Held::Mapped { map, offset: offset as usize, bytes: bytes as usize }
            }
        };
        let bytes: &[u8] = self.0.push_get(Box::new(HeldBytes(held)));
        bytemuck::try_cast_slice(bytes).map_err(|e| ChannelError::Broken(e.to_string()))
    }

    pub(super) fn block(
        &self,
        message: BlockMessage,
        mapped: &mut Mapped,
        fds: &mut impl Iterator<Item = Option<OwnedFd>>,
    ) -> Result<Block<'_>, ChannelError> {
        Ok(Block {
            rows: message.rows as usize,
            cols: message.cols as usize,
            f32s: self.unpack(message.f32s, mapped, fds)?.into(),
            f64s: self.unpack(message.f64s, mapped, fds)?.into(),
            u32s: self.unpack(message.u32s, mapped, fds)?.into(),
            u64s: self.unpack(message.u64s, mapped, fds)?.into(),
            bytes: self.unpack(message.bytes, mapped, fds)?.into(),
            row_index: match message.row_index {
                Some(index) => Some(self.unpack(index, mapped, fds)?.into()).into(),
                None => None.into(),
            },
        })
    }
}
