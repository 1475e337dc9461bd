//! Wrong passwords, counted for each address, so that nobody tries many.
//!
//! A password that is wrong takes a token of the address's bucket; while the bucket is empty no
//! password of that address is looked at, right or wrong. Whose password has been verified goes on,
//! and so do all others. The table is made when the first wrong password comes: most servers
//! never see one.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use super::Rate;
use super::table::Table;
use crate::clock::Moment;

/// What is known of wrong passwords.
#[derive(Debug)]
pub(crate) struct Attempts {
    rate: Rate,
    table: OnceLock<Table>,
}

impl Attempts {
    /// Lets each address be wrong so often.
    pub(crate) const fn new(rate: Rate) -> Self {
        let table = OnceLock::new();
        Self { rate, table }
    }

    /// Whether a password of `client` may be looked at, or how long it is until one may. A client
    /// of a unix socket that nobody names is not counted: all of them would be one.
    pub(crate) fn check(&self, client: Option<IpAddr>, now: Moment) -> Result<(), Duration> {
        match (self.table.get(), client) {
            (Some(table), Some(client)) => table.has(client, now),
            _ => Ok(()),
        }
    }

    /// Counts a wrong password of `client`.
    pub(crate) fn count(&self, client: Option<IpAddr>, now: Moment) {
        let Some(client) = client else {
            return;
        };
        let table = self
            .table
            .get_or_init(|| Table::new(None, Some(self.rate), 0));
        // Several may have been looked at together; then the bucket is empty before the last.
        let _ = table.take(client, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_wrong_too_often_waits_and_others_do_not() {
        let attempts = Attempts::new("3/m".parse().unwrap());
        let client = |text: &str| text.parse().ok();
        let (guesser, other) = (client("192.0.2.1"), client("192.0.2.2"));
        let now = Moment::now();
        for _ in 0..3 {
            assert_eq!(attempts.check(guesser, now), Ok(()));
            attempts.count(guesser, now);
        }

        let wait = attempts.check(guesser, now).unwrap_err();

        // To ask costs nothing.
        assert_eq!(attempts.check(guesser, now), Err(wait));
        assert_eq!(wait, Duration::from_secs(20));
        assert_eq!(attempts.check(other, now), Ok(()));
        assert_eq!(attempts.check(guesser, now.after(wait)), Ok(()));
        for _ in 0..9 {
            attempts.count(None, now);
        }
        assert_eq!(attempts.check(None, now), Ok(()));
    }
}
