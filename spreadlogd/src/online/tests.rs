//! The module as others meet it: lines in, answers over a real socket out.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::server::CLIENTS_MAX;
use super::*;

const DEADLINE: Duration = Duration::from_secs(60);

fn start() -> Online {
    let settings = OnlineSettings::parse(Some("127.0.0.1:0")).unwrap();
    Online::start(settings).unwrap()
}

fn line(user: &str, url: &str) -> String {
    format!(
        "192.0.2.7 - {user} [28/Nov/2026:10:00:00 +0000] \"GET {url} HTTP/1.1\" 200 9 \"-\" \"x\"\n"
    )
}

fn request(url: &str) -> Vec<u8> {
    let len = u16::try_from(url.len()).unwrap();
    [&len.to_be_bytes(), url.as_bytes()].concat()
}

/// A client of the original's protocol.
struct Client(TcpStream);

/// Visitors in all, on the page, and who they are.
type Answer = (u32, u32, Vec<(u64, u32)>);

impl Client {
    fn connect(online: &Online) -> Self {
        let stream = TcpStream::connect(online.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(stream)
    }

    fn ask(&mut self, url: &str) -> Answer {
        self.0.write_all(&request(url)).unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let [all, on_page, count] = [(); 3].map(|()| self.number());
        let seen = (0..count).map(|_| {
            let mut id = [0; 8];
            self.0.read_exact(&mut id).unwrap();
            let age = self.number();
            assert_eq!(self.number(), 0, "padding");
            (u64::from_be_bytes(id), age)
        });
        (all, on_page, seen.collect())
    }

    fn number(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.0.read_exact(&mut bytes).unwrap();
        u32::from_be_bytes(bytes)
    }

    /// Asks until so many are online: lines are counted some time after they were offered.
    fn ask_when(&mut self, url: &str, visitors: u32) -> Answer {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = self.ask(url);
            if answer.0 == visitors {
                return answer;
            }
            assert!(Instant::now() < deadline, "{answer:?}");
        }
    }
}

/// The run that the protocol was read from: fifty users on seven pages, two of which they leave.
#[test]
fn fifty_users_on_seven_pages() {
    let online = start();
    let handle = online.handle();
    for user in 0..50 {
        handle.offer(line(&user.to_string(), "/first").as_bytes());
    }
    let lines: String = (0..50)
        .map(|user| line(&user.to_string(), &format!("/page{}", user % 7)))
        .collect();
    handle.offer(format!("{lines}no line of a log\n").as_bytes());
    let mut client = Client::connect(&online);
    // The first message may have been counted without the second.
    let deadline = Instant::now() + DEADLINE;
    while handle.counts().lines < 100 {
        assert!(Instant::now() < deadline);
    }

    assert_eq!(client.ask("/first"), (50, 0, Vec::new()));
    for page in 0..7_u64 {
        let users: Vec<_> = (0..50_u64).filter(|user| user % 7 == page).rev().collect();
        let (all, on_page, seen) = client.ask(&format!("/page{page}"));

        assert_eq!((all, on_page as usize), (50, users.len()));
        assert!(seen.iter().map(|seen| seen.0).eq(users), "{seen:?}");
        assert!(seen.iter().all(|seen| seen.1 < 60), "{seen:?}");
    }
    let counts = handle.counts();
    assert_eq!((counts.passed_over_lines, counts.dropped_lines), (1, 0));
}

/// In the original it stopped all logging, until that client left.
#[test]
fn half_a_request_freezes_nobody() {
    let online = start();
    let mut halves: Vec<_> = (0..20).map(|_| Client::connect(&online)).collect();
    for (half, bytes) in halves
        .iter_mut()
        .zip([&[0][..], &[0, 9], &[0, 9, b'/']].repeat(7))
    {
        half.0.write_all(bytes).unwrap();
    }
    let mut client = Client::connect(&online);

    assert_eq!(client.ask("/"), (0, 0, Vec::new()));
    online.handle().offer(line("7", "/").as_bytes());
    assert_eq!(client.ask_when("/", 1).1, 1);
}

/// The rest of it is answered as if it had come at once.
#[test]
fn a_request_may_come_in_pieces_and_several_at_once() {
    let online = start();
    let mut client = Client::connect(&online);
    online.handle().offer(line("7", "/a").as_bytes());
    client.ask_when("/", 1);
    let requests = [request("/a"), request("/b"), request("")].concat();
    for piece in requests.repeat(50).chunks(4) {
        client.0.write_all(piece).unwrap();
    }

    for _ in 0..50 {
        let on_pages = [(); 3].map(|()| client.answer().1);
        assert_eq!(on_pages, [1, 0, 0]);
    }
}

#[test]
fn of_too_many_clients_the_oldest_gives_way() {
    let online = start();
    let mut clients: Vec<_> = (0..=CLIENTS_MAX)
        .map(|_| {
            let mut client = Client::connect(&online);
            client.ask("/");
            client
        })
        .collect();
    let newest = clients.last_mut().unwrap();
    assert_eq!(newest.ask("/").0, 0);
    let mut end = Vec::new();
    let oldest = clients.first_mut().unwrap();

    assert_eq!(oldest.0.read_to_end(&mut end).unwrap(), 0);
}

/// Nobody counts here: the queue fills, and the rest is dropped and counted, line by line.
#[test]
fn a_full_queue_drops_and_counts() {
    let (queue, _messages) = mpsc::channel(2);
    let shared = Arc::new(Shared::new(None));
    let handle = OnlineHandle { shared, queue };
    for _ in 0..3 {
        handle.offer(b"one\ntwo");
    }
    assert_eq!(handle.counts().dropped_lines, 2);

    handle.offer(&vec![b'\n'; QUEUE_BYTES_MAX]);
    assert_eq!(handle.counts().dropped_lines, 2 + QUEUE_BYTES_MAX as u64);
    assert_eq!(handle.shared.room.held(), 14);
}

/// It ends with its owner: whoever asks is not left waiting.
#[test]
fn dropped_it_closes_its_clients() {
    let online = start();
    let mut client = Client::connect(&online);
    client.ask("/");
    drop(online);

    assert_eq!(client.0.read(&mut [0]).unwrap(), 0);
}

/// What is asked and what is told is one thing, by whichever way.
#[test]
fn json_tells_the_same() {
    let online = start();
    let handle = online.handle();
    handle.offer(
        [line("7", "/a"), line("ann", "/a"), line("-", "/b")]
            .concat()
            .as_bytes(),
    );
    let (_, _, seen) = Client::connect(&online).ask_when("/a", 3);
    let json: serde_json::Value = serde_json::from_slice(&handle.json(b"url=/a")).unwrap();

    assert_eq!(json["page_visitors"], 2);
    for (told, seen) in json["newest"].as_array().unwrap().iter().zip(&seen) {
        assert_eq!(told["id"], seen.0.to_string());
    }
    assert_eq!(seen[1].0, 7);
    let json: serde_json::Value = serde_json::from_slice(&handle.json(b"")).unwrap();
    assert_eq!(json["pages"][0]["url"], "/a");
}
