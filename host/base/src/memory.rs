//! Memory that one process fills and another may only read: matrices cross to a worker without a
//! copy, and a worker cannot change what the host will use afterwards.
//!
//! On Linux, an unnamed file in memory (`memfd_create`), sealed: nobody can make it shorter, which
//! would kill its readers, and every mapping made after the owner's own is read-only.
#![expect(unsafe_code, reason = "mapping a file is a promise that nobody cuts it short")]

use std::io;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use memmap2::{Mmap, MmapMut, MmapOptions};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

/// Matrices smaller than this are not worth a mapping of their own.
pub const WORTH_SHARING: usize = 1 << 20;

/// Seals that keep a memory's length, without which a reader of its mapping is not safe.
const KEPT_LENGTH: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// Bytes that this process may write and others may read.
#[derive(Debug)]
pub struct SharedMemory {
    handle: MemoryHandle,
    map: MmapMut,
}

/// Names a shared memory, and keeps it open.
#[derive(Clone, Debug)]
pub struct MemoryHandle {
    /// Is never used again in this process.
    pub id: u64,
    pub bytes: usize,
    /// The number of its file, by which a mapping of it is known.
    pub inode: u64,
    fd: Arc<OwnedFd>,
}

impl MemoryHandle {
    /// Makes a copy of `bytes` that nobody can change any more: what its reader has checked stays
    /// as it was.
    pub fn copy_of(bytes: &[u8]) -> io::Result<Self> {
        let fd = memory_file()?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&fd, rest) {
                Err(Errno::INTR) => {}
                written => rest = &rest[written?..],
            }
        }
        rustix::fs::fcntl_add_seals(&fd, KEPT_LENGTH | SealFlags::WRITE)?;
        Self::of(fd, bytes.len())
    }

    fn of(fd: OwnedFd, bytes: usize) -> io::Result<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let inode = rustix::fs::fstat(&fd)?.st_ino;
        Ok(Self { id, bytes, inode, fd: Arc::new(fd) })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl SharedMemory {
    /// Makes a memory of zeros.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let fd = memory_file()?;
        rustix::fs::ftruncate(&fd, bytes as u64)?;
        // The owner maps first: `FUTURE_WRITE` stops only the mappings that come after it.
        // SAFETY: nobody else has the file yet, and the seals below keep its length.
        let map = unsafe { MmapOptions::new().len(bytes).map_mut(&fd)? };
        rustix::fs::fcntl_add_seals(&fd, KEPT_LENGTH | SealFlags::FUTURE_WRITE)?;
        Ok(Self { handle: MemoryHandle::of(fd, bytes)?, map })
    }

    pub fn handle(&self) -> &MemoryHandle {
        &self.handle
    }
}

fn memory_file() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(rustix::fs::memfd_create("alhost", flags)?)
}

/// Maps a memory that another process made.
pub fn map(fd: &OwnedFd, bytes: usize) -> io::Result<Mmap> {
    let seals = rustix::fs::fcntl_get_seals(fd)?;
    let length = rustix::fs::fstat(fd)?.st_size;
    if !seals.contains(KEPT_LENGTH) || length != bytes as i64 {
        return Err(io::Error::other(
            "the shared memory is not sealed at the length it is said to have",
        ));
    }
    // SAFETY: the seals, which cannot be taken off, keep the file at this length.
    unsafe { MmapOptions::new().len(bytes).map(fd) }
}

/// Says what is wrong with a memory of so many bytes for a reader who trusts nobody: it may still
/// be changed, or it takes less room than it has bytes, since what was never written takes none.
pub fn suspect(fd: &OwnedFd, bytes: u64) -> io::Result<Option<&'static str>> {
    const BLOCK: u64 = 512;
    if !rustix::fs::fcntl_get_seals(fd)?.contains(SealFlags::WRITE) {
        return Ok(Some("a memory that can still be changed"));
    }
    let blocks = rustix::fs::fstat(fd)?.st_blocks as u64;
    Ok((blocks.saturating_mul(BLOCK) < bytes).then_some("a memory with holes"))
}

/// Memories that are used again: fresh pages cost a fault each, on either side.
#[derive(Clone, Debug, Default)]
pub struct MemoryPool(Arc<Mutex<Vec<SharedMemory>>>);

impl MemoryPool {
    /// Returns room for `n` numbers, whatever was in it before.
    ///
    /// # Errors
    /// If the system gives no such memory.
    pub fn numbers(&self, n: usize) -> io::Result<SharedNumbers> {
        let need = n * size_of::<f32>();
        let kept = {
            let mut free = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let fits = |memory: &SharedMemory| {
                let bytes = memory.handle.bytes;
                bytes >= need && bytes / 2 <= need
            };
            free.iter().position(fits).map(|i| free.swap_remove(i))
        };
        let memory = match kept {
            Some(memory) => memory,
            // A little more than asked for, since a pool gets smaller and a labeled set larger.
            None => SharedMemory::new((need + need / 16).next_multiple_of(4096))?,
        };
        Ok(SharedNumbers { memory: Some(memory), n, home: Arc::downgrade(&self.0) })
    }
}

/// The most free memories that are kept: as many as a round uses matrices.
const KEPT: usize = 4;

/// Numbers in a shared memory, which goes back to its pool.
#[derive(Debug)]
pub struct SharedNumbers {
    /// Is `None` only while `drop` runs.
    memory: Option<SharedMemory>,
    n: usize,
    home: Weak<Mutex<Vec<SharedMemory>>>,
}

impl SharedNumbers {
    fn memory(&self) -> &SharedMemory {
        self.memory.as_ref().expect("only `drop` takes it")
    }

    pub fn handle(&self) -> &MemoryHandle {
        &self.memory().handle
    }
}

impl Deref for SharedNumbers {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.memory().map[..self.n * size_of::<f32>()])
    }
}

impl DerefMut for SharedNumbers {
    fn deref_mut(&mut self) -> &mut [f32] {
        let memory = self.memory.as_mut().expect("only `drop` takes it");
        bytemuck::cast_slice_mut(&mut memory.map[..self.n * size_of::<f32>()])
    }
}

impl Drop for SharedNumbers {
    fn drop(&mut self) {
        let (Some(home), Some(memory)) = (self.home.upgrade(), self.memory.take()) else { return };
        let mut free = home.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        free.push(memory);
        if free.len() > KEPT {
            free.sort_by_key(|memory| std::cmp::Reverse(memory.handle.bytes));
            free.truncate(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_used_again_for_what_fits() {
        let pool = MemoryPool::default();
        let id = |n| pool.numbers(n).unwrap().handle().id;
        let mut numbers = pool.numbers(100_000).unwrap();
        numbers.fill(2.0);
        let first = numbers.handle().id;
        let second = id(100_000);
        assert_ne!(second, first, "the first is in use");
        drop(numbers);
        assert!([first, second].contains(&id(99_000)));
        assert!(![first, second].contains(&id(500_000)), "too small");
        assert!(![first, second].contains(&id(10_000)), "a waste");
        assert_eq!(pool.numbers(500_000).unwrap().len(), 500_000);
    }

    #[test]
    fn a_reader_sees_what_the_owner_wrote_and_can_neither_write_nor_cut() {
        let mut memory = SharedMemory::new(3).unwrap();
        memory.map.copy_from_slice(&[1, 2, 3]);
        let fd = memory.handle.fd().try_clone_to_owned().unwrap();
        let view = map(&fd, 3).unwrap();
        assert_eq!(view[..], [1, 2, 3]);
        memory.map[1] = 9;
        assert_eq!(view[..], [1, 9, 3]);
        let fd = memory.handle.fd();
        assert!(rustix::fs::ftruncate(fd, 1).is_err());
        assert!(rustix::io::write(fd, &[7]).is_err());
        // SAFETY: the mapping is refused.
        assert!(unsafe { MmapMut::map_mut(fd.try_clone_to_owned().as_ref().unwrap()) }.is_err());
        assert!(view.make_mut().is_err());
    }

    #[test]
    fn a_copy_is_whole_and_stays_as_it_is() {
        let check = |handle: &MemoryHandle| {
            suspect(&handle.fd().try_clone_to_owned().unwrap(), handle.bytes as u64).unwrap()
        };
        let copy = MemoryHandle::copy_of(&[0; 10_000]).unwrap();
        assert_eq!(check(&copy), None);
        assert!(rustix::io::write(copy.fd(), &[7]).is_err());
        assert_eq!(map(&copy.fd().try_clone_to_owned().unwrap(), 10_000).unwrap()[..], [0; 10_000]);
        let changing = SharedMemory::new(10_000).unwrap();
        assert_eq!(check(changing.handle()), Some("a memory that can still be changed"));
        let empty = memory_file().unwrap();
        rustix::fs::ftruncate(&empty, 10_000).unwrap();
        rustix::fs::fcntl_add_seals(&empty, KEPT_LENGTH | SealFlags::WRITE).unwrap();
        let empty = MemoryHandle::of(empty, 10_000).unwrap();
        assert_eq!(check(&empty), Some("a memory with holes"));
    }

    #[test]
    fn a_memory_that_could_be_cut_short_is_not_mapped() {
        let fd = rustix::fs::memfd_create("x", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&fd, 8).unwrap();
        assert!(map(&fd, 8).is_err());
        let memory = SharedMemory::new(8).unwrap();
        let fd = || memory.handle.fd().try_clone_to_owned().unwrap();
        assert!(map(&fd(), 16).is_err());
        assert!(map(&fd(), 8).is_ok());
    }
}
