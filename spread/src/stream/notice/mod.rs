//! What publishers and logging hosts tell each other about a stream, beside its messages.
//!
//! | notice | from, to | says |
//! |---|---|---|
//! | [`Control`] | publisher, the control group and itself | how far the stream is, and its books |
//! | [`Ack`] | logging host, publisher | up to which number all is safe |
//! | [`Need`] | logging host, publisher | which numbers it has not got |
//! | [`Bye`] | logging host, publisher | that it goes, and need not be waited for |
//!
//! They are JSON objects with `"v": 1`, so that a person with `spuser` can read them and a later
//! version can add to them: unknown keys are ignored. They come from anybody who can reach the
//! daemon, so every value is checked and every length bounded.

mod json;

use std::fmt;
use std::ops::RangeInclusive;

use super::{Instance, Number, StreamGroup};

/// What a publisher tells of its stream to one group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Control {
    /// The run of the publisher.
    pub instance: Instance,
    /// The run of its machine, so that instances of before a crash can be told from others.
    pub boot: u64,
    /// The machine's name, at most [`Notice::TEXT_LEN_MAX`] bytes, for people.
    pub host: String,
    /// The program's name, likewise.
    pub program: String,
    /// Its process.
    pub pid: u32,
    /// The group the stream goes to.
    pub group: StreamGroup,
    /// The number that the next message on this connection will have: all below are on their way.
    pub next: Number,
    /// The oldest number that can be sent again; `next` when there is none.
    pub retained: Number,
    /// Lines in the messages below `next`, without those counted in `lost`.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that will never come.
    pub lost: LostLines,
    /// Lines shortened to the limit; they are among `lines`.
    pub cut: u64,
    /// Whether this is the last that will be heard of the instance.
    pub leaving: bool,
}

/// Lines dropped by the publisher, by cause.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LostLines {
    /// Dropped because the queue to the publisher was full: it was not fast enough.
    pub queue_full: u64,
    /// Pushed out of the store before any daemon took them.
    pub buffer_full: u64,
}

/// The name of a logging host, made once and kept with its ledger: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HostId(pub u64);

/// How far a logging host has got with the streams of one publisher.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ack {
    /// Who says so.
    pub host: HostId,
    /// For each group: all messages of this instance up to the number are safe; 0 for none yet.
    pub safe: Vec<(StreamGroup, Instance, u64)>,
}

/// What a logging host lacks of the streams of one publisher.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Need {
    /// Who asks.
    pub host: HostId,
    /// For each group, the ranges it lacks; at most [`Notice::RANGES_MAX`] in all.
    pub ranges: Vec<(StreamGroup, Instance, Vec<RangeInclusive<u64>>)>,
}

/// A logging host takes its leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bye {
    /// Who goes.
    pub host: HostId,
}

/// Any of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Notice {
    /// From a publisher.
    Control(Control),
    /// From a logging host.
    Ack(Ack),
    /// From a logging host.
    Need(Need),
    /// From a logging host.
    Bye(Bye),
}

/// A body that is no notice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoticeError {
    /// It is longer than [`Notice::LEN_MAX`].
    #[error("a notice of {len} bytes is over the limit of {}", Notice::LEN_MAX)]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// It is no JSON object of this form.
    #[error("no notice")]
    Form(#[from] serde_json::Error),
    /// It is of another version.
    #[error("a notice of version {version}")]
    Version {
        /// Which.
        version: u64,
    },
    /// One of its values is none.
    #[error("{key} of a notice cannot be {value:?}")]
    Value {
        /// The key, as in JSON.
        key: &'static str,
        /// What was there.
        value: String,
    },
    /// It is neither of the four.
    #[error("a notice without {{control keys}}, ack, need or bye")]
    Kind,
}

impl Notice {
    /// 8 KiB: an ack of the 64 groups that one publisher may have needs half of it.
    pub const LEN_MAX: usize = 8 * 1024;

    /// The longest names of hosts and programs; longer ones are cut.
    pub const TEXT_LEN_MAX: usize = 255;

    /// Ranges in one [`Need`]; the oldest are asked for first, the others when those have come.
    pub const RANGES_MAX: usize = 32;

    /// Groups that one publisher may have streams to.
    pub const GROUPS_MAX: usize = 64;

    /// Reads the body of a message.
    ///
    /// # Errors
    /// When it is no notice, or one of its values is out of reason.
    pub fn parse(body: &[u8]) -> Result<Self, NoticeError> {
        json::parse(body)
    }

    /// Writes the body of a message.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        json::write(self)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl HostId {
    /// Reads what is displayed.
    #[must_use]
    pub fn of_digits(digits: &str) -> Option<Self> {
        hexadecimal(digits).map(Self)
    }
}

/// Sixteen digits, as they are written, and nothing else.
fn hexadecimal(digits: &str) -> Option<u64> {
    let is_written = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (digits.len() == 16 && digits.bytes().all(is_written))
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
