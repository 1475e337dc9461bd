//! The thread that writes, with files that take nothing.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use spread::stream::{Instance, Key, Number, StreamGroup};
use spread::{GroupName, Name};

use super::*;
use crate::config::Sync;
use crate::counters::FileCounters;
use crate::journal::{Directory, recover};
use crate::ledger::{Ledger, Source};
use crate::outlet::Outlet;
use crate::sink::{Care, Locking, Origin, Stay};

fn outlet(shelf: &mut Shelf, path: &Path) -> (Outlet, Arc<FileCounters>) {
    let counters = Arc::new(FileCounters::new(path.to_owned()));
    let how = (&counters, &Arc::default());
    let sink = shelf.open(path, how, Stay::Always, Instant::now());
    let outlet = Outlet::plain(sink.unwrap(), Arc::clone(&counters));
    (outlet, counters)
}

/// Every line is written or counted as lost, in each file by itself.
#[test]
fn a_full_disk_does_not_harm_the_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let line = Bytes::from("0123456789\n".repeat(1_000));
    let room = 10 * Lines::of_stranger(line.clone()).cost();
    let queue = Arc::new(Queue::new(room));
    let mut shelf = Shelf::new(Locking::Exclusive, Arc::clone(queue.room()), None);
    let (to_good, good) = outlet(&mut shelf, &path);
    let (to_full, full) = outlet(&mut shelf, Path::new("/dev/full"));
    let writer = {
        let journal = Journal::begin(Ledger::default(), None).unwrap();
        Writer::new(
            Arc::clone(&queue),
            (Outlets::of(vec![to_good, to_full]), shelf),
            journal,
            Vec::new(),
            Arc::default(),
        )
    };
    let thread = thread::spawn(|| writer.run());

    let mut refused = 0;
    for _ in 0..100 {
        let pushed = queue.push(Lines::of_stranger(line.clone()), Arc::new([0, 1]));
        refused += u64::from(pushed.is_err());
        while good.lines.now() < 1_000 * (100 - refused).min(1) {
            thread::yield_now();
        }
    }
    queue.command(Item::Finish(Instant::now()));
    thread.join().unwrap();

    let taken = 1_000 * (100 - refused);
    assert_eq!(good.lines.now(), taken);
    assert_eq!(fs::metadata(&path).unwrap().len(), 11 * taken);
    assert_eq!((full.lines.now(), full.lines_lost.now()), (0, taken));
    assert!(queue.room().take(room), "all of the room was given back");
}

/// After a crash nothing would be known of it, and its publisher no longer have it.
#[test]
fn what_is_left_out_is_told_when_the_ledger_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let [state, moved, path] = ["state", "moved", "log"].map(|name| dir.path().join(name));
    let (directory, _) = Directory::open(&state).unwrap();
    let now = Instant::now();
    let queue = Arc::new(Queue::new(1 << 20));
    let mut shelf = Shelf::new(Locking::Exclusive, Arc::clone(queue.room()), None);
    let counters = Arc::new(FileCounters::new(path.clone()));
    let how = (&counters, &Arc::default());
    let index = shelf.open(&path, how, Stay::WhileUsed, now).unwrap();
    let (sender, mut told) = mpsc::unbounded_channel();
    let mut writer = Writer::new(
        Arc::clone(&queue),
        (Outlets::of(Vec::new()), shelf),
        Journal::begin(Ledger::default(), Some(directory)).unwrap(),
        vec![sender],
        Arc::default(),
    );
    let key = Key {
        instance: Instance::from_random([1; 8]),
        group: StreamGroup::try_from(GroupName::new("g").unwrap()).unwrap(),
    };
    let number = Number::new(1).unwrap();
    let origin = Origin {
        source: Source::of_stream(0, key),
        number: number.get(),
        files: 1,
        whole: None,
    };
    let left_out = Lines::new(Bytes::from("nobody's\n"), Name::EMPTY, origin);
    let waiting = Lines::of_stranger(Bytes::from("line\n"));
    assert!(queue.room().take(waiting.cost()));
    writer.shelf.push(index, waiting, now);

    fs::rename(&state, &moved).unwrap();
    writer.journal.checkpoint().unwrap_err();
    writer.leave_out(&left_out, 0);
    writer.write_all(now);
    assert!(told.try_recv().is_err());
    assert_eq!(fs::read(&path).unwrap(), b"");

    fs::rename(&moved, &state).unwrap();
    writer.write_all(now + Duration::from_secs(2));
    let expected = Settled {
        key,
        number,
        is_written: true,
    };
    assert_eq!(told.try_recv().unwrap(), [expected]);
    assert_eq!(fs::read(&path).unwrap(), b"line\n");
}

/// A writer of one file, `log` in `dir`, with a ledger in `state`.
fn of_one_file(dir: &Path, sync: Sync) -> (Writer, usize) {
    let (directory, _) = Directory::open(&dir.join("state")).unwrap();
    let queue = Arc::new(Queue::new(1 << 20));
    let mut shelf = Shelf::new(Locking::Exclusive, Arc::clone(queue.room()), None);
    let path = dir.join("log");
    let counters = Arc::new(FileCounters::new(path.clone()));
    let care = Arc::new(Care {
        sync,
        ..Care::default()
    });
    let opened = shelf.open(&path, (&counters, &care), Stay::Always, Instant::now());
    let index = opened.unwrap();
    let outlet = Outlet::plain(index, counters);
    let writer = Writer::new(
        queue,
        (Outlets::of(vec![outlet]), shelf),
        Journal::begin(Ledger::default(), Some(directory)).unwrap(),
        Vec::new(),
        Arc::default(),
    );
    (writer, index)
}

fn push(writer: &mut Writer, index: usize, text: &'static str, now: Instant) {
    let lines = Lines::of_stranger(Bytes::from_static(text.as_bytes()));
    assert!(writer.queue.room().take(lines.cost()));
    writer.shelf.push(index, lines, now);
}

/// It was in one of two files when the configuration changed, and is for two others now, of which
/// one takes nothing: it is not safe then.
#[test]
fn what_was_in_part_in_files_of_before_is_safe_when_it_is_in_all_of_now() {
    let dir = tempfile::tempdir().unwrap();
    let key = Key {
        instance: Instance::from_random([1; 8]),
        group: StreamGroup::try_from(GroupName::new("g").unwrap()).unwrap(),
    };
    let source = Source::of_stream(0, key);
    let origin = Origin {
        source,
        number: 1,
        files: 1,
        whole: None,
    };
    let lines = Lines::new(Bytes::from("a line\n"), Name::EMPTY, origin);
    let write = |file: &str, takes_it: bool| {
        let (directory, kept) = Directory::open(&dir.path().join("state")).unwrap();
        let queue = Arc::new(Queue::new(1 << 20));
        let mut shelf = Shelf::new(Locking::Exclusive, Arc::clone(queue.room()), None);
        let second = dir.path().join("second");
        let second = if takes_it {
            &second
        } else {
            Path::new("/dev/full")
        };
        let outlets = [&dir.path().join(file), second].map(|path| outlet(&mut shelf, path).0);
        let mut writer = Writer::new(
            Arc::clone(&queue),
            (Outlets::of(outlets.into()), shelf),
            Journal::begin(recover(kept), Some(directory)).unwrap(),
            Vec::new(),
            Arc::default(),
        );
        let now = Instant::now();
        assert!(queue.room().take(2 * lines.cost()));
        writer.push(
            &lines,
            &[0, 1],
            Moment {
                now,
                time: SystemTime::now(),
            },
        );
        writer.write_all(now);
        let accounts = &writer.journal.ledger().accounts;
        let is_safe = accounts.get(&source).is_some_and(|it| it.safe.contains(1));
        writer.finish(now);
        is_safe
    };

    assert!(!write("first", false));
    assert!(!write("other", false));
    assert!(!write("other", false));
    assert!(write("other", true));
    for file in ["first", "other", "second"] {
        assert_eq!(fs::read(dir.path().join(file)).unwrap(), b"a line\n");
    }
}

/// What cannot be made safe in the ledger is not written where it is to be safe.
#[test]
fn a_file_that_is_to_be_safe_waits_for_a_ledger_that_is() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let (mut writer, index) = of_one_file(dir.path(), Sync::Always);
    let now = Instant::now();

    writer
        .journal
        .set_sync(|_| Err(io::ErrorKind::StorageFull.into()));
    push(&mut writer, index, "a\n", now);
    writer.flush(now);
    assert_eq!(fs::read(&log).unwrap(), b"");

    writer.journal.set_sync(fs::File::sync_data);
    writer.flush(now + Duration::from_secs(2));
    assert_eq!(fs::read(&log).unwrap(), b"a\n");
}

/// Else a rotation within the second that they were put off for took them to the new file.
#[test]
fn a_journal_that_begins_anew_puts_no_file_off() {
    let dir = tempfile::tempdir().unwrap();
    let [log, moved] = ["log", "log.1"].map(|name| dir.path().join(name));
    let (mut writer, index) = of_one_file(dir.path(), Sync::Never);
    let now = Instant::now();
    push(&mut writer, index, "a\n", now);
    writer.flush(now);

    writer.journal.fill_up();
    push(&mut writer, index, "b\n", now);
    writer.flush(now);
    assert_eq!(fs::read(&log).unwrap(), b"a\nb\n");

    writer.journal.fill_up();
    push(&mut writer, index, "c\n", now);
    fs::rename(&log, &moved).unwrap();
    writer.reopen(now);
    assert_eq!(fs::read(&moved).unwrap(), b"a\nb\nc\n");
    assert_eq!(fs::read(&log).unwrap(), b"");
}

/// What hindered it may be gone, and these lines are of before the rotation.
#[test]
fn a_hup_tries_at_once_what_was_put_off() {
    let dir = tempfile::tempdir().unwrap();
    let [log, moved, state, away] =
        ["log", "log.1", "state", "away"].map(|name| dir.path().join(name));
    let (mut writer, index) = of_one_file(dir.path(), Sync::Never);
    let now = Instant::now();
    fs::rename(&state, &away).unwrap();
    writer.journal.checkpoint().unwrap_err();
    push(&mut writer, index, "a\n", now);
    writer.flush(now);
    assert_eq!(fs::read(&log).unwrap(), b"");

    fs::rename(&away, &state).unwrap();
    fs::rename(&log, &moved).unwrap();
    writer.reopen(now);

    assert_eq!(fs::read(&moved).unwrap(), b"a\n");
    assert_eq!(fs::read(&log).unwrap(), b"");
}
