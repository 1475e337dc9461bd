//! Sessions that do not come about, or are not the best there is.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use spread::hub::{Hub, HubOptions};
use spread::stream::HostId;

use self::held_port::HeldPort;
use super::*;
use crate::intake::Place;
use crate::ledger::Ledger;
use crate::queue::Queue;
use crate::router::Router;

#[path = "../../../spread/tests/support/held_port.rs"]
mod held_port;

/// Opens a session as a daemon does, and then only listens.
fn open_and_say_nothing(mut client: TcpStream) -> io::Result<()> {
    let mut hello = [0; 5];
    client.read_exact(&mut hello)?;
    client.read_exact(&mut vec![0; hello[4].into()])?;
    client.write_all(b"\x04NULL")?;
    client.read_exact(&mut [0; 90])?;
    client.write_all(b"\x01\x05\x00\x01\x04#a#b")?;
    client.read_to_end(&mut Vec::new()).map(drop)
}

#[tokio::test]
async fn a_daemon_that_opens_a_session_and_then_says_nothing_gives_way_to_the_next() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    thread::spawn(move || {
        silent
            .incoming()
            .flatten()
            .try_for_each(open_and_say_nothing)
    });
    let port = start_hub(0).await;
    let (joined, (stop, stopping)) = (watch::Sender::new(0), watch::channel(None));
    let addresses = format!("{silent_port}@127.0.0.1,{port}@127.0.0.1");
    let session = Arc::new(SessionCounters::new(addresses.parse().unwrap()));
    let subscriber = Subscriber {
        return_after: RETURN_AFTER,
        ..subscriber(&session, &joined)
    };
    let running = tokio::spawn(subscriber.run(stopping));

    let mut sessions = joined.subscribe();
    let is_joined = sessions.wait_for(|&sessions| sessions == 1);
    assert!(timeout(Duration::from_secs(30), is_joined).await.is_ok());

    stop.send_replace(Some(Stopping {
        by: Instant::now() + Duration::from_secs(10),
        is_handed_over: false,
    }));
    running.await.unwrap();
}

/// Where two daemons do not know of each other, publishers and logging hosts that are with
/// different ones never hear of each other.
#[tokio::test]
async fn it_goes_back_to_the_first_daemon_when_that_answers_again() {
    let first = HeldPort::hold().unwrap();
    let first_port = first.port();
    let second_port = start_hub(0).await;
    let session = Arc::new(SessionCounters::new(
        format!("{first_port}@127.0.0.1,{second_port}@127.0.0.1")
            .parse()
            .unwrap(),
    ));
    let (joined, (stop, stopping)) = (watch::Sender::new(0), watch::channel(None));
    let subscriber = subscriber(&session, &joined);
    let running = tokio::spawn(subscriber.run(stopping));
    let mut sessions = joined.subscribe();
    timeout(LONG, sessions.wait_for(|&sessions| sessions == 1))
        .await
        .unwrap()
        .unwrap();

    start_hub(first_port).await;

    let is_first = |session: &SessionCounters| {
        let first = session.addresses.iter().next();
        session.connected_to() == first
    };
    timeout(LONG, async {
        while !is_first(&session) {
            sessions.changed().await.unwrap();
        }
    })
    .await
    .unwrap();
    stop.send_replace(Some(Stopping {
        by: Instant::now() + Duration::from_secs(10),
        is_handed_over: false,
    }));
    running.await.unwrap();
}

async fn start_hub(port: u16) -> u16 {
    let hub = Hub::bind(HubOptions {
        port,
        socket_dir: None,
        ..HubOptions::default()
    });
    let hub = hub.await.unwrap();
    let port = hub.addresses()[0].port();
    tokio::spawn(hub.run(std::future::pending()));
    port
}

/// One that waits for nothing longer than a test can.
fn subscriber(session: &Arc<SessionCounters>, joined: &watch::Sender<usize>) -> Subscriber {
    let place = Place {
        block: 0,
        host: HostId(1),
        router: Router::new([]),
        session: Arc::clone(session),
        gathers: Arc::new([]),
    };
    let queue = Arc::new(Queue::new(1 << 20));
    Subscriber {
        counters: Arc::clone(session),
        options: ConnectOptions::default(),
        joined: joined.clone(),
        // The hub's answer is some hundred times as fast.
        join_timeout: Duration::from_secs(1),
        return_after: Duration::from_millis(10),
        intake: Intake::new(place, queue, Arc::default(), &Ledger::default()),
        settled: mpsc::unbounded_channel().1,
        says_farewell: false,
        first_try: FirstTry::new(watch::Sender::new(0)),
    }
}

const LONG: Duration = Duration::from_secs(30);
