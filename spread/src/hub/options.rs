//! Where a hub listens, what it calls itself and how much it may hold.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::name::DaemonName;

/// The settings of a [`Hub`](super::Hub).
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// The addresses to listen on.
    pub listen: Listen,
    /// The TCP port, the same on every address, and the name of the Unix socket. With 0 the
    /// system chooses one.
    pub port: u16,
    /// Where the Unix socket is made, which clients expect in `/tmp`; `None` for TCP alone.
    pub socket_dir: Option<PathBuf>,
    /// The last part of every session's private group.
    pub name: DaemonName,
    /// Sessions at a time; one more is refused with `REJECT_QUOTA`.
    pub sessions_max: usize,
    /// Bytes of body and group names in one message; a session that sends more is ended.
    pub message_max: usize,
    /// Memory of the messages that wait for one session; one that lets more wait is ended.
    pub queue_bytes_max: usize,
    /// Memory of all messages that wait, each counted once however many wait for it, and of
    /// all that are half received; above it the session that holds most is ended.
    pub total_bytes_max: usize,
    /// How long a connection may take to become a session.
    pub handshake_timeout: Duration,
    /// How long [`Hub::run`](super::Hub::run), when stopped, goes on writing what waits.
    pub drain_timeout: Duration,
}

impl HubOptions {
    /// 4803: where every Spread client looks.
    pub const PORT: u16 = crate::address::PORT;
    /// 8,192: several times a large farm, and below the memory it would take to harm a host.
    pub const SESSIONS_MAX: usize = 8_192;
    /// 143,151: the most that a 5.0.1 daemon survives; it, too, ends a session that sends more.
    pub const MESSAGE_MAX: usize = 143_151;
    /// 64 MiB: what the original's 1,000 messages of 64 KiB come to, so that a reader of
    /// batches is allowed the same here, and a reader of single lines much more.
    pub const QUEUE_BYTES_MAX: usize = 64 << 20;
    /// 512 MiB: eight readers that lag as far as they may, with nothing in common.
    pub const TOTAL_BYTES_MAX: usize = 512 << 20;
    /// 10 s: a client needs two round trips; nobody waits for this one meanwhile.
    pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
    /// 1 s: what is still wanted at the end is read by somebody at this moment.
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
    /// Where the clients' library has its Unix sockets (`sp.c: SP_UNIX_SOCKET`).
    pub const SOCKET_DIR: &'static str = "/tmp";
}

impl Default for HubOptions {
    #[expect(
        clippy::expect_used,
        reason = "\"hub\" is a daemon name: a test makes one"
    )]
    fn default() -> Self {
        Self {
            listen: Listen::Localhost,
            port: Self::PORT,
            socket_dir: Some(PathBuf::from(Self::SOCKET_DIR)),
            name: DaemonName::new("hub").expect("three letters"),
            sessions_max: Self::SESSIONS_MAX,
            message_max: Self::MESSAGE_MAX,
            queue_bytes_max: Self::QUEUE_BYTES_MAX,
            total_bytes_max: Self::TOTAL_BYTES_MAX,
            handshake_timeout: Self::HANDSHAKE_TIMEOUT,
            drain_timeout: Self::DRAIN_TIMEOUT,
        }
    }
}

/// The addresses a hub listens on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listen {
    /// 127.0.0.1, and ::1 where there is one: Spread has no authentication, so nobody else.
    Localhost,
    /// This address alone; an unspecified one is every address of its family.
    Address(IpAddr),
}

impl Listen {
    /// The address that must be there, and the one that may be missing.
    pub(super) const fn addresses(self) -> (IpAddr, Option<IpAddr>) {
        match self {
            Self::Localhost => (
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            ),
            Self::Address(address) => (address, None),
        }
    }
}
