//! Slurm's programs, played by scripts of a line or two: what they are called with, and what their words become.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use alhost_cluster::{Commands, GridName, JobId, SlurmError, State};

use crate::{job, limits};

/// A folder with one program in it.
fn with(program: &str, script: &str) -> (tempfile::TempDir, Commands) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(program);
    fs_err::write(&path, format!("#!/bin/bash\ncd \"$(dirname \"$0\")\"\n{script}\n")).unwrap();
    fs_err::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let commands = Commands { bin: Some(folder.path().to_owned()) };
    (folder, commands)
}

fn submitted(script: &str, settings: &str) -> (tempfile::TempDir, Result<JobId, SlurmError>) {
    let (folder, commands) = with("sbatch", script);
    let job = job(&folder.path().join("logs/deep"), &["alhost", "bench"], settings);
    let [script] = &job.scripts(limits(9, 9)).unwrap()[..] else { panic!("one script") };
    let id = commands.submit(script, &job.settings);
    (folder, id)
}

fn read(folder: &Path, name: &str) -> String {
    fs_err::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_script_is_submitted_once_its_folder_of_logs_is_there() {
    let script =
        "[ -d logs/deep ] || exit 1; echo \"$@\" >called; cat >script; echo Welcome; echo '17;one'";
    let (folder, id) = submitted(script, "partition = 'gpu'");
    assert_eq!(id.unwrap(), JobId(17));
    assert_eq!(read(folder.path(), "called"), "--parsable\n");
    let script = read(folder.path(), "script");
    assert!(script.contains("#SBATCH --partition=gpu\n"), "{script}");
    assert!(script.ends_with("exit $status\n"), "{script}");
}

#[test]
fn a_refusal_has_the_words_of_sbatch_and_the_key() {
    let check = |script: &str, expected: &[&str]| {
        let error = submitted(script, "partition = 'nope'").1.unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
        assert!(error.contains("\nhint: "), "{error}");
    };
    let refuses = "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1";
    check(
        refuses,
        &["alhost-0123456789abcdef-01234567-cells", "specified: nope", "see `partition` in"],
    );
    check("printf 'no \\e[31mway' >&2; exit 1", &["no \\u{1b}[31mway", "see [slurm]"]);
    check("exit 1", &["exit status: 1 and says nothing"]);
    check("echo later", &["`sbatch` answers", "`later\\n`"]);
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let commands = Commands { bin: Some(folder.path().to_owned()) };
    let error = commands.queue(None).unwrap_err().to_string();
    assert!(error.starts_with("there is no `squeue` here\nhint: "), "{error}");
    let job = job(folder.path(), &["alhost"], "");
    let script = &job.scripts(limits(9, 9)).unwrap()[0];
    let error = commands.submit(script, &job.settings).unwrap_err().to_string();
    assert!(error.starts_with("there is no `sbatch` here\nhint: "), "{error}");
    fs_err::write(folder.path().join("squeue"), "").unwrap();
    let error = commands.queue(None).unwrap_err().to_string();
    assert!(error.starts_with("`squeue` cannot be run: "), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named_before_anything_is_submitted() {
    let (folder, commands) = with("sbatch", "touch called; echo 1");
    fs_err::write(folder.path().join("file"), "").unwrap();
    let job = job(&folder.path().join("file/logs"), &["alhost"], "");
    let script = &job.scripts(limits(9, 9)).unwrap()[0];
    let error = commands.submit(script, &job.settings).unwrap_err().to_string();
    assert!(error.contains("file/logs") && error.contains("\nhint: "), "{error}");
    assert!(!folder.path().join("called").exists());
}

#[test]
fn the_queue_is_asked_for_by_one_call() {
    let answer = "printf '%s\\n' \"$@\" >>called; cat answer";
    let (folder, commands) = with("squeue", answer);
    let grid = GridName::of(folder.path(), "p").unwrap();
    let answer = format!("7|3|PENDING|ann|{}|Priority\n", grid.job("cells"));
    fs_err::write(folder.path().join("answer"), answer).unwrap();
    let queue = commands.queue(Some("ann")).unwrap();
    let found = queue.cells(&grid, "cells", &BTreeSet::from([3, 4]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[&3].state, State::Waiting { reason: "Priority".to_owned() });
    let called = "--noheader\n--array\n--format\n%F|%K|%T|%u|%j|%r\n--user\nann\n";
    assert_eq!(read(folder.path(), "called"), called);
    let (_folder, fails) = with("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    let error = fails.queue(None).unwrap_err().to_string();
    assert!(error.contains("`squeue` fails: Unable to contact"), "{error}");
}

#[test]
fn cancelling_what_has_ended_is_no_error() {
    let check = |script: &str| {
        let (folder, commands) = with("scancel", &format!("echo \"$@\" >called; {script}"));
        let cancelled = commands.cancel(&BTreeSet::from([JobId(3), JobId(12)]));
        assert_eq!(read(folder.path(), "called"), "3 12\n");
        cancelled.map_err(|error| error.to_string())
    };
    assert_eq!(check("exit 0"), Ok(()));
    let ended = "scancel: error: Kill job error on job id 3: Invalid job id specified";
    assert_eq!(check(&format!("echo '{ended}' >&2; exit 1")), Ok(()));
    let error = check("echo 'Access/permission denied' >&2; exit 1").unwrap_err();
    assert!(error.contains("`scancel` fails: Access"), "{error}");
    let nothing = Commands { bin: Some("/nowhere".into()) };
    nothing.cancel(&BTreeSet::new()).unwrap();
}

#[test]
fn the_cluster_says_how_large_arrays_may_be() {
    let (folder, commands) = with("scontrol", "echo \"$@\" >called; echo 'MaxArraySize = 5'");
    assert_eq!(commands.limits().unwrap(), limits(5, 5));
    assert_eq!(read(folder.path(), "called"), "show config\n");
    let (_folder, none) = with("scontrol", "echo 'MaxArraySize = 0'");
    let error = none.limits().unwrap_err().to_string();
    assert!(error.contains("MaxArraySize"), "{error}");
}
