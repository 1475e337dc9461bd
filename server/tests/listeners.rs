//! Several places to listen on at once: ports, and sockets in the file system.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

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
