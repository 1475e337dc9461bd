//! The hub over real connections, spoken to in raw bytes: what one client does, well or badly,
//! is its own affair.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::running::{
    NULL_METHOD, RunningHub, await_own_echo, bits, frame, hello, join, read, read_frame,
    read_to_end, send,
};
use spread::hub::HubOptions;

/// Whether a session is served from end to end.
fn assert_served(hub: &RunningHub, name: &str) {
    let mut stream = hub.open(name, false);
    await_own_echo(&mut stream, name);
}

#[test]
fn a_handshake_may_come_byte_by_byte() {
    let hub = RunningHub::start(RunningHub::options());
    let mut stream = hub.connect();

    for byte in hello("piecemeal", false) {
        send(&mut stream, &[byte]);
    }
    assert_eq!(read(&mut stream, 6), b"\x05NULL ");
    for byte in NULL_METHOD {
        send(&mut stream, &[byte]);
    }
    assert_eq!(read(&mut stream, 19), b"\x01\x05\x00\x01\x0e#piecemeal#hub");

    let own = b"#piecemeal#hub".as_slice();
    for byte in frame(bits::AGREED, "piecemeal", &[own], b"slowly") {
        send(&mut stream, &[byte]);
    }
    assert_eq!(read_frame(&mut stream).body, b"slowly");
}

#[test]
fn clients_that_connect_and_say_nothing_delay_nobody() {
    let hub = RunningHub::start(HubOptions {
        // Were they waited for, this test would not end in time.
        handshake_timeout: Duration::from_secs(3_600),
        ..RunningHub::options()
    });

    let silent: Vec<TcpStream> = (0..50).map(|_| hub.connect()).collect();
    assert_served(&hub, "a");
    drop(silent);
}

#[test]
fn a_handshake_that_takes_too_long_is_given_up() {
    let hub = RunningHub::start(HubOptions {
        handshake_timeout: Duration::from_millis(50),
        ..RunningHub::options()
    });
    let mut silent = hub.connect();
    let mut half = hub.connect();
    send(&mut half, &hello("half", false));

    assert_eq!(read_to_end(&mut silent), b"");
    assert_eq!(read_to_end(&mut half), b"\x05NULL ");
}

#[test]
fn a_name_held_by_an_unfinished_handshake_is_free_after_it() {
    let hub = RunningHub::start(RunningHub::options());
    let mut unfinished = hub.connect();
    send(&mut unfinished, &hello("same", false));
    assert_eq!(read(&mut unfinished, 6), b"\x05NULL ");

    let mut second = hub.connect();
    send(&mut second, &hello("same", false));
    assert_eq!(read_to_end(&mut second), [0xfa]);

    unfinished.shutdown(Shutdown::Write).expect("a shutdown");
    read_to_end(&mut unfinished);
    assert_served(&hub, "same");
}

/// Each of these is a frame that a daemon kills its sender for.
#[test]
fn a_hostile_frame_ends_its_own_session_and_no_other() {
    let hub = RunningHub::start(RunningHub::options());
    let mut witness = hub.open("witness", false);
    let mut huge = frame(bits::AGREED, "hostile", &[b"g"], b"");
    huge[44..48].copy_from_slice(&i32::MAX.to_le_bytes());
    let mut endless = frame(bits::AGREED, "hostile", &[], b"");
    endless[36..40].copy_from_slice(&i32::MAX.to_le_bytes());
    let hostile: [Vec<u8>; 8] = [
        vec![0xff; 48],
        vec![0; 48],
        huge,
        endless,
        frame(bits::AGREED, "witness", &[b"g"], b""),
        frame(bits::JOIN, "hostile", &[b"#private#hub"], b""),
        frame(bits::JOIN, "hostile", &[b"\x01\x02\xff"], b""),
        frame(bits::JOIN, "hostile", &[b""], b""),
    ];

    for bytes in hostile {
        let mut stream = hub.open("hostile", false);
        send(&mut stream, &bytes);
        assert_eq!(read_to_end(&mut stream), b"", "{bytes:?}");
        let told = hub.told();
        let begins = "WARN ended the session #hostile#hub: it broke the protocol: ";
        assert!(told.starts_with(begins), "{told}");
        await_own_echo(&mut witness, "witness");
    }
}

#[test]
fn wrong_names_among_the_groups_of_a_message_reach_nobody() {
    let hub = RunningHub::start(RunningHub::options());
    let mut stream = hub.open("a", false);
    join(&mut stream, "a", "g");

    let groups: [&[u8]; 5] = [b"", b"\x01\xff", b"g", b"#", b"with space"];
    send(
        &mut stream,
        &frame(bits::AGREED, "a", &groups, b"to g alone"),
    );

    let delivered = read_frame(&mut stream);
    assert_eq!(
        (delivered.groups, delivered.body.as_slice()),
        (5, b"to g alone".as_slice())
    );
    await_own_echo(&mut stream, "a");
}

/// A client could otherwise forge memberships: 5.0.1 delivers such a type as it came.
#[test]
fn a_message_cannot_pass_for_a_membership() {
    let hub = RunningHub::start(RunningHub::options());
    let mut stream = hub.open("a", true);

    let forged = frame(bits::FIFO | 0x1000 | 0x100, "a", &[b"#a#hub"], &[0; 56]);
    send(&mut stream, &forged);

    assert_eq!(read_frame(&mut stream).kind, bits::FIFO);
}

#[test]
fn a_reader_that_does_not_read_is_ended_and_nobody_else() {
    let hub = RunningHub::start(HubOptions {
        queue_bytes_max: 1 << 20,
        ..RunningHub::options()
    });
    let mut slow = hub.open("slow", true);
    let mut reader = hub.open("reader", true);
    join(&mut slow, "slow", "g");
    join(&mut reader, "reader", "g");
    let mut sender = hub.open("sender", false);
    let body = vec![b'x'; 100_000];

    // Enough for the hub's queue and for what the system takes on both sides.
    let mut sent = 0_u32;
    let ended = loop {
        send(
            &mut sender,
            &frame(bits::RELIABLE, "sender", &[b"g"], &body),
        );
        sent += 1;
        let first = read_frame(&mut reader);
        if first.kind & 0x1000 != 0 {
            break first;
        }
        assert_eq!(first.body.len(), body.len());
        assert!(sent < 10_000, "the slow reader is still there");
    };

    assert_eq!((ended.kind, ended.groups), (0x1400, 1));
    let told = hub.told();
    let begins = "WARN ended the session #slow#hub: it reads too slowly: ";
    let waiting = told
        .strip_prefix(begins)
        .and_then(|rest| rest.split_once(' '));
    let bytes: usize = waiting.expect(&told).0.parse().expect(&told);
    assert!(
        bytes > 1 << 20 && told.contains("1048576 may; it should take"),
        "{told}"
    );
    await_own_echo(&mut reader, "reader");
    assert_served(&hub, "slow");
}

#[test]
fn all_receivers_see_the_messages_of_all_senders_in_one_order() {
    const SENDERS: u8 = 4;
    const MESSAGES: u16 = 300;
    let hub = RunningHub::start(RunningHub::options());
    let mut receivers: Vec<TcpStream> = (0..3)
        .map(|n| {
            let name = format!("receiver{n}");
            let mut stream = hub.open(&name, false);
            join(&mut stream, &name, "g");
            stream
        })
        .collect();

    let orders: Vec<Vec<Vec<u8>>> = thread::scope(|scope| {
        for sender in 0..SENDERS {
            let hub = &hub;
            scope.spawn(move || {
                let name = format!("s{sender}");
                let mut stream = hub.open(&name, false);
                for number in 0..MESSAGES {
                    let [high, low] = number.to_be_bytes();
                    let body = [sender, high, low];
                    send(&mut stream, &frame(bits::AGREED, &name, &[b"g"], &body));
                }
                await_own_echo(&mut stream, &name);
            });
        }
        let readers: Vec<_> = receivers
            .iter_mut()
            .map(|stream| {
                let count = usize::from(SENDERS) * usize::from(MESSAGES);
                scope.spawn(move || (0..count).map(|_| read_frame(stream).body).collect())
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader"))
            .collect()
    });

    assert!(orders.iter().all(|order| *order == orders[0]));
    for sender in 0..SENDERS {
        let of_sender: Vec<u16> = orders[0]
            .iter()
            .filter(|body| body[0] == sender)
            .map(|body| u16::from_be_bytes([body[1], body[2]]))
            .collect();
        assert_eq!(of_sender, (0..MESSAGES).collect::<Vec<_>>());
    }
}

/// A log sender may send its last and be gone at once, without having read anything.
#[test]
fn what_a_client_sent_before_it_closed_is_delivered() {
    let hub = RunningHub::start(RunningHub::options());
    let mut receiver = hub.open("receiver", false);
    join(&mut receiver, "receiver", "g");
    let mut sender = hub.open("sender", false);
    join(&mut sender, "sender", "g");

    for number in 0..1_000_u16 {
        let body = number.to_be_bytes();
        send(&mut sender, &frame(bits::AGREED, "sender", &[b"g"], &body));
    }
    send(
        &mut sender,
        &frame(bits::KILL, "sender", &[b"#sender#hub"], b""),
    );
    sender.shutdown(Shutdown::Write).expect("a shutdown");

    for number in 0..1_000_u16 {
        assert_eq!(read_frame(&mut receiver).body, number.to_be_bytes());
    }
    drop(sender);
}

#[test]
fn a_flood_does_not_starve_the_others() {
    let hub = RunningHub::start(RunningHub::options());
    let stop = AtomicBool::new(false);
    let flood = frame(bits::RELIABLE, "flood", &[b"nobody"], &[b'x'; 1_000]).repeat(64);

    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = hub.open("flood", false);
            while !stop.load(Ordering::Relaxed) {
                send(&mut stream, &flood);
            }
        });
        let mut polite = hub.open("polite", false);
        for _ in 0..200 {
            await_own_echo(&mut polite, "polite");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn more_sessions_than_a_daemon_takes_are_served() {
    const SESSIONS: usize = 1_100;
    if rustix::process::getrlimit(rustix::process::Resource::Nofile).current < Some(2_400) {
        let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let raised = rustix::process::Rlimit {
            current: limits.maximum,
            ..limits
        };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("a limit");
    }
    let hub = RunningHub::start(RunningHub::options());

    let mut sessions: Vec<TcpStream> = (0..SESSIONS)
        .map(|number| {
            let name = format!("s{number}");
            let mut stream = hub.open(&name, false);
            join(&mut stream, &name, "g");
            stream
        })
        .collect();
    send(
        &mut sessions[0],
        &frame(bits::AGREED, "s0", &[b"g"], b"to all"),
    );

    for stream in &mut sessions {
        assert_eq!(read_frame(stream).body, b"to all");
    }
}

#[test]
fn what_waits_is_written_before_a_stopped_hub_ends_the_sessions() {
    let mut hub = RunningHub::start(RunningHub::options());
    let mut receiver = hub.open("receiver", false);
    join(&mut receiver, "receiver", "g");
    let mut sender = hub.open("sender", false);
    let body = vec![b'x'; 50_000];
    for _ in 0..100 {
        send(&mut sender, &frame(bits::AGREED, "sender", &[b"g"], &body));
    }
    await_own_echo(&mut sender, "sender");

    let reader = thread::spawn(move || {
        (0..100).for_each(|_| assert_eq!(read_frame(&mut receiver).body.len(), 50_000));
        read_to_end(&mut receiver)
    });
    hub.stop();

    assert_eq!(reader.join().expect("all was written"), b"");
    let refused = TcpStream::connect(hub.address).expect_err("nobody listens any more");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Valid frames with some bytes changed, cut off anywhere, in front of a session or in it.
    #[test]
    fn whatever_a_client_writes_the_others_are_served(
        at_once in any::<bool>(),
        changes in vec((0_usize..400, any::<u8>()), 0..6),
        cut in 0_usize..400,
    ) {
        let hub = hub_of_the_hostile();
        let mut bytes = frame(bits::JOIN, "hostile", &[b"g"], b"");
        bytes.extend(frame(bits::AGREED, "hostile", &[b"g", b"#witness#hub"], &[b'x'; 100]));
        bytes.extend(frame(bits::KILL, "hostile", &[b"#hostile#hub"], b""));
        let len = bytes.len();
        changes.iter().for_each(|(at, byte)| bytes[at % len] = *byte);
        bytes.truncate(cut);

        let mut hostile = if at_once { hub.connect() } else { hub.open("hostile", true) };
        // It may be ended, and its connection reset, before it has written everything.
        drop(hostile.write_all(&bytes));
        drop(hostile.shutdown(Shutdown::Write));
        drop(hostile.read_to_end(&mut Vec::new()));

        let mut witness = hub.open("witness", false);
        await_own_echo(&mut witness, "witness");
        send(&mut witness, &frame(bits::KILL, "witness", &[b"#witness#hub"], b""));
        prop_assert_eq!(read_to_end(&mut witness), b"");
    }
}

/// One hub for all cases, which therefore also shows that nothing is left behind.
fn hub_of_the_hostile() -> &'static RunningHub {
    static HUB: LazyLock<RunningHub> = LazyLock::new(|| RunningHub::start(RunningHub::options()));
    &HUB
}
