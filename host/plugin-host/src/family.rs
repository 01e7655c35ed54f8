//! A process and all that it started, as `/proc` tells: who they are, what memory they have, and their end.

use std::collections::{HashMap, HashSet};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A process, told from a later one of the same number by the moment in which it began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Member {
    pub(crate) pid: Pid,
    began: u64,
}

/// Holds what `/proc/<pid>/stat` says of a process.
struct Stat {
    is_over: bool,
    parent: i32,
    group: i32,
    began: u64,
}

/// Everything below `root` and in its group that has not ended, `root` left out.
pub(crate) fn below(root: Pid) -> Vec<Member> {
    let all: HashMap<i32, Stat> = processes().filter_map(|pid| Some((pid, stat(pid)?))).collect();
    let root = root.as_raw_pid();
    let mut members = Vec::new();
    for (&pid, found) in &all {
        if pid != root && !found.is_over && (found.group == root || descends(&all, pid, root)) {
            members.extend(Pid::from_raw(pid).map(|pid| Member { pid, began: found.began }));
        }
    }
    members
}

/// Whether a process has ended, waited for or not.
pub(crate) fn is_over(pid: Pid) -> bool {
    stat(pid.as_raw_pid()).is_none_or(|stat| stat.is_over)
}

/// Ends `root`, which has not been waited for, with its group and all below it.
pub(crate) fn kill(root: Pid) {
    // It must not start others meanwhile. Those whose parent ends come to it, and are found again.
    let _ended_before = kill_process(root, Signal::STOP);
    for _ in 0..MAX_ROUNDS {
        let members = below(root);
        if members.is_empty() {
            break;
        }
        kill_members(&members);
    }
    // It may lead no group any more, or be in another's.
    let _ended_before = kill_process_group(root, Signal::KILL);
    let _ended_before = kill_process(root, Signal::KILL);
}

/// Times that something new may have been started while the rest was ended.
const MAX_ROUNDS: usize = 100;

/// Ends those that are still the processes that they were: all are stopped first, so that none goes on
/// because another has ended.
pub(crate) fn kill_members(members: &[Member]) {
    for signal in [Signal::STOP, Signal::KILL] {
        for member in members {
            let now = stat(member.pid.as_raw_pid());
            if now.is_some_and(|now| now.began == member.began) {
                let _ended_before = kill_process(member.pid, signal);
            }
        }
    }
}

/// Bytes of memory that a process has, those that it shares with others as a whole: cheap, and never
/// too little.
pub(crate) fn resident(pid: Pid) -> u64 {
    let Ok(status) = fs_err::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())) else {
        return 0;
    };
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, number)
    };
    (kib("RssAnon:") + kib("RssShmem:")) * 1024
}

/// Bytes of memory of a process's own, those that it shares with others divided among them. The
/// memories whose files have the numbers `lent` are not its own, and what is read of a file on a disk
/// is nobody's. With hidden mappings it is all that is resident.
pub(crate) fn proportional(pid: Pid, lent: &HashSet<u64>) -> u64 {
    match fs_err::read_to_string(format!("/proc/{}/smaps", pid.as_raw_pid())) {
        Ok(smaps) => own_of_smaps(&smaps, lent),
        Err(_) => resident(pid),
    }
}

fn own_of_smaps(smaps: &str, lent: &HashSet<u64>) -> u64 {
    let (mut kib, mut field) = (0, None);
    for line in smaps.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        if !name.ends_with(':') {
            field = counted(line, lent);
        } else if Some(name) == field {
            kib += number(&line[name.len()..]);
        }
    }
    kib * 1024
}

/// Says which field counts of a mapping, whose first line this is:
/// `address rights offset device inode path`.
fn counted(line: &str, lent: &HashSet<u64>) -> Option<&'static str> {
    let mut words = line.split_whitespace().skip(4);
    let inode: u64 = words.next()?.parse().ok()?;
    let path = words.next().unwrap_or_default();
    let is_in_memory = ["/memfd:", "/dev/zero", "/SYSV", "/dev/shm/"];
    match path {
        path if path.starts_with("/memfd:") && lent.contains(&inode) => None,
        path if is_in_memory.iter().any(|start| path.starts_with(start)) => Some("Pss:"),
        path if path.starts_with('/') => Some("Anonymous:"),
        _ => Some("Pss:"),
    }
}

fn number(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn stat(pid: i32) -> Option<Stat> {
    let text = fs_err::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name before the last parenthesis may have spaces and parentheses.
    let (_, fields) = text.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |i: usize| fields.get(i)?.parse().ok();
    let is_over = matches!(*fields.first()?, "Z" | "X");
    Some(Stat {
        is_over,
        parent: field(1)?,
        group: field(2)?,
        began: fields.get(19)?.parse().ok()?,
    })
}

fn descends(all: &HashMap<i32, Stat>, mut pid: i32, root: i32) -> bool {
    // Parents are older; the bound is for a table that changed while it was read.
    for _ in 0..=all.len() {
        let Some(stat) = all.get(&pid) else { return false };
        if stat.parent == root {
            return true;
        }
        pid = stat.parent;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    use super::*;

    fn start(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap()
    }

    fn until(what: impl Fn() -> bool) {
        let started = Instant::now();
        while !what() {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_a_process_started_is_found_and_ended_also_in_a_session_of_its_own() {
        let mut child = start("setsid sleep 61 & sleep 62 & wait");
        let root = Pid::from_child(&child);
        until(|| below(root).len() >= 2);
        let members = below(root);
        kill(root);
        child.wait().unwrap();
        let is_there = |member: &Member| stat(member.pid.as_raw_pid()).is_some_and(|s| !s.is_over);
        until(|| !members.iter().any(is_there));
    }

    #[test]
    fn a_number_that_another_process_has_now_is_left_alone() {
        let mut child = start("sleep 60");
        let pid = Pid::from_child(&child);
        kill_members(&[Member { pid, began: 1 }]);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn memory_is_counted_without_what_was_lent() {
        let own = rustix::process::getpid();
        let none = HashSet::new();
        let before = proportional(own, &none);
        let held = std::hint::black_box(vec![1_u8; 64 << 20]);
        let grown = proportional(own, &none).saturating_sub(before);
        assert!(grown > 48 << 20, "{grown}");
        assert!(resident(own) >= held.len() as u64);
        let memory = alhost_base::memory::MemoryHandle::copy_of(&held).unwrap();
        let fd = memory.fd().try_clone_to_owned().unwrap();
        let view = alhost_base::memory::map(&fd, held.len()).unwrap();
        assert_eq!(view.iter().map(|&byte| u64::from(byte)).sum::<u64>(), 64 << 20);
        let lent = HashSet::from([memory.inode]);
        let difference = proportional(own, &none).abs_diff(proportional(own, &lent));
        assert!(difference > 48 << 20, "{difference}");
    }

    #[test]
    fn a_mapping_counts_by_what_it_is_of() {
        let check = |mapping: &str, kib: u64| {
            let smaps = format!(
                "7f00-7f01 rw-p 00000000 00:01 7 {mapping}\nRss: 9 kB\nPss: 4 kB\nAnonymous: 1 kB\n"
            );
            assert_eq!(own_of_smaps(&smaps, &HashSet::from([7])), kib * 1024, "{mapping}");
        };
        check("", 4);
        check("[heap]", 4);
        check("/usr/lib/libc.so.6", 1);
        check("/dev/zero (deleted)", 4);
        check("/memfd:alhost (deleted)", 0);
    }
}
