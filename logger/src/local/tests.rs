//! Tests of the local logs: real files, a real socket, and the law of their books.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::thread;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::*;
use crate::line_ring;

/// Far beyond anything but a hang.
const PATIENCE: Duration = Duration::from_secs(60);

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Logs `lines` to `place` through one ring, and gives the books of the end.
fn written(place: &LocalPlace, lines: &[&str]) -> LocalBooks {
    let (mut log, drain) = line_ring(0);
    let writer = LocalWriter::open(place, vec![drain]).unwrap();
    let counters = writer.counters();
    for line in lines {
        log.log(line.as_bytes());
    }
    drop(log);
    runtime().block_on(writer.run(async {}, PATIENCE));
    counters.books()
}

#[test]
fn lines_are_added_to_a_file() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("log");
    fs::write(&file, "before\n").unwrap();

    let books = written(&LocalPlace::File(file.clone()), &["a", "", "b c"]);

    assert_eq!(fs::read_to_string(file).unwrap(), "before\na\n\nb c\n");
    assert_eq!((books.lines, books.bytes, books.waiting), (3, 7, 0));
    assert_eq!(books.lost, LocalLost::default());
}

#[test]
fn what_is_not_written_at_the_stop_is_counted() {
    let (mut log, drain) = line_ring(0);
    // Every write to it fails as to a full disk.
    let place = LocalPlace::File("/dev/full".into());
    let writer = LocalWriter::open(&place, vec![drain]).unwrap();
    let counters = writer.counters();
    log.log(b"a");
    log.log(b"b");

    runtime().block_on(writer.run(async {}, Duration::ZERO));

    let books = counters.books();
    assert_eq!((books.lines, books.waiting), (0, 0));
    assert_eq!(books.lost.unwritten, 2);
    assert!(books.is_failing);
}

#[test]
fn a_file_that_was_moved_away_is_opened_again_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let old = folder.path().join("log.1");
    let (mut log, drain) = line_ring(0);
    let writer = LocalWriter::open(&LocalPlace::File(file.clone()), vec![drain]).unwrap();
    let (counters, reopener) = (writer.counters(), writer.reopener());
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = thread::spawn(move || {
        let stopped = async { drop(stopped.await) };
        runtime().block_on(writer.run(stopped, PATIENCE));
    });
    log.log(b"old");
    while counters.books().lines == 0 {
        thread::yield_now();
    }

    fs::rename(&file, &old).unwrap();
    reopener.reopen();
    while !file.exists() {
        thread::yield_now();
    }
    log.log(b"new");
    drop((log, stop));
    thread.join().unwrap();

    assert_eq!(fs::read_to_string(old).unwrap(), "old\n");
    assert_eq!(fs::read_to_string(file).unwrap(), "new\n");
}

#[test]
fn a_syslog_daemon_gets_a_message_for_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    daemon.set_read_timeout(Some(PATIENCE)).unwrap();
    let place = LocalPlace::Syslog(SyslogOptions {
        path,
        facility: "local3".parse().unwrap(),
        tag: "web".into(),
    });

    let books = written(&place, &["one", "two"]);

    let pid = std::process::id();
    for line in ["one", "two"] {
        let mut message = [0; 100];
        let len = daemon.recv(&mut message).unwrap();
        let message = std::str::from_utf8(&message[..len]).unwrap();
        // <158>Nov 28 11:00:00 web[1]: one
        assert!(message.starts_with("<158>"), "{message}");
        let rest = &message["<158>Nov 28 11:00:00".len()..];
        assert_eq!(rest, format!(" web[{pid}]: {line}"));
    }
    assert_eq!((books.lines, books.lost.total()), (2, 0));
}

/// Who waits for a daemon that is away would not serve; who gives a line up would lose it.
#[test]
fn a_syslog_daemon_that_comes_late_gets_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (mut log, drain) = line_ring(0);
    let place = LocalPlace::Syslog(SyslogOptions {
        path: path.clone(),
        facility: Facility::LOCAL7,
        tag: "web".into(),
    });
    let writer = LocalWriter::open(&place, vec![drain]).unwrap();
    let counters = writer.counters();
    log.log(b"line");
    let thread = thread::spawn(move || {
        let watched = writer.counters();
        let stop = async move {
            while watched.books().lines == 0 {
                tokio::task::yield_now().await;
            }
        };
        runtime().block_on(writer.run(stop, PATIENCE));
    });
    while !counters.books().is_failing {
        thread::yield_now();
    }

    let daemon = UnixDatagram::bind(&path).unwrap();
    daemon.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut message = [0; 100];
    let len = daemon.recv(&mut message).unwrap();

    assert!(message[..len].ends_with(b": line"));
    drop(log);
    thread.join().unwrap();
    assert_eq!(counters.books().lost.total(), 0);
}

proptest! {
    /// However the system takes the bytes: each line counts once, when its newline is taken, and
    /// one that was torn by a change of files begins again.
    #[test]
    fn a_line_counts_when_its_newline_is_written(
        text in proptest::collection::vec("[a-c]{0,5}", 1..20),
        cuts in proptest::collection::vec(1_usize..9, 0..80),
    ) {
        let bytes: Vec<u8> = text.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
        let mut pending = Pending { bytes: bytes.clone(), from: 0 };
        let mut counted = 0;
        for cut in cuts {
            let len = cut.min(pending.rest().len());
            counted += pending.advance(len);
            prop_assert_eq!(counted + pending.lines(), text.len() as u64);
        }
        let (from, was_empty) = (pending.from, pending.is_empty());
        pending.back_to_line_start();
        prop_assert!(pending.from <= from);
        if was_empty {
            prop_assert!(pending.is_empty());
        } else {
            prop_assert!(pending.from == 0 || bytes[pending.from - 1] == b'\n');
        }
        prop_assert_eq!(counted + pending.lines(), text.len() as u64);
    }
}

/// A pipe that nobody reads must not keep the program, and says by what is in it what got there.
#[test]
fn a_pipe_that_nobody_reads_is_given_up_at_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let mut reader = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let (mut log, drain) = line_ring(0);
    let writer = LocalWriter::open(&LocalPlace::File(path), vec![drain]).unwrap();
    let counters = writer.counters();
    let line = "x".repeat(999);
    // Twice what a pipe holds, and as much as the ring does.
    for _ in 0..131 {
        log.log(line.as_bytes());
    }
    drop(log);

    runtime().block_on(writer.run(async {}, Duration::ZERO));

    let books = counters.books();
    assert!(books.lines > 0 && books.lost.unwritten > 0, "{books:?}");
    assert_eq!(books.lines + books.lost.total(), 131);
    let whole = usize::try_from(books.lines).unwrap() * 1000;
    let mut bytes = vec![0; whole];
    io::Read::read_exact(&mut reader, &mut bytes).unwrap();
    assert_eq!(lines(&bytes), books.lines);
}
