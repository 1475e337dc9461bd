//! Whole spools on a disk: written, left, taken over.

use std::io::Write;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use spread::stream::{Control, LostLines, Notice, StreamGroup, Tally};

fn instance() -> Instance {
    Instance::from_random([1; 8])
}

fn identity() -> Vec<u8> {
    let group = spread::GroupName::new("g").unwrap();
    Notice::Control(Control {
        instance: instance(),
        boot: 1,
        host: "web".into(),
        program: "test".into(),
        pid: 1,
        group: StreamGroup::try_from(group).unwrap(),
        next: Number::FIRST,
        retained: Number::FIRST,
        lines: 0,
        bytes: 0,
        lost: LostLines::default(),
        cut: 0,
        leaving: false,
    })
    .write()
}

fn spool(dir: &TempDir, bodies: &[&[u8]], segment_max: u64) -> (Spool, Vec<Place>) {
    let mut spool = Spool::create(dir.path(), instance(), &identity(), segment_max).unwrap();
    let appended = (1..).zip(bodies).map(|(number, body)| {
        let number = Number::new(number).unwrap();
        spool.append(number, 1, body).unwrap()
    });
    let places = appended.collect();
    (spool, places)
}

fn take(dir: &TempDir) -> Orphan {
    let (mut found, more) = orphans(dir.path(), 8).unwrap();
    assert!(!more);
    let (path, identity) = found.pop().unwrap();
    assert!(found.is_empty());
    Orphan::read(path, identity).unwrap()
}

fn segments(dir: &TempDir) -> usize {
    let path = dir.path().join(format!("L{}", instance()));
    let entries = fs::read_dir(path).unwrap();
    let names = entries.map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some()).count()
}

#[test]
fn what_is_written_is_read_back_and_a_dead_ones_spool_is_taken_over() {
    let dir = TempDir::new().unwrap();
    let (mut own, places) = spool(&dir, &[b"a\n", b"bb\n", b"ccc\n"], 40);
    let bodies: Vec<Bytes> = places.iter().map(|place| place.load().unwrap()).collect();
    assert_eq!(bodies, [&b"a\n"[..], b"bb\n", b"ccc\n"]);
    assert_eq!(segments(&dir), 2);
    assert!(orphans(dir.path(), 8).unwrap().0.is_empty(), "it lives");

    let marks = Marks {
        handed: 2,
        retained: 2,
        connections: 3,
        written: Tally {
            messages: 2,
            lines: 2,
            bytes: 5,
        },
        ..Marks::default()
    };
    own.mark(&marks).unwrap();
    drop((own, places));
    let orphan = take(&dir);
    assert!(orphans(dir.path(), 8).unwrap().0.is_empty(), "it is taken");

    assert_eq!(orphan.control.instance, instance());
    assert_eq!(orphan.spool.marks(), &marks);
    assert_eq!(orphan.unreadable, 0);
    let store = &orphan.store;
    assert_eq!(store.retained().get(), 2);
    let (next, body) = store.peek().unwrap();
    assert_eq!(next.get(), 3, "what was handed over is not sent again");
    assert_eq!(body.load().unwrap(), "ccc\n");
    assert_eq!(store.books().written, marks.written);
    assert_eq!(store.books().waiting.lines, 1);
    orphan.spool.delete().unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

fn waiting(orphan: &mut Orphan) -> Vec<Bytes> {
    let mut bodies = Vec::new();
    while let Some((_, body)) = orphan.store.peek() {
        bodies.push(body.load().unwrap());
        orphan.store.handed_over();
    }
    bodies
}

/// Of what is not sealed yet the death of the process takes nothing, though it may come in the
/// midst of a write.
#[test]
fn the_message_that_is_being_filled_is_taken_over_too() {
    for torn in [false, true] {
        let dir = TempDir::new().unwrap();
        let (mut own, places) = spool(&dir, &[b"a\n"], 1000);
        let number = Number::new(2).unwrap();
        own.write_open(number, 1, b"b\n").unwrap();
        own.write_open(number, 2, b"b\nc\n").unwrap();
        if torn {
            let open = own.open.as_ref().unwrap();
            open.write_all_at(b"x", OPEN_LEN * (own.open_turn % 2) + Header::LEN as u64)
                .unwrap();
        }
        drop((own, places));

        let mut orphan = take(&dir);

        let second: &[u8] = if torn { b"b\n" } else { b"b\nc\n" };
        assert_eq!(orphan.store.books().waiting.lines, if torn { 2 } else { 3 });
        assert_eq!(waiting(&mut orphan), [b"a\n", second]);
    }
}

#[test]
fn one_that_was_sealed_since_is_there_once() {
    let dir = TempDir::new().unwrap();
    let (mut own, places) = spool(&dir, &[b"a\n"], 1000);
    let number = Number::new(2).unwrap();
    own.write_open(number, 1, b"b\n").unwrap();
    own.append(number, 2, b"b\nc\n").unwrap();
    drop((own, places));

    assert_eq!(waiting(&mut take(&dir)), [&b"a\n"[..], b"b\nc\n"]);
}

#[test]
fn segments_go_when_nothing_in_them_is_kept() {
    let dir = TempDir::new().unwrap();
    let (mut spool, _) = spool(&dir, &[b"a\n", b"b\n", b"c\n", b"d\n"], 1);
    assert_eq!(segments(&dir), 4);

    spool.trim(Number::new(3).unwrap());
    assert_eq!(segments(&dir), 2);
    spool.trim(Number::new(5).unwrap());

    assert_eq!(segments(&dir), 1, "the last is written to");
}

#[test]
fn a_record_that_was_changed_is_not_sent() {
    let dir = TempDir::new().unwrap();
    let (_spool, places) = spool(&dir, &[b"a\n"], 1000);
    places[0].file.write_all_at(b"b", places[0].at).unwrap();

    let error = places[0].load().unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn directories_of_others_are_left_alone() {
    let dir = TempDir::new().unwrap();
    for name in ["Lost+found", "new-AAAAAAAA", "LAAAA-AAA", "LAAAAAAAAA"] {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        File::create(path.join(IDENTITY)).unwrap();
    }

    assert!(orphans(dir.path(), 8).unwrap().0.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However much of the last segment is gone, or whatever came behind it: the messages before
    /// that are there, none is made up.
    #[test]
    fn a_torn_tail_gives_back_a_prefix(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..20),
        cut in 0..200_u64,
        junk in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let dir = TempDir::new().unwrap();
        let slices: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
        let (own, places) = spool(&dir, &slices, 150);
        let last = own.segments.back().unwrap();
        let len = last.len.saturating_sub(cut);
        last.file.set_len(len).unwrap();
        let left = (own.segments.len() - 1, len);
        let path = segment_path(&own.path, last.first);
        drop((own, places));
        OpenOptions::new().append(true).open(path).unwrap().write_all(&junk).unwrap();

        let orphan = take(&dir);

        let store = &orphan.store;
        let kept = store.next().get() - store.retained().get();
        let kept = usize::try_from(kept).unwrap();
        prop_assert!(kept <= bodies.len() && (kept == bodies.len() || cut > 0));
        prop_assert!(left.0 == 0 || kept > 0);
        let mut store = orphan.store;
        for body in &bodies[..kept] {
            let loaded = store.peek().unwrap().1.load().unwrap();
            prop_assert_eq!(&loaded[..], &body[..]);
            store.handed_over();
        }
        prop_assert!(store.peek().is_none());
    }
}
