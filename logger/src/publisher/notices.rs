//! What the operator is told: once when there is no daemon, once when there is, and of losses.

use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use spread::client::ConnectError;
use spread::stream::{Number, StreamGroup};
use spread::{Address, Addresses};
use tracing::{info, warn};

use super::keeper::Change;
use super::link::LostError;
use super::silence::LONG;
use super::{PublisherOptions, WhenFull};
use crate::counters::{Books, Lost};
use crate::diagnostics::Chain;

/// Remembers what has been said.
#[derive(Debug)]
pub(super) struct Notices {
    addresses: Addresses,
    buffer_bytes: usize,
    group: StreamGroup,
    /// The publisher beside it tells of everything but the spool.
    is_quiet: bool,
    tells_of_daemons: bool,
    /// What becomes of lines when as much is kept as may be, and what else there is than a daemon.
    then: &'static str,
    instead: &'static str,
    /// The state that the operator knows of.
    told: Told,
    told_of_refusal: bool,
    /// Losses of which a warning has told, and when it did.
    warned_of: Lost,
    warned_at: Option<Duration>,
    /// Lines lost up to the last connection.
    lost_before: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    Nothing,
    Absent,
    Connected,
}

impl Notices {
    pub(super) fn new(options: &PublisherOptions, group: StreamGroup) -> Self {
        Self {
            addresses: options.addresses.clone(),
            buffer_bytes: options.buffer_bytes,
            group,
            is_quiet: false,
            tells_of_daemons: options.tells_of_daemons,
            then: match options.when_full {
                WhenFull::PushOut => "then dropping and counting",
                WhenFull::Wait => "then waiting",
            },
            instead: match options.when_full {
                WhenFull::PushOut => ", or use --spread embedded",
                WhenFull::Wait => "",
            },
            told: Told::Nothing,
            told_of_refusal: false,
            warned_of: Lost::default(),
            warned_at: None,
            lost_before: 0,
        }
    }

    /// Those of one that has died, of which its heir tells.
    pub(super) fn quiet(options: &PublisherOptions, group: StreamGroup) -> Self {
        Self {
            is_quiet: true,
            tells_of_daemons: false,
            ..Self::new(options, group)
        }
    }

    /// All addresses have been tried in vain.
    pub(super) fn unreachable(&mut self, error: &ConnectError) {
        if !self.tells_of_daemons || self.told != Told::Nothing {
            return;
        }
        self.told = Told::Absent;
        let (addresses, size) = (&self.addresses, Size(self.buffer_bytes));
        let (then, instead) = (self.then, self.instead);
        if is_absent(error) {
            let port = self.addresses.port();
            warn!(
                "no Spread daemon at {addresses} yet; keeping up to {size} of lines, {then}. One \
                 comes with: spreadlogd --hub {port}{instead}"
            );
        } else {
            warn!(
                "cannot use the Spread daemon at {addresses}: {}; trying again, and keeping up to \
                 {size} of lines, {then}",
                Chain(error)
            );
        }
    }

    /// A connection is up; `books` as they stand.
    pub(super) fn connected(&mut self, address: Option<&Address>, books: &Books) {
        self.told = Told::Connected;
        self.told_of_refusal = false;
        let lost = books.lost.total() - self.lost_before;
        self.lost_before = books.lost.total();
        if let Some(address) = address.filter(|_| self.tells_of_daemons) {
            info!(
                "connected to the Spread daemon at {address}: {} lines waited, {lost} lost",
                books.waiting
            );
        }
    }

    /// The connection is gone.
    pub(super) fn lost_connection(&self, address: Option<&Address>, reason: &LostError) {
        if let Some(address) = address.filter(|_| self.tells_of_daemons) {
            warn!(
                "the connection to the Spread daemon at {address} is gone: {}; keeping up to {} of \
                 lines, {}",
                Chain(reason),
                Size(self.buffer_bytes),
                self.then
            );
        }
    }

    /// The daemon did not pass a message on; said once a connection.
    pub(super) fn refused(&mut self) {
        if std::mem::replace(&mut self.told_of_refusal, true) {
            return;
        }
        let group = self.group;
        warn!("the Spread daemon refuses messages to group {group}: see its access control");
    }

    /// Says that lines are being lost, once a minute at most.
    pub(super) fn losses(&mut self, lost: &Lost, now: Duration) {
        let due = self.warned_at.is_none_or(|at| now >= at + LOSSES_EVERY);
        if self.is_quiet || lost.total() == self.warned_of.total() || !due {
            return;
        }
        let queue_full = lost.queue_full - self.warned_of.queue_full;
        let buffer_full = lost.buffer_full - self.warned_of.buffer_full;
        self.warned_of = *lost;
        self.warned_at = Some(now);
        let group = self.group;
        warn!(
            "log lines to group {group} lost: {queue_full} because a worker's ring was full, \
             {buffer_full} because no daemon took them in time"
        );
    }

    /// Lines go out, and no logging host says that it has them.
    pub(super) fn nobody_acknowledges(&self) {
        if self.is_quiet {
            return;
        }
        let (group, size) = (self.group, Size(self.buffer_bytes));
        warn!(
            "nobody has acknowledged lines to group {group} for {} s: is spreadlogd running? (The \
             original spreadlogd never acknowledges.) Up to {size} of lines are kept to be sent \
             again",
            LONG.as_secs()
        );
    }

    /// There is no spool, though one was asked for.
    pub(super) fn no_spool(&self, dir: &Path, error: &io::Error) {
        warn!(
            "cannot make a spool in {}: {error}; lines are kept in memory, up to {}",
            dir.display(),
            Size(self.buffer_bytes)
        );
    }

    /// The spool fails, or does not any more.
    pub(super) fn spool(&self, change: &Change) {
        match change {
            Change::Failed(error) => warn!(
                "cannot write to the spool: {error}; trying again, and keeping up to {} of lines \
                 in memory, {}",
                Size(self.buffer_bytes),
                self.then
            ),
            Change::Recovered => info!("the spool is written to again"),
        }
    }

    /// A message cannot be read from the spool, so it and those before are not kept any longer.
    pub(super) fn unreadable(&self, number: Number) {
        warn!("cannot read message {number} back from the spool: it cannot be sent any more");
    }

    /// The stop ended, and the disk has not taken these lines, nor has a daemon.
    pub(super) fn not_spooled(&self, lines: u64) {
        let addresses = &self.addresses;
        warn!(
            "stopped with {lines} log lines that neither a Spread daemon at {addresses} nor the \
             spool took; they are lost"
        );
    }

    /// The stop ended, and these lines stay for the next start.
    pub(super) fn stays_spooled(&self, lines: u64) {
        info!(
            "{lines} log lines stay in the spool for the next to run, as not every logging host has \
             acknowledged them"
        );
    }

    /// The stop ended before all logging hosts had acknowledged everything.
    pub(super) fn unacknowledged(&self, hosts: usize, lines: u64) {
        let group = self.group;
        warn!(
            "stopped with {lines} log lines to group {group} that were sent and that {} not \
             acknowledged: they are there only if Spread has delivered them",
            match hosts {
                1 => "a logging host has".to_owned(),
                hosts => format!("{hosts} logging hosts have"),
            }
        );
    }

    /// The stop ended before a daemon had everything.
    pub(super) fn given_up(&self, books: &Books, stop_timeout: Duration) {
        let addresses = &self.addresses;
        if books.waiting > 0 {
            warn!(
                "stopped with {} log lines that no Spread daemon at {addresses} took within {} s; \
                 they are lost",
                books.waiting,
                stop_timeout.as_secs_f32()
            );
        } else {
            warn!(
                "stopped without word from the Spread daemon at {addresses} that it has the last \
                 messages; lines may be missing"
            );
        }
    }
}

/// Bytes in the largest unit that they are a whole number of.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            mib if mib % (1024 * 1024) == 0 => write!(f, "{} MiB", mib / (1024 * 1024)),
            kib if kib % 1024 == 0 => write!(f, "{} KiB", kib / 1024),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// A minute: losses that go on are said again, but do not fill the log.
const LOSSES_EVERY: Duration = Duration::from_secs(60);

/// Whether nobody is there, as opposed to somebody who will not have us.
fn is_absent(error: &ConnectError) -> bool {
    match error {
        ConnectError::Unreachable { source, .. } => {
            source.kind() != io::ErrorKind::PermissionDenied
        }
        ConnectError::TimedOut { .. } => true,
        _ => false,
    }
}
