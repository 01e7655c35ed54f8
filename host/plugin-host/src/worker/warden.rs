//! Watches over a worker's process and all that it started: their memory, their number, and how much
//! they print. It ends them where that is too much, and says why.

use std::collections::VecDeque;
use std::io::{BufReader, PipeReader, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alhost_base::lines::{Line, Lines};
use rustix::process::Pid;

use super::slices::Lent;
use crate::family::{self, Member};

/// How often the memory is looked at, and how much of a core that may take at most.
const TICK: Duration = Duration::from_millis(100);
const SHARE: u32 = 20;
/// Bytes that a program and its libraries have of their own, which `RLIMIT_DATA` does not count
/// either.
const SLACK: u64 = 64 << 20;
/// A strategy may start programs; so many are a mistake.
const MAX_PROCESSES: usize = 256;
/// Most bytes that may be printed in one call; of them, the lines and bytes of a line that go to
/// the log.
const MAX_PRINTED: u64 = 64 << 20;
const MAX_LINES: u64 = 1000;
const MAX_LINE: usize = 4 << 10;
/// Lines that are kept for the message when it dies, and bytes of each.
const LAST_LINES: usize = 4;
const LAST_BYTES: usize = 500;

pub(super) struct Warden {
    instance: String,
    memory_bytes: u64,
    lent: Lent,
    /// The host's end of the connection.
    socket: UnixStream,
    state: Mutex<State>,
}

struct State {
    /// Number of the process; `None` once its end is somebody else's business.
    pid: Option<Pid>,
    /// Processes that it had started when that was last looked at.
    members: Vec<Member>,
    /// Why it was ended.
    verdict: Option<String>,
    /// Bytes that it printed since the call began.
    printed: u64,
    lines: u64,
    last: VecDeque<String>,
}

impl Warden {
    pub(super) fn new(
        instance: &str,
        pid: Pid,
        memory_bytes: u64,
        lent: Lent,
        socket: UnixStream,
    ) -> Arc<Self> {
        let state = State {
            pid: Some(pid),
            members: Vec::new(),
            verdict: None,
            printed: 0,
            lines: 0,
            last: VecDeque::new(),
        };
        let (instance, state) = (instance.to_owned(), Mutex::new(state));
        Arc::new(Self { instance, memory_bytes, lent, socket, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call: what is printed from here on belongs to it.
    pub(super) fn next_call(&self) {
        let (lines, instance) = (std::mem::take(&mut self.state().lines), &self.instance);
        self.state().printed = 0;
        if let Some(left_out @ 1..) = lines.checked_sub(MAX_LINES) {
            tracing::warn!("{instance}: {left_out} more lines that it printed are left out");
        }
    }

    /// Lets go of the process: from here on it may have been waited for, and its number be
    /// another's.
    pub(super) fn let_go(&self) -> Vec<Member> {
        let mut state = self.state();
        state.pid = None;
        std::mem::take(&mut state.members)
    }

    pub(super) fn verdict(&self) -> Option<String> {
        self.state().verdict.clone()
    }

    /// The last lines that it printed.
    pub(super) fn last_lines(&self) -> Vec<String> {
        self.state().last.iter().cloned().collect()
    }

    fn condemn(&self, why: String) {
        let mut state = self.state();
        if let Some(pid) = state.pid {
            state.verdict.get_or_insert(why);
            family::kill(pid);
        }
    }

    /// Looks until the process has ended.
    pub(super) fn watch(&self) {
        loop {
            let Some(pid) = self.state().pid else { return };
            let began = Instant::now();
            let members = family::below(pid);
            if members.len() > MAX_PROCESSES {
                let n = members.len();
                self.condemn(format!("was killed with {n} processes that it had started"));
            } else if let Some(bytes) = self.too_much(pid, &members) {
                self.condemn(self.of_memory(bytes, members.len()));
            }
            if !self.note(pid, members) {
                return;
            }
            std::thread::sleep(TICK.max(began.elapsed() * SHARE));
        }
    }

    /// Closes the connection, so that the process ends by itself; what it started by then is known.
    pub(super) fn close(&self) {
        let pid = self.state().pid;
        if let Some(pid) = pid {
            self.note(pid, family::below(pid));
        }
        let _closed_before = self.socket.shutdown(Shutdown::Both);
    }

    /// Keeps what was seen, and says whether there is more to see.
    fn note(&self, pid: Pid, members: Vec<Member>) -> bool {
        let mut state = self.state();
        if state.pid.is_none() {
            return false;
        }
        if family::is_over(pid) {
            // What it had started is below it no more, and may hold the connection open.
            let _closed_before = self.socket.shutdown(Shutdown::Both);
            return false;
        }
        state.members = members;
        true
    }

    /// Returns the bytes that all have together, where that is more than they may.
    fn too_much(&self, pid: Pid, members: &[Member]) -> Option<u64> {
        let all = || members.iter().map(|member| member.pid).chain([pid]);
        let limit = self.memory_bytes.saturating_add(SLACK);
        if all().map(family::resident).sum::<u64>() <= limit {
            return None;
        }
        let lent = self.lent.inodes();
        let bytes = all().map(|pid| family::proportional(pid, &lent)).sum();
        (bytes > limit).then_some(bytes)
    }

    fn of_memory(&self, bytes: u64, n_members: usize) -> String {
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let (bytes, limit) = (gib(bytes), gib(self.memory_bytes));
        let others = match n_members {
            0 => String::new(),
            n => format!(" together with {n} processes that it had started"),
        };
        format!(
            "was killed with {bytes:.2} GiB of memory{others}, more than the {limit:.2} GiB of \
             `isolation.memory_gib`"
        )
    }

    /// Passes what is printed on to the log, until it ends or the process has ended.
    pub(super) fn forward(&self, output: PipeReader) {
        let counted = Counted { output, warden: self };
        let mut lines = Lines::new(BufReader::new(counted), MAX_LINE);
        while let Ok(Some(line)) = lines.read() {
            self.tell(&line);
        }
    }

    fn tell(&self, line: &Line) {
        let text = String::from_utf8_lossy(&line.start);
        let mut state = self.state();
        state.lines += 1;
        let passes = state.lines <= MAX_LINES;
        if !text.trim().is_empty() {
            let start = &text[..text.floor_char_boundary(LAST_BYTES)];
            state.last.push_back(start.trim().to_owned());
        }
        if state.last.len() > LAST_LINES {
            state.last.pop_front();
        }
        drop(state);
        let instance = &self.instance;
        match line.left_out {
            _ if !passes => {}
            0 => tracing::info!("{instance}: {text}"),
            left_out => tracing::info!("{instance}: {text} ... ({left_out} more bytes)"),
        }
    }
}

/// Counts what is printed as it comes, in lines or not.
struct Counted<'a> {
    output: PipeReader,
    warden: &'a Warden,
}

impl Read for Counted<'_> {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let n = self.output.read(room)?;
        let mut state = self.warden.state();
        state.printed += n as u64;
        let (printed, is_over) = (state.printed, state.pid.is_none());
        drop(state);
        if printed > MAX_PRINTED {
            let mib = MAX_PRINTED >> 20;
            self.warden.condemn(format!("was killed for printing more than {mib} MiB"));
        }
        // What outlives the process may print to nobody.
        if is_over && printed > MAX_PRINTED { Ok(0) } else { Ok(n) }
    }
}
