//! The thread that writes, with files that take nothing.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::*;
use crate::counters::FileCounters;
use crate::ledger::Ledger;
use crate::outlet::Outlet;
use crate::sink::{Locking, Stay};

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
