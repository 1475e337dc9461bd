//! The books as they are printed, and the laws that they keep.

use proptest::prelude::*;
use spread::GroupName;
use spread::stream::{Cause, Control, HostId, Instance, LostLines, Notice, Number, StreamGroup};

use super::stream::State;
use super::*;
use crate::ledger::{Block, Entry, Event, FileAccount, read_image, write_image};
use crate::sink::{Holder, Identity};

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn source(random: u8) -> Source {
    Source {
        block: 0,
        instance: Some(Instance::from_random([random; 8])),
        group: group("access_log"),
    }
}

fn number(number: u64) -> Number {
    Number::new(number).unwrap()
}

/// What a publisher says when it has sent `lines` in the messages below `next`.
fn control(source: Source, next: u64, lines: u64) -> Control {
    Control {
        instance: source.instance.unwrap(),
        boot: 7,
        host: "web1".into(),
        program: "rthttpd".into(),
        pid: 4711,
        group: StreamGroup::try_from(source.group).unwrap(),
        next: number(next),
        retained: number(1),
        lines,
        bytes: 10 * lines,
        lost: LostLines::default(),
        cut: 0,
        leaving: false,
    }
}

/// A ledger that things happen to.
#[derive(Default)]
struct Story(Ledger);

impl Story {
    fn begin(&mut self, source: Source, base: u64, at: u64) {
        self.0.apply(&Event::Begun { source, base }, at);
    }

    fn hear(&mut self, source: Source, control: Control, at: u64) {
        let control = Notice::Control(control).write();
        self.0.apply(&Event::Heard { source, control }, at);
    }

    fn write(&mut self, source: Source, number: u64, lines: u32, at: u64) {
        let entry = Entry {
            source,
            number,
            lines,
            len: 10 * lines,
            files: 1,
            message_lines: lines,
            message_len: 10 * lines,
        };
        self.0.written(0, &entry, at);
    }

    /// None of its lines has a file.
    fn unplace(&mut self, source: Source, number: u64, lines: u32, at: u64) {
        let left_out = Event::LeftOut {
            source,
            number,
            lines: 0,
            len: 0,
        };
        self.0.apply(&left_out, at);
        let unplaced = Event::Unplaced {
            source,
            number,
            lines,
        };
        self.0.apply(&unplaced, at);
    }

    fn miss(&mut self, source: Source, range: std::ops::RangeInclusive<u64>, at: u64) {
        self.0.apply(&Event::Missing { source, range }, at);
    }

    fn lose(&mut self, source: Source, range: std::ops::RangeInclusive<u64>, at: u64) {
        let cause = Cause::Gone;
        let lost = Event::Lost {
            source,
            range,
            cause,
        };
        self.0.apply(&lost, at);
    }

    fn audit(&self, now: u64) -> Audit {
        self.look(now, Keeper::Runs(None), None)
    }

    fn look(&self, now: u64, keeper: Keeper, settled: Option<BTreeMap<Source, u64>>) -> Audit {
        let look = Look {
            place: "/var/log/.spreadlogd/access_log".into(),
            now,
            keeper,
            settled,
            since: None,
            recounts: Vec::new(),
        };
        let audit = Audit::of(&self.0, look);
        laws::hold(&audit);
        audit
    }
}

fn only(audit: &Audit) -> &StreamBooks {
    &audit.blocks[0].groups[0].streams[0]
}

/// Some of everything, as an operator sees it. The moment is that of `when`.
#[test]
fn the_table_says_what_is_missing_and_why() {
    let now = 1_795_845_001;
    let mut story = Story::default();
    story.0.blocks.push(Block {
        name: "4803@localhost".into(),
        host: HostId(0x00f3_a1b2_c3d4_e5f6),
    });
    let (whole, holed) = (source(0), source(1));
    story.begin(whole, 1, now - 500);
    for n in 1..=3 {
        story.write(whole, n, 411_500, now - 400);
    }
    let said = Control {
        lost: LostLines {
            queue_full: 5,
            buffer_full: 2,
        },
        leaving: true,
        ..control(whole, 4, 1_234_500)
    };
    story.hear(whole, said, now - 400);
    story.begin(holed, 3, now - 900);
    story.miss(holed, 4..=7, now - 800);
    for n in [3, 8, 5] {
        story.write(holed, n, 10, now - 700);
    }
    story.hear(holed, control(holed, 9, 100), now - 600);
    story.lose(holed, 4..=4, now - 600);
    story.write(holed, 9, 1, now - 590);
    let strangers = Source {
        instance: None,
        ..holed
    };
    story.write(strangers, 0, 42, now - 10);
    let holder = Holder {
        pid: 12,
        program: None,
    };

    let audit = story.look(now, Keeper::Runs(Some(holder)), None);

    assert_eq!(
        audit.text(),
        "\
ledger /var/log/.spreadlogd/access_log
at 2026-11-28 05:50:01Z, while process 12 writes it

4803@localhost, as logging host 00f3a1b2c3d4e5f6

access_log                                              served  lost there        written   not here
  web1 rthttpd 4711            AAAAAAAA left         1,234,507           7      1,234,500          0
      lost there: 5 queue_full, 2 buffer_full
  web1 rthttpd 4711            BBBBBBBB ended              101           0             31         70
      ended without leaving, tail unknown; last heard of 2026-11-28 05:40:11Z
      messages not here: 2 missing, 1 lost here, 2 before this logging host's time
      lost    4 since 2026-11-28 05:36:41Z, given up 2026-11-28 05:40:01Z
              their publisher no longer has them
      missing 6-7 since 2026-11-28 05:36:41Z
  all of them                                        1,234,608           7      1,234,531         70
  senders without numbers                                                              42

2 messages are missing.
1 message is lost here for good.
7 lines were lost by their publishers before they were sent.
1 stream ended without leaving: what it sent last is unknown.
"
    );
    assert!(!audit.is_whole(false));
}

#[test]
fn a_whole_ledger_is_one_sentence() {
    let mut story = Story::default();
    assert!(story.audit(9).text().ends_with("\nNothing has come yet.\n"));
    story.begin(source(0), 1, 1);
    story.write(source(0), 1, 1_000, 1);
    story.hear(source(0), control(source(0), 2, 1_000), 2);

    let audit = story.audit(9);

    let text = audit.text();
    assert!(
        text.ends_with("\n\nNothing is missing: 1,000 lines are written.\n"),
        "{text}"
    );
    assert!(audit.is_whole(true));
}

#[test]
fn a_publisher_has_left_or_ended_by_what_the_logging_host_could_hear() {
    let gone = Keeper::Gone;
    let cases = [
        (Keeper::Runs(None), false, 0, 1_300, State::Running, false),
        (Keeper::Runs(None), false, 0, 1_301, State::Ended, true),
        // It listens anew, and has had no time to hear.
        (
            Keeper::Runs(None),
            false,
            1_200,
            1_301,
            State::Running,
            false,
        ),
        (Keeper::Runs(None), true, 0, 9_999, State::Left, false),
        // What came since then nobody knows.
        (gone(1_200), false, 0, 9_999, State::Running, true),
        (gone(1_400), false, 0, 9_999, State::Ended, true),
        (gone(1_200), true, 0, 9_999, State::Left, false),
    ];
    for (keeper, leaving, since, now, state, is_unknown) in cases {
        let mut story = Story::default();
        story.0.since = since;
        story.begin(source(0), 1, 900);
        let said = Control {
            leaving,
            ..control(source(0), 1, 0)
        };
        story.hear(source(0), said, 1_000);

        let case = format!("{keeper:?} {leaving} {since} {now}");
        let audit = story.look(now, keeper, None);

        assert_eq!(only(&audit).state, state, "{case}");
        assert_eq!(audit.is_whole(true), !is_unknown, "{case}");
        assert!(audit.is_whole(false), "{case}");
    }
}

/// Of a running logging host the newest messages may be between the daemon and the file.
#[test]
fn what_was_not_known_a_moment_ago_is_on_its_way() {
    let mut story = Story::default();
    story.begin(source(0), 1, 1);
    story.write(source(0), 2, 10, 1);
    story.hear(source(0), control(source(0), 6, 50), 2);
    let settled = Some(BTreeMap::from([(source(0), 2)]));

    let audit = story.look(9, Keeper::Runs(None), settled);

    let messages = &only(&audit).messages;
    assert_eq!((messages.missing, messages.on_their_way), (1, 3));
    assert!(only(&audit).agrees);
}

#[test]
fn lines_that_do_not_add_up_are_said() {
    for said in [9, 11] {
        let mut story = Story::default();
        story.begin(source(0), 1, 1);
        story.write(source(0), 1, 10, 1);
        story.hear(source(0), control(source(0), 2, said), 2);

        let audit = story.audit(9);

        assert!(!audit.is_whole(false), "{said}");
        assert!(audit.text().contains("do not add up"), "{}", audit.text());
    }
}

/// Names come from anybody who reaches the daemon.
#[test]
fn no_name_gives_orders_to_a_terminal() {
    let mut story = Story::default();
    story.begin(source(0), 1, 1);
    let said = Control {
        host: "h\u{f6}st\u{1b}[2J".repeat(20),
        program: "\n".repeat(9),
        ..control(source(0), 1, 0)
    };
    story.hear(source(0), said, 2);

    // The laws look at every character.
    let text = story.audit(9).text();

    assert!(text.contains("  h\\u{f6}s"), "{text}");
}

#[test]
fn files_are_told_as_they_were_counted() {
    let file = |path: &str| FileAccount {
        path: path.into(),
        identity: Identity {
            device: 1,
            inode: 2,
        },
        is_ours: true,
        start: 0,
        length: 100,
        lines: 10,
        is_open: false,
        used: 0,
    };
    let counted = |lines| Recount::Lines {
        lines,
        path: "log.1".into(),
    };
    let gone = Recount::Not(WhyNot::Gone);
    for (recount, says, is_whole) in [
        (
            counted(10),
            "  log.1\n      10 lines, as they were written\n",
            true,
        ),
        (
            counted(9),
            "  log.1\n      9 lines, where 10 were written\n",
            false,
        ),
        (
            gone,
            "  log\n      cannot be counted: it is not there: ",
            true,
        ),
    ] {
        let mut ledger = Ledger::default();
        ledger.files.open(file("log"));
        let look = Look {
            place: "ledger".into(),
            now: 9,
            keeper: Keeper::Gone(8),
            settled: None,
            since: None,
            recounts: vec![recount],
        };

        let audit = Audit::of(&ledger, look);

        laws::hold(&audit);
        assert!(audit.text().contains(says), "{}", audit.text());
        assert_eq!(audit.is_whole(true), is_whole, "{says}");
    }
}

/// A day's audit is of that day: what was given up before it, and streams that were over, have been
/// told of the day before. What is missing now is missing.
#[test]
fn what_was_over_before_is_left_out_when_that_is_asked() {
    let mut story = Story::default();
    let (over, alive) = (source(0), source(1));
    story.begin(over, 1, 100);
    story.miss(over, 1..=1, 100);
    story.write(over, 2, 10, 100);
    story.lose(over, 1..=1, 200);
    story.begin(alive, 1, 100);
    for n in [1, 3, 5, 7] {
        story.write(alive, n, 10, 100);
        story.miss(alive, n + 1..=n + 1, 100);
    }
    story.lose(alive, 2..=2, 200);
    story.lose(alive, 4..=4, 600);
    story.unplace(alive, 9, 10, 100);
    story.write(alive, 10, 10, 700);
    let since = |since: u64| {
        let mut ledger = story.0.clone();
        ledger.leave_out_before(since);
        let look = Look {
            place: "ledger".into(),
            now: 1_000,
            keeper: Keeper::Runs(None),
            settled: None,
            since: Some(since),
            recounts: Vec::new(),
        };
        let audit = Audit::of(&ledger, look);
        laws::hold(&audit);
        let totals = &audit.totals;
        (totals.streams, totals.lost, totals.missing, totals.unplaced)
    };

    assert_eq!(since(1), (2, 3, 2, 10));
    assert_eq!(since(150), (2, 3, 2, 0));
    assert_eq!(since(500), (1, 1, 2, 0));
    assert_eq!(since(601), (1, 0, 2, 0));
    assert_eq!(since(701), (0, 0, 0, 0));
}

/// What has become of a message of the publisher's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Comes,
    /// After all others.
    Repaired,
    Missing,
    Lost,
    /// And no file can be opened for it.
    Unplaced,
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![
        6 => Just(Way::Comes),
        1 => Just(Way::Repaired),
        1 => Just(Way::Missing),
        1 => Just(Way::Lost),
        1 => Just(Way::Unplaced),
    ]
}

proptest! {
    /// The law of the books: whatever comes, gets lost or is repaired, and whenever the publisher
    /// says how far it is, the lines that are not here are those of the messages that are not.
    #[test]
    fn the_books_are_what_happened(
        messages in prop::collection::vec((1..50_u32, way(), prop::bool::weighted(0.2)), 1..40),
        base in 1..5_u64,
        saved: prop::sample::Index,
    ) {
        let (it, mut story) = (source(0), Story::default());
        story.begin(it, base, 1);
        let numbered = || (1_u64..).zip(&messages);
        let (mut said, mut told) = (0, None);
        for (n, (lines, way, speaks)) in numbered() {
            said += u64::from(*lines);
            if n >= base && *way == Way::Comes {
                story.write(it, n, *lines, 2);
            }
            if n >= base && *way == Way::Unplaced {
                story.unplace(it, n, *lines, 2);
            }
            if *speaks {
                story.hear(it, control(it, n + 1, said), 2);
                told = Some((n, said));
            }
            if saved.index(messages.len()) as u64 == n - 1 {
                // A checkpoint and a restart change nothing.
                story.0 = read_image(&write_image(&story.0, 1).unwrap()).unwrap().0;
            }
        }
        for (n, (lines, way, _)) in numbered().filter(|(n, _)| *n >= base) {
            match way {
                Way::Repaired => story.write(it, n, *lines, 3),
                Way::Lost => story.lose(it, n..=n, 3),
                Way::Comes | Way::Missing | Way::Unplaced => {}
            }
        }

        let audit = story.audit(4);

        let is_here = |n: u64, way: Way| n >= base && matches!(way, Way::Comes | Way::Repaired);
        let lines_of = |wanted: &dyn Fn(u64, Way) -> bool| -> u64 {
            numbered().filter(|(n, (_, way, _))| wanted(*n, *way)).map(|(_, (l, ..))| u64::from(*l)).sum()
        };
        let books = only(&audit);
        let is_given_up = |(n, (_, way, _)): &(u64, &(u32, Way, bool))| *n >= base && *way == Way::Lost;
        prop_assert_eq!(books.lines.written, lines_of(&is_here));
        prop_assert_eq!(books.messages.lost, numbered().filter(is_given_up).count() as u64);
        let is_unplaced = |n: u64, way: Way| n >= base && way == Way::Unplaced;
        prop_assert_eq!(books.lines.unplaced, lines_of(&is_unplaced));
        prop_assert!(books.agrees);
        if let Some((to, said)) = told {
            let absent = lines_of(&|n, way| {
                n <= to && !is_here(n, way) || is_unplaced(n, way)
            });
            let since = lines_of(&|n, way| n > to && (is_here(n, way) || is_unplaced(n, way)));
            prop_assert_eq!(books.lines.absent, Some(absent));
            prop_assert_eq!(books.lines.served, Some(said + since));
            let top = numbered()
                .filter(|(n, (_, way, _))| {
                    let is_settled = matches!(way, Way::Lost | Way::Unplaced);
                    is_here(*n, *way) || (*n >= base && is_settled)
                })
                .map(|(n, _)| n)
                .max();
            let top = top.unwrap_or(0).max(to);
            let missing = numbered().filter(|(n, (_, way, _))| {
                (base..=top).contains(n) && *way == Way::Missing
            });
            prop_assert_eq!(books.messages.missing, missing.count() as u64);
        } else {
            prop_assert_eq!(books.lines.served, None);
        }
    }
}
