//! The load generator against servers of a few lines, right and wrong.

use std::net::{Shutdown, TcpListener};
use std::thread;

use super::*;

const CONTENT: &[u8] = b"the content of the file\n";

/// A server that gives each request, on any connection, what `answer` makes of its number on that connection;
/// `None` closes the connection. Its threads end with their connections; the last one with the process.
fn serve(answer: fn(u64) -> Option<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            thread::spawn(move || serve_one(socket, answer));
        }
    });
    address
}

fn serve_one(mut socket: TcpStream, answer: fn(u64) -> Option<Vec<u8>>) {
    let mut number = 0;
    let mut head = Vec::new();
    let mut byte = [0];
    while socket.read_exact(&mut byte).is_ok() {
        head.extend_from_slice(&byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        let Some(bytes) = answer(number) else {
            socket.shutdown(Shutdown::Both).ok();
            return;
        };
        number += 1;
        socket.write_all(&bytes).ok();
    }
}

fn ok(content: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn every_request_is_sent_once_and_answered() {
    let server = serve(|_| Some(ok(CONTENT)));
    let expected = Expected::learn(server, "/", CONTENT).unwrap();
    let mut load = Load::connect(server, 8, expected).unwrap();

    let first = load.run(5).unwrap();
    let second = load.run(1000).unwrap();

    assert_eq!((first.requests, second.requests), (5, 1000));
    assert_eq!(load.answered(), 1005);
}

#[test]
fn another_content_is_refused_while_learning() {
    let server = serve(|_| Some(ok(b"another content, 24 byte")));

    let refused = Expected::learn(server, "/", CONTENT);

    assert!(
        matches!(refused, Err(LoadError::Wrong { .. })),
        "{refused:?}"
    );
}

#[test]
fn one_wrong_answer_among_many_ends_the_run() {
    let server = serve(|number| {
        let wrong = number == 20;
        Some(ok(if wrong {
            b"the content of a f1le.\n\n"
        } else {
            CONTENT
        }))
    });
    let expected = Expected::learn(server, "/", CONTENT).unwrap();
    let mut load = Load::connect(server, 2, expected).unwrap();

    let ended = load.run(1000);

    assert!(matches!(ended, Err(LoadError::Wrong { .. })), "{ended:?}");
}

#[test]
fn a_connection_that_closes_ends_the_run() {
    let server = serve(|number| (number < 20).then(|| ok(CONTENT)));
    let expected = Expected::learn(server, "/", CONTENT).unwrap();
    let mut load = Load::connect(server, 2, expected).unwrap();

    let ended = load.run(1000);

    assert!(
        matches!(ended, Err(LoadError::Connection { answered: 1.., .. })),
        "{ended:?}"
    );
}
