//! What a service manager gives and wants: sockets that are there before us, and a word
//! when we serve.
//!
//! Both are a few environment variables (sd_listen_fds(3), sd_notify(3)) that other
//! managers than systemd know too. Without them nothing here does anything.

mod notify;
mod sockets;

pub(crate) use self::notify::Notifier;
pub use self::sockets::ActivationError;
pub(crate) use self::sockets::{Choice, listeners};
