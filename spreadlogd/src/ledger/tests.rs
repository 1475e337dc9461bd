//! Laws of the ledger: its forms on disk give back what was put in, and a journal cut anywhere is
//! repeated to a ledger that agrees with the files.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use spread::stream::Cause;

use super::files::CLOSED_FILES_MAX;
use super::*;
use crate::sink::Identity;

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn source(instance: Option<u8>) -> Source {
    Source {
        block: 0,
        instance: instance.map(|byte| Instance::from_random([byte; 8])),
        group: group("access_log"),
    }
}

fn any_source() -> impl Strategy<Value = Source> {
    let instance = prop::option::of(0..4_u8);
    (0..3_u16, instance, "[a-z\\\\$]{1,27}").prop_map(|(block, instance, name)| Source {
        block,
        group: group(&name),
        ..source(instance)
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    (any_source(), 0..100_u64, 0..50_u32, 0..5000_u32, 1..3_u16).prop_map(
        |(source, number, lines, len, files)| Entry {
            source,
            number,
            lines,
            len,
            files,
            message_lines: lines,
            message_len: len,
        },
    )
}

fn any_range() -> impl Strategy<Value = RangeInclusive<u64>> {
    (1..1000_u64, 0..1000_u64).prop_map(|(first, more)| first..=first + more)
}

fn any_event() -> impl Strategy<Value = Event> {
    let cause = prop::sample::select(vec![Cause::Gone, Cause::Jump, Cause::TooMany]);
    prop_oneof![
        (any_source(), 1..100_u64).prop_map(|(source, base)| Event::Begun { source, base }),
        (any_source(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(source, control)| Event::Heard { source, control }),
        (any_source(), any_range()).prop_map(|(source, range)| Event::Missing { source, range }),
        (any_source(), any_range(), cause).prop_map(|(source, range, cause)| Event::Lost {
            source,
            range,
            cause
        }),
        any_source().prop_map(|source| Event::Forgotten { source }),
        (any_source(), 1..100_u64, 0..9_u32).prop_map(|(source, number, lines)| Event::LeftOut {
            source,
            number,
            lines,
            len: 10 * lines,
        }),
        (any_source(), 1..100_u64, 0..9_u32).prop_map(|(source, number, lines)| Event::Unplaced {
            source,
            number,
            lines,
        }),
        (
            0..3_u32,
            0..9_u64,
            any::<bool>(),
            0..10_000_u64,
            "[a-z/]{1,20}"
        )
            .prop_map(|(file, inode, is_ours, length, path)| Event::Opened {
                file,
                identity: Identity { device: 1, inode },
                is_ours,
                length,
                path: path.into(),
            }),
        (
            0..3_u32,
            0..10_000_u64,
            prop::collection::vec(any_entry(), 0..5)
        )
            .prop_map(|(file, offset, entries)| Event::Write {
                file,
                offset,
                entries
            }),
        (0..3_u32, 0..10_000_u64).prop_map(|(file, at)| Event::Cut { file, at }),
    ]
}

fn encode(events: &[Event]) -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
    for (event, at) in events.iter().zip(0..) {
        encoder.encode(event, at, &mut bytes);
    }
    bytes
}

proptest! {
    #[test]
    fn a_journal_reads_back(events in prop::collection::vec(any_event(), 0..30)) {
        let bytes = encode(&events);

        let mut decoder = Decoder::new(&bytes);
        let read: Vec<(Event, u64)> = decoder.by_ref().collect();

        prop_assert!(decoder.rest().is_empty());
        prop_assert_eq!(read, events.into_iter().zip(0..).collect::<Vec<_>>());
    }

    /// Cut anywhere, or with any byte changed, it gives the events before that and none else.
    #[test]
    fn of_a_torn_journal_the_beginning_reads_back(
        events in prop::collection::vec(any_event(), 1..20),
        at: prop::sample::Index,
        flipped in prop::option::of(1..=255_u8),
    ) {
        let mut bytes = encode(&events);
        let at = at.index(bytes.len());
        match flipped {
            Some(bits) => bytes[at] ^= bits,
            None => bytes.truncate(at),
        }

        let read: Vec<Event> = Decoder::new(&bytes).map(|(event, _)| event).collect();

        prop_assert!(read.len() < events.len());
        prop_assert_eq!(&read[..], &events[..read.len()]);
    }

    #[test]
    fn any_journal_gives_books_that_add_up(events in prop::collection::vec(any_event(), 0..40)) {
        crate::fuzzing::journal(&encode(&events));
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzzing::journal(&bytes);
        crate::fuzzing::image(&bytes);
    }

    #[test]
    fn an_image_reads_back(events in prop::collection::vec(any_event(), 0..40)) {
        let mut replay = Replay::new(Ledger::default());
        for (event, at) in events.into_iter().zip(0..) {
            replay.apply(event, at);
        }
        let (mut ledger, _) = replay.finish(|_| Found::Length(u64::MAX));
        ledger.blocks.push(Block { name: "4803@a".into(), host: HostId(7) });

        let text = write_image(&ledger, 3).unwrap();

        prop_assert_eq!(read_image(&text).unwrap(), (ledger, 3));
    }

    /// The law of recovery: a file is written as the journal says and the process dies after any
    /// byte of it. Then what the ledger has is exactly what is whole in the file, and the rest of
    /// the file is what is to be cut.
    #[test]
    fn after_a_crash_ledger_and_file_agree(
        flushes in prop::collection::vec(prop::collection::vec(1..60_u32, 1..6), 1..6),
        death: prop::sample::Index,
    ) {
        let (mut replay, mut offset, mut number) = (Replay::new(Ledger::default()), 0, 0);
        replay.apply(opened(0), 0);
        let mut ends = Vec::new();
        let last = flushes.len() - 1;
        let mut last_start = 0;
        for (n, flush) in flushes.iter().enumerate() {
            if n == last {
                last_start = offset;
            }
            let entries: Vec<Entry> = flush
                .iter()
                .map(|len| {
                    number += 1;
                    entry(number, *len)
                })
                .collect();
            replay.apply(Event::Write { file: 0, offset, entries }, 0);
            for len in flush {
                offset += u64::from(*len);
                ends.push(offset);
            }
        }
        // Only the last flush is in doubt.
        let written = last_start + death.index(usize::try_from(offset - last_start).unwrap() + 1) as u64;

        let (ledger, tails) = replay.finish(|_| Found::Length(written));

        let whole = ends.iter().filter(|end| **end <= written).count() as u64;
        let account = &ledger.accounts.get(&source(Some(1))).cloned().unwrap_or_default();
        prop_assert_eq!(account.safe.count(), whole);
        prop_assert_eq!(account.lines, whole);
        let end = ends.iter().copied().filter(|end| *end <= written).max().unwrap_or(0);
        let cut: Vec<u64> = tails.iter().map(|tail| tail.cut_at).collect();
        prop_assert_eq!(cut, if end < written { vec![end] } else { vec![] });
    }
}

fn entry(number: u64, len: u32) -> Entry {
    Entry {
        source: source(Some(1)),
        number,
        lines: 1,
        len,
        files: 1,
        message_lines: 1,
        message_len: len,
    }
}

/// So many lines of ten bytes.
fn unnumbered(lines: u32) -> Entry {
    Entry {
        source: source(None),
        lines,
        len: 10 * lines,
        ..entry(0, 0)
    }
}

fn opened(length: u64) -> Event {
    Event::Opened {
        file: 0,
        identity: Identity {
            device: 1,
            inode: 2,
        },
        is_ours: true,
        length,
        path: "log".into(),
    }
}

fn replayed(events: Vec<Event>, found: Found) -> (Ledger, Vec<Tail>) {
    let mut replay = Replay::new(Ledger::default());
    for event in events {
        replay.apply(event, 9);
    }
    replay.finish(|_| found)
}

fn write(offset: u64, entries: Vec<Entry>) -> Event {
    Event::Write {
        file: 0,
        offset,
        entries,
    }
}

#[test]
fn what_a_full_disk_did_not_take_is_not_in_the_ledger() {
    let events = vec![
        opened(0),
        write(0, vec![entry(1, 10), entry(2, 10)]),
        Event::Cut { file: 0, at: 10 },
        write(10, vec![entry(2, 10), entry(3, 10)]),
    ];

    let (ledger, tails) = replayed(events, Found::Length(20));

    let account = &ledger.accounts[&source(Some(1))];
    assert_eq!(account.safe.iter().collect::<Vec<_>>(), [1..=2]);
    assert!(tails.is_empty());
}

/// It says nothing of what was written, and a file that is another's is never cut.
#[test]
fn a_file_that_is_another_makes_it_uncertain() {
    for found in [Found::Gone, Found::Length(5)] {
        let events = vec![opened(10), write(10, vec![entry(1, 10), entry(2, 10)])];

        let (ledger, tails) = replayed(events, found);

        let account = &ledger.accounts[&source(Some(1))];
        assert_eq!(
            (account.safe.count(), account.uncertain),
            (2, 2),
            "{found:?}"
        );
        assert!(tails.is_empty());
    }
}

/// What has no number does not.
#[test]
fn what_a_pipe_got_last_comes_again() {
    let events = vec![
        opened(0),
        write(0, vec![entry(1, 10)]),
        write(10, vec![entry(2, 10), unnumbered(3)]),
    ];

    let (ledger, tails) = replayed(events, Found::Unknowable);

    let account = &ledger.accounts[&source(Some(1))];
    assert_eq!(account.safe.iter().collect::<Vec<_>>(), [1..=1]);
    assert_eq!(ledger.accounts[&source(None)].lines, 3);
    assert!(tails.is_empty());
}

/// A sender without numbers sends nothing again: the whole lines of it are kept.
#[test]
fn of_a_torn_message_without_number_the_whole_lines_stay() {
    let stranger = Entry {
        source: source(None),
        number: 0,
        ..entry(0, 30)
    };
    let events = vec![
        opened(0),
        write(0, vec![entry(1, 10), stranger, entry(2, 10)]),
    ];

    let (ledger, tails) = replayed(events, Found::Length(25));

    assert_eq!(ledger.accounts[&source(Some(1))].safe.count(), 1);
    let [tail] = tails.as_slice() else {
        panic!("{tails:?}");
    };
    assert_eq!((tail.cut_at, tail.keeps_lines), (10, Some(stranger)));
}

/// As the files of hosts are when there are many.
#[test]
fn what_was_written_before_a_file_was_closed_and_opened_again_stands() {
    let events = vec![
        opened(0),
        write(0, vec![entry(1, 10)]),
        opened(10),
        write(10, vec![entry(2, 10)]),
        opened(20),
    ];

    let (ledger, tails) = replayed(events, Found::Length(20));

    assert_eq!(ledger.accounts[&source(Some(1))].safe.count(), 2);
    assert_eq!((ledger.files.get(0).unwrap().lines, tails.len()), (2, 0));
}

#[test]
fn a_message_for_two_files_is_safe_when_both_have_it() {
    let mut ledger = Ledger::default();
    let both = Entry {
        files: 2,
        ..entry(1, 10)
    };

    assert!(!ledger.written(0, &both, 0));
    assert!(!ledger.written(0, &both, 0), "the same file again");
    assert!(ledger.is_in(both.source, 1, 0) && !ledger.is_in(both.source, 1, 1));
    assert!(ledger.written(1, &both, 0));

    assert_eq!(ledger.accounts[&both.source].lines, 1);
    assert!(!ledger.is_in(both.source, 1, 0));
}

/// When it comes again the configuration may have one file for it, or none.
#[test]
fn a_message_that_goes_to_fewer_files_than_before_is_in_part_nowhere_then() {
    let both = Entry {
        files: 2,
        ..entry(1, 10)
    };
    let left_out = Event::LeftOut {
        source: both.source,
        number: 1,
        lines: 1,
        len: 10,
    };
    let one: fn(&mut Ledger) = |ledger| {
        ledger.written(3, &entry(1, 10), 0);
    };
    let none = |ledger: &mut Ledger| ledger.apply(&left_out, 0);
    for settle in [&one as &dyn Fn(&mut Ledger), &none] {
        let mut ledger = Ledger::default();
        ledger.written(0, &both, 0);
        assert!(ledger.is_partial(both.source, 1));

        settle(&mut ledger);

        assert!(!ledger.is_partial(both.source, 1));
        assert_eq!(ledger.accounts[&both.source].lines, 1);
    }
}

fn file(path: &str, inode: u64) -> FileAccount {
    FileAccount {
        path: path.into(),
        identity: Identity { device: 1, inode },
        is_ours: true,
        start: 0,
        length: 0,
        lines: 0,
        is_open: true,
        used: inode,
    }
}

/// Those that are open, or have what others of a message's files lack, keep their places; so do
/// the ones that were used last, over a restart as well.
#[test]
fn files_that_are_done_with_are_forgotten_while_it_runs() {
    let mut ledger = Ledger::default();
    let open = ledger.files.open(file("open", 1));
    let partial = ledger.files.open(file("partial", 2));
    let both = Entry {
        files: 2,
        ..entry(1, 10)
    };
    ledger.written(partial, &both, 0);
    ledger.files.get_mut(partial).unwrap().is_open = false;
    let last = 3 * CLOSED_FILES_MAX as u64;

    for inode in 3..=last {
        let index = ledger.files.open(file("log", inode));
        ledger.files.get_mut(index).unwrap().is_open = false;
        if inode % 1_000 == 0 {
            ledger.forget_old_files();
            let count = ledger.files.iter().count();
            assert!(count <= CLOSED_FILES_MAX + 2, "{count}");
        }
    }

    let inode = |index| ledger.files.get(index).unwrap().identity.inode;
    assert_eq!((inode(open), inode(partial)), (1, 2));
    let again = ledger.clone().files.open(file("other", last));
    assert_eq!(ledger.files.get(again).unwrap().path.to_str(), Some("log"));
    let image = write_image(&ledger, 1).unwrap();
    let (mut read, _) = read_image(&image).unwrap();
    assert_eq!(read.files, ledger.files);
    let next = read.files.open(file("partial", last + 1));
    assert!(read.is_in(both.source, 1, next));
    assert!(!read.is_in(both.source, 1, 0));
}

/// Rotation in between; and the system gives a deleted file's inode to another.
#[test]
fn what_is_in_some_of_its_files_is_known_by_their_paths() {
    let mut ledger = Ledger::default();
    let both = Entry {
        files: 2,
        ..entry(1, 10)
    };
    let moved = ledger.files.open(file("log", 1));
    ledger.written(moved, &both, 0);

    let next = ledger.files.open(file("log", 2));
    let other = ledger.files.open(file("other", 1));

    assert!(ledger.is_in(both.source, 1, next));
    assert!(!ledger.is_in(both.source, 1, other));
    assert!(ledger.written(other, &both, 0));
}

#[test]
fn a_gap_is_told_with_its_times_and_its_end() {
    let mut ledger = Ledger::default();
    let it = source(Some(1));
    let range = 2..=5;
    ledger.apply(
        &Event::Begun {
            source: it,
            base: 1,
        },
        10,
    );
    ledger.apply(&Event::Missing { source: it, range }, 11);
    for (number, at) in [(1, 11), (2, 12), (6, 13)] {
        ledger.written(0, &entry(number, 1), at);
    }
    assert_eq!(ledger.accounts[&it].missing_count(), 3);
    let lost = Event::Lost {
        source: it,
        range: 4..=5,
        cause: Cause::Gone,
    };
    ledger.apply(&lost, 14);
    ledger.written(0, &entry(3, 1), 15);

    let account = &ledger.accounts[&it];
    let gaps: Vec<_> = account
        .gaps
        .iter()
        .map(|gap| (gap.range.clone(), gap.since, gap.fate))
        .collect();
    assert_eq!(
        gaps,
        [
            (4..=5, 11, Fate::Lost(Cause::Gone, 14)),
            (2..=3, 11, Fate::Repaired(15)),
        ]
    );
    assert_eq!((account.missing_count(), account.lost_count), (0, 2));
}

/// It may have been found by what a publisher said and the ledger was not told.
#[test]
fn what_is_asked_for_at_the_end_of_a_stream_is_missing() {
    let (mut ledger, it) = (Ledger::default(), source(Some(1)));
    let begun = Event::Begun {
        source: it,
        base: 1,
    };
    ledger.apply(&begun, 1);
    ledger.written(0, &entry(1, 1), 1);
    let range = 2..=3;
    ledger.apply(&Event::Missing { source: it, range }, 2);

    assert_eq!(ledger.accounts[&it].missing_count(), 2);
    for number in 2..=3 {
        ledger.written(0, &entry(number, 1), 3);
    }
    assert_eq!(ledger.accounts[&it].missing_count(), 0);
}

#[test]
fn a_ledger_of_another_version_is_refused() {
    let error = read_image(br#"{"v":2}"#).unwrap_err().to_string();

    assert_eq!(
        error,
        "it is of version 2, and this program reads version 1"
    );
    assert!(read_image(b"nonsense").is_err());
}
