//! Whether a daemon that has let us in still answers.
//!
//! A connection can stay open though the daemon is stopped or hangs; TCP notices after minutes, a
//! unix socket never. An empty message to our own private group has to come back.

use std::time::Duration;

use tokio::time::Instant;

/// Whether the daemon still answers.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// When the echo was asked for that has not come.
    unanswered: Option<Instant>,
    next: Instant,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            unanswered: None,
            next: Instant::now() + ECHO_EVERY,
        }
    }

    /// Whether an echo is overdue.
    pub(crate) fn is_dead(&self, now: Instant) -> bool {
        self.unanswered
            .is_some_and(|since| now >= since + ECHO_TIMEOUT)
    }

    /// Asks for an echo with `send`, if it is time; when that has no room it is still time.
    pub(crate) fn ask(&mut self, now: Instant, send: impl FnOnce() -> bool) {
        if self.unanswered.is_none() && now >= self.next && send() {
            self.unanswered = Some(now);
            self.next = now + ECHO_EVERY;
        }
    }

    /// The echo has come.
    pub(crate) const fn answered(&mut self) {
        self.unanswered = None;
    }
}

/// 10 s: an empty message in so long costs nothing.
const ECHO_EVERY: Duration = Duration::from_secs(10);

/// 30 s: a daemon that finds its peers again answers nothing for some ten.
pub(crate) const ECHO_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_does_not_echo_for_30_s_is_dead() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let mut pulse = Pulse::new();

        pulse.ask(after(9), || panic!("too early"));
        pulse.ask(after(10), || false);
        pulse.ask(after(11), || true);
        pulse.ask(after(40), || panic!("asked already"));
        assert!(!pulse.is_dead(after(40)));
        assert!(pulse.is_dead(after(41)));
        pulse.answered();
        assert!(!pulse.is_dead(after(41)));
    }
}
