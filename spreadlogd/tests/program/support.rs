//! The built program as a process, a hub to connect it to, and a publisher to feed it.
//!
//! What a test waits for is an event: a line the program says, an echo, the end of a process. The
//! deadline is for a program that never gets there.

use std::fmt::Debug;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use spread::client::{ConnectOptions, Outgoing, Session, connect};
use spread::hub::{Hub, HubOptions};
use spread::{Address, Delivery, Name, Service};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

use crate::held_port::HeldPort;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_spreadlogd");

/// A running spreadlogd, killed with the test.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Program {
    /// Starts it in the directory `dir`.
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Self {
        Self::spawn(Command::new(PROGRAM).args(args).current_dir(dir))
    }

    /// Starts a command that is, or becomes, the program.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// Its standard output, if that was piped, to be read by the test.
    pub(crate) fn take_output(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Blocks until it says a line with `text` in it, which is returned.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(deadline - Instant::now()) {
                Ok(line) => {
                    let found = line.contains(text);
                    self.said.push(line.clone());
                    if found {
                        return line;
                    }
                }
                Err(error) => panic!("{error} before {text:?}: {:#?}", self.said),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Blocks until it has ended; its status, and everything it said.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(deadline - Instant::now()) {
                Ok(line) => self.said.push(line),
                // Its end of the pipe is closed: it has ended.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.said),
            }
        }
        (self.child.wait().unwrap(), self.said.join("\n") + "\n")
    }

    /// Asks it to stop, and checks that it does so in good order.
    pub(crate) fn stop(self) -> String {
        self.signal(Signal::TERM);
        let (status, said) = self.end();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended; what matters is that it does not outlive the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hub on a thread of its own.
#[derive(Debug)]
pub(crate) struct TestHub {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestHub {
    pub(crate) fn start() -> Self {
        Self::start_at(0)
    }

    /// Starts one at a port that is held for it.
    pub(crate) fn start_in(place: &HeldPort) -> Self {
        Self::start_at(place.port())
    }

    fn start_at(port: u16) -> Self {
        let options = HubOptions {
            port,
            socket_dir: None,
            ..HubOptions::default()
        };
        let runtime = runtime();
        let hub = runtime.block_on(Hub::bind(options)).unwrap();
        let port = hub.addresses()[0].port();
        let (stop, stopping) = oneshot::channel();
        let run = hub.run(async {
            let _ = stopping.await;
        });
        Self {
            port,
            stop: Some(stop),
            thread: Some(thread::spawn(move || runtime.block_on(run))),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What to give to `--spread`.
    pub(crate) fn address(&self) -> String {
        format!("{}@127.0.0.1", self.port)
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A session that publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    runtime: Runtime,
    session: Session,
}

impl Publisher {
    pub(crate) fn connect(hub: &TestHub) -> Self {
        Self::connect_to(&hub.address())
    }

    pub(crate) fn connect_to(address: &str) -> Self {
        let address: Address = address.parse().unwrap();
        let options = ConnectOptions {
            queue_bytes_max: 64 << 20,
            ..ConnectOptions::default()
        };
        let runtime = runtime();
        let session = runtime.block_on(connect(&address, &options)).unwrap();
        Self { runtime, session }
    }

    /// Sends, and blocks until the hub has put it in its place behind all that was sent before.
    pub(crate) fn send(&mut self, groups: &[&str], body: impl Into<Bytes> + Debug) {
        self.queue(groups, body);
        self.sync();
    }

    /// Queues a message; [`Self::sync`] sends it.
    pub(crate) fn queue(&mut self, groups: &[&str], body: impl Into<Bytes>) {
        self.queue_typed(groups, 0, body);
    }

    pub(crate) fn queue_typed(&mut self, groups: &[&str], mess_type: i16, body: impl Into<Bytes>) {
        let groups: Vec<Name> = groups.iter().map(|group| name(group)).collect();
        let outgoing = Outgoing {
            service: Service::Agreed,
            self_discard: false,
            groups: &groups,
            mess_type,
            body: body.into(),
        };
        self.session.sender.multicast(&outgoing).unwrap();
    }

    /// Blocks until the hub has everything: an empty message to ourselves comes back.
    pub(crate) fn sync(&mut self) {
        let own = Name::from(self.session.private_group());
        let own_name = own.to_string();
        self.queue(&[&own_name], "");
        let Session {
            sender, receiver, ..
        } = &mut self.session;
        let echo = async {
            sender.flush().await.unwrap();
            loop {
                let delivery = receiver.recv().await.unwrap();
                if matches!(delivery, Delivery::Message(m) if m.groups == [own]) {
                    break;
                }
            }
        };
        self.runtime.block_on(echo);
    }
}

/// Asks again and again.
pub(crate) fn until(is_so: &dyn Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come about");
        thread::yield_now();
    }
}

pub(crate) fn name(text: &str) -> Name {
    let mut field = [0; Name::FIELD_LEN];
    field[..text.len()].copy_from_slice(text.as_bytes());
    Name::from_field(&field)
}

pub(crate) fn runtime() -> Runtime {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A directory of the test's own, and files in it.
#[derive(Debug)]
pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.join(name)).unwrap()
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.join(from), self.join(to)).unwrap();
    }
}

/// A configuration with one Spread block per hub.
pub(crate) fn config(blocks: &[(&TestHub, &[(&str, &str)])]) -> String {
    let mut text = String::new();
    for (hub, logs) in blocks {
        text += &format!("Spread {{\n  Port = {}\n  Host = 127.0.0.1\n", hub.port());
        for (group, file) in *logs {
            text += &format!("  Log {{ Group = \"{group}\" File = \"{file}\" }}\n");
        }
        text += "}\n";
    }
    text
}
