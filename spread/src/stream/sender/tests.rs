//! The publisher's side alone: its timing, its limits, and how it leaves.

use std::ops::RangeInclusive;

use super::super::{Ack, Bye, Need};
use super::asked::REPAIRS_MAX;
use super::*;
use crate::name::{GroupName, PrivateGroup};

const HOST: HostId = HostId(1);

fn group() -> StreamGroup {
    let group = GroupName::new("g").unwrap();
    StreamGroup::try_from(group).unwrap()
}

fn instance() -> Instance {
    Instance::from_random([0; 8])
}

fn asker() -> Name {
    PrivateGroup::new("#host#d").unwrap().into()
}

fn sender() -> Sender<u64> {
    let identity = Identity {
        instance: instance(),
        boot: 1,
        host: "web".into(),
        program: "test".into(),
        pid: 1,
    };
    Sender::new(identity, group(), 1_000_000)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ack(number: u64) -> Notice {
    let safe = vec![(group(), instance(), number)];
    Notice::Ack(Ack { host: HOST, safe })
}

fn need(ranges: &[RangeInclusive<u64>]) -> Notice {
    let ranges = vec![(group(), instance(), ranges.to_vec())];
    Notice::Need(Need { host: HOST, ranges })
}

/// All that is to be sent now, in short; controls come back at once if they are `echoed`.
fn send(sender: &mut Sender<u64>, now: Duration, echoed: bool) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(next) = sender.next(now, |_| true) {
        sent.push(match next {
            Next::Control(body) => {
                let notice = Notice::parse(&body).unwrap();
                let Notice::Control(control) = &notice else {
                    panic!("{notice:?}");
                };
                let leaving = if control.leaving { " leaving" } else { "" };
                let text = format!("control {}-{}{leaving}", control.retained, control.next);
                if echoed {
                    sender.received(Name::EMPTY, &notice, now);
                }
                text
            }
            Next::Answer(to, body) => {
                assert!(matches!(Notice::parse(&body), Ok(Notice::Control(_))));
                format!("answer {to}")
            }
            Next::Data(number, _) => format!("data {number}"),
            Next::Repair(_, number, _) => format!("repair {number}"),
        });
    }
    sender.written(sent.len(), now);
    sent
}

#[test]
fn data_waits_for_the_first_ack_or_two_seconds_on_every_connection() {
    let mut sender = sender();
    sender.push(1, 10, 1);
    assert!(
        send(&mut sender, secs(0), true).is_empty(),
        "there is no connection"
    );

    sender.connected(secs(1));
    assert_eq!(send(&mut sender, secs(1), true), ["control 1-1"]);
    assert_eq!(send(&mut sender, secs(3), true), ["data 1"]);
    sender.connected(secs(10));
    sender.push(2, 10, 1);
    assert_eq!(send(&mut sender, secs(10), true), ["control 1-2"]);
    sender.received(asker(), &ack(1), secs(11));
    assert_eq!(send(&mut sender, secs(11), true), ["data 2"]);
}

#[test]
fn a_control_is_sent_every_5_s_while_something_moves_and_every_60_s_otherwise() {
    let mut sender = sender();
    sender.connected(secs(0));
    assert_eq!(send(&mut sender, secs(0), true), ["control 1-1"]);
    sender.received(asker(), &ack(0), secs(0));

    assert!(send(&mut sender, secs(59), true).is_empty());
    assert_eq!(send(&mut sender, secs(60), true), ["control 1-1"]);
    sender.push(1, 10, 1);
    assert_eq!(send(&mut sender, secs(61), true), ["data 1"]);
    assert!(send(&mut sender, secs(64), true).is_empty());
    assert_eq!(send(&mut sender, secs(65), true), ["control 1-2"]);
    sender.set_before(Before {
        queue_full: 1,
        cut: 0,
    });
    assert_eq!(
        send(&mut sender, secs(66), true),
        ["control 1-2"],
        "a loss is told at once"
    );
}

#[test]
fn a_connection_that_echoes_nothing_for_30_s_is_dead() {
    let mut sender = sender();
    sender.connected(secs(0));
    send(&mut sender, secs(0), true);
    assert!(!sender.is_dead(secs(59)));

    send(&mut sender, secs(60), false);
    assert!(!sender.is_dead(secs(89)));
    assert!(sender.is_dead(secs(90)));
    sender.connected(secs(91));
    assert!(!sender.is_dead(secs(91)));
}

#[test]
fn what_is_asked_for_goes_to_the_asker_before_new_data() {
    let mut sender = sender();
    sender.connected(secs(0));
    (1..=5).for_each(|line| {
        sender.push(line, 10, 1);
    });
    assert_eq!(send(&mut sender, secs(2), true).len(), 6);
    sender.push(6, 10, 1);

    sender.received(asker(), &need(&[2..=3, 5..=900]), secs(2));

    let sent = send(&mut sender, secs(2), true);
    assert_eq!(sent, ["repair 2", "repair 3", "repair 5", "data 6"]);
}

#[test]
fn who_asks_for_what_is_gone_is_told_how_far_back_the_store_goes() {
    let mut sender = sender();
    sender.connected(secs(0));
    (1..=5).for_each(|line| {
        sender.push(line, 10, 1);
    });
    send(&mut sender, secs(2), true);
    sender.received(asker(), &ack(3), secs(2));

    sender.received(asker(), &need(&[1..=4]), secs(2));
    sender.received(asker(), &need(&[1..=1]), secs(2));

    assert_eq!(
        send(&mut sender, secs(2), true),
        ["answer #host#d", "repair 4"]
    );
}

/// A question is as long as a line; what it has sent is bounded.
#[test]
fn no_question_makes_it_send_without_end() {
    let mut sender = sender();
    sender.connected(secs(0));
    (1..=2000).for_each(|line| {
        sender.push(line, 10, 1);
    });
    send(&mut sender, secs(2), true);

    for _ in 0..10 {
        sender.received(asker(), &need(&[1..=u64::MAX]), secs(2));
    }

    assert_eq!(send(&mut sender, secs(2), true).len(), REPAIRS_MAX);
}

#[test]
fn an_ack_of_what_was_never_sent_counts_for_what_was() {
    let mut sender = sender();
    sender.connected(secs(0));
    sender.push(1, 10, 1);
    send(&mut sender, secs(2), true);
    sender.push(2, 10, 1);

    sender.received(asker(), &ack(u64::MAX), secs(2));
    send(&mut sender, secs(2), true);

    assert_eq!(sender.store().retained().get(), 2);
}

#[test]
fn a_host_is_waited_for_until_it_says_bye_or_is_gone_for_10_minutes_of_connection() {
    for is_polite in [true, false] {
        let mut sender = sender();
        sender.connected(secs(0));
        sender.received(asker(), &ack(0), secs(0));
        sender.push(1, 10, 1);
        send(&mut sender, secs(0), true);
        sender.disconnected(secs(1));
        // An hour without a daemon is no time without a host.
        sender.connected(secs(3601));
        send(&mut sender, secs(3601), true);
        assert_eq!(sender.hosts(secs(3602)), 1);

        let other = Notice::Ack(Ack {
            host: HostId(2),
            safe: vec![(group(), instance(), 1)],
        });
        if is_polite {
            sender.received(asker(), &Notice::Bye(Bye { host: HOST }), secs(3602));
            sender.received(asker(), &other, secs(3602));
        } else {
            sender.received(asker(), &other, secs(3602));
            assert_eq!(sender.store().retained().get(), 1);
            sender.received(asker(), &other, secs(3601 + 599));
        }

        assert_eq!(sender.hosts(secs(3601 + 599)), 1);
        assert_eq!(sender.store().retained().get(), 2);
    }
}

#[test]
fn it_leaves_when_all_is_sent_echoed_and_acknowledged() {
    let mut sender = sender();
    sender.connected(secs(0));
    send(&mut sender, secs(0), true);
    sender.received(asker(), &ack(0), secs(0));
    sender.push(1, 10, 1);
    sender.leave();

    assert_eq!(sender.parting(secs(0)), Parting::Sending);
    assert_eq!(
        send(&mut sender, secs(0), false),
        ["data 1", "control 1-2 leaving"]
    );
    assert_eq!(sender.parting(secs(0)), Parting::Unconfirmed);
    // On another connection it is said again.
    sender.connected(secs(1));
    assert_eq!(send(&mut sender, secs(1), true), ["control 1-2 leaving"]);
    assert_eq!(sender.parting(secs(1)), Parting::Unacknowledged);
    sender.received(asker(), &ack(1), secs(1));
    assert_eq!(sender.parting(secs(1)), Parting::Done);
}

/// A host that was stopped a minute ago must not hold up a stop.
#[test]
fn a_host_not_heard_lately_gets_a_moment_to_answer_the_last_control() {
    let mut sender = sender();
    sender.connected(secs(0));
    sender.received(asker(), &ack(0), secs(0));
    sender.push(1, 10, 1);
    send(&mut sender, secs(0), true);
    sender.leave();
    send(&mut sender, secs(50), true);

    assert_eq!(sender.parting(secs(51)), Parting::Unacknowledged);
    assert_eq!(sender.parting(secs(52)), Parting::Done);
}

/// Who hears of it only on the next connection, or in an answer, must not take it for alive.
#[test]
fn once_it_has_said_that_it_leaves_every_control_says_so() {
    let mut sender = sender();
    sender.connected(secs(0));
    sender.leave();
    assert_eq!(send(&mut sender, secs(0), true), ["control 1-1 leaving"]);

    assert_eq!(send(&mut sender, secs(60), true), ["control 1-1 leaving"]);
    sender.connected(secs(61));
    assert_eq!(send(&mut sender, secs(61), true), ["control 1-1 leaving"]);
}

#[test]
fn a_stop_shortens_the_wait_for_hosts_that_may_come_back() {
    let mut sender = sender();
    sender.push(1, 10, 1);
    sender.connected(secs(1));
    assert_eq!(send(&mut sender, secs(1), true), ["control 1-1"]);
    sender.settle_by(secs(2));
    sender.settle_by(secs(3));

    assert!(!sender.is_settled(secs(1)));
    assert_eq!(send(&mut sender, secs(2), true), ["data 1"]);
}

#[test]
fn what_a_host_lacks_is_owed_to_it() {
    let mut sender = sender();
    sender.connected(secs(0));
    sender.received(asker(), &ack(0), secs(0));
    (1..=3).for_each(|line| {
        sender.push(line, 10, 2);
    });
    send(&mut sender, secs(0), true);
    sender.received(asker(), &ack(1), secs(1));

    let (hosts, owed) = sender.owed(secs(1)).unwrap();
    assert_eq!((hosts, owed.messages, owed.lines), (1, 2, 4));
    assert!(sender.is_awaited(secs(1)));
    assert!(!sender.is_awaited(secs(7)), "not heard lately");
    sender.received(asker(), &ack(3), secs(8));
    assert_eq!(sender.owed(secs(8)), None);
}
