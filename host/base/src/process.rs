//! Names a process of a machine, for files that say who made them, and tells whether it has ended.

use std::path::Path;
use std::sync::OnceLock;

/// Returns `<machine>-<pid>` of this process; a machine is eight characters without a dash.
pub(crate) fn this_process() -> String {
    format!("{}-{}", this_machine(), std::process::id())
}

/// Whether `<machine>-<pid>` or what begins so names a process of this machine that has ended.
pub(crate) fn has_ended(name: &str) -> bool {
    let mut parts = name.split(['-', ' ', '\n']);
    let (Some(machine), Some(pid)) = (parts.next(), parts.next()) else { return false };
    let Ok(pid) = pid.parse::<u32>() else { return false };
    machine == this_machine() && !Path::new("/proc").join(pid.to_string()).exists()
}

/// Names the space in which process ids are unique: this boot of this machine, and in it this container.
pub(crate) fn this_machine() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let boot = fs_err::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = fs_err::read_link("/proc/self/ns/pid").unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&boot).update(space.as_os_str().as_encoded_bytes());
        hasher.finalize().to_hex()[..8].to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_of_this_machine_is_known_to_have_ended() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let gone = child.id();
        assert!(has_ended(&format!("{}-{gone}", this_machine())));
        assert!(has_ended(&format!("{}-{gone}-more", this_machine())));
        assert!(!has_ended(&this_process()));
        for name in [format!("00000000-{gone}"), String::new(), "x".to_owned(), "a-b".to_owned()] {
            assert!(!has_ended(&name), "{name}");
        }
    }
}
