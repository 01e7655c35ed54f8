//! The process of a worker: started alone in its environment, ended for certain, and what it printed.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::host::WorkerOptions;
use crate::ending;

/// A worker whose connection is closed ends by itself within this, or is killed.
const FAREWELL: Duration = Duration::from_secs(2);
/// Lines that are kept for the message when it dies.
const LAST_LINES: usize = 4;

pub(super) struct Process {
    /// `None` once it has ended.
    child: Option<Child>,
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: JoinHandle<()>,
}

impl Process {
    /// `socket` becomes its standard input. What it prints goes to the log.
    pub(super) fn start(
        options: &WorkerOptions,
        instance: &str,
        socket: UnixStream,
    ) -> io::Result<Self> {
        let (output, printed) = io::pipe()?;
        let mut command = Command::new(&options.program);
        command.arg("serve").arg(std::process::id().to_string()).env_clear();
        command.env("RAYON_NUM_THREADS", options.threads.to_string());
        // It has no business with a GPU, and Ctrl-C in the terminal is the host's to handle.
        command.env("CUDA_VISIBLE_DEVICES", "").process_group(0);
        command.stdin(Stdio::from(OwnedFd::from(socket)));
        command.stdout(printed.try_clone()?).stderr(printed);
        let child = command.spawn()?;
        // The command holds the other ends, and would keep the socket open.
        drop(command);
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (kept, instance) = (Arc::clone(&lines), instance.to_owned());
        let reader =
            std::thread::Builder::new().spawn(move || forward(output, &instance, &kept))?;
        Ok(Self { child: Some(child), lines, reader })
    }

    /// Ends it, with what it started, and says how it ended. One that is `closing` gets a moment to
    /// do so by itself.
    pub(super) fn end(&mut self, closing: bool) -> String {
        let Some(child) = self.child.take() else { return "has ended before".to_owned() };
        match ending::wait(child, if closing { FAREWELL } else { Duration::ZERO }) {
            Ok(Some(status)) => ended(status),
            Ok(None) => "closed its connection and was killed".to_owned(),
            Err(error) => format!("cannot be waited for ({error})"),
        }
    }

    /// What it printed last, for a message.
    pub(super) fn last_words(&self) -> String {
        let until = Instant::now() + Duration::from_millis(200);
        while !self.reader.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return String::new();
        }
        let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
        format!("; it printed: {}", lines.join(" / "))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(true);
    }
}

fn forward(output: PipeReader, instance: &str, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(output).split(b'\n') {
        let Ok(line) = line else { return };
        let line = String::from_utf8_lossy(&line).into_owned();
        tracing::info!("{instance}: {line}");
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.trim().is_empty() {
            kept.push_back(line);
        }
        if kept.len() > LAST_LINES {
            kept.pop_front();
        }
    }
}

/// `was killed by SIGSEGV`, or `exited with code 7`.
fn ended(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("was killed by {}", ending::signal_name(signal)),
        None => format!("exited with code {}", status.code().unwrap_or_default()),
    }
}
