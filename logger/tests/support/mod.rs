//! A daemon that does what a test tells it, and a publisher beside it on the same runtime.
//!
//! The clock is tokio's and paused, so waits of half a minute take none.

#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use bytes::BytesMut;
use spread::stream::{Ack, Control, HostId, Instance, Need, Notice, StreamGroup, announcements};
use spread::wire::Limits;
use spread::wire::handshake::{Answer, ServerHandshake, ServerStep};
use spread::{Delivery, GroupName, Message, Name, PrivateGroup, Request, Service};
use spread_logger::{Books, Counters, Drain, Format, Log, Publisher, PublisherOptions, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Dispatch;
use tracing_subscriber::Registry;

/// A daemon's socket.
#[derive(Debug)]
pub(crate) struct Daemon {
    listener: UnixListener,
}

impl Daemon {
    pub(crate) fn bind(path: &Path) -> Self {
        Self {
            listener: UnixListener::bind(path).unwrap(),
        }
    }

    /// Takes the next connection through its handshake.
    pub(crate) async fn accept(&self) -> Peer {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut buffer = BytesMut::new();
        let mut handshake = ServerHandshake::new();
        let mut own = None;
        loop {
            let answer = match handshake.advance(&mut buffer).unwrap() {
                ServerStep::More => {
                    assert_ne!(stream.read_buf(&mut buffer).await.unwrap(), 0);
                    continue;
                }
                ServerStep::Hello(hello) => {
                    assert!(!hello.membership);
                    let group = PrivateGroup::new(format!("#{}#web01", hello.name.unwrap()));
                    own = Some(group.clone().unwrap());
                    handshake.answer(group.unwrap())
                }
                ServerStep::Done(bytes) => {
                    stream.write_all(&bytes).await.unwrap();
                    return Peer {
                        stream,
                        buffer,
                        private_group: own.unwrap(),
                        controls: Vec::new(),
                    };
                }
            };
            let (Answer::Methods(bytes) | Answer::Open(bytes)) = answer;
            stream.write_all(&bytes).await.unwrap();
        }
    }
}

/// The daemon's end of a publisher's session.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: UnixStream,
    buffer: BytesMut,
    pub(crate) private_group: PrivateGroup,
    /// The controls that have come and were sent back.
    pub(crate) controls: Vec<Control>,
}

impl Peer {
    /// The next whole frame; `None` when the publisher has closed.
    pub(crate) async fn request(&mut self) -> Option<Request> {
        loop {
            if let Some(request) = decoded(&mut self.buffer, self.private_group) {
                return Some(request);
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap() == 0 {
                return None;
            }
        }
    }

    /// The next message of any kind.
    pub(crate) async fn any_message(&mut self) -> Message {
        match self.request().await {
            Some(Request::Multicast(message)) => message,
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// The next message that is no control; those before it are sent back, as a daemon does.
    pub(crate) async fn message(&mut self) -> Message {
        loop {
            let message = self.any_message().await;
            let Some(control) = self.control(&message) else {
                return message;
            };
            assert!(!control.leaving, "a message was expected, and it leaves");
            self.controls.push(control);
            self.deliver(message).await;
        }
    }

    /// The control that `message` is.
    fn control(&self, message: &Message) -> Option<Control> {
        if message.groups.first()?.as_bytes() != b"access_log.ctl" {
            return None;
        }
        assert_eq!(
            message.groups[1..],
            [announcements(), Name::from(self.private_group)]
        );
        match Notice::parse(&message.body).unwrap() {
            Notice::Control(control) => Some(control),
            other => panic!("a control was expected, not {other:?}"),
        }
    }

    /// Says in the name of the logging host `host` what `notice` makes of this instance.
    pub(crate) async fn say(&mut self, host: &str, notice: &Notice) {
        let message = Message {
            service: Service::Fifo,
            self_discard: false,
            sender: PrivateGroup::new(format!("#{host}#log")).unwrap().into(),
            groups: vec![self.private_group.into()],
            mess_type: 0,
            foreign_endian: false,
            body: notice.write().into(),
        };
        self.deliver(message).await;
    }

    /// A logging host has all up to `number`.
    pub(crate) async fn acknowledge(&mut self, host: u64, number: u64) {
        let ack = Ack {
            host: HostId(host),
            safe: vec![(stream_group(), self.instance(), number)],
        };
        self.say(&format!("host{host}"), &Notice::Ack(ack)).await;
    }

    /// A logging host asks for `range`.
    pub(crate) async fn ask(&mut self, host: u64, range: RangeInclusive<u64>) {
        let need = Need {
            host: HostId(host),
            ranges: vec![(stream_group(), self.instance(), vec![range])],
        };
        self.say(&format!("host{host}"), &Notice::Need(need)).await;
    }

    pub(crate) fn instance(&self) -> Instance {
        Instance::of_sender(self.private_group.into()).unwrap()
    }

    /// Reads messages until `lines` lines are there.
    pub(crate) async fn messages_of(&mut self, lines: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while text(&messages).len() < lines {
            messages.push(self.message().await);
        }
        messages
    }

    pub(crate) async fn deliver(&mut self, message: Message) {
        let frame = Delivery::Message(message).encode();
        self.stream.write_all(&frame.head).await.unwrap();
        self.stream.write_all(&frame.body).await.unwrap();
    }

    /// Reads data messages up to the control that says that it leaves, which is returned too.
    pub(crate) async fn messages_until_last(&mut self) -> (Vec<Message>, Message) {
        let mut messages = Vec::new();
        loop {
            let message = self.any_message().await;
            match self.control(&message) {
                Some(control) if control.leaving => return (messages, message),
                Some(control) => {
                    self.controls.push(control);
                    self.deliver(message).await;
                }
                None => messages.push(message),
            }
        }
    }

    /// Reads to the end of the session, in which nothing but controls may come.
    pub(crate) async fn until_disconnect(&mut self) {
        loop {
            match self.request().await {
                Some(Request::Disconnect) => break,
                Some(Request::Multicast(message)) => assert!(self.control(&message).is_some()),
                other => panic!("the end was expected, not {other:?}"),
            }
        }
        assert_eq!(self.request().await, None);
    }

    /// Ends the session in the middle of whatever is being sent: takes nothing more, and gives
    /// the messages that its socket had taken whole, and the bytes it has of the next.
    pub(crate) fn go(self) -> (Vec<Message>, usize) {
        let mut stream = self.stream.into_std().unwrap();
        stream.shutdown(Shutdown::Read).unwrap();
        stream.set_nonblocking(false).unwrap();
        let mut left = Vec::new();
        stream.read_to_end(&mut left).unwrap();
        let mut buffer = self.buffer;
        buffer.extend_from_slice(&left);
        let mut messages = Vec::new();
        while let Some(request) = decoded(&mut buffer, self.private_group) {
            let Request::Multicast(message) = request else {
                panic!("a message was expected, not {request:?}");
            };
            if message.groups[0].as_bytes() != b"access_log.ctl" {
                messages.push(message);
            }
        }
        (messages, buffer.len())
    }

    /// Goes through the end of a publisher that stops: its last messages.
    pub(crate) async fn until_the_end(&mut self) -> Vec<Message> {
        let (messages, last) = self.messages_until_last().await;
        self.deliver(last).await;
        assert_eq!(self.request().await, Some(Request::Disconnect));
        assert_eq!(self.request().await, None);
        self.stream.shutdown().await.unwrap();
        messages
    }
}

pub(crate) fn stream_group() -> StreamGroup {
    StreamGroup::try_from(GroupName::new("access_log").unwrap()).unwrap()
}

fn decoded(buffer: &mut BytesMut, from: PrivateGroup) -> Option<Request> {
    Request::decode(buffer, from, &Limits::REQUEST).unwrap()
}

/// A publisher at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Books>,
    pub(crate) counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
}

impl Running {
    pub(crate) fn start(options: PublisherOptions, drains: Vec<Drain>) -> Self {
        let publisher = Publisher::new(options, drains).unwrap();
        let counters = publisher.counters();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(publisher.run(async {
            stopped.await.unwrap();
        }));
        Self {
            task,
            counters,
            stop: Some(stop),
        }
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

/// The defaults, with these addresses, most of which are paths of sockets.
pub(crate) fn options(addresses: &[&Path]) -> PublisherOptions {
    let addresses: Vec<String> = addresses
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let addresses = addresses.join(",").parse().unwrap();
    PublisherOptions::new(addresses, GroupName::new("access_log").unwrap())
}

/// A record told from others by its request line.
fn record(request_line: &str) -> Record<'_> {
    Record {
        client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        user: None,
        time: 1_795_370_940,
        request_line: request_line.as_bytes(),
        status: 200,
        bytes: 1,
        ..Record::default()
    }
}

/// Logs records told from each other by these numbers.
pub(crate) fn log_lines(log: &mut Log, range: std::ops::Range<usize>) {
    for i in range {
        log.log(&record(&format!("{i:06}")));
    }
}

/// The request lines in these messages.
pub(crate) fn text(messages: &[Message]) -> Vec<String> {
    let bodies = messages.iter().map(|message| message.body.as_ref());
    let lines = bodies.flat_map(|body| {
        assert!(body.ends_with(b"\n"));
        body.split_inclusive(|b| *b == b'\n')
    });
    let read = lines.map(|line| Format::Combined.parse(line).unwrap().request_line);
    read.map(|line| String::from_utf8(line).unwrap()).collect()
}

/// The numbers of these messages.
pub(crate) fn numbers(messages: &[Message]) -> Vec<u64> {
    let numbered = messages.iter().map(spread::stream::numbered);
    numbered.map(|read| read.unwrap().1.get()).collect()
}

/// What the program tells its operator, on this thread, while the guard lives.
pub(crate) fn told() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    // A second one that hears nothing: while there is one alone, a thread without any that comes
    // first to a place that tells something marks it as one that nobody listens to.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));
    LazyLock::force(&ANOTHER);
    let told = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&told);
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(move || Shared(Arc::clone(&writer)))
        .finish();
    (told, tracing::subscriber::set_default(subscriber))
}

/// The sentences of `told`.
pub(crate) fn sentences(told: &Mutex<Vec<u8>>) -> Vec<String> {
    let text = String::from_utf8(told.lock().unwrap().clone()).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
