//! Where lines go: files, written by one thread.
//!
//! - `file`: a [`FileSink`] appends messages to a file, keeps what cannot be written now, and
//!   follows the path again when told to.
//! - `lines`: a message on its way there.
//! - `open`: opening a file for that, whatever is there: a regular file, a FIFO, a device.
//! - `lock`: the lock that keeps two writers out of one file, and who holds it.

mod file;
mod lines;
mod lock;
mod open;

pub(crate) use file::{FileSink, Outcome};
pub(crate) use lines::{Lines, Origin};
pub use lock::Holder;
pub(crate) use lock::{Locked, held, lock};
pub use open::Locking;
pub use open::SinkError;
pub(crate) use open::{Identity, Opened, Target};
