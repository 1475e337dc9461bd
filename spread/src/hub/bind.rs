//! Taking the port: all addresses of the hub, or a clear answer who has it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::options::Listen;
use crate::wire::handshake::{ClientHandshake, ClientStep, HandshakeError};
use crate::wire::{Hello, RejectCode, Version};

/// 1.5 s: a daemon on this machine answers within a millisecond, but a 5.0.1 daemon that waits
/// for a silent client, only after a second.
const PROBE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// 16: how often a port that the system chose for one address may be taken on the other.
const CHOSEN_PORT_TRIES: usize = 16;

/// Why a hub does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// A Spread daemon, or another hub, answers there.
    #[error("cannot listen on {address}: a Spread daemon or hub is running there already")]
    SpreadRunning {
        /// Where it answers.
        address: SocketAddr,
    },
    /// Another program has the port.
    #[error("cannot listen on {address}: another program has this port")]
    Taken {
        /// The address refused.
        address: SocketAddr,
    },
    /// The system refuses for another reason.
    #[error("cannot listen on {address}")]
    Refused {
        /// The address refused.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Listens on all addresses of `listen`, on one port.
pub(super) async fn listen(listen: Listen, port: u16) -> Result<Vec<TcpListener>, BindError> {
    for _ in 1..CHOSEN_PORT_TRIES {
        match listen_once(listen, port).await {
            Err(BindError::Taken { .. } | BindError::SpreadRunning { .. }) if port == 0 => {}
            result => return result,
        }
    }
    listen_once(listen, port).await
}

async fn listen_once(listen: Listen, port: u16) -> Result<Vec<TcpListener>, BindError> {
    let (first, second) = listen.addresses();
    let first = SocketAddr::new(first, port);
    let listener = bind(first).await?;
    let bound = listener.local_addr();
    let bound = bound.map_err(|source| BindError::Refused {
        address: first,
        source,
    })?;
    let mut listeners = vec![listener];
    if let Some(second) = second {
        match bind(SocketAddr::new(second, bound.port())).await {
            Ok(listener) => listeners.push(listener),
            Err(BindError::Refused { address, source }) => {
                tracing::debug!(%address, error = %source, "not listening on this address");
            }
            Err(taken) => return Err(taken),
        }
    }
    Ok(listeners)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Err(BindError::Refused {
            address,
            source: error,
        }),
        Err(_) if answers_as_spread(address).await => Err(BindError::SpreadRunning { address }),
        Err(_) => Err(BindError::Taken { address }),
    }
}

/// Whether a client's first words are answered as a Spread daemon answers them.
async fn answers_as_spread(address: SocketAddr) -> bool {
    matches!(timeout(PROBE_TIMEOUT, probe(address)).await, Ok(Ok(true)))
}

async fn probe(address: SocketAddr) -> io::Result<bool> {
    let (mut handshake, hello) = ClientHandshake::new(&Hello {
        version: Version::OURS,
        name: None,
        membership: false,
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&hello).await?;
    let mut received = BytesMut::new();
    loop {
        match handshake.advance(&mut received) {
            Ok(ClientStep::More) if stream.read_buf(&mut received).await? == 0 => return Ok(false),
            Ok(ClientStep::More) => {}
            // It offers what we speak, or has a reason of Spread's to refuse a session; there is
            // no need to open one.
            Ok(ClientStep::Write(_) | ClientStep::Done(_)) => return Ok(true),
            Err(HandshakeError::Rejected(code)) => {
                return Ok(!matches!(code, RejectCode::Other(_)));
            }
            Err(_) => return Ok(false),
        }
    }
}
