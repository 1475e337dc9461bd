//! Where the lines come from: a session with a hub or daemon, or a connection to the writer itself.
//!
//! The hub runs in this process, so its CPU time is not the writer's. Messages are sent as `mod_log_spread` sends them,
//! without numbers, or numbered as rthttpd does: what a stream asks a writer for beside the lines is part of what they
//! cost. Acknowledgements are left unread.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use spread::client::{self, ConnectOptions, Outgoing, Session};
use spread::hub::{Hub, HubOptions};
use spread::stream::{Control, Instance, LostLines, Notice, Number, StreamGroup};
use spread::{Address, GroupName, Name, Service};
use tokio::runtime::{Builder, Runtime};

use crate::lines::{LINE_LEN, Slice};

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

/// A session that sends to any group, or numbered messages to one.
#[derive(Debug)]
pub(crate) struct Publisher {
    runtime: Runtime,
    session: Session,
    /// The next one's.
    number: Option<Number>,
}

/// Lines are sent so fast, and not faster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    began: Instant,
    lines_a_second: u64,
    sent: u64,
}

/// How many there have been.
static STREAMS: AtomicU64 = AtomicU64::new(0);

/// Flushed when so much waits: as much as a TCP connection takes at once.
const FLUSH_AT: usize = 128 * 1024;

impl Pace {
    pub(crate) fn begin(lines_a_second: u64) -> Self {
        Self {
            began: Instant::now(),
            lines_a_second,
            sent: 0,
        }
    }

    /// Waits until the next may be sent, after `bytes`.
    fn sent(&mut self, bytes: usize) {
        self.sent += (bytes / LINE_LEN) as u64;
        let due =
            Duration::from_nanos(self.sent.saturating_mul(1_000_000_000) / self.lines_a_second);
        let ahead = due.saturating_sub(self.began.elapsed());
        // Less than the clock of a sleep is good for is made good later.
        if ahead >= Duration::from_millis(1) {
            thread::sleep(ahead);
        }
    }
}

impl Publisher {
    pub(crate) fn connect(port: u16) -> Result<Self, FeedError> {
        Self::connect_with(port, &ConnectOptions::default(), None)
    }

    /// One whose messages to `group` are numbered.
    pub(crate) fn numbered(port: u16, group: &str) -> Result<Self, FeedError> {
        let process = std::process::id();
        // Each another, as the hub lets no two have one name.
        let nth = STREAMS.fetch_add(1, Ordering::Relaxed);
        let instance = Instance::from_random((u64::from(process) << 32 | nth).to_le_bytes());
        let options = ConnectOptions {
            name: Some(instance.private_name(0)),
            ..ConnectOptions::default()
        };
        let first = Number::new(1);
        let mut publisher = Self::connect_with(port, &options, first)?;
        let group = GroupName::new(group).map_err(failed)?;
        let group = StreamGroup::try_from(group).map_err(failed)?;
        let Some(first) = first else {
            return Ok(publisher);
        };
        let control = Notice::Control(Control {
            instance,
            boot: 0,
            host: "localhost".to_owned(),
            program: "log-writer".to_owned(),
            pid: process,
            group,
            next: first,
            retained: first,
            lines: 0,
            bytes: 0,
            lost: LostLines::default(),
            cut: 0,
            leaving: false,
        });
        let own = Name::from(publisher.session.private_group());
        publisher.multicast(&[group.control(), own], control.write().into())?;
        publisher.flush()?;
        Ok(publisher)
    }

    fn connect_with(
        port: u16,
        options: &ConnectOptions,
        number: Option<Number>,
    ) -> Result<Self, FeedError> {
        let runtime = runtime()?;
        let address: Address = format!("{port}@127.0.0.1").parse().map_err(failed)?;
        let session = runtime.block_on(client::connect(&address, options));
        let session = session.map_err(failed)?;
        Ok(Self {
            runtime,
            session,
            number,
        })
    }

    /// Sends the lines as messages of `message_len` bytes; they are on their way when it returns.
    pub(crate) fn send(
        &mut self,
        group: &str,
        (slice, message_len): (&Slice, usize),
        pace: &mut Pace,
    ) -> Result<(), FeedError> {
        let mut unsent = 0;
        for body in slice.messages(message_len) {
            unsent += body.len();
            self.queue(group, body)?;
            if self.session.sender.queued_bytes() >= FLUSH_AT {
                self.flush()?;
                pace.sent(std::mem::take(&mut unsent));
            }
        }
        self.flush()?;
        pace.sent(unsent);
        Ok(())
    }

    /// Sends one message.
    pub(crate) fn send_one(&mut self, group: &str, body: bytes::Bytes) -> Result<(), FeedError> {
        self.queue(group, body)?;
        self.flush()
    }

    fn queue(&mut self, group: &str, body: bytes::Bytes) -> Result<(), FeedError> {
        let group = Name::from(GroupName::new(group).map_err(failed)?);
        let Some(number) = self.number else {
            return self.multicast(&[group], body);
        };
        self.number = Some(number.next());
        self.multicast(&[group, number.name()], body)
    }

    fn multicast(&mut self, groups: &[Name], body: bytes::Bytes) -> Result<(), FeedError> {
        let outgoing = Outgoing {
            service: Service::Agreed,
            self_discard: true,
            groups,
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
pub(crate) fn send_bare(
    socket: &mut TcpStream,
    slice: &Slice,
    pace: &mut Pace,
) -> Result<(), FeedError> {
    for part in slice.messages(FLUSH_AT) {
        socket.write_all(&part)?;
        pace.sent(part.len());
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
