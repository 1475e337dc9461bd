//! Several places to listen on at once: ports, and sockets in the file system.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::Signal;
use support::program::{Program, refused, refused_with_socket};
use support::{Client, Root, Served, get, noise};

/// A place in the file system, which no other test has.
fn unix(path: &Path) -> rthttpd::Listener {
    format!("unix:{}", path.display()).parse().unwrap()
}

fn serve_at(root: Root, path: &Path) -> Served {
    root.serve_with(|config| config.listeners.push(unix(path)))
}

#[test]
fn all_places_are_served_alike() {
    let root = Root::with(&[("a", b"one")]);
    let sockets = Root::new();
    let paths = [sockets.path("1"), sockets.path("2")];
    let served = root.serve_with(|config| {
        config.listeners.push("127.0.0.1:0".parse().unwrap());
        config.listeners.extend(paths.iter().map(|path| unix(path)));
        config.workers = 2.try_into().unwrap();
    });

    assert_ne!(served.addresses[0], served.addresses[1]);
    for address in &served.addresses {
        assert_eq!(Client::connect(*address).get("/a").content, b"one");
    }
    for path in &paths {
        assert_eq!(Client::connect_to_path(path).get("/a").content, b"one");
    }
    assert_eq!(served.log().len(), 4);
}

/// The persistent connection, what comes from memory, by sendfile, and in answer to a
/// pipeline that the client is slow to read.
#[test]
fn a_unix_connection_carries_what_one_of_tcp_does() {
    let large = noise(5_000_000);
    let small = noise(50_000);
    let sockets = Root::new();
    let path = sockets.path("socket");
    let served = serve_at(Root::with(&[("large", &large), ("small", &small)]), &path);
    let mut client = Client::connect_to_path(&path);

    for _ in 0..2 {
        assert!(client.get("/large").content == large);
        assert!(client.get("/small").content == small);
    }
    client.send(get("/small").repeat(100));
    for _ in 0..100 {
        assert!(client.response().content == small);
    }

    drop(client);
    let records = served.records();
    assert_eq!(records.len(), 104);
    assert!(records.iter().all(|record| record.client.is_none()));
}

/// Closing with unread bytes would lose the refusal, on a unix socket too.
#[test]
fn a_refusal_is_not_lost_on_a_unix_connection() {
    let sockets = Root::new();
    let path = sockets.path("socket");
    let _served = serve_at(Root::new(), &path);
    let mut client = Client::connect_to_path(&path);

    client.send([&b"GET / HTTP/1.1\r\nbad\r\n\r\n"[..], &noise(100_000)].concat());

    assert_eq!(client.response().status, 400);
}

#[test]
fn a_socket_file_has_its_mode_and_is_gone_at_the_end() {
    let sockets = Root::new();
    let path = sockets.path("socket");
    let listener = format!("unix:{},mode=0600", path.display());
    let mut served =
        Root::new().serve_with(|config| config.listeners.push(listener.parse().unwrap()));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut idle = Client::connect_to_path(&path);

    served.finish().unwrap();

    assert!(!path.exists());
    idle.expect_close();
}

/// The kernel has let the client in and taken its request; nobody has looked at it yet.
#[test]
fn a_request_on_a_unix_socket_before_the_stop_is_answered() {
    let root = Root::with(&[("a", b"one")]);
    let path = root.path("socket");
    let mut config = rthttpd::Config::new(root.path(""));
    config.listeners = vec![unix(&path)];
    let server = rthttpd::Server::bind(config).unwrap();
    let mut client = Client::connect_to_path(&path);
    client.send(get("/a"));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();

    server.stop_handle().stop();
    server.run().unwrap();

    let last = client.response();
    assert_eq!(last.content, b"one");
    assert_eq!(last.field("Connection"), Some("close"));
    assert!(UnixStream::connect(&path).is_err());
}

/// Nothing else is listened on then, 8080 least of all.
#[test]
fn a_socket_of_the_service_manager_is_served() {
    let root = Root::with(&[("a", b"one")]);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();

    let program = Program::start_with_socket(socket, &[], &["-d", &root.dir()]);

    let expected = format!("at       http://{address}/ (inherited)");
    assert_eq!(program.banner[1..], [expected]);
    assert_eq!(program.connect().get("/a").content, b"one");
}

#[test]
fn a_unix_socket_of_the_service_manager_is_served_and_left_where_it_is() {
    let root = Root::with(&[("a", b"one")]);
    let sockets = Root::new();
    let path = sockets.path("socket");
    let socket = UnixListener::bind(&path).unwrap();
    let args = ["-d", &root.dir(), "--listen", "127.0.0.1:0"];

    let program = Program::start_with_socket(socket, &[], &args);

    assert_eq!(program.connect().get("/a").content, b"one");
    assert_eq!(Client::connect_to_path(&path).get("/a").content, b"one");
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));
    assert!(path.exists());
}

/// A client that comes at any moment of a restart is served, by the old server or the new.
#[test]
fn a_restart_on_an_inherited_socket_refuses_nobody() {
    let root = Root::with(&[("a", b"one")]);
    let args = ["-d", &root.dir(), "--workers", "2"];
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let start = || Program::start_with_socket(socket.try_clone().unwrap(), &[], &args);
    let old = start();
    let is_over = AtomicBool::new(false);

    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let mut served = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(Client::connect(address).get("/a").content, b"one");
                served += 1;
            }
            served
        });
        old.signal(Signal::TERM);
        assert_eq!(old.wait().status, Some(0));
        // Nobody accepts now: it is the kernel that does not refuse.
        let mut waiting = Client::connect(address);
        waiting.send(get("/a"));
        let _new = start();
        assert_eq!(waiting.response().content, b"one");
        is_over.store(true, Ordering::Relaxed);
        assert!(clients.join().unwrap() > 0);
    });
}

/// By its name, as `FileDescriptorName=` of a socket unit has it.
#[test]
fn a_socket_of_the_service_manager_may_be_one_for_proxies() {
    let root = Root::with(&[("a", b"one")]);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let variables = [("LISTEN_FDNAMES", "web")];
    let args = ["-d", &root.dir(), "--listen", "systemd:web,proxy"];

    let program = Program::start_with_socket(socket, &variables, &args);

    assert!(program.banner[1].ends_with("(inherited, PROXY protocol)"));
    let mut client = program.connect();
    client.send("PROXY UNKNOWN\r\n");
    assert_eq!(client.get("/a").content, b"one");
}

#[test]
fn a_socket_that_the_service_manager_has_not_given_is_missed() {
    let root = Root::new();

    let ended = refused(&["-d", &root.dir(), "--listen", "systemd:web"]);

    assert_eq!(ended.status, Some(2));
    assert!(
        ended.stderr.contains("no socket named \"web\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_no_listening_socket_is_refused_by_its_number() {
    let (connection, _peer) = UnixStream::pair().unwrap();
    let file = fs::File::open("/dev/null").unwrap();

    let connection = refused_with_socket(connection);
    let file = refused_with_socket(file);

    assert_eq!((connection.status, file.status), (Some(2), Some(2)));
    assert!(
        connection.stderr.contains("descriptor 3"),
        "{}",
        connection.stderr
    );
    assert!(
        connection.stderr.contains("does not listen"),
        "{}",
        connection.stderr
    );
    assert!(
        file.stderr.contains("no socket to listen on"),
        "{}",
        file.stderr
    );
}

#[test]
fn the_service_manager_is_told_when_it_serves_and_when_it_stops() {
    let root = Root::new();
    let path = root.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let message = || {
        let mut bytes = [0; 4096];
        let len = manager.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..len].to_vec()).unwrap()
    };
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];

    let program = Program::start_with_socket(socket, &variables, &["-d", &root.dir()]);

    let ready = message();
    assert!(ready.starts_with("READY=1\nSTATUS=serving "), "{ready}");
    assert!(ready.contains(&program.address.to_string()), "{ready}");
    program.signal(Signal::TERM);
    assert!(message().starts_with("STOPPING=1\n"));
    assert_eq!(program.wait().status, Some(0));
}
