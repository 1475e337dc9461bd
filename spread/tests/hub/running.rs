//! A hub on a thread of its own and clients that speak to it in raw bytes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use spread::hub::{Hub, HubOptions};
use tokio::sync::oneshot;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Registry;

/// No test waits so long unless it has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A hub that is stopped, and whose thread has ended, when this is dropped.
pub(crate) struct RunningHub {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    log: Mutex<mpsc::Receiver<String>>,
}

impl RunningHub {
    /// Options for a test: a port that is free, and nothing made in `/tmp`.
    pub(crate) fn options() -> HubOptions {
        HubOptions {
            port: 0,
            socket_dir: None,
            ..HubOptions::default()
        }
    }

    pub(crate) fn start(options: HubOptions) -> Self {
        let (started, address) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let (lines, log) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _guard = tell(lines);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let hub = Hub::bind(options).await.expect("a free port");
                started.send(hub.addresses()[0]).expect("the test waits");
                hub.run(async { drop(stopped.await) }).await;
            });
        });
        Self {
            address: address.recv().expect("the hub has started"),
            stop: Some(stop),
            thread: Some(thread),
            log: Mutex::new(log),
        }
    }

    /// The next sentence the hub tells its operator.
    pub(crate) fn told(&self) -> String {
        let log = self.log.lock().expect("one test reads");
        log.recv_timeout(DEADLINE).expect("a sentence of the hub")
    }

    /// Stops the hub and waits for its end.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the hub has not panicked");
        }
    }

    /// A connection that has said nothing yet.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the hub accepts");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    /// A session called `name`, opened as version 5.0.1.
    pub(crate) fn open(&self, name: &str, membership: bool) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(&hello(name, membership)).expect("hello");
        assert_eq!(read(&mut stream, 6), b"\x05NULL ");
        stream.write_all(&NULL_METHOD).expect("the method");
        let accepted = read(&mut stream, 5);
        assert_eq!(accepted[..4], [1, 5, 0, 1]);
        let private_group = read(&mut stream, usize::from(accepted[4]));
        assert_eq!(private_group, format!("#{name}#hub").as_bytes());
        stream
    }
}

/// Sends what is told on this thread, while the guard lives, to `lines`.
pub(crate) fn tell(lines: mpsc::Sender<String>) -> DefaultGuard {
    // A second one that hears nothing: while there is one alone, a thread without any that comes
    // first to a place that tells something marks it as one that nobody listens to.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));
    LazyLock::force(&ANOTHER);
    tracing::subscriber::set_default(
        tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || Lines(lines.clone()))
            .finish(),
    )
}

/// Gives each line of a log to whoever waits for it.
struct Lines(mpsc::Sender<String>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line).trim().to_owned();
        // The test may have read all it wanted.
        drop(self.0.send(text));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for RunningHub {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the hub has been printed, and must not become one in a panic.
            drop(thread.join());
        }
    }
}

/// The answer to the list of methods: three fields of 30 bytes, the first says `NULL`.
pub(crate) const NULL_METHOD: [u8; 90] = {
    let mut bytes = [0; 90];
    let mut at = 0;
    while at < 4 {
        bytes[at] = b"NULL"[at];
        at += 1;
    }
    bytes
};

/// The first message of a client of version 5.0.1.
pub(crate) fn hello(name: &str, membership: bool) -> Vec<u8> {
    let len = u8::try_from(name.len()).expect("a short name");
    let mut bytes = vec![5, 0, 1, u8::from(membership), len];
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

/// Reads exactly `len` bytes.
pub(crate) fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).expect("bytes from the hub");
    bytes
}

/// Reads until the hub has closed, which may be by a reset, and gives what came before.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => bytes,
        Err(error) => panic!("the connection is not closed: {error}"),
    }
}

/// Type bits of `sp.h`.
pub(crate) mod bits {
    pub(crate) const RELIABLE: u32 = 0x02;
    pub(crate) const FIFO: u32 = 0x04;
    pub(crate) const AGREED: u32 = 0x10;
    pub(crate) const JOIN: u32 = 0x1_0000;
    pub(crate) const KILL: u32 = 0x4_0000;
}

/// A frame as a little-endian client writes it.
pub(crate) fn frame(kind: u32, sender: &str, groups: &[&[u8]], body: &[u8]) -> Vec<u8> {
    const MARKER: u32 = 0x8000_0080;
    let len = |len: usize| i32::try_from(len).expect("a length").to_le_bytes();
    let mut bytes = (kind | MARKER).to_le_bytes().to_vec();
    bytes.extend(field(format!("#{sender}#hub").as_bytes()));
    bytes.extend(len(groups.len()));
    bytes.extend(MARKER.to_le_bytes());
    bytes.extend(len(body.len()));
    groups.iter().for_each(|group| bytes.extend(field(group)));
    bytes.extend_from_slice(body);
    bytes
}

/// A delivered frame, taken apart as far as tests want to know.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Frame {
    pub(crate) kind: u32,
    pub(crate) sender: Vec<u8>,
    pub(crate) groups: usize,
    pub(crate) body: Vec<u8>,
}

/// Reads one frame from the hub.
pub(crate) fn read_frame(stream: &mut impl Read) -> Frame {
    let mut header = [0; 48];
    stream
        .read_exact(&mut header)
        .expect("a frame from the hub");
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("4 bytes"));
    let groups = number(36) as usize;
    let mut rest = vec![0; groups * 32 + number(44) as usize];
    stream.read_exact(&mut rest).expect("the rest of a frame");
    Frame {
        kind: number(0) & !0x8000_0080,
        sender: header[4..36]
            .split(|b| *b == 0)
            .next()
            .expect("a name")
            .to_vec(),
        groups,
        body: rest.split_off(groups * 32),
    }
}

fn field(name: &[u8]) -> [u8; 32] {
    let mut field = [0; 32];
    field[..name.len()].copy_from_slice(name);
    field
}

/// Joins a group and waits until that is in force.
pub(crate) fn join(stream: &mut TcpStream, name: &str, group: &str) {
    send(stream, &frame(bits::JOIN, name, &[group.as_bytes()], b""));
    await_own_echo(stream, name);
}

pub(crate) fn send(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the hub reads");
}

/// A message to oneself comes back behind everything asked for before.
pub(crate) fn await_own_echo(stream: &mut TcpStream, name: &str) {
    let own = format!("#{name}#hub");
    send(
        stream,
        &frame(bits::AGREED, name, &[own.as_bytes()], b"echo"),
    );
    while read_frame(stream).body != b"echo" {}
}
