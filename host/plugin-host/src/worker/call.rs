//! Limits what one call of a strategy may take, whatever the strategy says meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alhost_plugin_protocol::ChannelError;

use super::host::WorkerOptions;
use super::rates::{Messages, Steps};

/// How long a strategy may take to notice that the user wants to stop.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// Messages of a call that are small and free. One that does not answer to a computation of the
/// host's costs the strategy this much time from there on, so that its talk keeps no core busy.
const FREE: u64 = 1000;
const PRICE: Duration = Duration::from_millis(1);

/// The account of one call. Time runs for the strategy from the moment in which the host's answer
/// goes out until the next message is there as a whole: over all requests and blocks of the call.
#[derive(Debug)]
pub(super) struct Call {
    deadline: Duration,
    cancelled: &'static AtomicBool,
    own: Duration,
    /// Moment since which it is the strategy's turn; `None` while the host works for it.
    turn: Option<Instant>,
    asked_to_stop: Option<Instant>,
    n_small: u64,
    pub(super) steps: Steps,
    pub(super) messages: Messages,
    /// Bytes of results of the host's services.
    pub(super) computed: u64,
    pub(super) is_streaming: bool,
}

impl Call {
    pub(super) fn new(options: &WorkerOptions) -> Self {
        Self {
            deadline: options.deadline,
            cancelled: options.cancelled,
            own: Duration::ZERO,
            turn: None,
            asked_to_stop: None,
            n_small: 0,
            steps: Steps::default(),
            messages: Messages::default(),
            computed: 0,
            is_streaming: false,
        }
    }

    pub(super) fn strategys_turn(&mut self) {
        self.turn.get_or_insert_with(Instant::now);
    }

    pub(super) fn hosts_turn(&mut self) {
        self.own = self.own_time();
        self.turn = None;
    }

    fn own_time(&self) -> Duration {
        self.own.saturating_add(self.turn.map_or(Duration::ZERO, |since| since.elapsed()))
    }

    /// Whether it may go on: asked on every tick of a wait, and for every message.
    pub(super) fn check(&mut self) -> Result<(), ChannelError> {
        if self.own_time() > self.deadline {
            let seconds = self.deadline.as_secs_f64();
            return Err(ChannelError::Ended(format!(
                "was killed after {seconds} s of its own time"
            )));
        }
        if self.cancelled.load(Ordering::Relaxed) {
            let since = self.asked_to_stop.get_or_insert_with(Instant::now);
            if since.elapsed() > GRACE {
                let seconds = GRACE.as_secs();
                let what = format!("did not stop within {seconds} s of being asked to");
                return Err(ChannelError::Ended(what));
            }
        }
        Ok(())
    }

    /// Counts a message for which the host has computed nothing.
    pub(super) fn small(&mut self) {
        self.strategys_turn();
        self.n_small += 1;
        if self.n_small > FREE {
            std::thread::sleep(PRICE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEVER: AtomicBool = AtomicBool::new(false);
    static ALWAYS: AtomicBool = AtomicBool::new(true);

    fn call(deadline: Duration, cancelled: &'static AtomicBool) -> Call {
        let (program, threads) = ("alhost-worker".into(), 1);
        Call::new(&WorkerOptions { program, deadline, memory_bytes: 1 << 30, threads, cancelled })
    }

    #[test]
    fn a_strategys_time_adds_up_over_its_turns_and_the_hosts_does_not_count() {
        let mut call = call(Duration::from_millis(50), &NEVER);
        let wait = || std::thread::sleep(Duration::from_millis(20));
        for _ in 0..2 {
            call.strategys_turn();
            wait();
            assert!(call.check().is_ok());
            call.hosts_turn();
            (0..5).for_each(|_| wait());
            assert!(call.check().is_ok());
        }
        call.strategys_turn();
        wait();
        let error = call.check().unwrap_err().to_string();
        assert_eq!(error, "was killed after 0.05 s of its own time");
    }

    #[test]
    fn any_deadline_can_be_counted_to() {
        let mut call = call(Duration::MAX, &NEVER);
        call.own = Duration::MAX;
        call.strategys_turn();
        assert!(call.check().is_ok());
    }

    #[test]
    fn a_user_who_wants_to_stop_waits_for_the_grace_at_most() {
        let mut call = call(Duration::MAX, &ALWAYS);
        assert!(call.check().is_ok());
        call.asked_to_stop = Instant::now().checked_sub(GRACE);
        assert!(call.check().unwrap_err().to_string().contains("did not stop within 2 s"));
    }

    #[test]
    fn talk_costs_the_talker_time() {
        let mut call = call(Duration::from_millis(100), &NEVER);
        let started = Instant::now();
        (0..FREE).for_each(|_| call.small());
        assert!(call.check().is_ok() || started.elapsed() > Duration::from_millis(100));
        (0..120).for_each(|_| call.small());
        assert!(call.check().is_err());
    }
}
