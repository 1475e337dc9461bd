//! The client against daemons that refuse, say nothing, stop in the middle, or are none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::time::Duration;

use spread::client::{
    ConnectError, ConnectOptions, Outgoing, SendError, Session, SessionError, connect,
};
use spread::wire::Frame;
use spread::{Address, Delivery, GroupName, Message, Name, RejectCode, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a daemon of 5.0.1 says to a client called `me`, up to its first frame.
const WELCOME: &[u8] = b"\x01\x05\x00\x01\x08#me#fake";

struct FakeDaemon {
    listener: TcpListener,
}

impl FakeDaemon {
    async fn new() -> (Self, Address) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = "127.0.0.1".to_owned();
        (Self { listener }, Address::Host { port, host })
    }

    /// Accepts, reads the client's hello, and says `answer`.
    async fn answer(&self, answer: &[u8]) -> TcpStream {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 7]).await.unwrap();
        stream.write_all(answer).await.unwrap();
        stream
    }

    /// Accepts and opens the session.
    async fn welcome(&self) -> TcpStream {
        let mut stream = self.answer(b"\x05NULL ").await;
        stream.read_exact(&mut [0; 90]).await.unwrap();
        stream.write_all(WELCOME).await.unwrap();
        stream
    }
}

async fn dial(address: &Address) -> Result<Session, ConnectError> {
    let options = ConnectOptions {
        name: Some("me".parse().unwrap()),
        ..ConnectOptions::default()
    };
    connect(address, &options).await
}

fn group() -> GroupName {
    GroupName::new("g").unwrap()
}

fn message(body: Vec<u8>) -> Delivery {
    Delivery::Message(Message {
        service: Service::Agreed,
        self_discard: false,
        sender: Name::EMPTY,
        groups: vec![group().into()],
        mess_type: 0,
        foreign_endian: false,
        body: body.into(),
    })
}

fn frame(body: &[u8]) -> Vec<u8> {
    let Frame { head, body } = message(body.to_vec()).encode();
    [head, body].concat()
}

fn outgoing<'a>(groups: &'a [Name], body: Vec<u8>) -> Outgoing<'a> {
    Outgoing {
        service: Service::Agreed,
        self_discard: false,
        groups,
        mess_type: 0,
        body: body.into(),
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let (daemon, address) = FakeDaemon::new().await;
    drop(daemon);

    let error = dial(&address).await.unwrap_err();

    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let (daemon, address) = FakeDaemon::new().await;

    let (_, refused) = tokio::join!(daemon.answer(&[0xfa]), dial(&address));

    let ConnectError::Refused { code, .. } = refused.unwrap_err() else {
        panic!("not refused")
    };
    assert_eq!(code, RejectCode::NotUnique);
}

/// In virtual time: nobody waits.
#[tokio::test(start_paused = true)]
async fn a_silent_daemon_is_given_up() {
    let (daemon, address) = FakeDaemon::new().await;

    let (_silent, error) = tokio::join!(daemon.answer(b""), dial(&address));

    let ConnectError::TimedOut { timeout, .. } = error.unwrap_err() else {
        panic!("no timeout")
    };
    assert_eq!(timeout, Duration::from_secs(5));
}

#[tokio::test]
async fn a_web_server_is_no_daemon() {
    let (daemon, address) = FakeDaemon::new().await;
    let page = b"HTTP/1.1 400 Bad Request\r\n\r\n";

    // It says no more, and keeps the connection.
    let (_open, error) = tokio::join!(daemon.answer(page), dial(&address));

    assert!(matches!(error.unwrap_err(), ConnectError::NotSpread { .. }));
}

#[tokio::test]
async fn a_connection_closed_in_the_handshake_is_told_from_a_refusal() {
    let (daemon, address) = FakeDaemon::new().await;
    let closing = async { drop(daemon.answer(b"\x05NUL").await) };

    let ((), error) = tokio::join!(closing, dial(&address));

    assert!(matches!(error.unwrap_err(), ConnectError::Closed { .. }));
}

#[tokio::test]
async fn a_frame_cut_short_is_never_delivered() {
    let (daemon, address) = FakeDaemon::new().await;
    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let (mut stream, mut session) = (stream, session.unwrap());
    let second = frame(b"second");

    stream.write_all(&frame(b"first")).await.unwrap();
    stream.write_all(&second[..second.len() - 1]).await.unwrap();
    drop(stream);

    let Delivery::Message(first) = session.receiver.recv().await.unwrap() else {
        panic!()
    };
    assert_eq!(first.body, "first");
    let error = session.receiver.recv().await.unwrap_err();
    assert!(
        matches!(error, SessionError::Closed | SessionError::Io(_)),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_frame_ends_the_session() {
    let (daemon, address) = FakeDaemon::new().await;
    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let (mut stream, mut session) = (stream, session.unwrap());

    stream.write_all(&[0xff; 48]).await.unwrap();

    let error = session.receiver.recv().await.unwrap_err();
    assert!(matches!(error, SessionError::Protocol(_)), "{error}");
}

/// The daemon reads nothing: the queue fills to its limit and says so; nothing waits, and a
/// frame that is half on its way does not count as written.
#[tokio::test]
async fn a_daemon_that_does_not_read_fills_the_queue_and_no_more() {
    let (daemon, address) = FakeDaemon::new().await;
    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let (mut stream, mut sender) = (stream, session.unwrap().sender);
    let groups = [group().into()];
    let message = outgoing(&groups, vec![b'x'; 100_000]);

    let mut queued = 0;
    let full = loop {
        match sender.multicast(&message) {
            Ok(()) => queued += 1,
            Err(error) => {
                // Until the socket takes no more either.
                let before = sender.queued_bytes();
                let _ = tokio::time::timeout(Duration::ZERO, sender.flush()).await;
                if sender.queued_bytes() == before {
                    break error;
                }
            }
        }
    };

    assert!(
        matches!(full, SendError::QueueFull { max: 1_048_576, .. }),
        "{full}"
    );
    assert!(sender.frames_written() < queued);
    let read = async {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all.len() as u64
    };
    let (read, written) = tokio::join!(read, async {
        sender.flush().await.unwrap();
        let written = sender.frames_written();
        sender.disconnect().await.unwrap();
        written
    });
    assert_eq!(written, queued);
    assert_eq!(read, queued * (48 + 32 + 100_000) + 48 + 32);
}

#[tokio::test]
async fn what_no_daemon_takes_is_refused_before_it_is_sent() {
    let (daemon, address) = FakeDaemon::new().await;
    let (_stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let mut sender = session.unwrap().sender;
    let groups = vec![Name::from(group()); 101];

    let many = sender.multicast(&outgoing(&groups, Vec::new()));
    let none = sender.multicast(&outgoing(&[], Vec::new()));
    let long = sender.multicast(&outgoing(&groups[..1], vec![0; 142_969]));
    let longest = sender.multicast(&outgoing(&groups[..1], vec![0; 142_968]));

    assert_eq!(many, Err(SendError::GroupCount(101)));
    assert_eq!(none, Err(SendError::GroupCount(0)));
    let (len, max) = (143_001, 143_000);
    assert_eq!(long, Err(SendError::TooLong { len, max }));
    assert_eq!(longest, Ok(()));
}

/// A session that ended is over, in both directions; the next one begins from nothing.
#[tokio::test]
async fn a_daemon_that_restarts_is_found_again_by_a_new_session() {
    let (daemon, address) = FakeDaemon::new().await;
    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let Session {
        mut sender,
        mut receiver,
        ..
    } = session.unwrap();
    sender.join(group()).unwrap();
    sender.flush().await.unwrap();

    drop(stream);
    let error = receiver.recv().await.unwrap_err();
    assert!(
        matches!(error, SessionError::Closed | SessionError::Io(_)),
        "{error}"
    );
    // The first write may still find an open socket; the news of the end follows it.
    while sender.flush().await.is_ok() {
        sender.join(group()).unwrap();
    }
    assert!(receiver.recv().await.is_err(), "and stays over");

    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let (mut stream, mut session) = (stream, session.unwrap());
    assert_eq!(session.sender.frames_written(), 0);
    stream.write_all(&frame(b"again")).await.unwrap();
    let delivery = session.receiver.recv().await.unwrap();
    let Delivery::Message(again) = delivery else {
        panic!()
    };
    assert_eq!(again.body, "again");
}

/// What the daemon says right behind its welcome arrives with it, and is not lost.
#[tokio::test]
async fn a_frame_that_comes_with_the_welcome_is_delivered() {
    let (daemon, address) = FakeDaemon::new().await;
    let answering = async {
        let mut stream = daemon.answer(b"\x05NULL ").await;
        stream.read_exact(&mut [0; 90]).await.unwrap();
        let both = [WELCOME.to_vec(), frame(b"first")].concat();
        stream.write_all(&both).await.unwrap();
        stream
    };
    let (_stream, session) = tokio::join!(answering, dial(&address));

    let delivery = session.unwrap().receiver.recv().await.unwrap();

    let Delivery::Message(first) = delivery else {
        panic!()
    };
    assert_eq!(first.body, "first");
}

/// Given up again and again in the middle of a frame, `recv` loses no byte of it.
#[tokio::test]
async fn a_receiver_that_is_given_up_loses_nothing() {
    let (daemon, address) = FakeDaemon::new().await;
    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let (mut stream, mut receiver) = (stream, session.unwrap().receiver);
    let all = [frame(b"first"), frame(b"second")].concat();

    let mut bodies = Vec::new();
    for byte in all {
        stream.write_all(&[byte]).await.unwrap();
        let delivery = tokio::time::timeout(Duration::ZERO, receiver.recv()).await;
        if let Ok(Delivery::Message(message)) = delivery.unwrap_or(Ok(NOTHING)) {
            bodies.push(message.body);
        }
    }
    while bodies.len() < 2 {
        if let Delivery::Message(message) = receiver.recv().await.unwrap() {
            bodies.push(message.body);
        }
    }

    assert_eq!(bodies, ["first", "second"]);
}

/// Small arrivals that keep coming are let gather: none of them is lost, whether the receiver is
/// given up while it waits or not, nor what is written meanwhile, and the end shows behind all.
#[tokio::test]
async fn a_receiver_that_lets_arrivals_gather_loses_nothing() {
    const COUNT: usize = 500;
    let (daemon, address) = FakeDaemon::new().await;
    let options = ConnectOptions {
        name: Some("me".parse().unwrap()),
        gather: Some(Duration::from_millis(1)),
        ..ConnectOptions::default()
    };
    let (stream, session) = tokio::join!(daemon.welcome(), connect(&address, &options));
    let Session {
        mut sender,
        mut receiver,
        ..
    } = session.unwrap();
    let (mut told, mut tell) = stream.into_split();
    let groups = [group().into()];

    let telling = async move {
        for n in 0..COUNT {
            let frame = frame(n.to_string().as_bytes());
            tell.write_all(&frame).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let reading = async {
        let mut bodies = Vec::new();
        let end = loop {
            let delivery = tokio::time::timeout(Duration::ZERO, receiver.recv()).await;
            match delivery {
                Ok(Ok(Delivery::Message(message))) => bodies.push(message.body),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => break error,
                Err(_) => tokio::task::yield_now().await,
            }
            if bodies.len() % 50 == 1 {
                sender.multicast(&outgoing(&groups, b"x".to_vec())).unwrap();
                sender.flush().await.unwrap();
            }
        };
        (bodies, end, sender)
    };
    let ((), (bodies, end, sender)) = tokio::join!(telling, reading);
    let sent = sender.frames_written();
    drop((sender, receiver));

    let expected: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
    assert_eq!(bodies, expected);
    assert!(matches!(end, SessionError::Closed), "{end}");
    let mut heard = Vec::new();
    told.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard.len() as u64, sent * (48 + 32 + 1));
}

const NOTHING: Delivery = Delivery::SelfLeave { group: Name::EMPTY };

/// Of a publisher's large messages and of many small ones, kept or not: each comes whole.
#[tokio::test]
async fn messages_of_any_length_come_whole_and_in_order() {
    let (daemon, address) = FakeDaemon::new().await;
    let (stream, session) = tokio::join!(daemon.welcome(), dial(&address));
    let (mut stream, mut receiver) = (stream, session.unwrap().receiver);
    let lengths = [0, 1, 200, 8_192, 65_536, 3, 143_000, 200, 1_000_000, 0];
    let bodies: Vec<Vec<u8>> = (b'a'..)
        .zip(lengths)
        .map(|(byte, len)| vec![byte; len])
        .collect();
    let sending = async {
        for _ in 0..20 {
            for body in &bodies {
                let Frame { head, body } = message(body.clone()).encode();
                stream.write_all(&head).await.unwrap();
                stream.write_all(&body).await.unwrap();
            }
        }
    };
    let receiving = async {
        let mut kept = Vec::new();
        for _ in 0..20 {
            for _ in &bodies {
                if let Delivery::Message(message) = receiver.recv().await.unwrap() {
                    kept.push(message.body);
                }
            }
        }
        kept
    };

    let ((), kept) = tokio::join!(sending, receiving);

    assert!(kept.iter().eq(bodies.iter().cycle().take(200)));
}

/// `localhost` has two addresses on most machines; the daemon listens on one.
#[tokio::test]
async fn every_address_of_a_name_is_tried() {
    let (daemon, address) = FakeDaemon::new().await;
    let Address::Host { port, .. } = address else {
        panic!()
    };
    let by_name = Address::Host {
        port,
        host: "localhost".to_owned(),
    };

    let (_stream, session) = tokio::join!(daemon.welcome(), dial(&by_name));

    assert_eq!(session.unwrap().private_group().as_bytes(), b"#me#fake");
}
