//! A client that knows which of its responses came whole.
//!
//! Each client makes several connections and uses each in its own way: one request after the
//! other, many requests in one write, or a large download given up in the middle.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What one request came to.
pub(crate) struct Outcome {
    /// The request target: unique in the whole test.
    pub(crate) target: String,
    /// The client that asked, and which of its connections it used.
    pub(crate) connection: (usize, usize),
    /// Whether the client has the response to its last byte.
    pub(crate) complete: bool,
}

pub(crate) struct Client {
    number: usize,
    server: SocketAddr,
    connections: usize,
    outcomes: Vec<Outcome>,
}

impl Client {
    const CONNECTIONS: usize = 9;
    const REQUESTS: usize = 32;

    pub(crate) fn new(number: usize, server: SocketAddr) -> Self {
        Self {
            number,
            server,
            connections: 0,
            outcomes: Vec::new(),
        }
    }

    pub(crate) fn run(mut self) -> Vec<Outcome> {
        for connection in 0..Self::CONNECTIONS {
            self.connections = connection;
            match connection % 3 {
                0 => self.one_after_the_other(),
                1 => self.pipelined(),
                _ => self.given_up(),
            }
        }
        self.outcomes
    }

    fn one_after_the_other(&mut self) {
        let mut stream = self.connect();
        for request in 0..Self::REQUESTS {
            let file = ["small.html", "missing.html"][request % 2];
            let target = self.target(file, request);
            send(&mut stream, std::slice::from_ref(&target));
            let complete = receive(&mut stream).is_some();
            assert!(complete, "{target} was not answered");
            self.note(target, complete);
        }
    }

    fn pipelined(&mut self) {
        let mut stream = self.connect();
        let targets: Vec<_> = (0..Self::REQUESTS)
            .map(|n| self.target("small.html", n))
            .collect();
        send(&mut stream, &targets);
        for target in targets {
            let complete = receive(&mut stream).is_some();
            assert!(complete, "{target} was not answered");
            self.note(target, complete);
        }
    }

    /// A few whole responses, then a large one of which only the beginning is read.
    fn given_up(&mut self) {
        let mut stream = self.connect();
        let targets: Vec<_> = (0..3).map(|n| self.target("small.html", n)).collect();
        let large = self.target("large.bin", 3);
        send(
            &mut stream,
            &[&targets[..], std::slice::from_ref(&large)].concat(),
        );
        for target in targets {
            let complete = receive(&mut stream).is_some();
            assert!(complete, "{target} was not answered");
            self.note(target, complete);
        }
        let mut beginning = [0; 4096];
        stream.read_exact(&mut beginning).unwrap();
        self.note(large, false);
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(self.server).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        BufReader::new(stream)
    }

    fn target(&self, file: &str, request: usize) -> String {
        format!(
            "/{file}?client={}&connection={}&request={request}",
            self.number, self.connections
        )
    }

    fn note(&mut self, target: String, complete: bool) {
        self.outcomes.push(Outcome {
            target,
            connection: (self.number, self.connections),
            complete,
        });
    }
}

fn send(stream: &mut BufReader<TcpStream>, targets: &[String]) {
    let requests: String = targets
        .iter()
        .map(|target| {
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nReferer: \"quoted\"\r\n\r\n")
        })
        .collect();
    stream.get_mut().write_all(requests.as_bytes()).unwrap();
}

/// Reads one response to its last byte; `None` when the connection ended before.
fn receive(stream: &mut BufReader<TcpStream>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|&n| n > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut content = vec![0; length];
    stream.read_exact(&mut content).ok()
}
