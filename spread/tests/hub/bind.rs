//! What a hub takes on its machine, and what it leaves alone.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use crate::running::{RunningHub, hello, tell};
use spread::hub::{BindError, Hub, HubOptions, Listen};
use tempfile::TempDir;
use tokio::runtime::Runtime;

fn bind(options: HubOptions) -> Result<Hub, BindError> {
    runtime().block_on(Hub::bind(options))
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

fn options_in(dir: &Path) -> HubOptions {
    HubOptions {
        socket_dir: Some(dir.to_owned()),
        ..RunningHub::options()
    }
}

/// A hub on a port in whose place for a Unix socket `prepare` has put something.
fn hub_beside<T>(prepare: impl Fn(&Path) -> T) -> (TempDir, Hub, PathBuf, T) {
    loop {
        let dir = tempfile::tempdir().expect("a directory");
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let path = dir.path().join(port.to_string());
        let prepared = prepare(&path);
        drop(listener);
        let options = HubOptions {
            port,
            ..options_in(dir.path())
        };
        match bind(options) {
            Ok(hub) => return (dir, hub, path, prepared),
            // Another program was given the port just now.
            Err(BindError::Taken { .. } | BindError::SpreadRunning { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn every_address_of_localhost_and_the_unix_socket_have_one_port() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = runtime();
    let hub = runtime
        .block_on(Hub::bind(options_in(dir.path())))
        .expect("a hub");

    let addresses = hub.addresses();
    let port = addresses[0].port();
    assert!(
        addresses
            .iter()
            .all(|a| a.port() == port && a.ip().is_loopback())
    );
    assert_eq!(
        hub.socket_path(),
        Some(dir.path().join(port.to_string()).as_path())
    );
    drop(hub);
    assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 0);
}

#[test]
fn the_unix_socket_serves_as_the_port_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let hub = RunningHub::start(options_in(dir.path()));
    let path = dir.path().join(hub.address.port().to_string());

    let mut stream = UnixStream::connect(path).expect("the hub listens");
    stream.write_all(&hello("unix", false)).expect("hello");

    let mut methods = [0; 6];
    std::io::Read::read_exact(&mut stream, &mut methods).expect("an answer");
    assert_eq!(&methods, b"\x05NULL ");
}

/// What a daemon leaves that was killed.
#[test]
fn a_dead_socket_of_ours_is_replaced() {
    let (_dir, hub, path, ()) =
        hub_beside(|path| drop(UnixListener::bind(path).expect("a socket")));

    assert_eq!(hub.socket_path(), Some(path.as_path()));
    UnixStream::connect(path).expect("the hub listens");
}

#[test]
fn a_living_socket_is_left_alone_and_the_operator_told() {
    let (lines, log) = mpsc::channel();
    let guard = tell(lines);

    let (_dir, hub, path, _living) = hub_beside(|path| UnixListener::bind(path).expect("a socket"));

    drop(guard);
    assert_eq!(hub.socket_path(), None);
    let told = log.iter().last().expect("a warning");
    let reason = "TCP alone: another process listens there";
    let expected = format!("WARN no Unix socket at {}, {reason}", path.display());
    assert_eq!(told, expected);
    drop(hub);
    UnixStream::connect(&path).expect("it is still there");
}

#[test]
fn what_is_no_socket_is_left_alone() {
    let (_dir, hub, path, ()) = hub_beside(|path| fs::write(path, "precious").expect("a file"));

    assert_eq!(hub.socket_path(), None);
    drop(hub);
    assert_eq!(fs::read_to_string(&path).expect("the file"), "precious");
}

/// A link at that place must not have what it points to removed, or be followed.
#[test]
fn a_link_is_left_alone() {
    let (_dir, hub, path, target) = hub_beside(|path| {
        let target = path.with_extension("target");
        drop(UnixListener::bind(&target).expect("a socket"));
        std::os::unix::fs::symlink(&target, path).expect("a link");
        target
    });

    assert_eq!(hub.socket_path(), None);
    assert!(fs::symlink_metadata(&target).is_ok() && fs::symlink_metadata(&path).is_ok());
}

#[test]
fn a_socket_that_replaced_ours_is_not_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = runtime();
    let hub = runtime
        .block_on(Hub::bind(options_in(dir.path())))
        .expect("a hub");
    let path: PathBuf = hub.socket_path().expect("a socket").to_owned();
    fs::rename(&path, dir.path().join("old")).expect("a rename");
    let _other = UnixListener::bind(&path).expect("a socket");

    drop(hub);

    assert!(fs::symlink_metadata(&path).is_ok());
}

#[test]
fn a_port_with_a_hub_on_it_is_told_from_another_program() {
    let hub = RunningHub::start(RunningHub::options());
    let port = hub.address.port();

    let error = bind(HubOptions {
        port,
        ..RunningHub::options()
    })
    .expect_err("it is taken");

    assert!(matches!(error, BindError::SpreadRunning { address } if address == hub.address));
}

#[test]
fn a_port_with_another_program_on_it_is_told_from_a_hub() {
    let other = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = other.local_addr().expect("an address");
    let answering = thread::spawn(move || {
        let (mut stream, _) = other.accept().expect("the probe");
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .expect("an answer");
    });

    let error = bind(HubOptions {
        listen: Listen::Address(address.ip()),
        port: address.port(),
        ..RunningHub::options()
    })
    .expect_err("it is taken");

    assert!(matches!(error, BindError::Taken { address: refused } if refused == address));
    answering.join().expect("the probe came");
}

#[test]
fn an_address_of_another_machine_is_refused_with_the_reason() {
    let error = bind(HubOptions {
        listen: Listen::Address([192, 0, 2, 1].into()),
        ..RunningHub::options()
    })
    .expect_err("not an address of this machine");

    assert_eq!(error.to_string(), "cannot listen on 192.0.2.1:0");
    assert!(std::error::Error::source(&error).is_some());
}

/// A program may run its hub on any runtime, on its own thread or among others.
#[test]
fn a_running_hub_can_be_given_to_a_thread() {
    fn is_send<T: Send>(_: &T) {}
    let runtime = runtime();
    let hub = runtime
        .block_on(Hub::bind(RunningHub::options()))
        .expect("a hub");

    let running = hub.run(std::future::ready(()));

    is_send(&running);
    runtime.block_on(running);
}
