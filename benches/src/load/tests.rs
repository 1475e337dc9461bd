//! The load generator against servers of a few lines, right and wrong.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
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
            thread::spawn(move || serve_one(socket, answer, false));
        }
    });
    address
}

fn serve_one(mut socket: TcpStream, answer: fn(u64) -> Option<Vec<u8>>, is_once: bool) {
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
        if is_once {
            return;
        }
    }
}

fn learn(server: SocketAddr) -> Result<Expected, LoadError> {
    Expected::learn(server, &Question::about("/"), &Wanted::file(CONTENT))
}

fn over(connections: usize) -> Shape {
    Shape {
        connections,
        pipelined: 1,
    }
}

fn ok(content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(content);
    bytes
}

#[test]
fn every_request_is_sent_once_and_answered() {
    let server = serve(|_| Some(ok(CONTENT)));
    let expected = learn(server).unwrap();
    let mut load = Load::connect(server, over(8), expected).unwrap();

    let first = load.run(5).unwrap();
    let second = load.run(1000).unwrap();

    assert_eq!((first.requests, second.requests), (5, 1000));
    assert_eq!(load.answered(), 1005);
}

#[test]
fn another_content_is_refused_while_learning() {
    let server = serve(|_| Some(ok(b"another content, 24 byte")));

    let refused = learn(server);

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
    let expected = learn(server).unwrap();
    let mut load = Load::connect(server, over(2), expected).unwrap();

    let ended = load.run(1000);

    assert!(matches!(ended, Err(LoadError::Wrong { .. })), "{ended:?}");
}

#[test]
fn a_connection_that_closes_ends_the_run() {
    let server = serve(|number| (number < 20).then(|| ok(CONTENT)));
    let expected = learn(server).unwrap();
    let mut load = Load::connect(server, over(2), expected).unwrap();

    let ended = load.run(1000);

    assert!(
        matches!(ended, Err(LoadError::Connection { answered: 1.., .. })),
        "{ended:?}"
    );
}

#[test]
fn requests_in_one_write_are_all_answered() {
    let server = serve(|_| Some(ok(CONTENT)));
    let expected = learn(server).unwrap();
    let shape = Shape {
        connections: 3,
        pipelined: 16,
    };
    let mut load = Load::connect(server, shape, expected).unwrap();

    load.run(1001).unwrap();

    assert_eq!(load.answered(), 1001);
}

/// The server closes each connection behind its first answer.
#[test]
fn a_connection_for_each_request_is_opened_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.unwrap();
            thread::spawn(move || {
                serve_one(socket, |number| (number == 0).then(|| ok(CONTENT)), true);
            });
        }
    });
    let mut question = Question::about("/");
    question.is_persistent = false;
    let expected = Expected::learn(server, &question, &Wanted::file(CONTENT)).unwrap();
    let mut load = Load::connect(server, over(4), expected).unwrap();

    load.run(50).unwrap();
    load.run(3).unwrap();

    assert_eq!(load.answered(), 53);
}

#[test]
fn content_of_a_servers_own_must_stay_the_same() {
    let server = serve(|number| Some(ok(format!("page {number}").as_bytes())));
    let wanted = Wanted {
        status: 200,
        content: Content::Contains(vec!["page".to_owned()]),
    };

    let refused = Expected::learn(server, &Question::about("/"), &wanted);

    assert!(
        matches!(refused, Err(LoadError::Wrong { .. })),
        "{refused:?}"
    );
}

#[test]
fn at_a_rate_each_request_has_its_delay() {
    let server = serve(|_| Some(ok(CONTENT)));
    let expected = learn(server).unwrap();
    let mut load = Load::connect(server, over(2), expected).unwrap();

    let delays = load.run_at(20_000, 300).unwrap();

    assert_eq!((delays.len(), load.answered()), (300, 300));
}

/// Each answer takes a millisecond and there is one connection, so requests that are due all at once wait for
/// each other: the last one is late by the time of all.
#[test]
fn who_comes_while_the_server_is_slow_waits_for_all_before() {
    let server = serve(|_| {
        let slow = Instant::now() + Duration::from_millis(1);
        while Instant::now() < slow {
            std::hint::spin_loop();
        }
        Some(ok(CONTENT))
    });
    let expected = learn(server).unwrap();
    let mut load = Load::connect(server, over(1), expected).unwrap();

    let delays = load.run_at(1_000_000, 50).unwrap();

    assert!(
        delays.last().unwrap() >= &Duration::from_millis(49),
        "{delays:?}"
    );
}
