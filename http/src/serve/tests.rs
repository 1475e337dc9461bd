//! The loop over real sockets, with clients that mean well and clients that do not.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Body, CONNECTIONS_MAX, Listener, Place, Process, Routes};
use crate::metrics::prometheus;

/// Far beyond anything but a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// The loop as a task of the test's runtime, which it ends with.
fn start() -> SocketAddr {
    let listener = Listener::bind(&Place::local(0)).unwrap().unwrap();
    let address = listener.address();
    let body = |text: &str| Body {
        media_type: "text/plain",
        bytes: text.into(),
    };
    let routes = Routes::default()
        .at("/", move || body("front"))
        .at("/long", move || body(&"x".repeat(1 << 20)))
        .asked_at("/asked", |query| Body {
            media_type: "text/plain",
            bytes: [b"asked ", query].concat(),
        });
    tokio::spawn(listener.serve(routes).unwrap());
    address
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Everything that comes until the connection is closed.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    text
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(stream).await
}

#[tokio::test]
async fn a_route_is_answered_with_what_it_makes() {
    let address = start();

    let answer = ask(
        address,
        "GET /?x=1 HTTP/1.1\r\nHost: localhost:9803\r\nConnection: close\r\n\r\n",
    )
    .await;

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for field in [
        "Content-Type: text/plain\r\n",
        "Content-Length: 5\r\n",
        "Cache-Control: no-store\r\n",
        "Connection: close\r\n",
    ] {
        assert!(answer.contains(field), "{answer}");
    }
    assert!(answer.ends_with("\r\n\r\nfront"), "{answer}");
}

#[tokio::test]
async fn a_route_may_be_given_what_it_is_asked() {
    let address = start();
    for (path, expected) in [
        ("/asked", "asked "),
        ("/asked?", "asked "),
        ("/asked?url=/a?b&c=%20", "asked url=/a?b&c=%20"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n");
        let answer = ask(address, &request).await;

        let (_, content) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(content, expected);
    }
}

#[tokio::test]
async fn a_connection_serves_several_requests_and_head_has_no_content() {
    let address = start();

    let answers = ask(
        address,
        "HEAD / HTTP/1.1\r\nHost: [::1]\r\n\r\nGET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\
         GET /none HTTP/1.0\r\n\r\n",
    )
    .await;

    let heads: Vec<_> = answers
        .match_indices("HTTP/1.1 ")
        .map(|(at, _)| &answers[at + 9..at + 12])
        .collect();
    assert_eq!(heads, ["200", "200", "404"]);
    assert_eq!(answers.matches("front").count(), 1);
    assert_eq!(answers.matches("Content-Length: 5\r\n").count(), 2);
}

/// RFC 9110 15.5.6: Allow is there.
#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_not() {
    let address = start();

    for method in ["POST", "DELETE", "OPTIONS"] {
        let request =
            format!("{method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = ask(address, &request).await;

        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert!(answer.contains("\r\nAllow: GET, HEAD\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_and_the_connection_closed() {
    let address = start();
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(9_000));

    for (request, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", "505"),
        (&long, "431"),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
            "413",
        ),
    ] {
        let answer = ask(
            address,
            &format!("{request}GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        )
        .await;

        assert_eq!(&answer[9..12], status, "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

/// What a page elsewhere can have resolved to this machine is a name, never an address.
#[tokio::test]
async fn a_name_that_is_not_this_machines_is_refused() {
    let address = start();

    for (host, status) in [
        ("localhost", "200"),
        ("LocalHost.:9803", "200"),
        ("rthttpd.localhost:9803", "200"),
        ("127.0.0.1:9803", "200"),
        ("[::1]:9803", "200"),
        ("evil.example:9803", "421"),
        ("localhost.evil.example", "421"),
        ("notlocalhost", "421"),
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = ask(address, &request).await;

        assert_eq!(&answer[9..12], status, "{host}");
    }
}

#[tokio::test]
async fn those_who_only_hold_connections_keep_nobody_out() {
    let address = start();
    let mut held = Vec::new();
    for n in 0..2 * CONNECTIONS_MAX {
        let mut stream = connect(address).await;
        // Some say nothing, some stop within a head.
        if n % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\nX").await.unwrap();
        }
        held.push(stream);
    }

    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = timeout(PATIENCE, ask(address, request)).await.unwrap();

    assert!(answer.ends_with("front"), "{answer}");
    // The first of them has given way.
    assert_eq!(
        timeout(PATIENCE, held[0].read(&mut [0; 1]))
            .await
            .unwrap()
            .unwrap_or(0),
        0
    );
}

#[tokio::test]
async fn those_who_take_nothing_hold_nobody_up() {
    let address = start();
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX / 2 {
        let mut stream = connect(address).await;
        let request = "GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20);
        stream.write_all(request.as_bytes()).await.unwrap();
        held.push(stream);
    }

    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answer = timeout(PATIENCE, ask(address, request)).await.unwrap();

    assert!(answer.ends_with("front"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_head_has_one_time_for_all_of_its_bytes() {
    let (ours, theirs) = pair().await;
    let routes = std::sync::Arc::new(Routes::default());
    let running = tokio::spawn(super::connection::Connection::new(theirs, routes, true).run());

    let mut client = ours;
    let began = tokio::time::Instant::now();
    for _ in 0..100 {
        // Whether it is still heard is what ends the connection, not what it sends.
        let _ = client.write_all(b"X\r\n").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        if running.is_finished() {
            break;
        }
    }

    assert!(running.is_finished());
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "{:?}",
        began.elapsed()
    );
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = connect(listener.local_addr().unwrap()).await;
    (ours, listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn it_ends_when_told_and_takes_everybody_along() {
    let listener = Listener::bind(&Place::local(0)).unwrap().unwrap();
    let address = listener.address();
    let serving = listener.start(Routes::default(), pending()).unwrap();
    let mut idle = connect(address).await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 4_096];
    let read = timeout(PATIENCE, idle.read(&mut answer)).await;
    assert!(read.unwrap().unwrap() > 0);

    drop(serving);

    while timeout(PATIENCE, idle.read(&mut answer))
        .await
        .unwrap()
        .is_ok_and(|read| read > 0)
    {}
    // Its place is free for another.
    while Listener::bind(&Place::local(address.port())).is_err() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_place_that_is_taken_is_named_with_what_to_do() {
    let first = Listener::bind(&Place::local(0)).unwrap().unwrap();

    let error = Listener::bind(&Place::local(first.address().port())).unwrap_err();

    let said = error.to_string();
    assert!(said.contains(&first.address().to_string()), "{said}");
    assert!(said.contains("--status"), "{said}");
    assert!(Listener::bind(&Place::Nowhere).unwrap().is_none());
}

#[test]
fn the_process_tells_of_itself() {
    let text = String::from_utf8(prometheus(&Process::started_now().families())).unwrap();

    for name in [
        "process_start_time_seconds",
        "process_cpu_seconds_total",
        "process_max_fds",
    ] {
        assert!(text.contains(&format!("\n{name} ")), "{text}");
    }
}
