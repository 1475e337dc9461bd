//! The built program as a process, and a hub with a logging host that has what was sent.
//!
//! What a test waits for is an event: a line that arrives, a word the program says, its end. The
//! deadline is for a program that never gets there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use spread::client::{ConnectOptions, Session, connect};
use spread::hub::{Hub, HubOptions};
use spread::stream::{Ack, HostId, Instance, Notice, StreamGroup, numbered};
use spread::{Address, Delivery, GroupName, Message, Outgoing, Service};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A running spreadcat, killed with the test.
#[derive(Debug)]
pub(crate) struct Cat {
    child: Child,
    said: Receiver<String>,
    heard: Vec<String>,
}

impl Cat {
    /// Starts it for a hub at `door`.
    pub(crate) fn start(door: &Path, args: &[&str]) -> Self {
        let spread = door.to_str().unwrap();
        Self::spawn(&[&["--spread", spread], args].concat())
    }

    pub(crate) fn spawn(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spreadcat"))
            .args(args)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            said,
            heard: Vec::new(),
        }
    }

    /// Its standard input, which ends when this is dropped.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until it says something with `text` in it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            match self.said.recv_timeout(DEADLINE) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("{error}: no {text:?} in {:#?}", self.heard),
            }
        }
    }

    /// Waits for its end; gives its exit status and all it has said.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        drop(self.child.stdin.take());
        let began = Instant::now();
        while let Ok(line) = self
            .said
            .recv_timeout(DEADLINE.saturating_sub(began.elapsed()))
        {
            self.heard.push(line);
        }
        assert!(began.elapsed() < DEADLINE, "it goes on: {:#?}", self.heard);
        let status = self.child.wait().unwrap();
        (status, self.heard.join("\n"))
    }
}

impl Drop for Cat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hub, and a logging host that is a member of some groups and acknowledges everything.
#[derive(Debug)]
pub(crate) struct Farm {
    pub(crate) dir: TempDir,
    /// The socket's name.
    pub(crate) door: PathBuf,
    lines: Arc<Lines>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Lines {
    lines: Mutex<Vec<(String, String)>>,
    more: Condvar,
}

impl Farm {
    /// A farm whose host is a member of `groups`.
    pub(crate) fn of(groups: &[&str]) -> Self {
        let farm = Self::without_hub();
        farm.with_hub(groups)
    }

    /// A place where there is no hub yet.
    pub(crate) fn without_hub() -> Self {
        let dir = TempDir::new().unwrap();
        Self {
            door: dir.path().join("door"),
            dir,
            lines: Arc::default(),
            stop: None,
            thread: None,
        }
    }

    pub(crate) fn with_hub(mut self, groups: &[&str]) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = channel();
        let lines = Arc::clone(&self.lines);
        let (dir, door) = (self.dir.path().to_owned(), self.door.clone());
        let groups: Vec<GroupName> = groups
            .iter()
            .map(|name| GroupName::new(name).unwrap())
            .collect();
        self.stop = Some(stop);
        self.thread = Some(thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let hub = Hub::bind(HubOptions {
                    port: 0,
                    socket_dir: Some(dir),
                    ..HubOptions::default()
                });
                let hub = hub.await.unwrap();
                let socket = hub.socket_path().unwrap().to_owned();
                tokio::spawn(hub.run(std::future::pending()));
                let host = join(&socket, &groups).await;
                symlink(&socket, &door).unwrap();
                ready.send(()).unwrap();
                tokio::select! {
                    () = host_lines(host, &lines) => {}
                    _ = stopped => {}
                }
            });
        }));
        is_ready.recv_timeout(DEADLINE).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Waits until there are so many lines, and gives them with their groups.
    pub(crate) fn lines(&self, count: usize) -> Vec<(String, String)> {
        let lines = self.lines.lines.lock().unwrap();
        let (lines, waited) = self
            .lines
            .more
            .wait_timeout_while(lines, DEADLINE, |lines| lines.len() < count)
            .unwrap();
        assert!(
            !waited.timed_out(),
            "{} of {count} lines: {lines:?}",
            lines.len()
        );
        lines.clone()
    }

    /// The same without the groups.
    pub(crate) fn texts(&self, count: usize) -> Vec<String> {
        self.lines(count)
            .into_iter()
            .map(|(_, line)| line)
            .collect()
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn join(socket: &Path, groups: &[GroupName]) -> Session {
    let options = ConnectOptions {
        membership: true,
        ..ConnectOptions::default()
    };
    let address = Address::Path(socket.to_owned());
    let mut session = connect(&address, &options).await.unwrap();
    for group in groups {
        session.sender.join(*group).unwrap();
        session.sender.flush().await.unwrap();
        let joined = session.receiver.recv().await.unwrap();
        assert!(matches!(joined, Delivery::Membership(_)));
        let control = StreamGroup::try_from(*group).unwrap().control();
        session
            .sender
            .join(GroupName::new(control.as_bytes()).unwrap())
            .unwrap();
        session.sender.flush().await.unwrap();
    }
    session
}

/// Takes lines, and acknowledges them; ends with the session.
async fn host_lines(mut session: Session, lines: &Lines) {
    let mut had: BTreeMap<(Instance, StreamGroup), u64> = BTreeMap::new();
    while let Ok(delivery) = session.receiver.recv().await {
        let Delivery::Message(message) = delivery else {
            continue;
        };
        let (instance, group) = match (numbered(&message), Notice::parse(&message.body)) {
            (Some((instance, number)), _) => {
                let group = GroupName::try_from(message.groups[0]).unwrap();
                let group = StreamGroup::try_from(group).unwrap();
                let last = had.entry((instance, group)).or_default();
                // Who takes a dead publisher's spool over sends again what was acknowledged to
                // nobody who was alive to hear it; a logging host knows it by its number.
                if number.get() > *last {
                    assert_eq!(*last + 1, number.get());
                    *last = number.get();
                    keep(&message, lines);
                }
                (instance, group)
            }
            (None, Ok(Notice::Control(control))) => (control.instance, control.group),
            _ => continue,
        };
        let number = had.get(&(instance, group)).copied().unwrap_or_default();
        let ack = Notice::Ack(Ack {
            host: HostId(7),
            safe: vec![(group, instance, number)],
        });
        let outgoing = Outgoing {
            service: Service::Fifo,
            self_discard: false,
            groups: &[message.sender],
            mess_type: 0,
            body: ack.write().into(),
        };
        session.sender.multicast(&outgoing).unwrap();
        session.sender.flush().await.unwrap();
    }
}

fn keep(message: &Message, lines: &Lines) {
    let group = message.groups[0].to_string();
    let body = String::from_utf8(message.body.to_vec()).unwrap();
    let mut kept = lines.lines.lock().unwrap();
    kept.extend(body.lines().map(|line| (group.clone(), line.to_owned())));
    lines.more.notify_all();
}
