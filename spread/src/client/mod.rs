//! A session with a Spread daemon, over tokio.
//!
//! [`connect`] opens one; the [`Session`] it gives has two halves for two places in a program:
//! a [`Sender`], which queues frames and writes them when it is flushed, and a [`Receiver`].
//! Nothing is spawned and nothing is locked: both run on the caller's tasks, and all futures here
//! are cancel-safe, made for a `select!`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use spread::client::{ConnectOptions, Outgoing, connect};
//! use spread::{Delivery, GroupName, Service};
//!
//! let mut session = connect(&"4803@localhost".parse()?, &ConnectOptions::default()).await?;
//! let group = GroupName::new("access_log")?;
//! session.sender.join(group)?;
//! session.sender.multicast(&Outgoing {
//!     service: Service::Agreed,
//!     self_discard: false,
//!     groups: &[group.into()],
//!     mess_type: 0,
//!     body: "hello\n".into(),
//! })?;
//! session.sender.flush().await?;
//! if let Delivery::Message(message) = session.receiver.recv().await? {
//!     println!("{} says {:?}", message.sender, message.body);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A session that ended is over: whoever wants another connects again and joins again, and what
//! was in flight inside the daemon is lost (Spread stores nothing).

mod connect;
mod error;
mod gather;
mod receiver;
mod sender;
mod socket;
mod watch;
mod write_queue;

pub use connect::{ConnectOptions, connect};
pub use error::{ConnectError, SendError, SessionError};
pub use receiver::Receiver;
pub use sender::{FRAME_BYTES_MAX, Sender};

use crate::name::PrivateGroup;
pub use crate::wire::Outgoing;
use crate::wire::Version;

/// An open session.
#[derive(Debug)]
pub struct Session {
    /// What goes to the daemon.
    pub sender: Sender,
    /// What comes from it.
    pub receiver: Receiver,
    version: Version,
}

impl Session {
    /// The session's address, by which others send to it alone.
    #[must_use]
    pub const fn private_group(&self) -> PrivateGroup {
        self.sender.private_group()
    }

    /// The daemon's version; our hub calls itself 5.0.1.
    #[must_use]
    pub const fn daemon_version(&self) -> Version {
        self.version
    }
}
