//! What a publisher is told, and which of it is refused.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use spread::address::Addresses;
use spread::stream::{GroupTooLong, StreamGroup};
use spread::{GroupName, Service};

use crate::format::LINE_LEN_MIN;

/// Where a publisher sends its lines, and how.
#[derive(Clone, Debug)]
pub struct PublisherOptions {
    /// The daemons, in the order in which they are tried.
    pub addresses: Addresses,
    /// The directory of the unix socket that an address without a host means.
    pub socket_dir: PathBuf,
    /// The group; at most [`StreamGroup::LEN_MAX`] bytes.
    pub group: GroupName,
    /// The program's name, for the books of logging hosts.
    pub program: String,
    /// `Agreed`; `Safe`; or `Fifo`, with which the files of several logging hosts may differ in
    /// the order of different senders.
    pub service: Service,
    /// Bytes of a message, from [`LINE_LEN_MIN`] to [`MESSAGE_MAX`]. Make the longest line of the
    /// rings no longer: one that is goes alone, as it is.
    pub message_max: usize,
    /// Lines of a message. 1 is for readers that take a message for a line, as the original
    /// spreadlogd does for `Match`, `VhostDir` and `RewriteTimestamp`.
    pub batch_lines: Option<NonZeroU64>,
    /// A message is sealed when its oldest line is so old.
    pub seal_after: Duration,
    /// Bytes kept while no daemon takes them, or until every logging host has acknowledged them.
    pub buffer_bytes: usize,
    /// Where messages are kept in files instead, if they are.
    pub spool: Option<SpoolOptions>,
    /// What happens when as much is kept as may be.
    pub when_full: WhenFull,
    /// How long after the stop everything may take.
    pub stop_timeout: Duration,
    /// Whether the operator hears from this publisher when daemons come and go. Of several in one
    /// process, which log to the same daemons, one is enough.
    pub tells_of_daemons: bool,
}

/// What a publisher does that has no room for more lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WhenFull {
    /// The oldest message makes room, and is lost if no daemon has taken it: for web servers, which
    /// go on whatever happens.
    #[default]
    PushOut,
    /// Lines stay in the ring until there is room: for who can wait, as [`crate::LineLog`]s can.
    /// While logging hosts acknowledge, that is when they have; where none does, when a daemon has
    /// taken them.
    Wait,
}

/// Messages kept in files: they outlive the process, and the next one delivers them.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// The directory; each run has one of its own in it. Whoever uses it takes over what others
    /// have left there.
    pub dir: PathBuf,
    /// Bytes of this run's files, at least [`SPOOL_MIN`].
    pub bytes_max: usize,
}

impl SpoolOptions {
    /// 1 GiB: half an hour of 2,000 requests a second.
    pub const BYTES_MAX: usize = 1024 * 1024 * 1024;
}

impl PublisherOptions {
    /// 32 KiB: beyond it a daemon's throughput hardly grows, and readers' buffers have room.
    pub const MESSAGE_BYTES: usize = 32 * 1024;
    /// 100 ms: 300 publishers send 3,000 messages a second, not 15,000.
    pub const SEAL_AFTER: Duration = Duration::from_millis(100);
    /// 64 MiB: two minutes of 2,000 requests a second.
    pub const BUFFER_BYTES: usize = 64 * 1024 * 1024;
    /// 10 s: what service managers leave a process before they kill it is longer.
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

    /// The defaults, for a group on these daemons.
    #[must_use]
    pub fn new(addresses: Addresses, group: GroupName) -> Self {
        Self {
            addresses,
            socket_dir: PathBuf::from("/tmp"),
            group,
            program: env!("CARGO_PKG_NAME").to_owned(),
            service: Service::Agreed,
            message_max: Self::MESSAGE_BYTES,
            batch_lines: None,
            seal_after: Self::SEAL_AFTER,
            buffer_bytes: Self::BUFFER_BYTES,
            spool: None,
            when_full: WhenFull::PushOut,
            stop_timeout: Self::STOP_TIMEOUT,
            tells_of_daemons: true,
        }
    }

    /// Checks what the types of the fields leave open.
    pub(super) fn check(&self) -> Result<StreamGroup, OptionsError> {
        if !(LINE_LEN_MIN..=MESSAGE_MAX).contains(&self.message_max) {
            return Err(OptionsError::MessageMax {
                refused: self.message_max,
            });
        }
        if self.buffer_bytes < BUFFER_MIN {
            return Err(OptionsError::Buffer {
                refused: self.buffer_bytes,
            });
        }
        if let Some(spool) = self.spool.as_ref().filter(|s| s.bytes_max < SPOOL_MIN) {
            return Err(OptionsError::Spool {
                refused: spool.bytes_max,
            });
        }
        match self.service {
            Service::Fifo | Service::Agreed | Service::Safe => {}
            refused => return Err(OptionsError::Service { refused }),
        }
        Ok(StreamGroup::try_from(self.group)?)
    }
}

/// 64 KiB: the receive buffers of common readers are not much larger, and the original
/// spreadlogd's sample configuration has exactly that.
pub const MESSAGE_MAX: usize = 64 * 1024;

/// 128 KiB: the largest message, and its frame, without losing the one before.
pub const BUFFER_MIN: usize = 128 * 1024;

/// 4 MiB: sixteen segments, each of several messages.
pub const SPOOL_MIN: usize = 4 * 1024 * 1024;

/// An option that a publisher cannot work with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The group's name is too long for a numbered stream.
    #[error(transparent)]
    Group(#[from] GroupTooLong),
    /// The limit of a message is out of range.
    #[error("messages of at most {refused} bytes: choose from {LINE_LEN_MIN} to {MESSAGE_MAX}")]
    MessageMax {
        /// What was asked for.
        refused: usize,
    },
    /// The buffer does not hold the messages it is for.
    #[error("a buffer of {refused} bytes: choose at least {BUFFER_MIN}")]
    Buffer {
        /// What was asked for.
        refused: usize,
    },
    /// The spool is too small to be one.
    #[error("a spool of {refused} bytes: choose at least {SPOOL_MIN}")]
    Spool {
        /// What was asked for.
        refused: usize,
    },
    /// The service type does not keep a sender's messages in order.
    #[error(
        "service type {refused:?} does not keep the order of lines: choose fifo, agreed or safe"
    )]
    Service {
        /// What was asked for.
        refused: Service,
    },
}
