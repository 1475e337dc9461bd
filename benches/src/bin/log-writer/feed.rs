//! Where the lines come from: a session with a hub or daemon, or a connection to the writer itself.
//!
//! The hub runs in this process, so its CPU time is not the writer's. Messages are sent as `mod_log_spread` sends them,
//! without numbers: an acknowledged stream costs a writer some per cent of a message more, and is not measured here.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use spread::client::{self, ConnectOptions, Outgoing, Session};
use spread::hub::{Hub, HubOptions};
use spread::{Address, GroupName, Name, Service};
use tokio::runtime::{Builder, Runtime};

use crate::lines::Slice;

/// The lines did not get away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    #[error("cannot start a hub: {0}")]
    Hub(String),
    #[error("cannot send by way of the hub or daemon: {0}")]
    Spread(String),
    #[error("cannot send to the writer")]
    Tcp(#[from] io::Error),
}

/// A session that sends to any group.
#[derive(Debug)]
pub(crate) struct Publisher {
    runtime: Runtime,
    session: Session,
}

/// Flushed when so much waits: as much as a TCP connection takes at once.
const FLUSH_AT: usize = 128 * 1024;

impl Publisher {
    pub(crate) fn connect(port: u16) -> Result<Self, FeedError> {
        let runtime = runtime()?;
        let address: Address = format!("{port}@127.0.0.1").parse().map_err(failed)?;
        let session = runtime.block_on(client::connect(&address, &ConnectOptions::default()));
        let session = session.map_err(failed)?;
        Ok(Self { runtime, session })
    }

    /// Sends the lines as messages of `message_len` bytes; they are on their way when it returns.
    pub(crate) fn send(
        &mut self,
        group: &str,
        slice: &Slice,
        message_len: usize,
    ) -> Result<(), FeedError> {
        for body in slice.messages(message_len) {
            self.multicast(group, body)?;
            if self.session.sender.queued_bytes() >= FLUSH_AT {
                self.flush()?;
            }
        }
        self.flush()
    }

    /// Sends one message.
    pub(crate) fn send_one(&mut self, group: &str, body: bytes::Bytes) -> Result<(), FeedError> {
        self.multicast(group, body)?;
        self.flush()
    }

    fn multicast(&mut self, group: &str, body: bytes::Bytes) -> Result<(), FeedError> {
        let group = Name::from(GroupName::new(group).map_err(failed)?);
        let outgoing = Outgoing {
            service: Service::Reliable,
            self_discard: true,
            groups: &[group],
            mess_type: 0,
            body,
        };
        self.session.sender.multicast(&outgoing).map_err(failed)
    }

    fn flush(&mut self) -> Result<(), FeedError> {
        let flush = self.session.sender.flush();
        self.runtime.block_on(flush).map_err(failed)
    }
}

/// Sends the lines as they are.
pub(crate) fn send_bare(socket: &mut TcpStream, slice: &Slice) -> Result<(), FeedError> {
    for part in slice.messages(FLUSH_AT) {
        socket.write_all(&part)?;
    }
    Ok(())
}

/// Starts a hub on a thread of this process, for as long as that runs; its port.
pub(crate) fn start_hub() -> Result<u16, FeedError> {
    let runtime = runtime()?;
    let (say, said) = mpsc::channel();
    let options = HubOptions {
        port: 0,
        socket_dir: None,
        ..HubOptions::default()
    };
    let run = move || {
        runtime.block_on(async {
            let hub = match Hub::bind(options).await {
                Ok(hub) => hub,
                Err(error) => {
                    // Who started it is told, and the thread is done.
                    let _ = say.send(Err(FeedError::Hub(error.to_string())));
                    return;
                }
            };
            let port = hub.addresses().first().map(std::net::SocketAddr::port);
            let _ = say.send(port.ok_or_else(|| FeedError::Hub("it has no address".to_owned())));
            hub.run(std::future::pending()).await;
        });
    };
    thread::Builder::new().name("hub".to_owned()).spawn(run)?;
    let ended = |_| Err(FeedError::Hub("its thread has ended".to_owned()));
    said.recv().unwrap_or_else(ended)
}

fn runtime() -> Result<Runtime, FeedError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    Ok(runtime?)
}

fn failed(error: impl std::fmt::Display) -> FeedError {
    FeedError::Spread(error.to_string())
}
