//! How often a strategy can say what needs no answer. Both sides keep to it: the worker's, so that an
//! honest strategy may report each step of a tight loop and pays nothing for it; the host's, since
//! nothing that a plugin's process says is to be relied on.

use std::time::{Duration, Instant};

/// How often a bar moves.
const BETWEEN_STEPS: Duration = Duration::from_millis(50);
/// Log messages of one call that are passed on.
const MESSAGES: u64 = 1000;

/// Which reports of progress are passed on: one in a while, and the last one.
#[derive(Debug, Default)]
pub(super) struct Steps {
    told: Option<Instant>,
    is_at_end: bool,
}

impl Steps {
    pub(super) fn passes(&mut self, done: u64, total: u64) -> bool {
        let is_at_end = done >= total;
        let is_due = self.told.is_none_or(|told| told.elapsed() >= BETWEEN_STEPS);
        let passes = is_due || (is_at_end && !self.is_at_end);
        if passes {
            (self.told, self.is_at_end) = (Some(Instant::now()), is_at_end);
        }
        passes
    }
}

/// Which log messages are passed on: the first of a call. The others are counted.
#[derive(Debug, Default)]
pub(super) struct Messages {
    n: u64,
}

impl Messages {
    pub(super) fn passes(&mut self) -> bool {
        self.n += 1;
        self.n <= MESSAGES
    }

    /// Says how many were left out, where there were any.
    pub(super) fn left_out(&self) -> Option<String> {
        let left_out = self.n.saturating_sub(MESSAGES);
        (left_out > 0).then(|| format!("{left_out} more messages of this call are left out"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_pass_once_in_a_while_and_at_the_end() {
        let mut steps = Steps::default();
        assert!(steps.passes(0, 9));
        assert!((1..9).all(|done| !steps.passes(done, 9)));
        assert!(steps.passes(9, 9));
        assert!(!steps.passes(9, 9), "it has ended");
        assert!(!steps.passes(1, 9));
        steps.told = Instant::now().checked_sub(BETWEEN_STEPS);
        assert!(steps.passes(2, 9));
    }

    #[test]
    fn messages_beyond_the_first_are_counted() {
        let mut messages = Messages::default();
        assert!((0..MESSAGES).all(|_| messages.passes()));
        assert_eq!(messages.left_out(), None);
        assert!(!messages.passes() && !messages.passes());
        assert_eq!(messages.left_out().unwrap(), "2 more messages of this call are left out");
    }
}
