//! What a service manager gives: sockets that are there before us.
//!
//! They are a few environment variables (sd_listen_fds(3)) that other managers than systemd
//! know too. Without them nothing here does anything. The word that we serve is said by
//! `spread_logger::notify`, as other programs say it too.

mod sockets;

pub use self::sockets::ActivationError;
pub(crate) use self::sockets::{Choice, listeners};
