//! A server on a port of its own, and clients that speak raw bytes to it.
//!
//! Every wait has a deadline that only a defect reaches; no test depends on how fast
//! anything is.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

pub(crate) mod program;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rthttpd::{Config, Counters, LogRule, RunError, Server, StopHandle};
use socket2::{Domain, Socket, Type};
use spread_logger::{Drain, Format, OwnedRecord, RingOptions};
use tempfile::TempDir;

/// Far beyond anything but a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A directory to be served.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// With files of these names and contents.
    pub(crate) fn with(files: &[(&str, &[u8])]) -> Self {
        let root = Self::new();
        for (name, content) in files {
            root.file(name, content);
        }
        root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Its own path, as an argument.
    pub(crate) fn dir(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A script, written by another process: one that this process writes cannot be run while a
    /// child of some other test has the file open, before its exec.
    pub(crate) fn script(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut writer = Command::new("sh")
            .args(["-c", r#"cat >"$0" && chmod 755 "$0""#])
            .arg(path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let text = format!("#!/bin/sh\n{text}\n");
        let mut stdin = writer.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        drop(stdin);
        assert!(writer.wait().unwrap().success());
    }

    /// A file that has to be read from the disk, where there is one.
    pub(crate) fn unread_file(&self, name: &str, content: &[u8]) {
        self.file(name, content);
        let file = fs::File::open(self.path(name)).unwrap();
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }

    pub(crate) fn serve(self) -> Served {
        self.serve_with(|_| ())
    }

    /// One worker, and whatever `configure` changes.
    pub(crate) fn serve_with(self, configure: impl FnOnce(&mut Config)) -> Served {
        self.serve_logging(Format::Combined, configure)
    }

    /// The same, with a log of this format.
    pub(crate) fn serve_logging(
        self,
        format: Format,
        configure: impl FnOnce(&mut Config),
    ) -> Served {
        self.serve_by_logs(&[LogRule::all(format)], configure)
    }

    /// The same, with these logs.
    pub(crate) fn serve_by_logs(
        self,
        rules: &[LogRule],
        configure: impl FnOnce(&mut Config),
    ) -> Served {
        let mut config = Config::new(self.0.path());
        config.listeners = vec!["127.0.0.1:0".parse().unwrap()];
        config.workers = NonZeroUsize::MIN;
        configure(&mut config);
        let mut server = Server::bind(config).unwrap();
        let line_len_max = RingOptions::default().line_len_max;
        let drains = server.log_by(rules, 4 << 20, line_len_max);
        Served {
            root: self,
            address: server.addresses()[0],
            addresses: server.addresses().to_vec(),
            counters: server.counters(),
            stop: server.stop_handle(),
            drains: drains.into_iter().flatten().collect(),
            thread: Some(thread::spawn(move || server.run())),
        }
    }
}

/// A server at work.
pub(crate) struct Served {
    pub(crate) root: Root,
    /// The first.
    pub(crate) address: SocketAddr,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) counters: Counters,
    pub(crate) stop: StopHandle,
    drains: Vec<Drain>,
    thread: Option<JoinHandle<Result<(), RunError>>>,
}

impl Served {
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends `request` on a connection of its own, and returns everything that comes back
    /// until the server closes.
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut client = self.connect();
        client.send(request);
        client.rest()
    }

    /// The response to a GET on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Response {
        self.connect().get(target)
    }

    /// The status of the response to a GET.
    pub(crate) fn status(&self, target: &str) -> u16 {
        self.get(target).status
    }

    /// Stops the server, and returns what it has logged.
    pub(crate) fn records(mut self) -> Vec<OwnedRecord> {
        self.finish().unwrap();
        self.records_of_the_end()
    }

    /// What a server that has ended has logged.
    pub(crate) fn records_of_the_end(&mut self) -> Vec<OwnedRecord> {
        let text = self.text_of_the_end();
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines
            .map(|line| Format::Combined.parse(line).unwrap())
            .collect()
    }

    /// Stops the server, and returns the lines it has logged.
    pub(crate) fn lines(mut self) -> Vec<String> {
        self.finish().unwrap();
        let text = String::from_utf8(self.text_of_the_end()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn text_of_the_end(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for drain in &mut self.drains {
            drain.drain(|lines| text.extend_from_slice(lines));
            assert!(drain.is_finished(), "the logs outlive the server");
        }
        text
    }

    /// Stops the server, and returns the request line, status and bytes of each record.
    pub(crate) fn log(mut self) -> Vec<(String, u16, u64)> {
        self.finish().unwrap();
        self.log_of_the_end()
    }

    /// The same of a server that has ended.
    pub(crate) fn log_of_the_end(&mut self) -> Vec<(String, u16, u64)> {
        let shown = |record: OwnedRecord| {
            let line = String::from_utf8_lossy(&record.request_line).into_owned();
            (line, record.status, record.bytes)
        };
        self.records_of_the_end().into_iter().map(shown).collect()
    }

    /// Stops the server and waits for its end.
    pub(crate) fn finish(&mut self) -> Result<(), RunError> {
        self.stop.stop();
        self.join()
    }

    /// Waits for the end of a server that somebody has stopped.
    pub(crate) fn join(&mut self) -> Result<(), RunError> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop.end();
            let _ = thread.join();
        }
    }
}

/// A client's connection.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    /// What came behind the last response.
    buffer: Vec<u8>,
}

/// A response, whole.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The status line and the fields.
    pub(crate) head: String,
    pub(crate) content: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).unwrap())
    }

    /// A client whose own address is `from`; all of 127.0.0.0/8 are this machine's.
    pub(crate) fn connect_from(from: &str, address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let from = SocketAddr::new(from.parse().unwrap(), 0);
        socket.bind(&from.into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::of(socket.into())
    }

    /// A client whose kernel holds next to nothing that it has not read.
    pub(crate) fn connect_with_small_buffer(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // Before it connects, as the window that it offers then only grows.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

impl Client<UnixStream> {
    pub(crate) fn connect_to_path(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.send(get(target));
        self.response()
    }

    /// The next response to a request other than HEAD.
    pub(crate) fn response(&mut self) -> Response {
        let mut response = self.head();
        response.content = self.content_of(&response);
        response
    }

    /// The content that a head announces.
    pub(crate) fn content_of(&mut self, head: &Response) -> Vec<u8> {
        let len = head
            .field("Content-Length")
            .map_or(0, |len| len.parse().unwrap());
        while self.buffer.len() < len {
            assert!(self.fill(), "the connection was closed within a content");
        }
        self.buffer.drain(..len).collect()
    }

    /// The next response, which has no content whatever its head says.
    pub(crate) fn head(&mut self) -> Response {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.fill(),
                "the connection was closed before a head: {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let digits = head.strip_prefix("HTTP/1.1 ").expect("a status line");
        Response {
            status: digits[..3].parse().unwrap(),
            head,
            content: Vec::new(),
        }
    }

    /// So many bytes, or as many as come before the server closes.
    pub(crate) fn up_to(&mut self, len: usize) -> Vec<u8> {
        while self.buffer.len() < len && self.fill() {}
        let len = len.min(self.buffer.len());
        self.buffer.drain(..len).collect()
    }

    /// Reads `len` more bytes and keeps them for the next response; what it means when they do
    /// not come is left to the caller.
    pub(crate) fn read_ahead(&mut self, len: usize) -> io::Result<()> {
        let held = self.buffer.len();
        self.buffer.resize(held + len, 0);
        self.stream.read_exact(&mut self.buffer[held..])
    }

    /// Sends `request` and fills `response`, allocating nothing.
    pub(crate) fn exchange(&mut self, request: &[u8], response: &mut [u8]) {
        self.stream.write_all(request).unwrap();
        self.stream.read_exact(response).unwrap();
    }

    /// Everything that comes until the server closes.
    pub(crate) fn rest(&mut self) -> String {
        String::from_utf8_lossy(&self.rest_bytes()).into_owned()
    }

    /// The same, as bytes.
    pub(crate) fn rest_bytes(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.buffer)
    }

    /// Asserts that the server has closed and sent nothing before.
    pub(crate) fn expect_close(&mut self) {
        assert_eq!(self.rest(), "");
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&bytes[..read]);
                true
            }
            // A program of the server's has ended: the server is of this process.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("the server neither answers nor closes")
            }
            Err(error) => panic!("the connection was reset: {error}"),
        }
    }
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }
}

pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// `len` bytes that do not repeat within any range a mistake could swap.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(next).collect()
}

pub(crate) fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}
