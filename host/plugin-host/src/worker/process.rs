//! The process of a worker: started alone in its environment, watched, ended for certain, and what it
//! printed.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::host::WorkerOptions;
use super::slices::Lent;
use super::warden::Warden;
use crate::{ending, family, secrecy};

/// A worker whose connection is closed ends by itself within this, or is killed.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Process {
    /// `None` once it has ended.
    child: Option<Child>,
    warden: Arc<Warden>,
    reader: JoinHandle<()>,
}

impl Process {
    /// The end `theirs` of the connection becomes its standard input. What it prints goes to the log.
    pub(super) fn start(
        options: &WorkerOptions,
        instance: &str,
        (ours, theirs): (&UnixStream, UnixStream),
        lent: Lent,
    ) -> io::Result<Self> {
        let (socket, memory_bytes) = (ours.try_clone()?, options.memory_bytes);
        secrecy::hide_from_plugins();
        let (output, printed) = io::pipe()?;
        let mut command = Command::new(&options.program);
        command.arg("serve").arg(std::process::id().to_string()).env_clear();
        command.env("RAYON_NUM_THREADS", options.threads.to_string());
        // It has no business with a GPU, and Ctrl-C in the terminal is the host's to handle.
        command.env("CUDA_VISIBLE_DEVICES", "").process_group(0);
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command.stdout(printed.try_clone()?).stderr(printed);
        let child = command.spawn()?;
        // The command holds the other ends, and would keep the socket open.
        drop(command);
        let pid = Pid::from_child(&child);
        let warden = Warden::new(instance, pid, memory_bytes, lent, socket);
        let (watching, reading) = (Arc::clone(&warden), Arc::clone(&warden));
        let thread = std::thread::Builder::new;
        thread().spawn(move || watching.watch())?;
        let reader = thread().spawn(move || reading.forward(output))?;
        Ok(Self { child: Some(child), warden, reader })
    }

    /// Lets it end by itself, now or within the farewell.
    pub(super) fn close(&self) {
        self.warden.close();
    }

    pub(super) fn next_call(&self) {
        self.warden.next_call();
    }

    /// Ends it, with what it started, and says how it ended. One that is `closing` gets a moment to
    /// do so by itself.
    pub(super) fn end(&mut self, closing: bool) -> String {
        let Some(child) = self.child.take() else { return "has ended before".to_owned() };
        let members = self.warden.let_go();
        let ended = ending::wait(child, if closing { FAREWELL } else { Duration::ZERO });
        family::kill_members(&members);
        match ended {
            Ok(Some(status)) => describe(status),
            Ok(None) => "closed its connection and was killed".to_owned(),
            Err(error) => format!("cannot be waited for ({error})"),
        }
    }

    /// Why it was ended for what it did, whatever else went wrong then.
    pub(super) fn verdict(&self) -> Option<String> {
        self.warden.verdict()
    }

    /// Returns what it printed last, for a message.
    pub(super) fn last_words(&self) -> String {
        let until = Instant::now() + Duration::from_millis(200);
        while !self.reader.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        match self.warden.last_lines() {
            lines if lines.is_empty() => String::new(),
            lines => format!("; it printed: {}", lines.join(" / ")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(true);
        self.next_call();
    }
}

/// Says how it ended: `was killed by SIGSEGV`, or `exited with code 7`.
fn describe(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("was killed by {}", ending::signal_name(signal)),
        None => format!("exited with code {}", status.code().unwrap_or_default()),
    }
}
