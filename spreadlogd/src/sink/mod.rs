//! Where lines go: files, written by one thread.
//!
//! - `file`: a [`FileSink`] appends messages to a file, keeps what cannot be written now, and
//!   follows the path again when told to.
//! - `lines`: a message on its way there.
//! - `shelf`: which files are open, and until when.
//! - `care`: when a file is put aside; `aside`: what becomes of it then.
//! - `open`: opening a file for that, whatever is there: a regular file, a FIFO, a device.
//! - `lock`: the lock that keeps two writers out of one file, and who holds it.

mod aside;
mod care;
mod file;
mod lines;
mod lock;
mod open;
mod shelf;

pub(crate) use aside::{Aside, Asides};
pub(crate) use care::Care;
pub(crate) use file::{Cut, FileSink, Outcome, Tagged};
pub(crate) use lines::{Lines, Origin};
pub use lock::Holder;
pub(crate) use lock::{Locked, held, lock};
pub use open::Locking;
pub use open::SinkError;
pub(crate) use open::{Identity, Opened, Target};
pub(crate) use shelf::{Share, Shelf, Stay, Together};
