//! A single-node server of the Spread client protocol: sessions, groups, one total order.
//!
//! Any Spread client talks to it as to a daemon of version 5.0.1, so that one machine needs no
//! daemon installed. It knows nothing of other daemons: a farm of several runs real ones.
//!
//! ```no_run
//! # async fn serve() -> Result<(), spread::hub::BindError> {
//! use spread::hub::{Hub, HubOptions};
//!
//! let hub = Hub::bind(HubOptions::default()).await?;
//! hub.run(async { drop(tokio::signal::ctrl_c().await) }).await;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! core/        decides: who is in which group, who is sent which bytes (pure)
//! bind         takes the port on localhost, or says who has it
//! socket_file  the Unix socket, taken over only from the dead
//! accept       connections and their handshakes; nobody waits for a slow one
//! session      one connection: frames in, frames out
//! ```
//!
//! Where it differs from the original, on purpose:
//!
//! - A reader that does not read is ended by the bytes that wait for it, not by 1,000 messages,
//!   and the log says who and why.
//! - A client that connects and says nothing delays nobody; a handshake may come in pieces.
//! - Types of messages are reduced to the bits a client may set, and only real group names can
//!   be joined.
//! - There is no authentication but `NULL`, and it listens on localhost unless told otherwise.

mod accept;
mod bind;
mod core;
mod options;
mod session;
mod socket;
mod socket_file;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use self::core::{HubBooks, Tally};
pub use bind::BindError;
pub use options::{HubOptions, Listen};

use self::core::{Core, Limits};
use accept::{Acceptor, Handshakes};
use socket_file::SocketFile;

/// A bound hub: its addresses are taken, and nobody is served before [`Hub::run`].
#[derive(Debug)]
pub struct Hub {
    listeners: Vec<TcpListener>,
    socket_file: Option<SocketFile>,
    options: Arc<HubOptions>,
    core: Arc<Mutex<Core>>,
}

/// Tells how a hub is, from any thread. A cheap clone.
#[derive(Clone, Debug)]
pub struct HubReader(Arc<Mutex<Core>>);

impl HubReader {
    /// How it is now, or was when it ended. Sessions are kept waiting for no longer than it takes
    /// to copy a few numbers.
    #[must_use]
    pub fn books(&self) -> HubBooks {
        session::lock(&self.0).books()
    }
}

impl Hub {
    /// Takes the port on every address, and makes the Unix socket if its place is free.
    ///
    /// A Unix socket that cannot be made is a warning: clients of `4803@localhost` do without.
    ///
    /// # Errors
    /// When an address cannot be listened on; [`BindError::SpreadRunning`] when that is because
    /// a daemon or another hub is running there. A machine without ::1 is no error.
    pub async fn bind(options: HubOptions) -> Result<Self, BindError> {
        let listeners = bind::listen(options.listen, options.port).await?;
        let mut hub = Self {
            listeners,
            socket_file: None,
            core: Arc::new(Mutex::new(core(&options))),
            options: Arc::new(options),
        };
        if let (Some(dir), Some(address)) = (&hub.options.socket_dir, hub.addresses().first()) {
            let path = dir.join(address.port().to_string());
            match SocketFile::listen(path.clone()).await {
                Ok(socket_file) => hub.socket_file = Some(socket_file),
                Err(error) => {
                    tracing::warn!("no Unix socket at {}, TCP alone: {error}", path.display());
                }
            }
        }
        Ok(hub)
    }

    /// The TCP addresses it listens on, all of one port.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.listeners.iter().map(TcpListener::local_addr);
        addresses.filter_map(Result::ok).collect()
    }

    /// The path of its Unix socket, if it has one.
    #[must_use]
    pub fn socket_path(&self) -> Option<&Path> {
        self.socket_file.as_ref().map(SocketFile::path)
    }

    /// What tells how it is, while it runs and after.
    #[must_use]
    pub fn reader(&self) -> HubReader {
        HubReader(Arc::clone(&self.core))
    }

    /// Serves until `stop` is ready, then writes what still waits and ends all sessions.
    ///
    /// Each connection is a task of the runtime that this is polled in, and none outlives it.
    /// One thread is enough: there is one order, so there is one lock, held while a session's
    /// requests are carried out or its bytes written, and never while waiting.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let core = Arc::clone(&self.core);
        let (stopping, stopped) = watch::channel(false);
        let mut handshakes = Handshakes::default();
        let mut sessions = JoinSet::new();
        let mut acceptor = Acceptor::default();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = sessions.join_next() => {}
                session = handshakes.next() => {
                    sessions.spawn(session.serve(stopped.clone()));
                }
                accepted = acceptor.accept(&self) => match accepted {
                    Ok(socket) => handshakes.start(socket, &core, &self.options),
                    // It may be for want of descriptors, and silent clients hold some.
                    Err(_) => handshakes.give_up_older_half(),
                },
            }
        }
        let drain_timeout = self.options.drain_timeout;
        drop((self, handshakes));
        session::lock(&core).stop();
        stopping.send_replace(true);
        let drained = async { while sessions.join_next().await.is_some() {} };
        if timeout(drain_timeout, drained).await.is_err() {
            sessions.shutdown().await;
        }
    }
}

fn core(options: &HubOptions) -> Core {
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let started = started.map_or(0, |since| since.as_secs());
    let limits = Limits {
        sessions_max: options.sessions_max,
        queue_bytes_max: options.queue_bytes_max,
        total_bytes_max: options.total_bytes_max,
    };
    // A group id has 31 bits for the time, which is enough until 2038 and unique after.
    let started = i32::try_from(started & 0x7fff_ffff).unwrap_or(0);
    Core::new(options.name, started, limits)
}
