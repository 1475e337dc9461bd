//! The client against a real Spread daemon, and the daemon beside our hub.
//!
//! Ignored unless asked for, since they need a daemon's binary:
//!
//! ```text
//! SPREAD_DAEMON=/usr/sbin/spread cargo test -p spread-protocol --test live_daemon -- --ignored
//! ```
#![cfg(feature = "hub")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the functions that tests share fail as tests do"
)]

mod support {
    pub(crate) mod daemon;
    pub(crate) mod player;
    pub(crate) mod script;
}

use std::fmt::Debug;
use std::future::Future;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use spread::client::{self, ConnectError, ConnectOptions, FRAME_BYTES_MAX, Outgoing, Session};
use spread::hub::{Hub, HubOptions};
use spread::{
    Address, Cause, Delivery, GroupName, Membership, Message, Name, PrivateName, Service,
};
use support::daemon::Daemon;
use support::player::Player;
use support::script;
use tokio::sync::oneshot;

/// Much longer than anything here takes: a daemon's ring forms in 2 s.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Scripts played against the daemon and the hub.
const SCRIPTS: u32 = 500;

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_session_is_called_what_it_asked_to_be() {
    with_daemon(async |daemon| {
        let session = member(&tcp(daemon), "alice").await;
        assert_eq!(session.private_group().as_bytes(), b"#alice#localhost");

        let options = ConnectOptions::default();
        let session = in_time(client::connect(&tcp(daemon), &options)).await;
        let invented = session.expect("a session").private_group();
        assert!(!invented.private_name().is_empty());
    });
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn every_way_to_the_daemon_leads_to_the_same_group() {
    with_daemon(async |daemon| {
        let mut alice = member(&tcp(daemon), "alice").await;
        join(&mut alice, "g").await;
        let port = Address::Port(daemon.port());
        let ways = [tcp(daemon), port, Address::Path(daemon.socket())];
        for (at, way) in ways.iter().enumerate() {
            let mut session = member(way, &format!("way{at}")).await;
            send(&mut session, "g", "from afar").await;
            let message = message(&mut alice).await;
            assert_eq!(message.sender, session.private_group().into(), "{way}");
            assert_eq!(message.body, "from afar", "{way}");
        }
    });
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn members_are_told_who_comes_and_goes_and_why() {
    with_daemon(async |daemon| {
        let mut alice = member(&tcp(daemon), "alice").await;
        let mut bob = member(&tcp(daemon), "bob").await;
        let carol = member(&tcp(daemon), "carol").await;
        let [a, b, c] = [&alice, &bob, &carol].map(|session| Name::from(session.private_group()));

        let change = join(&mut alice, "g").await;
        assert_eq!((change.cause, change.id.index), (Cause::Join, 1));
        assert_eq!(change.members, [a]);
        assert_eq!(change.vs_sets, [[a]]);
        join(&mut bob, "g").await;
        let change = membership(&mut alice).await;
        assert_eq!((change.cause, change.id.index), (Cause::Join, 2));
        assert_eq!(change.members, [a, b]);
        assert_eq!(change.vs_sets, [[b]]);
        let mut carol = carol;
        join(&mut carol, "g").await;
        assert_eq!(membership(&mut alice).await.members, [a, b, c]);

        bob.sender.leave(group("g")).expect("room for a leave");
        in_time(bob.sender.flush()).await.expect("a flush");
        let change = membership(&mut alice).await;
        assert_eq!((change.cause, change.id.index), (Cause::Leave, 4));
        assert_eq!(change.members, [a, c]);
        assert_eq!(change.vs_sets, [[b]]);

        drop(carol);
        let change = membership(&mut alice).await;
        assert_eq!((change.cause, change.id.index), (Cause::Disconnect, 5));
        assert_eq!(change.members, [a]);
        assert_eq!(change.vs_sets, [[c]]);
    });
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_message_arrives_as_it_was_sent() {
    with_daemon(async |daemon| {
        let mut alice = member(&tcp(daemon), "alice").await;
        let mut bob = member(&tcp(daemon), "bob").await;
        join(&mut alice, "g").await;
        let groups = [group("g").into(), group("+18446744073709551615").into()];
        // With both groups, 1,320 bytes just fill the first of a daemon's fragments.
        let longest = FRAME_BYTES_MAX - groups.len() * Name::FIELD_LEN;
        for body_len in [0, 1, 1_320, 1_321, 32 << 10, 64 << 10, longest] {
            let body = Bytes::from_iter((0..=u8::MAX).cycle().take(body_len));
            let outgoing = Outgoing {
                service: Service::Safe,
                self_discard: true,
                groups: &groups,
                mess_type: -2,
                body: body.clone(),
            };
            let queued = bob.sender.multicast(&outgoing);
            queued.expect("room for a message");
            in_time(bob.sender.flush()).await.expect("a flush");
            let expected = Message {
                service: Service::Safe,
                self_discard: true,
                sender: bob.private_group().into(),
                groups: groups.to_vec(),
                mess_type: -2,
                foreign_endian: false,
                body,
            };
            assert_eq!(message(&mut alice).await, expected, "{body_len} bytes");
        }
    });
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_private_group_is_one_session() {
    with_daemon(async |daemon| {
        let mut alice = member(&tcp(daemon), "alice").await;
        let mut bob = member(&tcp(daemon), "bob").await;
        let to = [alice.private_group().into()];
        let outgoing = agreed(&to, "to alice alone");
        bob.sender.multicast(&outgoing).expect("room for a message");
        in_time(bob.sender.flush()).await.expect("a flush");
        let received = message(&mut alice).await;
        assert_eq!(received.body, "to alice alone");
        assert_eq!(received.groups, to);
    });
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_name_in_use_is_refused_and_free_again_afterwards() {
    with_daemon(async |daemon| {
        let alice = member(&tcp(daemon), "alice").await;
        let mut witness = member(&tcp(daemon), "witness").await;
        join(&mut witness, "g").await;
        let again = in_time(client::connect(&tcp(daemon), &named("alice"))).await;
        let code = match again {
            Err(ConnectError::Refused { code, .. }) => code,
            other => panic!("a second alice: {other:?}"),
        };
        assert_eq!(code, spread::RejectCode::NotUnique);

        let mut alice = alice;
        join(&mut alice, "g").await;
        membership(&mut witness).await;
        in_time(alice.sender.disconnect()).await.expect("a goodbye");
        assert_eq!(membership(&mut witness).await.cause, Cause::Disconnect);
        member(&tcp(daemon), "alice").await;
    });
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn a_daemon_that_dies_ends_the_session_and_the_next_one_takes_it() {
    let mut daemon = Daemon::start().expect("a daemon");
    run(async {
        let mut alice = member(&tcp(&daemon), "alice").await;
        join(&mut alice, "g").await;
        daemon.stop().expect("the daemon was running");
        daemon.start_again().expect("the daemon starts again");
        in_time(alice.receiver.recv())
            .await
            .expect_err("the daemon of this session is gone");
        let mut alice = member(&tcp(&daemon), "alice").await;
        assert_eq!(join(&mut alice, "g").await.id.index, 1);
    });
}

/// The hub's promise: for any script its sessions see what a daemon's would.
#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn the_hub_delivers_what_the_daemon_delivers() {
    let daemon = Daemon::start().expect("a daemon");
    let (stop, stopped) = oneshot::channel::<()>();
    let (bound, address) = std::sync::mpsc::channel();
    let hub = thread::spawn(move || {
        run(async {
            let options = HubOptions {
                port: 0,
                socket_dir: None,
                ..HubOptions::default()
            };
            let hub = Hub::bind(options).await.expect("a free port");
            let address = hub.addresses()[0];
            bound.send(address.port()).expect("the test waits");
            hub.run(async { stopped.await.unwrap_or(()) }).await;
        });
    });
    let hub_port = address.recv().expect("the hub listens");

    let real = Player::new(tcp(&daemon));
    let ours = Player::new(localhost(hub_port));
    let config = Config {
        cases: SCRIPTS,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&script::scripts(), |script| {
        let (real, ours) = run(async { (real.play(&script).await, ours.play(&script).await) });
        for (seat, (real, ours)) in real.iter().zip(&ours).enumerate() {
            if let Some(at) =
                (0..real.len().max(ours.len())).find(|&at| real.get(at) != ours.get(at))
            {
                let (real, ours) = (real.get(at), ours.get(at));
                let reason = format!("seat {seat} saw at {at}:\n{real:?}\n{ours:?}");
                return Err(TestCaseError::fail(reason));
            }
        }
        Ok(())
    });
    drop(stop);
    hub.join().expect("the hub ends when it is told to");
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

fn with_daemon(test: impl AsyncFnOnce(&Daemon)) {
    let daemon = Daemon::start().expect("a daemon");
    run(test(&daemon));
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

fn tcp(daemon: &Daemon) -> Address {
    localhost(daemon.port())
}

fn localhost(port: u16) -> Address {
    let host = String::from("127.0.0.1");
    Address::Host { port, host }
}

fn named(name: &str) -> ConnectOptions {
    ConnectOptions {
        name: Some(PrivateName::new(name).expect("a legal name")),
        membership: true,
        ..ConnectOptions::default()
    }
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("a legal name")
}

async fn member(address: &Address, name: &str) -> Session {
    let session = in_time(client::connect(address, &named(name))).await;
    session.expect("a session")
}

/// Joins, and waits until it is so.
async fn join(session: &mut Session, name: &str) -> Membership {
    session.sender.join(group(name)).expect("room for a join");
    in_time(session.sender.flush()).await.expect("a flush");
    membership(session).await
}

async fn send(session: &mut Session, to: &str, body: &'static str) {
    let groups = [group(to).into()];
    let outgoing = agreed(&groups, body);
    session
        .sender
        .multicast(&outgoing)
        .expect("room for a message");
    in_time(session.sender.flush()).await.expect("a flush");
}

fn agreed<'a>(groups: &'a [Name], body: &'static str) -> Outgoing<'a> {
    Outgoing {
        service: Service::Agreed,
        self_discard: false,
        groups,
        mess_type: 0,
        body: Bytes::from_static(body.as_bytes()),
    }
}

async fn membership(session: &mut Session) -> Membership {
    match delivery(session).await {
        Delivery::Membership(change) => change,
        other => panic!("not a membership: {other:?}"),
    }
}

async fn message(session: &mut Session) -> Message {
    match delivery(session).await {
        Delivery::Message(message) => message,
        other => panic!("not a message: {other:?}"),
    }
}

async fn delivery(session: &mut Session) -> Delivery {
    let delivery = in_time(session.receiver.recv()).await;
    delivery.expect("a delivery")
}

async fn in_time<T: Debug>(future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(TIMEOUT, future).await;
    result.expect("an answer within a minute")
}
