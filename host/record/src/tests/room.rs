//! Disks without room: what was recorded is kept, and gone on with when there is room again.

use std::process::Command;

use super::*;

/// Runs out of room as the process of the next two tests, which tell it where; it is no test of its
/// own.
#[test]
fn process_without_room() {
    let Some(path) = std::env::var_os("ALHOST_TEST_NO_ROOM") else { return };
    let error = go_on(Path::new(&path), usize::MAX).unwrap_err().to_string();
    let first = error.lines().next().unwrap();
    assert!(first.starts_with("failed to write to file `"), "{error}");
    assert!(first.contains("jsonl`") || first.contains(".state`"), "{error}");
    assert!(error.contains("\nhint: what was recorded before is kept"), "{error}");
    let kept = read(Path::new(&path)).unwrap().rounds.len();
    assert!((1..ROUNDS).contains(&kept), "{kept} rounds are kept");
}

/// Goes on once there is room, as a process of the last test; it is no test of its own either.
#[test]
fn process_with_room_again() {
    let Some(path) = std::env::var_os("ALHOST_TEST_ROOM_AGAIN") else { return };
    go_on(Path::new(&path), usize::MAX).unwrap();
    assert_eq!(read(Path::new(&path)).unwrap().rounds.len(), ROUNDS);
}

fn this_test(name: &str) -> String {
    let binary = std::env::current_exe().unwrap();
    format!("'{}' --exact tests::room::{name}", binary.display())
}

fn shell(script: &str) -> (bool, String) {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// A limit on the size of a file makes a real write fail half-way, whoever the user is.
#[test]
fn a_write_that_fails_half_way_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let test = this_test("process_without_room");
    // The signal is ignored so that the write fails instead of the process. dash and bash count in
    // 512 and 1,024 bytes; a selection has 3.4 KB, all of them 27 KB.
    let script =
        format!("trap '' XFSZ; ulimit -f 16; ALHOST_TEST_NO_ROOM='{path}' {test} > /dev/null");
    let (done, told) = shell(&script);
    assert!(done, "{told}");
    go_on(folder.path(), usize::MAX).unwrap();
    assert_eq!(read(folder.path()).unwrap().rounds.len(), ROUNDS);
}

/// A file system that is full, where this user may mount one.
#[test]
fn a_full_disk_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().display();
    let mount = format!("mount -t tmpfs -o size=64k none '{disk}'");
    let (mounts, _) = shell(&format!("unshare -rm sh -ec \"{mount}\""));
    if !mounts {
        eprintln!("did nothing: this user may not mount a file system");
        return;
    }
    let (full, free) = (this_test("process_without_room"), this_test("process_with_room_again"));
    // 64 KB in pages of 4 KB, most of them taken by something else.
    let script = format!(
        "{mount}; head -c 40960 /dev/zero > '{disk}/other'
        ALHOST_TEST_NO_ROOM='{disk}/run' {full}
        rm '{disk}/other'
        ALHOST_TEST_ROOM_AGAIN='{disk}/run' {free}"
    );
    let file = folder.path().with_extension("sh");
    fs_err::write(&file, &script).unwrap();
    let (done, told) = shell(&format!("unshare -rm sh -e '{}'", file.display()));
    fs_err::remove_file(&file).unwrap();
    assert!(done, "{told}");
    assert_eq!(told.matches("1 passed").count(), 2, "{told}");
}
