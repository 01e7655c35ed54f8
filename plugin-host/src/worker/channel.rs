//! Frames on a socket: a length, the descriptors of shared memory, and a message.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
pub(super) const MAX_FDS: usize = 32;

#[derive(Debug, Error)]
pub(super) enum ChannelError {
    /// The other side is gone.
    #[error("the connection is closed")]
    Closed,
    #[error("no answer in time")]
    Timeout,
    /// The other side does not keep to the protocol.
    #[error("a broken message: {0}")]
    Broken(String),
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        match error.kind() {
            UnexpectedEof | BrokenPipe | ConnectionReset => Self::Closed,
            WouldBlock | TimedOut => Self::Timeout,
            _ => Self::Io(error),
        }
    }
}

impl From<rustix::io::Errno> for ChannelError {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

/// A received message, and the shared memories that it speaks of.
pub(super) struct Received<T> {
    pub(super) message: T,
    pub(super) fds: Vec<Option<OwnedFd>>,
}

#[derive(Debug)]
pub(super) struct Channel {
    socket: UnixStream,
}

impl Channel {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket }
    }

    pub(super) fn send<T: Serialize>(
        &self,
        message: &T,
        fds: &[BorrowedFd<'_>],
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
        let sent = rustix::net::sendmsg(&self.socket, &parts, &mut rights, SendFlags::NOSIGNAL)?;
        let mut socket = &self.socket;
        socket.write_all(&header[sent..])?;
        Ok(socket.write_all(&body)?)
    }

    /// Whether something can be read before `timeout` is over.
    pub(super) fn wait(&self, timeout: Duration) -> Result<bool, ChannelError> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        let timeout = Timespec::try_from(timeout).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(n) => Ok(n > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for a message, until `deadline` if there is one. A message that has begun must go on.
    pub(super) fn receive<T: DeserializeOwned>(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Received<T>, ChannelError> {
        self.limit(deadline)?;
        let mut header = [0; HEADER];
        let (mut n, fds) = self.receive_first(&mut header)?;
        while n < HEADER {
            self.limit(deadline)?;
            n += nonzero((&self.socket).read(&mut header[n..])?)?;
        }
        let (bytes, n_fds) = read_header(header);
        if bytes > MAX_BYTES || n_fds != fds.len() {
            let what =
                format!("{bytes} bytes and {n_fds} descriptors announced, {} came", fds.len());
            return Err(ChannelError::Broken(what));
        }
        let mut body = vec![0; bytes];
        let mut filled = 0;
        while filled < bytes {
            self.limit(deadline)?;
            filled += nonzero((&self.socket).read(&mut body[filled..])?)?;
        }
        let message =
            postcard::from_bytes(&body).map_err(|e| ChannelError::Broken(e.to_string()))?;
        Ok(Received { message, fds: fds.into_iter().map(Some).collect() })
    }

    fn receive_first(&self, header: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), ChannelError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut rights = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(header)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = rustix::net::recvmsg(self.socket.as_fd(), parts, &mut rights, flags)?;
        let mut fds = Vec::new();
        for message in rights.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                fds.extend(received);
            }
        }
        Ok((nonzero(got.bytes)?, fds))
    }

    /// The time that is left for the next read.
    fn limit(&self, deadline: Option<Instant>) -> Result<(), ChannelError> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ChannelError::Timeout);
        }
        Ok(self.socket.set_read_timeout(left)?)
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
