//! A worker as its strategy's owner has it: started, called, ended, and what became of it.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use alhost_base::memory::MemoryHandle;
use alhost_plugin_api::ffi::{Answer, Host};
use alhost_plugin_protocol::ChannelError;
use alhost_plugin_protocol::{Start, ToWorker};

use super::process::Process;
use super::serving::Serving;
use super::slices::Lent;
use super::talk::{CLOSED, Lost, Talk};

/// Says what a worker is, and what it may have.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Program of a worker: `alhost-worker`.
    pub program: PathBuf,
    /// Time of the strategy's own that one call may take, over all that it asks for meanwhile; what the
    /// host computes does not count.
    pub deadline: Duration,
    /// Memory of its own that it may have, with all processes that it starts; what the host shares
    /// with it does not count.
    pub memory_bytes: u64,
    /// Threads that a strategy should start at most.
    pub threads: usize,
    /// Whether the user wants to stop: a call that goes on for all that is ended.
    pub cancelled: &'static AtomicBool,
}

/// A host that can say where in shared memory a slice lies that it has lent.
pub trait Lends: Sync {
    /// The memory that holds `slice`, and the offset in it.
    fn memory_of(&self, slice: &[u8]) -> Option<(MemoryHandle, usize)>;
}

/// Stands for a host whose slices lie in its own memory: they are copied once.
pub struct NothingLent;

impl Lends for NothingLent {
    fn memory_of(&self, _slice: &[u8]) -> Option<(MemoryHandle, usize)> {
        None
    }
}

/// A strategy in a process of its own.
pub(crate) struct Worker {
    talk: Talk,
    process: Process,
    /// Why it is not called any more.
    lost: Option<String>,
}

impl Worker {
    /// Starts the process and creates the strategy in it.
    pub(crate) fn start(options: &WorkerOptions, start: Start) -> Result<Self, Lost> {
        let (ours, theirs) = UnixStream::pair().map_err(ChannelError::from)?;
        let lent = Lent::default();
        let process = Process::start(options, &start.instance, (&ours, theirs), lent.clone());
        let process = process.map_err(|error| {
            let program = options.program.display();
            Lost::Gone(format!(
                "its worker process `{program}` cannot be started: {error}\nhint: `alhost-worker` \
                 belongs beside `alhost`; build both, or run with `isolation.mode = \"off\"`"
            ))
        })?;
        let talk = Talk::new(ours, options, lent);
        let mut worker = Self { talk, process, lost: None };
        let memory_bytes = options.memory_bytes;
        let start = ToWorker::Start(Start { memory_bytes, ..start });
        worker.call("while it was created", |talk| talk.start(&start))?;
        Ok(worker)
    }

    pub(crate) fn select(
        &mut self,
        host: &dyn Host,
        lends: &dyn Lends,
        n: usize,
    ) -> Result<Answer, Lost> {
        let doing = format!("in select, round {}", host.round().round);
        self.call(&doing, |talk| talk.select(&Serving { host, lends }, n))
    }

    pub(crate) fn save(&mut self) -> Result<Vec<u8>, Lost> {
        self.call("in save", Talk::save)
    }

    pub(crate) fn load(&mut self, state: &[u8]) -> Result<(), Lost> {
        self.call("in load", |talk| talk.load(state))
    }

    /// Makes one call; what is wrong with the process is found out once, and told again later.
    fn call<T>(
        &mut self,
        doing: &str,
        f: impl FnOnce(&mut Talk) -> Result<T, Lost>,
    ) -> Result<T, Lost> {
        if let Some(why) = &self.lost {
            return Err(Lost::Gone(format!("{why} (earlier)")));
        }
        self.talk.next_call();
        self.process.next_call();
        let answer = f(&mut self.talk);
        if let Err(Lost::Gone(why)) = answer {
            let how = self.process.end(why == CLOSED);
            // Whoever ended it broke the connection too.
            let verdict = self.process.verdict();
            let what = verdict.unwrap_or(if why == CLOSED { how } else { why });
            let what = format!("its worker process {what} {doing}{}", self.process.last_words());
            self.lost = Some(what.clone());
            return Err(Lost::Gone(what));
        }
        answer
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.process.close();
    }
}
