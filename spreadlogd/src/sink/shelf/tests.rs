//! The files that are open, in number and in time.

use super::company::COMPANY_MAX;
use super::*;
use crate::sink::Lines;

fn shelf() -> (tempfile::TempDir, Shelf) {
    let dir = tempfile::tempdir().unwrap();
    let room = Arc::new(Room::new(1 << 20));
    (dir, Shelf::new(Locking::Exclusive, room, None))
}

fn open(shelf: &mut Shelf, path: &Path, stay: Stay, now: Instant) -> usize {
    let counters = Arc::new(FileCounters::new(path.to_owned()));
    let how = (&counters, &Arc::default());
    shelf.open(path, how, stay, now).unwrap()
}

fn push(shelf: &mut Shelf, index: usize, now: Instant) {
    let lines = Lines::of_stranger(Bytes::from_static(b"line\n"));
    assert!(shelf.room.take(lines.cost()));
    shelf.push(index, lines, now);
}

fn write(shelf: &mut Shelf, now: Instant) -> Vec<usize> {
    let due = shelf.due(now);
    for &index in &due {
        let sink = shelf.sink(index).unwrap();
        let _ = sink.prepare(now);
        sink.write(now);
    }
    shelf.settle(&due);
    due
}

/// However often others are written meanwhile, and however hurried the end is.
#[test]
fn lines_wait_for_company_for_so_long_and_no_longer() {
    let (dir, mut shelf) = shelf();
    let began = Instant::now();
    let busy = open(&mut shelf, &dir.path().join("busy"), Stay::Always, began);
    let quiet = open(
        &mut shelf,
        &dir.path().join("quiet"),
        Stay::WhileUsed,
        began,
    );
    push(&mut shelf, quiet, began);

    for tick in 0..25 {
        let now = began + tick * Duration::from_millis(20);
        push(&mut shelf, busy, now);
        assert_eq!(write(&mut shelf, now), [busy]);
    }
    assert_eq!(shelf.next_due(), Some(began + COMPANY_MAX));
    assert_eq!(write(&mut shelf, began + COMPANY_MAX), [quiet]);

    push(&mut shelf, quiet, began + COMPANY_MAX);
    shelf.hurry();
    assert_eq!(write(&mut shelf, began + COMPANY_MAX), [quiet]);
}

/// What is worth a write of its own is written at once, and what comes behind waits anew, however
/// long ago the first came.
#[test]
fn a_file_with_much_is_due_at_once_and_only_then() {
    let (dir, mut shelf) = shelf();
    let began = Instant::now();
    let later = began + COMPANY_MAX / 2;
    let index = open(&mut shelf, &dir.path().join("busy"), Stay::WhileUsed, began);
    let few = open(&mut shelf, &dir.path().join("few"), Stay::WhileUsed, began);
    push(&mut shelf, index, began);
    push(&mut shelf, few, began);
    let much = Lines::of_stranger(Bytes::from("line\n".repeat(20_000)));
    assert!(shelf.room.take(much.cost()));

    shelf.push(index, much, later);
    assert_eq!(shelf.next_due(), Some(began));
    assert_eq!(write(&mut shelf, later), [index]);
    assert_eq!(shelf.dirty(), [few]);
    push(&mut shelf, index, later);

    assert_eq!(shelf.next_due(), Some(began + COMPANY_MAX));
    assert_eq!(write(&mut shelf, began + COMPANY_MAX), [few]);
    assert_eq!(write(&mut shelf, later + COMPANY_MAX), [index]);
    assert_eq!((shelf.dirty(), shelf.next_due()), (vec![], None));
    assert_eq!(shelf.room.held(), 0);
}

/// Whatever lines name, no more files are open than were allowed, and none that waits is closed.
#[test]
fn files_that_lines_name_are_bounded_in_number() {
    let (dir, mut shelf) = shelf();
    shelf.set_passing_max(8);
    let now = Instant::now();
    let waiting = open(
        &mut shelf,
        &dir.path().join("waiting"),
        Stay::WhileUsed,
        now,
    );
    push(&mut shelf, waiting, now);
    let number = shelf.number(waiting).unwrap();

    for n in 0..100_u64 {
        shelf.begin_message();
        let path = dir.path().join(format!("host-{n}"));
        open(
            &mut shelf,
            &path,
            Stay::WhileUsed,
            now + Duration::from_secs(n),
        );
        assert!(shelf.indices().len() <= 8);
        assert!(shelf.is_open(waiting, number));
    }
    shelf.close_quiet(true, now);

    assert_eq!(shelf.indices(), [waiting]);
}

/// Writing all of 5,000 hosts whenever most of them wait would write each line by itself.
#[test]
fn many_that_wait_are_a_crowd_only_where_few_more_could_be_opened() {
    let (dir, mut shelf) = shelf();
    shelf.set_passing_max(8);
    let now = Instant::now();

    for n in 1..=8 {
        let path = dir.path().join(format!("host-{n}"));
        let index = open(&mut shelf, &path, Stay::WhileUsed, now);
        push(&mut shelf, index, now);
        assert_eq!(shelf.crowd(now).len(), if n < 6 { 0 } else { n });
    }
}

/// By a link, or by another spelling.
#[test]
fn a_file_is_open_once_however_it_is_called() {
    let (dir, mut shelf) = shelf();
    let (path, link) = (dir.path().join("log"), dir.path().join("link"));
    let now = Instant::now();
    let first = open(&mut shelf, &path, Stay::Always, now);
    std::os::unix::fs::symlink(&path, &link).unwrap();

    assert_eq!(open(&mut shelf, &link, Stay::WhileUsed, now), first);
    assert_eq!(open(&mut shelf, &path, Stay::Always, now), first);
}
