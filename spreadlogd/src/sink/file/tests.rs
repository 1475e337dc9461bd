//! Files, FIFOs and devices as they behave, under the sink.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use super::trouble::RETRY_BUSY;
use super::*;
use crate::sink::SinkError;
use crate::sink::lines::COST;

const ROOM: usize = 16 << 20;

fn sink(path: impl Into<PathBuf>) -> Result<FileSink, SinkError> {
    let path = path.into();
    let Opened::New(target) = Target::open(&path, (Locking::Exclusive, None), |_| false)? else {
        panic!("nothing is known");
    };
    let counters = Arc::new(FileCounters::new(path.clone()));
    let mut sink = FileSink::new(path, counters, (Locking::Exclusive, Arc::default()), target);
    sink.set_room(Arc::new(Room::new(ROOM)), ROOM);
    Ok(sink)
}

/// As the writer does it: what waits is prepared, then written.
fn write(sink: &mut FileSink, now: Instant) {
    let _ = sink.prepare(now);
    sink.write(now);
}

/// Likewise.
fn reopen(sink: &mut FileSink, now: Instant) {
    write(sink, now);
    sink.reopen();
    write(sink, now);
}

/// As the queue does it: the room is taken, then the lines are handed over.
fn push(sink: &mut FileSink, body: impl Into<Bytes>) {
    let lines = Lines::of_stranger(body.into());
    assert!(sink.room.take(lines.cost()));
    sink.push(lines, 0);
}

fn free(sink: &FileSink) -> bool {
    let free = sink.room.take(ROOM);
    if free {
        sink.room.give_back(ROOM);
    }
    free
}

/// The original glues what has no newline to what comes next.
#[test]
fn messages_are_appended_and_never_glued() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let mut sink = sink(&path).unwrap();

    for body in ["a\n", "b", "", "\n", "c\nd", "\0\r\n"] {
        push(&mut sink, body);
    }
    write(&mut sink, Instant::now());

    assert_eq!(fs::read(&path).unwrap(), b"before\na\nb\n\nc\nd\n\0\r\n");
    assert_eq!(sink.counters.lines.now(), 6);
    assert_eq!(sink.counters.bytes.now(), 12);
    assert!(sink.waiting.is_empty() && free(&sink));
}

#[test]
fn a_file_and_its_directory_are_made_for_the_administrators() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/access_log");

    let _sink = sink(&path).unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path) & !0o640, 0);
    assert_eq!(mode(path.parent().unwrap()) & !0o750, 0);
}

#[test]
fn a_directory_is_not_made_in_one_that_is_missing() {
    let dir = tempfile::tempdir().unwrap();

    let error = sink(dir.path().join("no/logs/access_log")).unwrap_err();

    assert!(matches!(error, SinkError::Directory { .. }), "{error}");
}

#[test]
fn a_directory_is_no_log_file() {
    let dir = tempfile::tempdir().unwrap();

    let error = sink(dir.path()).unwrap_err();

    assert!(matches!(error, SinkError::Open { .. }), "{error}");
}

#[test]
fn a_file_that_another_writer_holds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let _first = sink(&path).unwrap();

    let error = sink(&path).unwrap_err().to_string();

    let held = format!("the log file {} is being written by ", path.display());
    assert!(error.starts_with(&held), "{error}");
    #[cfg(target_os = "linux")]
    assert!(
        error.contains(&format!("process {} (", std::process::id())),
        "{error}"
    );
}

/// Devices have many writers by nature.
#[test]
fn a_device_is_not_locked() {
    let mut first = sink("/dev/null").unwrap();
    let _second = sink("/dev/null").unwrap();

    push(&mut first, "x\n");
    write(&mut first, Instant::now());

    assert_eq!(first.counters.lines.now(), 1);
}

#[test]
fn a_moved_file_keeps_what_came_before_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("log"), dir.path().join("log.1"));
    let mut sink = sink(&path).unwrap();
    let now = Instant::now();
    push(&mut sink, "a\n");
    write(&mut sink, now);
    fs::rename(&path, &moved).unwrap();
    push(&mut sink, "b\n");

    reopen(&mut sink, now);
    push(&mut sink, "c\n");
    write(&mut sink, now);

    assert_eq!(fs::read(&moved).unwrap(), b"a\nb\n");
    assert_eq!(fs::read(&path).unwrap(), b"c\n");
}

#[test]
fn reopening_a_file_that_did_not_move_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut sink = sink(&path).unwrap();

    for body in ["a\n", "b\n"] {
        push(&mut sink, body);
        reopen(&mut sink, Instant::now());
    }

    assert_eq!(fs::read(&path).unwrap(), b"a\nb\n");
}

/// The original then discards all lines (with -s) or ends (config.c: config_open_files).
#[test]
fn without_a_new_file_the_old_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("log"), dir.path().join("log.1"));
    let mut sink = sink(&path).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();

    reopen(&mut sink, Instant::now());
    push(&mut sink, "a\n");
    write(&mut sink, Instant::now());

    assert_eq!(fs::read(&moved).unwrap(), b"a\n");
}

#[test]
fn a_line_begun_in_the_old_file_is_whole_in_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (dir.path().join("log"), dir.path().join("log.1"));
    let mut sink = sink(&path).unwrap();
    push(&mut sink, "aaa\nbbb\nccc\n");
    // As after a full disk took six bytes.
    fs::write(&path, "aaa\nbb").unwrap();
    sink.written = 6;

    fs::rename(&path, &moved).unwrap();
    sink.take_back();
    reopen(&mut sink, Instant::now());
    write(&mut sink, Instant::now());

    assert_eq!(fs::read(&moved).unwrap(), b"aaa\nbbb\nccc\n");
    assert_eq!(fs::read(&path).unwrap(), b"");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing_within_the_bound() {
    let mut sink = sink("/dev/full").unwrap();
    // What a line lacks, its end, is added.
    sink.held_max = 3 * (1_001 + COST);
    let now = Instant::now();
    let line = Bytes::from(vec![b'x'; 1_000]);

    push(&mut sink, line.clone());
    write(&mut sink, now);
    for _ in 0..4 {
        push(&mut sink, line.clone());
        write(&mut sink, now);
    }

    assert_eq!(sink.counters.lines_lost.now(), 2);
    assert!(sink.held <= sink.held_max);
    assert_eq!(sink.retry_at(), Some(now + RETRY));

    // It gets better: what waited is written, and the room is free again.
    sink.target.file = File::create("/dev/null").unwrap();
    write(&mut sink, now + RETRY / 2);
    assert_eq!(sink.counters.lines.now(), 0);
    write(&mut sink, now + RETRY);
    assert_eq!(sink.counters.lines.now(), 3);
    assert!(sink.retry_at().is_none() && free(&sink));
}

/// The journal is told of both: where what was wholly written ends, and what stays of the next.
#[test]
fn of_a_message_that_is_torn_the_whole_lines_are_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    for (number, stays) in [(0, true), (7, false)] {
        fs::write(&path, "before\n").unwrap();
        let mut sink = sink(&path).unwrap();
        let mut torn = Lines::of_stranger(Bytes::from_static(b"aaa\nbbb\nccc\n"));
        torn.origin.number = number;
        assert!(sink.room.take(torn.cost()));
        sink.push(torn.clone(), 0);
        assert_eq!(sink.prepare(Instant::now()).unwrap().0, 7);
        // As a disk takes it that is full then.
        (&sink.target.file).write_all(b"aaa\nbb").unwrap();
        sink.written(6);
        sink.fail(&io::ErrorKind::StorageFull.into(), Instant::now());

        let part = Entry {
            lines: 1,
            len: 4,
            message_lines: 1,
            message_len: 4,
            ..torn.entry()
        };
        let part = stays.then_some(part);
        assert_eq!(sink.take_cut(), Some(Cut { at: 7, part }));
        let outcomes: Vec<Outcome> = sink.outcomes().collect();
        assert_eq!(outcomes, Vec::from_iter(part.map(Outcome::Written)));
        let kept: &[u8] = if stays { b"before\naaa\n" } else { b"before\n" };
        assert_eq!(fs::read(&path).unwrap(), kept);
    }
}

/// As a disk takes it that is full in the midst of a line.
#[test]
fn what_is_appended_in_part_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut sink = sink(&path).unwrap();
    let messages = ["aaa\n", "bbb\n", "ccc\n"].map(|text| Lines::of_stranger(text.into()));

    assert_eq!(sink.append_at(), Some(0));
    assert_eq!(sink.append(b"aaa\nbb"), 6);
    sink.go_on(messages.to_vec(), 6, Instant::now());

    assert_eq!(fs::read(&path).unwrap(), b"aaa\nbbb\nccc\n");
    assert_eq!(
        (sink.counters.lines.now(), sink.counters.bytes.now()),
        (3, 12)
    );
    assert_eq!((sink.outcomes().count(), sink.take_cut()), (3, None));
    assert!(sink.is_idle() && free(&sink));
    assert_eq!(sink.append_at(), Some(12));
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_appended_waits_and_nothing_is_appended_before_it() {
    let mut sink = sink("/dev/full").unwrap();
    let now = Instant::now();
    let line = Lines::of_stranger("a\n".into());

    assert!(sink.append_at().is_some());
    assert_eq!(sink.append(b"a\n"), 0);
    sink.go_on(vec![line.clone()], 0, now);

    assert_eq!(
        (sink.retry_at(), sink.append_at()),
        (Some(now + RETRY), None)
    );
    assert_eq!((sink.held(), sink.outcomes().count()), (line.cost(), 0));
    sink.target.file = File::create("/dev/null").unwrap();
    write(&mut sink, now + RETRY);
    assert_eq!(sink.counters.lines.now(), 1);
    assert!(sink.append_at().is_some() && free(&sink));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_given_up_is_counted() {
    let mut sink = sink("/dev/full").unwrap();
    push(&mut sink, "a\nb\n");
    write(&mut sink, Instant::now());

    sink.abandon();

    assert_eq!(sink.counters.lines_lost.now(), 2);
    assert!(sink.waiting.is_empty() && free(&sink));
}

#[test]
fn a_line_begun_when_it_is_given_up_is_not_left_torn_nor_those_before_it_counted_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut sink = sink(&path).unwrap();
    push(&mut sink, "aaa\nbbb\nccc\n");
    push(&mut sink, "ddd");
    // As after a full disk took six bytes.
    fs::write(&path, "aaa\nbb").unwrap();
    sink.written = 6;

    sink.abandon();

    assert_eq!(fs::read(&path).unwrap(), b"aaa\n");
    assert_eq!(sink.counters.lines.now(), 1);
    assert_eq!(sink.counters.bytes.now(), 4);
    assert_eq!(sink.counters.lines_lost.now(), 3);
    assert_eq!(sink.counters.lines_unwritten.now(), 3);
    assert!(sink.waiting.is_empty() && free(&sink));
}

/// A pipe takes 64 KiB and then no more until they are read, so that every write is cut short
/// somewhere. Nobody reads it when it is opened, and nothing waits for that.
#[test]
fn a_fifo_gets_every_byte_in_order_at_its_readers_pace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, &path, FileType::Fifo, mode, 0).unwrap();
    let mut sink = sink(&path).unwrap();
    let mut expected = Vec::new();
    for n in 0..20_000 {
        let line = format!("{n} {}\n", "y".repeat(n % 97));
        expected.extend_from_slice(line.as_bytes());
        push(&mut sink, line);
    }

    let mut now = Instant::now();
    let mut reader = File::open(&path).unwrap();
    let mut received = Vec::new();
    let mut part = [0; 10_007];
    while received.len() < expected.len() {
        write(&mut sink, now);
        now += RETRY_BUSY;
        let len = reader.read(&mut part).unwrap();
        received.extend_from_slice(&part[..len]);
    }

    assert_eq!(received, expected);
    assert_eq!(sink.counters.lines.now(), 20_000);
}

/// The original died of SIGPIPE at the first line after its reader.
#[test]
fn a_fifo_outlives_its_reader() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, &path, FileType::Fifo, mode, 0).unwrap();
    let open_reader = || {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = fs::OpenOptions::new();
        options.read(true).custom_flags(flags).open(&path).unwrap()
    };
    let reader = open_reader();
    let mut sink = sink(&path).unwrap();
    let now = Instant::now();
    drop(reader);

    push(&mut sink, "a\n");
    write(&mut sink, now);
    assert_eq!(sink.counters.lines.now(), 0);
    let mut reader = open_reader();
    write(&mut sink, now + RETRY);

    let mut text = [0; 10];
    assert_eq!(reader.read(&mut text).unwrap(), 2);
    assert_eq!(sink.counters.lines.now(), 1);
}

/// What has no number is one entry, however many messages it was; another source's is another's,
/// and a numbered message is one by itself, in its place.
#[test]
fn small_messages_without_numbers_are_gathered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut sink = sink(&path).unwrap();
    let numbered = {
        let mut lines = Lines::of_stranger(Bytes::from_static(b"n\n"));
        lines.origin.number = 7;
        lines
    };
    let other = {
        let mut lines = Lines::of_stranger(Bytes::from_static(b"o\n"));
        lines.origin.source.block = 1;
        lines
    };

    push(&mut sink, "a\n");
    push(&mut sink, "b");
    for lines in [numbered, other] {
        assert!(sink.room.take(lines.cost()));
        let tag = lines.origin.source.block.into();
        sink.push(lines, tag);
    }
    let source = Tagged {
        source: Lines::of_stranger(Bytes::new()).origin.source,
        tag: 0,
    };
    for line in ["c\n", "d\n"] {
        let cost = sink.gather(source, 1, &[line.as_bytes()]);
        sink.room.force(cost);
    }
    push(&mut sink, vec![b'x'; SMALL_MAX + 1]);
    let (_, entries) = sink.prepare(Instant::now()).unwrap();
    sink.write(Instant::now());

    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.source.block, entry.number, entry.lines, entry.len))
        .collect();
    let large = u32::try_from(SMALL_MAX + 2).unwrap();
    let expected = [
        (0, 0, 2, 4),
        (0, 7, 1, 2),
        (1, 0, 1, 2),
        (0, 0, 2, 4),
        (0, 0, 1, large),
    ];
    assert_eq!(entries, expected);
    assert!(fs::read(&path).unwrap().starts_with(b"a\nb\nn\no\nc\nd\nx"));
    assert!(sink.is_idle() && free(&sink));
}

/// As `copytruncate` of logrotate empties it: the journal is told that its place is another.
#[test]
fn a_file_that_is_emptied_is_gone_on_with_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let mut sink = sink(&path).unwrap();
    let now = Instant::now();
    let write_at = |sink: &mut FileSink| {
        push(sink, "a\n");
        let (at, _) = sink.prepare(now).unwrap();
        sink.write(now);
        (at, sink.take_cut())
    };

    assert_eq!(write_at(&mut sink), (7, None));
    File::create(&path).unwrap();
    assert_eq!(write_at(&mut sink), (9, Some(Cut::clean(u64::MAX))));
    assert_eq!(write_at(&mut sink), (2, None));

    assert_eq!(fs::read(&path).unwrap(), b"a\na\n");
}

#[test]
fn the_tap_is_offered_what_is_written_and_never_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = sink(dir.path().join("log")).unwrap();
    let (tap, mut tapped) = mpsc::channel(2);
    sink.set_tap(tap);

    for body in ["a\n", "b\n", "c\n"] {
        push(&mut sink, body);
    }
    write(&mut sink, Instant::now());

    assert_eq!(tapped.try_recv().unwrap(), "a\n");
    assert_eq!(tapped.try_recv().unwrap(), "b\n");
    assert!(tapped.try_recv().is_err());
    drop(tapped);
    push(&mut sink, "d\n");
    write(&mut sink, Instant::now());
    assert!(sink.tap.is_none());
}

proptest! {
    // Each case is a directory and a file on disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the bodies and however they are grouped into writes, the file is their
    /// concatenation with each end of line made good, and every line in it was counted.
    #[test]
    fn the_file_is_what_came(
        bodies in prop::collection::vec(("[ab\n]{0,8}", prop::bool::weighted(0.01)), 0..600),
    ) {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("log");
        let mut sink = sink(&path).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let mut expected = String::new();
        for (body, is_written) in bodies {
            expected.push_str(&body);
            if !body.is_empty() && !body.ends_with('\n') {
                expected.push('\n');
            }
            push(&mut sink, body);
            if is_written {
                write(&mut sink, Instant::now());
            }
        }

        write(&mut sink, Instant::now());

        prop_assert_eq!(sink.counters.lines.now(), expected.lines().count() as u64);
        prop_assert_eq!(sink.counters.bytes.now(), expected.len() as u64);
        prop_assert_eq!(fs::read_to_string(&path)?, expected);
    }
}

/// What a failing sync leaves on disk nobody knows: it is taken back and written again, and counts
/// when a sync has succeeded, each message once.
#[test]
fn what_cannot_be_made_safe_is_not_written_yet() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let mut sink = sink(&path).unwrap();
    sink.care = Arc::new(Care {
        sync: Sync::Always,
        ..Care::default()
    });
    sink.sync = |_| Err(io::ErrorKind::StorageFull.into());
    let began = Instant::now();

    for (retry, body) in ["a\n", "b\nc\n"].into_iter().enumerate() {
        push(&mut sink, body);
        write(&mut sink, began + RETRY * u32::try_from(retry).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"before\n");
        assert_eq!((sink.outcomes().count(), sink.counters.lines.now()), (0, 0));
        assert_eq!(sink.take_cut(), Some(Cut::clean(7)));
        assert!(sink.counters.is_failing() && !sink.is_idle() && !free(&sink));
    }
    sink.sync = File::sync_data;
    write(&mut sink, began + 2 * RETRY);

    assert_eq!(fs::read(&path).unwrap(), b"before\na\nb\nc\n");
    assert_eq!((sink.outcomes().count(), sink.counters.lines.now()), (2, 3));
    assert_eq!(sink.take_cut(), None);
    assert!(!sink.counters.is_failing() && sink.is_idle() && free(&sink));
}
