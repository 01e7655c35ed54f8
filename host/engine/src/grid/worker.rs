//! A worker process, as its bench sees it: one order at a time on its standard input, one reply on
//! its standard output. Both are lines of JSON.

use std::io::{self, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use alhost_base::lines::Lines;
use alhost_plugin_host::hide_from_plugins;
use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

/// One cell to run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub config: PathBuf,
    pub strategy: String,
    pub seed: u64,
    /// The device, where it is not the config's.
    pub device: Option<String>,
    /// Whether its first round is all that is to be done now.
    #[serde(default)]
    pub only_begin: bool,
}

/// The outcome of an order. It names the order, so that nothing which a plugin prints is taken for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    pub order: Order,
    /// Why it could not be done.
    pub error: Option<String>,
    /// Whether that is because another process works on the same run.
    #[serde(default)]
    pub is_elsewhere: bool,
}

/// Makes this worker end at once, by the system's hand, when its bench ends, however that ends.
/// An error if it has ended already.
pub fn die_with_parent(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let is_there = getppid().map(Pid::as_raw_nonzero).is_some_and(|pid| pid.get() as u32 == parent);
    if is_there { Ok(()) } else { Err(io::Error::other("the bench that started it has ended")) }
}

/// Asks a worker to stop after the round that it is in.
pub(super) fn interrupt(worker: u32) {
    let id = i32::try_from(worker).ok().and_then(Pid::from_raw);
    let sent = id.map(|id| kill_process(id, Signal::INT));
    if let Some(Err(error)) = sent {
        tracing::debug!("worker {worker}: {error}");
    }
}

/// Bytes of a line that can be a reply.
const MAX_REPLY: usize = 1 << 20;

pub(super) struct Worker {
    child: Child,
    /// `None` once it has been told that there is nothing more.
    orders: Option<ChildStdin>,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts it from a thread that lives as long as the worker should: the system tells a child of the end
    /// of the thread that started it.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        // In a process group of its own, so that a Ctrl-C reaches it once, through us.
        let command = command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        hide_from_plugins();
        let mut child = command.spawn()?;
        let orders = child.stdin.take();
        let replies = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        let replies = Lines::new(BufReader::new(replies), MAX_REPLY);
        Ok(Self { child, orders, replies })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The error is how the process ended.
    pub(super) fn run(&mut self, order: &Order) -> Result<Reply, String> {
        let mut line = serde_json::to_string(order).expect("an order is plain data");
        line.push('\n');
        let sent = self.orders.as_mut().map(|orders| orders.write_all(line.as_bytes()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.end());
        }
        // A plugin may print; what is no reply to this order is passed over.
        while let Ok(Some(line)) = self.replies.read() {
            match serde_json::from_slice::<Reply>(&line.start) {
                Ok(reply) if reply.order == *order => return Ok(reply),
                _ => {}
            }
        }
        Err(self.end())
    }

    /// Waits for its end, and says what that was.
    fn end(&mut self) -> String {
        self.orders = None;
        // It may have closed its output, and still run.
        let _ended_before = self.child.kill();
        match self.child.wait() {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Worker {
    /// Nothing more to do: the end of its input ends it.
    fn drop(&mut self) {
        self.orders = None;
        let _status = self.child.wait();
    }
}

fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("exit code {}", status.code().unwrap_or(-1)),
    }
}
