//! The workers' idea of local time, kept by whoever empties their rings: asking reads files, which
//! is not for their threads.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::Local;

use super::Drain;
use crate::format::UtcOffset;

/// Tells the writers of lines local time's offset, once a second at most.
#[derive(Debug, Default)]
pub(crate) struct OffsetKeeper {
    /// The second for which it was last asked.
    of: u64,
}

impl OffsetKeeper {
    /// Tells the other ends of `drains`.
    pub(crate) fn refresh(&mut self, drains: &[Drain]) {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let second = since_epoch.map_or(0, |since| since.as_secs());
        if second != self.of {
            self.of = second;
            let offset = local();
            for drain in drains {
                drain.set_offset(offset);
            }
        }
    }
}

/// Local time's offset now. It reads the time zone's file now and then, and allocates.
pub(super) fn local() -> UtcOffset {
    let seconds = Local::now().offset().local_minus_utc();
    UtcOffset::from_minutes(i16::try_from(seconds / 60).unwrap_or_default())
}
