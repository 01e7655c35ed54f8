//! A worker process, as its bench sees it: one order at a time on its standard input, one reply on
//! its standard output. Both are lines of JSON.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

/// One cell to run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub config: PathBuf,
    pub strategy: String,
    pub seed: u64,
    /// Where it is not the config's.
    pub device: Option<String>,
}

/// What became of an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Why it could not be done.
    pub error: Option<String>,
}

/// In a worker: it ends at once, by the system's hand, when its bench ends, however that ends.
/// An error if it has ended already.
pub fn die_with_parent(parent: u32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let is_there = getppid().map(Pid::as_raw_nonzero).is_some_and(|pid| pid.get() as u32 == parent);
    if is_there { Ok(()) } else { Err(io::Error::other("the bench that started it has ended")) }
}

pub(super) struct Worker {
    child: Child,
    /// `None` once it has been told that there is nothing more.
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Worker {
    /// From a thread that lives as long as the worker should: the system tells a child of the end
    /// of the thread that started it.
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let orders = child.stdin.take();
        let replies = child.stdout.take().ok_or_else(|| io::Error::other("no standard output"))?;
        Ok(Self { child, orders, replies: BufReader::new(replies) })
    }

    /// The error is how the process ended.
    pub(super) fn run(&mut self, order: &Order) -> Result<Reply, String> {
        let mut line = serde_json::to_string(order).expect("an order is plain data");
        line.push('\n');
        let sent = self.orders.as_mut().map(|orders| orders.write_all(line.as_bytes()));
        let mut reply = String::new();
        let read = match sent {
            Some(Ok(())) => self.replies.read_line(&mut reply),
            _ => Ok(0),
        };
        match (read, serde_json::from_str(&reply)) {
            (Ok(1..), Ok(reply)) => Ok(reply),
            _ => Err(self.end()),
        }
    }

    /// Waits for its end, and says what that was.
    fn end(&mut self) -> String {
        self.orders = None;
        // It may have said what is no reply, and still run.
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
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("exit code {}", status.code().unwrap_or(-1)),
    }
}
