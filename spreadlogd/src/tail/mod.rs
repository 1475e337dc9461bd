//! `spreadlogd tail`: the lines of a whole farm as they come, for whoever wants to look.
//!
//! ```text
//! follow   a session with a daemon: joins, always reads, comes back when it is lost
//! dress    pure: a message's lines as a person reads them, with their host and in colour
//! printer  bounded: what the output does not take in time is dropped and counted
//! ```
//!
//! It is a member of the groups like any other and no logging host: it numbers nothing, asks for
//! nothing and acknowledges nothing, so publishers neither wait for it nor keep anything for it.
//! What is sent while it has no session it does not see.

mod dress;
mod follow;
mod printer;

pub use dress::Dress;
pub use follow::{Arrival, Follow};
pub use printer::{Printer, PrinterEnd};
