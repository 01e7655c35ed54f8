//! A process of a case's own: started in a folder and a group of its own, ended at a deadline.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use alhost_base::foreign;

use super::job::Job;
use crate::ending;

/// How a process ended.
#[derive(Debug)]
pub(super) enum End {
    /// It wrote this and ended well.
    Answer(String),
    /// It was killed at the deadline.
    Hung,
    /// It ended without an answer, or badly after it: why.
    Died(String),
}

/// Holds what a process left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) end: End,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a job in a process of `runner`, in a fresh folder that is removed afterwards.
pub(super) fn run(runner: &Path, job: &Job, deadline: Duration) -> std::io::Result<Left> {
    let folder = tempfile::tempdir()?;
    run_in(folder.path(), runner, job, &[], deadline)
}

/// Does as `run`, in a given folder and with these variables set.
pub(super) fn run_in(
    folder: &Path,
    runner: &Path,
    job: &Job,
    variables: &[(&str, &str)],
    deadline: Duration,
) -> std::io::Result<Left> {
    let told = tempfile::tempdir()?;
    let at = |name: &str| told.path().join(name);
    let job = Job { answer: Some(at("answer")), ..job.clone() };
    let child = Command::new(runner)
        .args(job.args())
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(fs_err::File::create(at("stdout"))?.into_file())
        .stderr(fs_err::File::create(at("stderr"))?.into_file())
        // So that what it starts ends with it, and Ctrl-C is ours alone.
        .process_group(0)
        .spawn()?;
    let status = ending::wait(child, deadline)?;
    let answer = foreign::read_text(&at("answer"), MAX_READ).ok();
    let read = |name: &str| start_of(&at(name));
    let end = match (status, answer) {
        (None, _) => End::Hung,
        (Some(status), Some(answer)) if status.success() => End::Answer(answer),
        (Some(status), _) => End::Died(cause(status)),
    };
    Ok(Left { end, stdout: read("stdout")?, stderr: read("stderr")? })
}

/// Bytes that are read of what a case wrote: nobody reads on in its output, and an answer is shorter.
const MAX_READ: u64 = 16 << 20;

fn start_of(path: &Path) -> std::io::Result<String> {
    let mut text = Vec::new();
    fs_err::File::open(path)?.take(MAX_READ).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into())
}

/// How a process ended, in words.
fn cause(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by {}", ending::signal_name(signal)),
        (_, Some(code)) => format!("the process ended with exit code {code}, before its answer"),
        _ => "the process ended, nobody knows how".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn status(script: &str, seconds: u64) -> Option<ExitStatus> {
        let child = Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
        ending::wait(child, Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn a_process_ends_by_itself_or_at_its_deadline() {
        assert_eq!(status("exit 3", 20).unwrap().code(), Some(3));
        assert_eq!(
            cause(status("exit 3", 20).unwrap()),
            "the process ended with exit code 3, before its answer"
        );
        assert_eq!(cause(status("kill -SEGV $$", 20).unwrap()), "killed by SIGSEGV");
        let started = Instant::now();
        assert_eq!(status("sleep 60", 1), None);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_a_process_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        // The child outlives its parent unless its group is killed.
        let script = format!("(sleep 1; touch {}) & exit 0", file.display());
        assert!(status(&script, 20).unwrap().success());
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!file.exists());
    }
}
