//! One process at a time: a lock on a file, which the system lets go of when its process ends.
//!
//! Where the file system has no such locks (NFS without a lock daemon, Lustre without `-o flock`), a file
//! `<name>.held` that only one process can create takes their place. It says who holds it, its holder
//! touches it every half minute, and it is taken over when that process is known to have ended, or when
//! nobody has touched it for five minutes.
#![allow(
    clippy::disallowed_methods,
    reason = "the age of a lock is told by the clock; no record is"
)]

use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};

use fs_err::{File, OpenOptions};
use rustix::io::Errno;

use crate::process::{has_ended, this_process};

const REFRESH: Duration = Duration::from_secs(30);
const STALE: Duration = Duration::from_mins(5);

/// Holds a lock until it is dropped.
#[derive(Debug)]
pub struct Lock {
    /// The locked file, open for writing.
    pub file: File,
    created: Option<Created>,
}

impl Lock {
    /// Whether the file system itself keeps others out, and no file stands for the lock.
    pub fn is_of_the_system(&self) -> bool {
        self.created.is_none()
    }
}

/// Says why a lock is not to be had now.
#[derive(Debug)]
pub enum Busy {
    /// Another process holds it. The text says which, where that can be told.
    Held(Option<String>),
    /// The error names the file.
    Failed(io::Error),
}

/// Locks the file at `path`, which is made where there is none, or says who holds it.
pub fn try_lock(path: &Path) -> Result<Lock, Busy> {
    attempt(path, &|file| file.try_lock())
}

/// Waits for the lock; `waiting` is called once if there is somebody to wait for.
pub fn lock(path: &Path, waiting: impl FnOnce()) -> io::Result<Lock> {
    wait(path, waiting, &|file| file.try_lock())
}

type Flock<'a> = &'a dyn Fn(&std::fs::File) -> Result<(), TryLockError>;

fn wait(path: &Path, waiting: impl FnOnce(), flock: Flock<'_>) -> io::Result<Lock> {
    let mut waiting = Some(waiting);
    // Seldom asked, since the file may lie on another machine.
    let mut pause = Duration::from_millis(20);
    loop {
        match attempt(path, flock) {
            Ok(lock) => return Ok(lock),
            Err(Busy::Failed(error)) => return Err(error),
            Err(Busy::Held(_)) => {}
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

fn attempt(path: &Path, flock: Flock<'_>) -> Result<Lock, Busy> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(Busy::Failed)?;
    match flock(file.file()) {
        Ok(()) => Ok(Lock { file, created: None }),
        Err(TryLockError::WouldBlock) => Err(Busy::Held(None)),
        Err(TryLockError::Error(error)) if has_no_locks(&error) => {
            let created = Created::new(&held_path(path))?;
            Ok(Lock { file, created: Some(created) })
        }
        Err(TryLockError::Error(error)) => {
            let kind = error.kind();
            let text = format!("{}: cannot be locked: {error}", path.display());
            Err(Busy::Failed(io::Error::new(kind, text)))
        }
    }
}

fn has_no_locks(error: &io::Error) -> bool {
    let known = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::INVAL];
    known.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
        || error.kind() == io::ErrorKind::Unsupported
}

fn held_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".held");
    PathBuf::from(name)
}

/// The file that stands for a lock, and the thread that touches it.
#[derive(Debug)]
struct Created {
    path: PathBuf,
    /// Ends the thread when it is dropped.
    _keep: Sender<()>,
}

impl Created {
    fn new(path: &Path) -> Result<Self, Busy> {
        for _ in 0..2 {
            match OpenOptions::new().create_new(true).write(true).open(path) {
                Ok(mut file) => {
                    let host = rustix::system::uname();
                    let host = host.nodename().to_string_lossy();
                    writeln!(file, "{} {host}", this_process()).map_err(Busy::Failed)?;
                    file.sync_all().map_err(Busy::Failed)?;
                    return Ok(Self { path: path.to_owned(), _keep: keep(file) });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Busy::Failed(error)),
            }
            let holder = fs_err::read_to_string(path).unwrap_or_default();
            if !has_ended(&holder) && !is_stale(path) {
                return Err(Busy::Held(Some(told(path, &holder))));
            }
            // Only one of those who find it stale gets to rename it.
            let aside = path.with_extension(format!("stale-{}", this_process()));
            if fs_err::rename(path, &aside).is_ok() {
                let _gone = fs_err::remove_file(&aside);
            }
        }
        Err(Busy::Held(None))
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        let _gone = fs_err::remove_file(&self.path);
    }
}

fn is_stale(path: &Path) -> bool {
    let modified = fs_err::metadata(path).and_then(|meta| meta.modified()).ok();
    modified.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > STALE)
}

fn told(path: &Path, holder: &str) -> String {
    let mut parts = holder.split_whitespace();
    let pid = parts.next().and_then(|process| process.split('-').nth(1)).unwrap_or("?");
    let host = parts.next().unwrap_or("?");
    let path = path.display();
    format!("process {pid} on {host}; if it has ended, delete {path}")
}

/// Touches the file as long as the sender lives.
fn keep(file: File) -> Sender<()> {
    let (keep, ended) = channel();
    let touch = move || {
        while ended.recv_timeout(REFRESH) == Err(RecvTimeoutError::Timeout) {
            // One that is missed is made up for by the next.
            let _touched = file.file().set_modified(SystemTime::now());
        }
    };
    // Without a thread to spare the lock holds for five minutes, and that is said nowhere else.
    let _runs = std::thread::Builder::new().name("lock".to_owned()).spawn(touch);
    keep
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn none(_file: &std::fs::File) -> Result<(), TryLockError> {
        Err(TryLockError::Error(io::Error::from_raw_os_error(Errno::NOLCK.raw_os_error())))
    }

    fn system(file: &std::fs::File) -> Result<(), TryLockError> {
        file.try_lock()
    }

    /// Two kinds of file system: one with the system's locks, and one without.
    const BOTH: [Flock<'static>; 2] = [&system, &none];

    #[test]
    fn one_holds_it_and_the_next_gets_it_afterwards() {
        for flock in BOTH {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("lock");
            let first = attempt(&path, flock).unwrap();
            assert!(matches!(attempt(&path, flock), Err(Busy::Held(_))));
            drop(first);
            drop(attempt(&path, flock).unwrap());
        }
    }

    #[test]
    fn those_who_wait_come_one_by_one() {
        for flock in [system, none] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("lock");
            let (inside, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let waiting = || {
                            waited.fetch_add(1, Ordering::SeqCst);
                        };
                        let lock = wait(&path, waiting, &flock).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::sleep(Duration::from_millis(10));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    });
                }
            });
            assert!(waited.load(Ordering::SeqCst) > 0);
        }
    }

    #[test]
    fn what_an_ended_process_holds_is_taken_over_and_anothers_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = format!("{}-{} here\n", crate::process::this_machine(), child.id());
        fs_err::write(held_path(&path), gone).unwrap();
        drop(attempt(&path, &none).unwrap());

        fs_err::write(held_path(&path), "00000000-7 node3\n").unwrap();
        let Err(Busy::Held(Some(who))) = attempt(&path, &none) else { panic!("is held") };
        assert!(who.contains("process 7 on node3") && who.contains("lock.held"), "{who}");
        let held = std::fs::File::options().write(true).open(held_path(&path)).unwrap();
        held.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        drop(attempt(&path, &none).unwrap());
        assert!(!held_path(&path).exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let Err(Busy::Failed(error)) = try_lock(Path::new("/nowhere/lock")) else {
            panic!("no file")
        };
        assert!(error.to_string().contains("/nowhere/lock"), "{error}");
    }
}
