//! Which signals ask for a stop, and which ask again: pure, so time is an argument.
//!
//! `timeout(1)` sends its signal twice, to the program and then to the program's group. That is one wish: taken for
//! two, whoever runs a program under it would lose the end of the log.

use std::time::Duration;

use tokio::signal::unix::SignalKind;

/// Remembers the first wish to stop.
#[derive(Debug, Default)]
pub(crate) struct Stops {
    first: Option<(SignalKind, Duration)>,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// To finish and to end.
    Stop,
    /// What was asked for just before.
    Same,
    /// To end at once.
    EndAtOnce,
}

impl Stops {
    /// The meaning of `signal`, which came at `now`, counted from any moment.
    pub(crate) fn on(&mut self, signal: SignalKind, now: Duration) -> Wish {
        match self.first {
            None => {
                self.first = Some((signal, now));
                Wish::Stop
            }
            Some((first, at)) if first == signal && now.saturating_sub(at) < TWICE_WITHIN => {
                Wish::Same
            }
            Some(_) => Wish::EndAtOnce,
        }
    }
}

/// 100 ms: nobody presses a key twice as fast.
const TWICE_WITHIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: SignalKind = SignalKind::terminate();
    const INT: SignalKind = SignalKind::interrupt();

    fn wishes(signals: &[(SignalKind, u64)]) -> Vec<Wish> {
        let mut stops = Stops::default();
        let wish = |&(signal, millis)| stops.on(signal, Duration::from_millis(millis));
        signals.iter().map(wish).collect()
    }

    #[test]
    fn the_same_signal_twice_in_one_moment_is_one_wish() {
        assert_eq!(
            wishes(&[(TERM, 500), (TERM, 501)]),
            [Wish::Stop, Wish::Same]
        );
    }

    #[test]
    fn a_second_signal_later_ends_it_at_once() {
        let later = wishes(&[(TERM, 500), (TERM, 501), (TERM, 600)]);

        assert_eq!(later, [Wish::Stop, Wish::Same, Wish::EndAtOnce]);
    }

    #[test]
    fn another_signal_ends_it_at_once_however_soon() {
        assert_eq!(
            wishes(&[(TERM, 500), (INT, 500)]),
            [Wish::Stop, Wish::EndAtOnce]
        );
    }
}
