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
//! - `instance`: an [`Instance`] is one run of a publisher; it names the private group of each of
//!   its connections.
//! - `number`: a [`Number`] counts an instance's messages to one [`StreamGroup`], 1, 2, 3 … without
//!   holes; [`numbered`] reads both from a message, if it has that form.
//! - `store`: the [`Store`] keeps messages until a daemon has taken them, within a bound, and keeps
//!   the [`Books`] of what became of each line.
//!
//! All of it is pure: it opens no socket and reads no clock, and knows nothing of what the
//! messages say but how many lines they hold.

mod instance;
mod number;
mod store;

pub use instance::Instance;
pub use number::{GroupTooLong, Number, StreamGroup, numbered};
pub use store::{Books, Store, Tally};
