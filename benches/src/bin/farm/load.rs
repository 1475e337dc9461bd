//! The load: who logs which line, and when.

use std::time::{Duration, Instant};

use crate::plan::Plan;

/// How the lines of a run are shared out: in turn, publishers first, then servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) lines: u64,
    rate: u64,
    publishers: u64,
    senders: u64,
}

impl Share {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            lines: plan.lines(),
            rate: plan.rate,
            publishers: plan.publishers as u64,
            senders: plan.senders() as u64,
        }
    }

    /// For how long.
    pub(crate) const fn seconds(&self) -> u64 {
        self.lines / self.rate
    }

    /// The publisher that has line `number`, if one has.
    pub(crate) fn of_publisher(&self, number: u64) -> Option<usize> {
        let place = number % self.senders;
        usize::try_from(place)
            .ok()
            .filter(|_| place < self.publishers)
    }

    /// The server that has it.
    pub(crate) fn of_server(&self, number: u64) -> Option<usize> {
        let place = (number % self.senders).checked_sub(self.publishers)?;
        usize::try_from(place).ok()
    }

    /// When line `number` is due.
    pub(crate) fn due(&self, number: u64, began: Instant) -> Instant {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_one_sender_and_each_sender_as_many() {
        let share = Share::of(&Plan {
            publishers: 3,
            servers: 2,
            hosts: 1,
            rate: 50,
            seconds: 2,
        });
        let mut lines = [0; 5];

        for number in 0..share.lines {
            match (share.of_publisher(number), share.of_server(number)) {
                (Some(place), None) => lines[place] += 1,
                (None, Some(place)) => lines[3 + place] += 1,
                other => panic!("{number} has {other:?}"),
            }
        }

        assert_eq!(lines, [20; 5]);
    }

    #[test]
    fn lines_are_due_evenly() {
        let plan = Plan {
            publishers: 1,
            servers: 0,
            hosts: 1,
            rate: 3,
            seconds: 10,
        };
        let (share, began) = (Share::of(&plan), Instant::now());

        assert_eq!(share.due(0, began), began);
        assert_eq!(share.due(30, began), began + Duration::from_secs(10));
        assert_eq!(share.seconds(), 10);
    }
}
