//! When it is said that nobody acknowledges what is sent; pure.
//!
//! It is not an error: the original spreadlogd never acknowledges. But where ours is meant to run,
//! the operator should hear that it does not.

use std::time::Duration;

/// For how long messages have gone out without a word from any logging host.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// When the first message since the last acknowledgement went out.
    since: Option<Duration>,
    heard: Option<Duration>,
    is_told: bool,
}

impl Silence {
    /// A message has gone out.
    pub(super) fn sent(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// Somebody has acknowledged something last at `heard`.
    pub(super) fn heard(&mut self, heard: Option<Duration>) {
        if heard > self.heard {
            *self = Self {
                heard,
                ..Self::default()
            };
        }
    }

    /// Without a connection nobody can be heard.
    pub(super) const fn disconnected(&mut self) {
        self.since = None;
    }

    /// Whether the silence has become long; tells so once.
    pub(super) fn has_become_long(&mut self, now: Duration) -> bool {
        let is_long = self
            .since
            .is_some_and(|since| now.saturating_sub(since) >= LONG);
        is_long && !std::mem::replace(&mut self.is_told, true)
    }

    /// Whether it has been told of, and nobody has been heard since.
    pub(super) const fn is_told(&self) -> bool {
        self.is_told
    }
}

/// 30 s: a logging host acknowledges four times a second, and is back after a restart in less.
pub(super) const LONG: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_is_told_once_until_somebody_is_heard() {
        let mut silence = Silence::default();
        silence.sent(secs(1));
        silence.sent(secs(20));

        assert!(!silence.has_become_long(secs(30)));
        assert!(silence.has_become_long(secs(31)));
        assert!(!silence.has_become_long(secs(99)));
        assert!(silence.is_told());

        silence.heard(Some(secs(100)));
        silence.heard(Some(secs(100)));
        assert!(!silence.is_told());
        silence.sent(secs(101));
        assert!(silence.has_become_long(secs(131)));
    }

    #[test]
    fn there_is_none_while_nothing_is_sent_or_there_is_no_daemon() {
        let mut silence = Silence::default();
        assert!(!silence.has_become_long(secs(100)));
        silence.sent(secs(1));
        silence.heard(Some(secs(2)));
        assert!(!silence.has_become_long(secs(100)));
        silence.sent(secs(100));
        silence.disconnected();
        assert!(!silence.has_become_long(secs(200)));
    }
}
