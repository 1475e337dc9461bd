//! The logging host's side alone: its timing and its limits.

use super::super::LostLines;
use super::*;
use crate::name::{GroupName, PrivateGroup};

fn group(name: &str) -> StreamGroup {
    StreamGroup::try_from(GroupName::new(name).unwrap()).unwrap()
}

fn key(instance: u8) -> Key {
    Key {
        instance: Instance::from_random([instance; 8]),
        group: group("g"),
    }
}

fn number(number: u64) -> Number {
    Number::new(number).unwrap()
}

fn publisher() -> Name {
    PrivateGroup::new("#LAAAAAAAAA#web").unwrap().into()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn control(key: Key, retained: u64, next: u64) -> Control {
    Control {
        instance: key.instance,
        boot: 0,
        host: String::new(),
        program: String::new(),
        pid: 0,
        group: key.group,
        next: number(next),
        retained: number(retained),
        lines: 0,
        bytes: 0,
        lost: LostLines::default(),
        cut: 0,
        leaving: false,
    }
}

/// A receiver, and what it has taken.
struct Host {
    receiver: Receiver<()>,
    taken: Vec<Taken<()>>,
}

impl Host {
    fn new() -> Self {
        Self {
            receiver: Receiver::new(HostId(1)),
            taken: Vec::new(),
        }
    }

    fn data(&mut self, key: Key, n: u64, now: Duration) {
        let place = (key, number(n));
        self.receiver
            .data(place, publisher(), ((), 100), now, &mut self.taken);
    }

    fn control(&mut self, key: Key, retained: u64, next: u64, now: Duration) {
        let control = control(key, retained, next);
        self.receiver
            .control(&control, publisher(), now, &mut self.taken);
    }

    /// Everything taken is written.
    fn write(&mut self, now: Duration) -> Vec<u64> {
        let taken = std::mem::take(&mut self.taken);
        for message in &taken {
            self.receiver.safe(message.key, message.number, now);
        }
        taken.iter().map(|message| message.number.get()).collect()
    }

    fn said(&mut self, now: Duration) -> Vec<String> {
        let mut said = Vec::new();
        while let Some((to, notice)) = self.receiver.poll(now, &mut self.taken) {
            assert_eq!(to, publisher());
            said.push(match notice {
                Notice::Ack(ack) => {
                    let numbers: Vec<u64> = ack.safe.iter().map(|(_, _, n)| *n).collect();
                    format!("ack {numbers:?}")
                }
                Notice::Need(need) => format!("need {:?}", need.ranges[0].2),
                other => format!("{other:?}"),
            });
        }
        said
    }
}

#[test]
fn a_stream_begins_with_what_its_publisher_still_has() {
    let mut host = Host::new();
    host.data(key(0), 7, millis(0));
    assert!(host.taken.is_empty(), "held");

    host.control(key(0), 5, 8, millis(1));

    assert_eq!(host.write(millis(1)), [7]);
    assert_eq!(host.said(millis(1)), ["ack [4]"]);
    assert_eq!(host.said(millis(501)), ["need [5..=6]"]);
}

/// It comes every 5 s; what was kept for whoever comes is not to depend on when that is.
#[test]
fn a_stream_that_is_heard_in_its_midst_waits_for_the_next_control() {
    let mut host = Host::new();
    host.data(key(0), 7, millis(0));
    assert!(host.said(millis(5000)).is_empty());

    host.control(key(0), 1, 9, millis(5000));

    assert_eq!(host.write(millis(5000)), [7]);
    assert_eq!(host.said(millis(5000)), ["ack [0]"]);
    assert_eq!(host.said(millis(5500)), ["need [1..=6, 8..=8]"]);
}

#[test]
fn without_a_control_it_begins_with_what_came_after_6_s() {
    let mut host = Host::new();
    host.data(key(0), 7, millis(0));
    host.data(key(0), 8, millis(5999));
    assert!(host.said(millis(5999)).is_empty());

    assert!(host.said(millis(6000)).is_empty());

    assert_eq!(host.write(millis(6000)), [7, 8]);
    host.control(key(0), 1, 9, millis(7000));
    assert_eq!(
        host.said(millis(7000)),
        ["ack [8]"],
        "what was before is before its time"
    );
    assert!(host.said(millis(9000)).is_empty());
}

#[test]
fn at_a_stop_nothing_is_held() {
    let mut host = Host::new();
    host.data(key(0), 7, millis(0));
    host.data(key(1), 1, millis(0));

    host.receiver.hurry(millis(1), &mut host.taken);

    assert_eq!(host.write(millis(1)), [7, 1]);
}

#[test]
fn before_a_stop_everybody_is_told_at_once() {
    let mut host = Host::new();
    for instance in 0..3 {
        host.control(key(instance), 1, 1, millis(0));
    }
    (0..10).for_each(|at| drop(host.said(millis(at))));
    host.data(key(0), 1, millis(20));
    host.data(key(2), 1, millis(20));
    host.write(millis(20));

    assert_eq!(host.receiver.last_acks(millis(21)).len(), 2);
    assert!(host.receiver.last_acks(millis(21)).is_empty());
}

#[test]
fn held_messages_are_bounded() {
    let mut host = Host::new();
    for n in 1..=HELD_BYTES_MAX as u64 / 100 + 1 {
        host.data(key(0), n, millis(0));
    }
    assert!(host.taken.len() > 1000);
    assert_eq!(host.receiver.held_bytes, 0);
}

#[test]
fn a_message_is_taken_once_and_acknowledged_when_it_is_written() {
    let mut host = Host::new();
    host.control(key(0), 1, 1, millis(0));
    assert_eq!(host.said(millis(0)), ["ack [0]"]);
    host.data(key(0), 1, millis(10));
    host.data(key(0), 1, millis(10));
    assert_eq!(host.said(millis(400)), [""; 0], "it may be lost still");

    assert_eq!(host.write(millis(400)), [1]);
    host.data(key(0), 1, millis(401));
    assert!(host.write(millis(401)).is_empty());
    assert!(host.said(millis(649)).is_empty());
    assert_eq!(host.said(millis(650)), ["ack [1]"]);
    assert_eq!(
        host.receiver.deadline(),
        None,
        "and then there is nothing to do"
    );
}

#[test]
fn what_could_not_be_written_is_asked_for_again() {
    let mut host = Host::new();
    host.control(key(0), 1, 1, millis(0));
    host.said(millis(0));
    host.data(key(0), 1, millis(0));

    host.receiver.dropped(key(0), number(1), millis(0));
    assert_eq!(host.said(millis(1000)), ["need [1..=1]"]);
    host.taken.clear();
    host.data(key(0), 1, millis(1100));

    assert_eq!(host.write(millis(1100)), [1]);
}

/// A disk that is full for an hour must not have the farm send the same messages every second.
#[test]
fn while_nothing_can_be_written_questions_become_rarer() {
    let mut host = Host::new();
    host.control(key(0), 1, 3, millis(0));
    host.said(millis(0));
    let mut asked = Vec::new();
    for second in 0..120 {
        let now = millis(second * 1000 + 500);
        if !host.said(now).is_empty() {
            asked.push(second);
            for n in [1, 2] {
                host.data(key(0), n, now);
                host.receiver.dropped(key(0), number(n), now);
            }
        }
    }
    assert!(asked.len() <= 9, "{asked:?}");

    host.data(key(0), 1, millis(121_000));
    host.write(millis(121_000));
    let now = millis(151_000);
    assert!(host.said(now).contains(&"need [2..=2]".to_owned()));
    host.data(key(0), 2, now);
    assert_eq!(host.write(now), [2]);
}

#[test]
fn what_is_missing_is_told_once() {
    let mut host = Host::new();
    host.control(key(0), 1, 4, millis(0));
    host.data(key(0), 2, millis(0));
    for second in 0..10 {
        host.said(millis(second * 1000));
    }

    let news: Vec<News> = host.receiver.news().skip(1).collect();
    assert_eq!(
        news,
        [News::Missing(key(0), 1..=1), News::Missing(key(0), 3..=3)]
    );
}

#[test]
fn questions_become_rarer_until_an_answer_comes() {
    let mut host = Host::new();
    host.control(key(0), 1, 3, millis(0));
    host.said(millis(0));
    let mut asked = Vec::new();
    for second in 0..120 {
        if !host.said(millis(second * 1000 + 500)).is_empty() {
            asked.push(second);
        }
    }
    assert_eq!(asked, [0, 1, 3, 7, 15, 31, 61, 91]);

    host.data(key(0), 1, millis(120_000));
    assert_eq!(host.said(millis(121_000)), ["need [2..=2]"]);
}

#[test]
fn no_more_is_asked_for_than_can_be_taken() {
    let mut host = Host::new();
    for instance in 0..3 {
        host.control(key(instance), 1, 201, millis(0));
    }
    let acks: usize = (0..10).map(|at| host.said(millis(at)).len()).sum();
    assert_eq!(acks, 3);

    // Whoever is last may have one, so that nobody is kept from asking by others.
    let said = host.said(millis(500));
    assert_eq!(said, ["need [1..=200]", "need [1..=56]", "need [1..=1]"]);
    for n in 1..=200 {
        host.data(key(0), n, millis(501));
        host.data(key(2), 1, millis(501));
    }
    assert_eq!(host.said(millis(501)), ["need [2..=200]"]);
    let said = host.said(millis(1500));
    assert_eq!(said, ["need [1..=1]"], "of whom nothing has come");
}

#[test]
fn what_the_publisher_no_longer_has_is_lost_and_told() {
    let mut host = Host::new();
    host.control(key(0), 1, 1, millis(0));
    host.data(key(0), 2, millis(0));
    host.control(key(0), 5, 6, millis(0));
    host.write(millis(0));

    let news: Vec<News> = host.receiver.news().skip(1).collect();
    assert_eq!(
        news,
        [
            News::Lost(key(0), 1..=1, Cause::Gone),
            News::Lost(key(0), 3..=4, Cause::Gone)
        ]
    );
    assert_eq!(host.said(millis(0)), ["ack [4]"]);
}

#[test]
fn numbers_out_of_reason_cost_nothing() {
    let mut host = Host::new();
    host.control(key(0), 1, 1, millis(0));
    host.said(millis(0));
    host.data(key(0), u64::MAX - 1, millis(0));
    assert_eq!(host.said(millis(5000)), [""; 0], "nothing is asked for");
    let jump = News::Lost(key(0), 1..=u64::MAX - 2, Cause::Jump);
    assert!(host.receiver.news().any(|news| news == jump));

    // Every other message of a stream.
    host.control(key(1), 1, 1, millis(5000));
    for n in 1..5000 {
        host.data(key(1), 2 * n, millis(5000));
    }
    let (_, stream) = host
        .receiver
        .streams()
        .find(|(k, _)| **k == key(1))
        .unwrap();
    assert!(stream.lost_count() > 3000);
    assert!(stream.gaps().count() <= 1024);
    assert!(stream.lost().len() <= 1024);
}

#[test]
fn streams_are_bounded_and_the_ones_not_heard_of_for_longest_go() {
    let mut host = Host::new();
    let mut first = None;
    for n in 0..=STREAMS_MAX as u64 {
        let bytes = [n, n >> 6, n >> 12, 0, 0, 0, 0, 0].map(|b| (b & 63) as u8);
        let key = Key {
            instance: Instance::from_random(bytes),
            group: group("g"),
        };
        first.get_or_insert(key);
        host.control(key, 1, 1, millis(n));
    }

    assert!(host.receiver.streams().count() <= STREAMS_MAX);
    assert!(!host.receiver.streams.contains_key(&first.unwrap()));
}

#[test]
fn a_publisher_silent_for_30_days_is_given_up() {
    let mut host = Host::new();
    host.control(key(0), 1, 3, millis(0));
    host.said(millis(0));

    host.said(SILENCE_MAX + millis(1));

    let news: Vec<News> = host.receiver.news().skip(1).collect();
    let lost = News::Lost(key(0), 1..=2, Cause::Silence);
    assert_eq!(news, [lost, News::Forgotten(key(0))]);
    assert_eq!(host.receiver.deadline(), None);
}

#[test]
fn acks_of_many_publishers_are_400_a_second() {
    let mut host = Host::new();
    for instance in 0..100 {
        host.control(key(instance), 1, 1, millis(0));
    }
    let acks: usize = (0..100).map(|at| host.said(millis(at)).len()).sum();
    assert!((30..=41).contains(&acks), "{acks} in 100 ms");
}

#[test]
fn one_ack_tells_of_all_groups_of_a_publisher() {
    let mut host = Host::new();
    for name in ["a", "b", "c"] {
        let key = Key {
            group: group(name),
            ..key(0)
        };
        host.control(key, 1, 1, millis(0));
    }
    assert_eq!(host.said(millis(100)), ["ack [0, 0, 0]"]);
}

#[test]
fn a_ledger_goes_on_where_it_was() {
    let mut host = Host::new();
    host.receiver.restore(key(0), kept(8), millis(0));

    host.data(key(0), 5, millis(0));
    host.data(key(0), 9, millis(0));

    assert_eq!(host.write(millis(0)), [9]);
    assert_eq!(host.said(millis(500)), ["need [6..=6]", "ack [5]"]);
    let bye: Vec<_> = host.receiver.farewell().collect();
    assert_eq!(bye, [(publisher(), Notice::Bye(Bye { host: HostId(1) }))]);
}

/// 1 to 5, 7 and 8 are safe.
fn kept(known_to: u64) -> KeptStream {
    KeptStream {
        base: 1,
        known_to,
        safe: [1..=5, 7..=8].into_iter().collect(),
        lost: Ranges::default(),
    }
}

/// Its publisher may be silent for a minute from here on.
#[test]
fn what_only_an_old_control_told_of_is_asked_for_with_the_rest() {
    let mut host = Host::new();
    host.receiver.restore(key(0), kept(12), millis(0));

    host.data(key(0), 10, millis(100));

    assert_eq!(host.write(millis(100)), [10]);
    assert_eq!(
        host.said(millis(600)),
        ["need [6..=6, 9..=9, 11..=12]", "ack [5]"]
    );
}

#[test]
fn a_publisher_is_asked_at_its_first_word_however_long_it_was_silent() {
    let mut host = Host::new();
    host.receiver.restore(key(0), kept(8), millis(0));
    for second in 1..100 {
        assert!(host.said(millis(second * 1000)).is_empty(), "of whom?");
    }

    host.data(key(0), 5, millis(100_000));

    assert_eq!(host.said(millis(100_500)), ["need [6..=6]"]);
}

/// A publisher that has died without a spool will never answer.
#[test]
fn those_who_do_not_answer_keep_nobody_from_asking() {
    let mut host = Host::new();
    host.control(key(0), 1, 10_000, millis(0));
    host.said(millis(500));
    host.said(millis(60_000));

    host.control(key(1), 1, 3, millis(60_000));

    let said = host.said(millis(60_500));
    assert!(said.contains(&"need [1..=2]".to_owned()), "{said:?}");
}
