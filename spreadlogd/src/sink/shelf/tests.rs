//! The files that are open, in number and in time.

use super::due::COMPANY_MAX;
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
    push_many(shelf, index, 1, now);
}

fn push_many(shelf: &mut Shelf, index: usize, count: usize, now: Instant) {
    let lines = Lines::of_stranger(Bytes::from("line\n".repeat(count)));
    assert!(shelf.room.take(lines.cost()));
    shelf.push(index, lines, now);
    let cost = shelf.take_cost();
    shelf.room.force(cost);
}

/// As the writer does it where nothing hinders; the files that got something.
fn write(shelf: &mut Shelf, now: Instant) -> Vec<usize> {
    let mut together = Together::default();
    shelf.take_together(&mut together, false, now);
    let mut written: Vec<usize> = Vec::new();
    for share in together.shares() {
        let bytes: Vec<&[u8]> = together.pieces(share).collect();
        let sink = shelf.sink(share.file).unwrap();
        assert!(sink.append_at().is_some());
        assert_eq!(sink.append(&bytes.concat()), bytes.concat().len());
        written.push(share.file);
    }
    shelf.give_back(&mut together);
    let due = shelf.due(now);
    for &index in &due {
        let sink = shelf.sink(index).unwrap();
        let _ = sink.prepare(now);
        sink.write(now);
    }
    shelf.settle(&due);
    written.extend(due);
    written
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

/// A few files with much are written at once, all that waits with them; of many files more is
/// wanted, up to the bound.
#[test]
fn company_is_enough_by_what_it_comes_to_for_each_file() {
    let (dir, mut shelf) = shelf();
    let now = Instant::now();
    let open = |shelf: &mut Shelf, n: usize| {
        open(shelf, &dir.path().join(n.to_string()), Stay::WhileUsed, now)
    };
    shelf.room = Arc::new(Room::new(64 << 20));
    shelf.company_max = 4 << 20;
    let one = open(&mut shelf, 0);
    push_many(&mut shelf, one, 200_000, now);
    assert!(!shelf.take_urgency());

    push_many(&mut shelf, one, 20_000, now);
    assert!(shelf.take_urgency());
    assert_eq!(
        (shelf.next_due(), write(&mut shelf, now)),
        (Some(now), vec![one])
    );
    assert_eq!((shelf.next_due(), shelf.room.held()), (None, 0));

    for n in 0..1_000 {
        let file = open(&mut shelf, n);
        push_many(&mut shelf, file, 500, now);
    }
    assert!(!shelf.take_urgency());
    push_many(&mut shelf, one, 400_000, now);
    assert!(shelf.take_urgency());
    assert_eq!(
        (write(&mut shelf, now).len(), shelf.room.held()),
        (1_000, 0)
    );
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
        assert_eq!(shelf.is_crowd(), n >= 6);
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
