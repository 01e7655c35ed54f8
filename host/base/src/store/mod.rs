//! Keeps on disk what is computed once for many runs: it is found, or made by exactly one of the
//! processes that ask for it at the same time.
//!
//! The owner of a kept file names it by all that it depends on, and writes and reads it through
//! `sealed`. Beside it lies `<file>.once`: locked by the process that makes the file, and then the seconds
//! that making it took. Everything here may be deleted at any time when nothing runs.

pub mod sealed;

use std::collections::HashSet;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use crate::aside;
use crate::ledger::{Reused, Work};
use crate::lock::{self, Lock};

/// The right and the duty to make a file; other processes that ask for it wait until this is
/// dropped.
pub struct Making {
    what: &'static str,
    key: String,
    /// Is `None` where the folder cannot be locked; then two processes may make the same file.
    note: Option<Lock>,
    asked: Instant,
    started: Instant,
}

/// Returns what `open` finds of `file`, else the right to make it. `what` names its kind for
/// people.
pub fn find<T>(
    what: &'static str,
    file: &Path,
    work: Work<'_>,
    mut open: impl FnMut() -> Option<T>,
) -> Result<T, Making> {
    let asked = Instant::now();
    tidy(file);
    if let Some(found) = open() {
        work.notes.add(used(what, file, asked));
        return Ok(found);
    }
    let note = match lock(file, what) {
        Ok(note) => Some(note),
        Err(error) => {
            tracing::debug!("{error}: {what} may be computed twice");
            None
        }
    };
    // Another process may have made it meanwhile.
    if let Some(found) = open() {
        work.notes.add(used(what, file, asked));
        return Ok(found);
    }
    Err(Making { what, key: key(file), note, asked, started: Instant::now() })
}

impl Making {
    /// Notes that the file is there, and what making it took.
    pub fn done(mut self, work: Work<'_>) {
        let seconds = self.started.elapsed().as_secs_f64();
        if let Some(Lock { file: note, .. }) = &mut self.note {
            let written = note
                .set_len(0)
                .and_then(|()| note.seek(SeekFrom::Start(0)))
                .and_then(|_| write!(note, "{seconds:.3}"));
            if let Err(error) = written {
                tracing::debug!("{error}: what {} cost is not known later", self.what);
            }
        }
        let (what, spent) = (self.what.to_owned(), self.asked.elapsed().as_secs_f64());
        work.notes.add(Reused { what, key: self.key, seconds, computed: true, spent });
    }
}

/// Returns the note on a file that was made before, even if it is used without being opened or from
/// memory.
pub fn used(what: &str, file: &Path, since: Instant) -> Reused {
    let seconds = fs_err::read_to_string(note_path(file)).ok();
    let seconds: Option<f64> = seconds.and_then(|text| text.trim().parse().ok());
    // The note is not sealed: what it says goes into records, so it has to be a number of seconds.
    let seconds = seconds.filter(|seconds| (0.0..1e12).contains(seconds)).unwrap_or(0.0);
    let spent = since.elapsed().as_secs_f64();
    Reused { what: what.to_owned(), key: key(file), seconds, computed: false, spent }
}

/// Removes what killed processes left in the folder of `file`, once a process.
fn tidy(file: &Path) {
    static TIDIED: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut tidied = TIDIED.lock().unwrap_or_else(PoisonError::into_inner);
    if tidied.insert(folder.to_owned()) {
        aside::sweep(folder);
    }
}

/// Returns the file's name, which names its content.
fn key(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn note_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".once");
    PathBuf::from(name)
}

fn lock(file: &Path, what: &str) -> io::Result<Lock> {
    if let Some(folder) = file.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let waiting = || tracing::info!("waiting for another process that computes the same: {what}");
    lock::lock(&note_path(file), waiting)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::ledger::Notes;
    use crate::progress::Silent;

    /// Asks for a file that takes 50 ms to make.
    fn ask(file: &Path, made: &AtomicUsize) -> Reused {
        let notes = Notes::default();
        let work = Work { progress: &Silent, notes: &notes };
        let open = || Some(String::from_utf8(sealed::read(file)?).unwrap());
        let text = match find("a thing", file, work, open) {
            Ok(found) => found,
            Err(making) => {
                made.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(50));
                sealed::write(file, b"made").unwrap();
                making.done(work);
                "made".to_owned()
            }
        };
        assert_eq!(text, "made");
        notes.take().pop().unwrap()
    }

    #[test]
    fn what_many_ask_for_at_once_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let (file, made) = (folder.path().join("sub/thing"), AtomicUsize::new(0));
        let notes: Vec<Reused> = std::thread::scope(|scope| {
            let ask = || ask(&file, &made);
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
        assert_eq!(notes.iter().filter(|note| note.computed).count(), 1);
        for note in &notes {
            assert_eq!((note.what.as_str(), note.key.as_str()), ("a thing", "thing"));
            assert!(note.seconds >= 0.05, "all are told what it cost: {note:?}");
        }
    }

    #[test]
    fn who_fails_to_make_it_leaves_it_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (file, made) = (folder.path().join("thing"), AtomicUsize::new(0));
        let notes = Notes::default();
        let work = Work { progress: &Silent, notes: &notes };
        let making = find("a thing", &file, work, || None::<()>).err().unwrap();
        drop(making);
        assert!(ask(&file, &made).computed);
        assert!(!ask(&file, &made).computed);
    }

    #[test]
    fn a_file_whose_note_is_lost_is_found_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (file, made) = (folder.path().join("thing"), AtomicUsize::new(0));
        sealed::write(&file, b"made").unwrap();
        let note = ask(&file, &made);
        assert!(!note.computed && note.seconds < 1e-9 && note.spent < 1.0);
    }

    #[test]
    fn a_note_that_is_no_number_of_seconds_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (file, made) = (folder.path().join("thing"), AtomicUsize::new(0));
        sealed::write(&file, b"made").unwrap();
        for (text, expected) in [("2.5", 2.5), ("inf", 0.0), ("-1", 0.0), ("NaN", 0.0), ("x", 0.0)]
        {
            fs_err::write(note_path(&file), text).unwrap();
            let note = ask(&file, &made);
            assert!((note.seconds - expected).abs() < 1e-12, "{text}: {}", note.seconds);
        }
    }
}
