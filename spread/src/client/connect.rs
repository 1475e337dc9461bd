//! Opening a session: the lookup, the connection, the handshake, all within a time limit.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout};

use super::socket::{ReadHalf, Socket, WriteHalf};
use super::{ConnectError, Receiver, Sender, Session};
use crate::address::Address;
use crate::name::{Name, PrivateName};
use crate::wire::handshake::{ClientHandshake, ClientStep, HandshakeError};
use crate::wire::{Hello, Limits, Version, Welcome};

/// How a session is opened.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// What to be called; unique on the daemon. Without a name the daemon makes one up.
    pub name: Option<PrivateName>,
    /// Whether to be told of the members of joined groups. Each change brings the whole list, so
    /// who does not need it should not ask. Default: no.
    pub membership: bool,
    /// How long it may take, over all addresses of the host. Default: 5 s.
    pub timeout: Duration,
    /// The longest delivery taken, its groups included. Default: 16 MiB, as there are daemons
    /// built to carry 14.4 MB.
    pub body_max: usize,
    /// Bytes that may wait to be written. Default: 1 MiB.
    pub queue_bytes_max: usize,
    /// How long small arrivals are let gather, while they keep coming, before they are read
    /// together: a daemon writes each message by itself, and a reader that looks at once is woken
    /// by each. Timers make up to twice as much of it. Default: they are read at once.
    pub gather: Option<Duration>,
    /// Where the daemon's unix socket is, for an [`Address::Port`]. Default: `/tmp`, as Spread is
    /// built (`sp.h: SP_UNIX_SOCKET`).
    pub socket_dir: PathBuf,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            name: None,
            membership: false,
            timeout: Duration::from_secs(5),
            body_max: 16 << 20,
            queue_bytes_max: 1 << 20,
            gather: None,
            socket_dir: "/tmp".into(),
        }
    }
}

/// Opens a session with the daemon at `address`. Every address of a host's name is tried, in the
/// resolver's order, each for its share of the time that is left. Cancel-safe: dropped, it leaves
/// nothing but, at worst, a connection that the daemon sees closed.
///
/// # Errors
/// When there is no session; the variant says whose doing it is. Of a name with several addresses
/// it is the last one's answer, or that of a daemon which refused.
pub async fn connect(address: &Address, options: &ConnectOptions) -> Result<Session, ConnectError> {
    match address {
        Address::Port(port) => {
            let path = options.socket_dir.join(port.to_string());
            attempt(address, options.timeout, options, Socket::unix(&path)).await
        }
        Address::Path(path) => attempt(address, options.timeout, options, Socket::unix(path)).await,
        Address::Host { port, host } => {
            let began = Instant::now();
            let left = || options.timeout.saturating_sub(began.elapsed());
            let found = look_up(address, host, *port, options).await?;
            connect_to_any(address, &found, options, left).await
        }
    }
}

async fn look_up(
    address: &Address,
    host: &str,
    port: u16,
    options: &ConnectOptions,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let unknown = |source| ConnectError::UnknownHost {
        address: address.clone(),
        source,
    };
    match timeout(options.timeout, lookup_host((host, port))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(_)) if host.eq_ignore_ascii_case("localhost") => Ok(loopback(port)),
        Ok(Err(error)) => Err(unknown(error)),
        Err(_) => Err(timed_out(address, options.timeout)),
    }
}

/// What `localhost` is where nothing says so, as in a chroot without `/etc/hosts` (RFC 6761 §6.3).
fn loopback(port: u16) -> Vec<SocketAddr> {
    let addresses: [IpAddr; 2] = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
    addresses.map(|address| (address, port).into()).into()
}

async fn connect_to_any(
    address: &Address,
    found: &[SocketAddr],
    options: &ConnectOptions,
    left: impl Fn() -> Duration,
) -> Result<Session, ConnectError> {
    let mut error = ConnectError::UnknownHost {
        address: address.clone(),
        source: io::Error::new(io::ErrorKind::NotFound, "it has no address"),
    };
    for (untried, &found) in (1..=found.len()).rev().zip(found) {
        // Never less than its equal share, and all that is left for the last.
        let share = left() / u32::try_from(untried).unwrap_or(u32::MAX);
        match attempt(address, share, options, Socket::tcp(found)).await {
            Ok(session) => return Ok(session),
            // That nobody listens on the name's other address says less than a daemon's answer.
            Err(_) if matches!(error, ConnectError::Refused { .. }) => {}
            Err(failed) => error = failed,
        }
    }
    Err(error)
}

async fn attempt(
    address: &Address,
    limit: Duration,
    options: &ConnectOptions,
    connecting: impl Future<Output = io::Result<Socket>>,
) -> Result<Session, ConnectError> {
    let opening = async {
        let unreachable = |source| ConnectError::Unreachable {
            address: address.clone(),
            source,
        };
        let socket = connecting.await.map_err(unreachable)?;
        shake_hands(address, socket, options).await
    };
    match timeout(limit, opening).await {
        Ok(opened) => opened,
        Err(_) => Err(timed_out(address, limit)),
    }
}

async fn shake_hands(
    address: &Address,
    socket: Socket,
    options: &ConnectOptions,
) -> Result<Session, ConnectError> {
    let split = socket.into_split(options.gather);
    let (mut read, mut write) = split.map_err(|source| ConnectError::Unreachable {
        address: address.clone(),
        source,
    })?;
    let (mut handshake, first) = ClientHandshake::new(&Hello {
        version: Version::OURS,
        name: options.name,
        membership: options.membership,
    });
    let mut buffer = BytesMut::new();
    exchange(&mut read, &mut write, &mut buffer, Some(first))
        .await
        .map_err(|_| closed(address))?;
    loop {
        let step = handshake
            .advance(&mut buffer)
            .map_err(|error| refused(address, error))?;
        let to_write = match step {
            ClientStep::More => None,
            ClientStep::Write(bytes) => Some(bytes),
            ClientStep::Done(welcome) => return Ok(open(welcome, read, write, buffer, options)),
        };
        exchange(&mut read, &mut write, &mut buffer, to_write)
            .await
            .map_err(|_| closed(address))?;
    }
}

/// Writes, if there is something to write, then reads.
async fn exchange(
    read: &mut ReadHalf,
    write: &mut WriteHalf,
    buffer: &mut BytesMut,
    to_write: Option<Bytes>,
) -> io::Result<()> {
    if let Some(bytes) = to_write {
        write_at_once(write, &bytes).await?;
    }
    buffer.reserve(HANDSHAKE_READ_BYTES);
    match read.read(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// In one write, as a 5.0.1 daemon needs it: a new socket has room for 95 bytes.
async fn write_at_once(write: &mut WriteHalf, bytes: &[u8]) -> io::Result<()> {
    loop {
        write.writable().await?;
        match write.try_write(&[io::IoSlice::new(bytes)])? {
            // It was no more than a rumour.
            None => {}
            Some(count) if count == bytes.len() => return Ok(()),
            Some(_) => return Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

fn open(
    welcome: Welcome,
    read: ReadHalf,
    write: WriteHalf,
    buffer: BytesMut,
    options: &ConnectOptions,
) -> Session {
    let Welcome {
        version,
        private_group,
    } = welcome;
    let limits = Limits {
        groups_max: options.body_max / Name::FIELD_LEN,
        bytes_max: options.body_max,
    };
    Session {
        sender: Sender::new(write, options.queue_bytes_max, private_group),
        receiver: Receiver::new(read, buffer, version.layout(), limits),
        version,
    }
}

fn closed(address: &Address) -> ConnectError {
    ConnectError::Closed {
        address: address.clone(),
    }
}

fn refused(address: &Address, error: HandshakeError) -> ConnectError {
    let address = address.clone();
    match error {
        HandshakeError::Rejected(code) => ConnectError::Refused { address, code },
        source => ConnectError::NotSpread { address, source },
    }
}

fn timed_out(address: &Address, timeout: Duration) -> ConnectError {
    ConnectError::TimedOut {
        address: address.clone(),
        timeout,
    }
}

/// 256: a daemon's side of the handshake is 141 bytes at most.
const HANDSHAKE_READ_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::wire::RejectCode;

    const LIMIT: Duration = Duration::from_secs(6);

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        (listener, at)
    }

    /// Nobody listens there.
    async fn dead() -> SocketAddr {
        listener().await.1
    }

    /// What comes of a name that has the addresses `found`, and when.
    async fn connect_to(found: &[SocketAddr]) -> (ConnectError, Duration) {
        let began = Instant::now();
        let left = || LIMIT.saturating_sub(began.elapsed());
        let address = "4803@web".parse().unwrap();
        let outcome = connect_to_any(&address, found, &ConnectOptions::default(), left).await;
        (outcome.unwrap_err(), began.elapsed())
    }

    #[tokio::test]
    async fn a_refusal_is_told_rather_than_that_the_next_address_is_dead() {
        let (daemon, refusing) = listener().await;
        let refuse = async {
            let (mut stream, _) = daemon.accept().await.unwrap();
            stream.write_all(&[0xfd]).await.unwrap();
            stream
        };
        let found = [refusing, dead().await];

        let (_stream, (error, _)) = tokio::join!(refuse, connect_to(&found));

        let ConnectError::Refused { code, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(code, RejectCode::Quota);
    }

    /// In virtual time, of which the listeners' silence takes all there is.
    #[tokio::test(start_paused = true)]
    async fn all_addresses_share_the_time_and_a_dead_one_leaves_its_own() {
        let ((_silent, at), dead) = (listener().await, dead().await);
        let third = LIMIT / 3;
        for (found, last_share) in [
            ([at, at, at], third),
            ([at, dead, at], 2 * third),
            ([dead, dead, at], LIMIT),
        ] {
            let (error, took) = connect_to(&found).await;

            let ConnectError::TimedOut { timeout, .. } = error else {
                panic!("{error}")
            };
            // A timer is due at its millisecond's end.
            let late = took.saturating_sub(LIMIT);
            assert!(
                took >= LIMIT && late < Duration::from_millis(10),
                "{took:?}"
            );
            let less = last_share.saturating_sub(timeout);
            assert!(
                timeout <= last_share && less < Duration::from_millis(10),
                "{timeout:?}"
            );
        }
    }
}
