//! How child processes end: waited for, killed with what they started, and put into words.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::family;

/// Waits until a process, which leads a group, ends, or kills it at the deadline (`None`). Its group
/// ends with it, and all that it started and that is still below it.
pub(crate) fn wait(mut child: Child, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let pid = Pid::from_child(&child);
    let started = Instant::now();
    // Left unreaped until its group has been killed, so that no other process can get its number.
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let mut is_over = false;
    while !is_over && started.elapsed() < deadline {
        is_over = match waitid(WaitId::Pid(pid), look) {
            Err(Errno::INTR) => false,
            found => found?.is_some(),
        };
        if !is_over {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    family::kill(pid);
    let status = child.wait()?;
    Ok(is_over.then_some(status))
}

/// `SIGSEGV` for 11; a number without a name here stays a number.
pub(crate) fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}
