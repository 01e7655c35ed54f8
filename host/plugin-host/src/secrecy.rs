//! Hides from a plugin's process what it may not read of the process that started it.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Hides this process: from here on, no other process of the same user, unless it may read all
/// processes, can read its memory and environment, where tokens are, or trace it. It leaves no core
/// dump either.
///
/// A debugger needs `sudo` from here on.
pub fn hide_from_plugins() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!("this process stays readable for others of this user: {error}");
    }
}
