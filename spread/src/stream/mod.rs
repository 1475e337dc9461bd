//! Numbered streams: what lets a receiver tell which messages of a sender it has not got.
//!
//! Spread delivers to those who are members at that moment, stores nothing, tells a sender nothing
//! and drops what was in flight when a daemon dies. So a publisher numbers its messages, in the
//! address, where nobody who does not look for it is disturbed: a second group name that nobody
//! joins costs nothing and the body stays what it is.
//!
//! ```text
//! sender   #Lq8w3kd0xA#web      L, eight characters of the instance, one of the connection
//! groups   [access_log, +17]    the group, and the number of the message in it
//! ```
//!
//! A receiver that keeps a ledger, a *logging host*, asks for what it has not got, and tells what
//! it has; the publisher keeps each message until everybody has it, and sends it again to the one
//! that asks:
//!
//! ```text
//! control  [access_log.ctl, own private group]          how far the stream is, and its books
//! ack      [the publisher's private group]              up to here all is safe
//! need     [the publisher's private group]              these are missing
//! repair   [the asker's private group, =access_log, +17]
//! ```
//!
//! - `instance`: an [`Instance`] is one run of a publisher; it names the private group of each of
//!   its connections.
//! - `number`: a [`Number`] counts an instance's messages to one [`StreamGroup`], 1, 2, 3 … without
//!   holes; [`numbered`] and [`repaired`] read both from a message, if it has that form.
//! - `notice`: what both sides tell each other, as JSON.
//! - `store`: the [`Store`] keeps messages until they are released, within a bound, and keeps the
//!   [`Books`] of what became of each line.
//! - `sender`: the publisher's side, [`Sender`]. `receiver`: the logging host's, [`Receiver`].
//! - `ranges`: sets of numbers.
//!
//! All of it is pure: it opens no socket and reads no clock, and knows nothing of what the
//! messages say but how many lines they hold.

mod instance;
mod notice;
mod number;
mod ranges;
mod receiver;
mod sender;
mod store;

pub use instance::Instance;
pub use notice::{Ack, Bye, Control, HostId, LostLines, Need, Notice, NoticeError};
pub use number::{GroupTooLong, Number, StreamGroup, announcements, numbered, repaired};
pub use ranges::{Gaps, Ranges};
pub use receiver::{Cause, KeptStream, Key, News, Receiver, Stream, Taken};
pub use sender::{Before, Identity, Next, Parting, Sender};
pub use store::{Books, Store, Tally};

#[cfg(test)]
mod tests;
