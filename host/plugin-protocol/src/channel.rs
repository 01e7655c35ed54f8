//! Frames on a socket: a length, the descriptors of shared memory, and a message.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use alhost_plugin_api::Error as ApiError;
use alhost_plugin_api::ffi::PlugError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// No message is longer: what is large goes through shared memory.
const MAX_BYTES: usize = 64 << 20;
/// Slices of one message, of which each may lie in a memory of its own.
pub const MAX_FDS: usize = 32;
/// How often a wait is interrupted to ask whether it should go on.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

#[derive(Debug, Error)]
pub enum ChannelError {
    /// The other side is gone.
    #[error("the connection is closed")]
    Closed,
    /// The other side does not keep to the protocol.
    #[error("a broken message: {0}")]
    Broken(String),
    /// Whoever watched the wait has ended it: why.
    #[error("{0}")]
    Ended(String),
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
        match error.kind() {
            UnexpectedEof | BrokenPipe | ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl From<Errno> for ChannelError {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

/// Says what the strategy is told when the connection fails.
impl From<ChannelError> for PlugError {
    fn from(error: ChannelError) -> Self {
        ApiError::new(format!("the host does not answer: {error}")).into()
    }
}

/// Function that is asked on every tick of a wait; its error ends the wait.
pub type Watch<'a> = &'a mut dyn FnMut() -> Result<(), ChannelError>;

/// A received message, and the shared memories that it speaks of.
pub struct Received<T> {
    pub message: T,
    pub fds: Vec<Option<OwnedFd>>,
}

#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
}

impl Channel {
    pub fn new(socket: UnixStream) -> Self {
        Self { socket }
    }

    /// Waits for room as long as `watch` lets it; for ever where there is none.
    pub fn send<T: Serialize>(
        &self,
        message: &T,
        fds: &[BorrowedFd<'_>],
        mut watch: Option<Watch<'_>>,
    ) -> Result<(), ChannelError> {
        let broken = |e: postcard::Error| ChannelError::Broken(e.to_string());
        let body = postcard::to_stdvec(message).map_err(broken)?;
        if body.len() > MAX_BYTES || fds.len() > MAX_FDS {
            return Err(ChannelError::Broken(format!("{} bytes are too many", body.len())));
        }
        let header = header(body.len(), fds.len());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut rights = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            let fitted = rights.push(SendAncillaryMessage::ScmRights(fds));
            debug_assert!(fitted, "there is room for MAX_FDS");
        }
        let parts = [IoSlice::new(&header)];
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let sent = self.patiently(PollFlags::OUT, &mut watch, || {
            rustix::net::sendmsg(&self.socket, &parts, &mut rights, flags)
        })?;
        for mut left in [&header[sent..], &body] {
            while !left.is_empty() {
                let sent = self.patiently(PollFlags::OUT, &mut watch, || {
                    rustix::net::send(&self.socket, left, flags)
                })?;
                left = &left[sent..];
            }
        }
        Ok(())
    }

    /// Waits for a message as long as `watch` lets it, for its beginning as for its parts; for ever
    /// where there is none.
    pub fn receive<T: DeserializeOwned>(
        &self,
        mut watch: Option<Watch<'_>>,
    ) -> Result<Received<T>, ChannelError> {
        let mut header = [0; HEADER];
        let (n, fds) = self.receive_first(&mut header, &mut watch)?;
        self.fill(&mut header[n..], &mut watch)?;
        let (bytes, n_fds) = read_header(header);
        if bytes > MAX_BYTES || n_fds != fds.len() {
            let what =
                format!("{bytes} bytes and {n_fds} descriptors announced, {} came", fds.len());
            return Err(ChannelError::Broken(what));
        }
        let mut body = vec![0; bytes];
        self.fill(&mut body, &mut watch)?;
        let message =
            postcard::from_bytes(&body).map_err(|e| ChannelError::Broken(e.to_string()))?;
        Ok(Received { message, fds: fds.into_iter().map(Some).collect() })
    }

    fn receive_first(
        &self,
        header: &mut [u8],
        watch: &mut Option<Watch<'_>>,
    ) -> Result<(usize, Vec<OwnedFd>), ChannelError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(header)];
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let got = self.patiently(PollFlags::IN, watch, || {
            rustix::net::recvmsg(self.socket.as_fd(), parts, &mut rights, flags)
        })?;
        let mut fds = Vec::new();
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                fds.extend(received);
            }
        }
        Ok((nonzero(got.bytes)?, fds))
    }

    fn fill(&self, mut room: &mut [u8], watch: &mut Option<Watch<'_>>) -> Result<(), ChannelError> {
        while !room.is_empty() {
            let (got, _) = self.patiently(PollFlags::IN, watch, || {
                rustix::net::recv(&self.socket, &mut *room, RecvFlags::DONTWAIT)
            })?;
            let got = nonzero(got)?;
            room = &mut room[got..];
        }
        Ok(())
    }

    /// Does one step again and again until it needs not wait any more. A signal, such as that of
    /// Ctrl-C, interrupts steps and waits; it is no failure of either.
    fn patiently<T>(
        &self,
        ready: PollFlags,
        watch: &mut Option<Watch<'_>>,
        mut step: impl FnMut() -> Result<T, Errno>,
    ) -> Result<T, ChannelError> {
        loop {
            match step() {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(ready, watch)?,
                done => return Ok(done?),
            }
        }
    }

    fn wait(&self, ready: PollFlags, watch: &mut Option<Watch<'_>>) -> Result<(), ChannelError> {
        let timeout = match watch {
            Some(watch) => {
                watch()?;
                Some(&TICK)
            }
            None => None,
        };
        match poll(&mut [PollFd::new(&self.socket, ready)], timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

const HEADER: usize = 8;

/// Both sides are on one machine, so the order of the bytes is the machine's.
fn header(bytes: usize, n_fds: usize) -> [u8; HEADER] {
    bytemuck::cast([bytes as u32, n_fds as u32])
}

fn read_header(header: [u8; HEADER]) -> (usize, usize) {
    let [bytes, n_fds]: [u32; 2] = bytemuck::cast(header);
    (bytes as usize, n_fds as usize)
}

fn nonzero(n: usize) -> Result<usize, ChannelError> {
    if n == 0 { Err(ChannelError::Closed) } else { Ok(n) }
}
