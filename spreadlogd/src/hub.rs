//! The hub in this process, on a thread and runtime of its own: neither waits for the other.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::{self, JoinHandle};

use spread::Address;
use spread::hub::{BindError, Hub, HubOptions, HubReader, Listen};
use tokio::runtime;
use tokio::sync::oneshot;

use crate::cli::HubAddress;

/// A running hub.
#[derive(Debug)]
pub(crate) struct HubThread {
    address: SocketAddr,
    reader: HubReader,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Why there is no hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    /// Its port is another's. When that is a daemon, there is no need for a hub.
    #[error("{cause}; use that one with --spread {}@{} instead of --hub", .address.port(), .address.ip())]
    SpreadRunning {
        address: SocketAddr,
        cause: BindError,
    },
    #[error(transparent)]
    Bind(BindError),
    #[error("cannot start the thread of the hub")]
    Thread(#[source] io::Error),
    #[error("the hub has no address")]
    NoAddress,
}

impl HubThread {
    /// Takes the port and serves it on a thread of its own.
    pub(crate) fn start(address: HubAddress, socket_dir: &Path) -> Result<Self, HubError> {
        let options = HubOptions {
            listen: address.ip.map_or(Listen::Localhost, Listen::Address),
            port: address.port,
            socket_dir: Some(socket_dir.to_owned()),
            ..HubOptions::default()
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(HubError::Thread)?;
        let hub = runtime.block_on(Hub::bind(options)).map_err(refused)?;
        let address = *hub.addresses().first().ok_or(HubError::NoAddress)?;
        let reader = hub.reader();
        let (stop, stopping) = oneshot::channel();
        let run = move || runtime.block_on(hub.run(until(stopping)));
        let thread = thread::Builder::new()
            .name("hub".to_owned())
            .spawn(run)
            .map_err(HubError::Thread)?;
        Ok(Self {
            address,
            reader,
            stop,
            thread,
        })
    }

    /// What tells how it is.
    pub(crate) fn reader(&self) -> HubReader {
        self.reader.clone()
    }

    /// Where a client of this machine finds it.
    pub(crate) fn address(&self) -> Address {
        let ip = self.address.ip();
        let host = if ip.is_loopback() || ip.is_unspecified() {
            "localhost".to_owned()
        } else {
            ip.to_string()
        };
        Address::Host {
            port: self.address.port(),
            host,
        }
    }

    /// Ends its sessions and waits until they have been told.
    pub(crate) fn stop(self) {
        // One that has ended already needs no telling; its panic was printed.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

fn refused(source: BindError) -> HubError {
    match source {
        BindError::SpreadRunning { address } => HubError::SpreadRunning {
            address,
            cause: source,
        },
        other => HubError::Bind(other),
    }
}

async fn until(stopping: oneshot::Receiver<()>) {
    // A sender that is gone means the same.
    let _ = stopping.await;
}
