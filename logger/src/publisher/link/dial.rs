//! Opening connections, each under the instance's next private name.

use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use spread::address::Addresses;
use spread::client::{ConnectError, ConnectOptions, Session, connect};
use spread::stream::Instance;

use super::connection::QUEUE_BYTES_MAX;

/// Where to connect to, and as whom.
pub(super) struct Dialler {
    addresses: Addresses,
    options: ConnectOptions,
    instance: Instance,
    /// How often this instance has dialled, in other processes too.
    connections: u64,
}

impl Dialler {
    pub(super) fn new(
        addresses: Addresses,
        socket_dir: &Path,
        instance: Instance,
        connections: u64,
    ) -> Self {
        Self {
            addresses,
            options: ConnectOptions {
                membership: false,
                timeout: CONNECT_TIMEOUT,
                queue_bytes_max: QUEUE_BYTES_MAX,
                socket_dir: socket_dir.to_owned(),
                ..ConnectOptions::default()
            },
            instance,
            connections,
        }
    }

    /// Begins to connect to the address of that index.
    pub(super) fn dial(&mut self, index: usize) -> Attempt {
        let mut options = self.options.clone();
        let [connection, ..] = self.connections.to_le_bytes();
        options.name = Some(self.instance.private_name(connection));
        self.connections = self.connections.wrapping_add(1);
        let address = self.addresses.iter().nth(index).cloned();
        let connecting = async move {
            match address {
                Some(address) => connect(&address, &options).await,
                // The link asks for none beyond the last.
                None => pending().await,
            }
        };
        Attempt {
            index,
            connecting: Box::pin(connecting),
        }
    }

    pub(super) const fn connections(&self) -> u64 {
        self.connections
    }

    /// The index after this one, if it is not the last.
    pub(super) fn after(&self, index: usize) -> Option<usize> {
        Some(index + 1).filter(|next| *next < self.addresses.iter().len())
    }
}

/// A connection being opened.
pub(super) struct Attempt {
    index: usize,
    connecting: Pin<Box<dyn Future<Output = Result<Session, ConnectError>> + Send>>,
}

impl Attempt {
    /// The index of its address.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// Cancel-safe: it goes on where it was.
    pub(super) async fn outcome(&mut self) -> Result<Session, ConnectError> {
        self.connecting.as_mut().await
    }
}

/// 64 bits of the system's random source, with which every `RandomState` is seeded.
pub(in crate::publisher) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// 5 s: an address that does not answer must not hold up the next for long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
