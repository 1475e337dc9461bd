//! `|command`: every line once, in order, whatever the command does.

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// Lines of different lengths, and the sum of them.
fn numbered(count: usize) -> (Vec<String>, String) {
    let line = |index: usize| format!("line {index} {}\n", "x".repeat(index % 90));
    let lines: Vec<String> = (0..count).map(line).collect();
    let all = lines.concat();
    (lines, all)
}

#[test]
fn a_command_reads_every_line_once_and_in_order() {
    let place = Place::new();
    let child = place.start("exec cat >> out", Limits::default());
    // More than a pipe holds, and some messages longer than it.
    let (all_lines, mut all) = numbered(5_000);
    for part in all_lines.chunks(7) {
        child.push(lines(&part.concat())).unwrap();
    }
    let long = "y".repeat(200_000);
    child.push(lines(&long)).unwrap();
    all.push_str(&long);
    all.push('\n');

    let counted = finish(child);

    assert_eq!(place.text("out"), all);
    assert_eq!((counted.written, counted.restarts), (5_001, 0));
}

/// `head` reads exactly so many bytes and ends, mostly in the midst of a line: what it got of that
/// one the next one gets again, with the rest of it.
#[test]
fn what_a_process_has_not_read_whole_the_next_one_gets() {
    let place = Place::new();
    let script = "mkdir -p runs && exec head -c 1000 > runs/$(ls runs | wc -l)";
    let child = place.start(script, Limits::default());
    let (all_lines, all) = numbered(70);
    assert!(all.len() > 3_000 && all.len() < 4_000);
    for line in &all_lines {
        child.push(lines(line)).unwrap();
    }

    let counted = finish(child);

    let mut read = String::new();
    for run in 0..=counted.restarts {
        let run = place.text(&format!("runs/{run}"));
        let whole = run.rfind('\n').map_or(0, |end| end + 1);
        read.push_str(&run[..whole]);
    }
    assert_eq!(read, all);
    assert_eq!((counted.written, counted.lost), (70, 0));
    assert!(counted.restarts >= 3);
}

/// The shell's `read` takes no byte of the next line; it is killed right after some.
#[test]
fn a_process_that_is_killed_costs_no_line_that_it_had_not_read() {
    let place = Place::new();
    let script = "while IFS= read -r line; do printf '%s\\n' \"$line\" >> out; \
                  case $line in *' 100 '*|*' 101 '*|*' 250 '*) kill -KILL $$;; esac; done";
    let child = place.start(script, Limits::default());
    let (all_lines, all) = numbered(300);
    for line in &all_lines {
        child.push(lines(line)).unwrap();
    }

    let counted = finish(child);

    assert_eq!(place.text("out"), all);
    assert_eq!((counted.written, counted.restarts), (300, 3));
}

/// The original was killed by SIGPIPE when a command of its had ended.
#[test]
fn a_command_may_end_after_each_line() {
    let place = Place::new();
    let said = place.fifo("said");
    let child = place.start("exec head -n 1 > said", Limits::default());

    for line in ["one", "two", "three"] {
        child.push(lines(line)).unwrap();
        said.expect(&[line]);
    }

    let counted = finish(child);
    assert_eq!((counted.written, counted.lost), (3, 0));
    assert!(counted.restarts >= 2);
}

/// We ignore SIGPIPE; a pipeline in a command relies on it.
#[test]
fn a_command_dies_of_sigpipe() {
    let place = Place::new();
    let said = place.fifo("said");
    let script = "echo started > said; kill -PIPE $$; echo survived > said; exec cat";
    let child = place.start(script, Limits::default());

    said.expect(&["started", "started"]);
    drop(child);
}

/// Who reads on when the shell is gone gets what is in the pipe, and nobody else.
#[test]
fn what_reads_on_without_its_shell_keeps_what_it_was_given() {
    let place = Place::new();
    let said = place.fifo("said");
    let child = place.start("cat > said; true", Limits::default());
    child.push(lines("one")).unwrap();
    said.expect(&["one"]);

    let pid = child.counters().pid().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    child.push(lines("two")).unwrap();
    said.expect(&["two"]);

    let counted = finish(child);
    assert_eq!((counted.written, counted.lost), (2, 0));
    assert!(said.0.try_recv().is_err());
}

#[test]
fn nobody_waits_for_a_command_that_does_not_read() {
    let place = Place::new();
    let limits = Limits {
        bytes_max: 100_000,
        ..Limits::default()
    };
    let child = place.start("exec tail -f /dev/null", limits);

    let results = (0..10_000).map(|_| child.push(lines("a line of the log\n")));
    let refused = results.filter(Result::is_err).count();

    assert!(refused > 9_000 && refused < 10_000);
    assert_eq!(child.counters().lines_lost.now(), refused as u64);
    assert_eq!(child.counters().lines_lost_slow(), refused as u64);
    assert_eq!(child.offer(lines("comes again")), Err(Full));
    let inbox = Arc::clone(&child.inbox);
    child.stop(Patience::NONE);
    child.join();
    let counted = Counted::of(inbox.counters());
    assert_eq!((counted.given, counted.written), (10_000, 0));
    let unwritten = inbox.counters().lines_unwritten.now();
    assert_eq!(unwritten, 10_000 - refused as u64);
}

/// Room is given back when a line is read, not before, and all of it.
#[test]
fn a_command_that_reads_again_is_given_more() {
    let place = Place::new();
    let said = place.fifo("said");
    let limits = Limits {
        bytes_max: 10_000,
        ..Limits::default()
    };
    let script = "read -r word < gate; echo reading > said; exec cat >> out";
    let gate = place.bare_fifo("gate");
    let child = place.start(script, limits);
    while child.push(lines("filler\n")).is_ok() {}

    fs::write(&gate, "go\n").unwrap();
    said.expect(&["reading"]);
    // It reads on: that this is taken is all there is to see.
    while child.offer(lines("after\n")).is_err() {
        thread::yield_now();
    }

    let counted = finish(child);
    assert_eq!(counted.lost, 1);
    assert!(place.text("out").ends_with("filler\nafter\n"));
}

/// No more than a start at once, and then after 100, 200, 400 ms: a bound from below, which a slow
/// machine does not break.
#[test]
fn a_command_that_ends_at_once_does_not_spin() {
    let place = Place::new();
    let said = place.fifo("said");
    let start = std::time::Instant::now();
    let child = place.start("echo started > said; exit 1", Limits::default());

    said.expect(&["started"; 5]);

    assert!(start.elapsed() >= Duration::from_millis(700));
    assert!(finish(child).restarts >= 4);
}

/// Whose memory is full while it is not started again: that it is slow is not the cause.
#[test]
fn what_is_lost_while_a_program_is_down_is_counted_as_that() {
    let place = Place::new();
    let limits = Limits {
        bytes_max: 1_000,
        ..Limits::default()
    };
    let child = place.start("exit 1", limits);
    let counters = child.counters();
    // It is down for longer each time.
    while counters.lines_lost_down.now() == 0 {
        let _ = child.push(lines("line\n"));
    }

    let inbox = Arc::clone(&child.inbox);
    child.stop(Patience::NONE);
    child.join();

    let counted = Counted::of(inbox.counters());
    let (down, end) = (
        counters.lines_lost_down.now(),
        counters.lines_unwritten.now(),
    );
    assert_eq!(counted.lost, counters.lines_lost_slow() + down + end);
}

#[test]
fn a_program_that_is_not_there_is_said_at_the_start() {
    let place = Place::new();
    let program = Program::module("absent", &place.path("absent"), None);

    let error = Child::start(program, Limits::default()).unwrap_err();

    assert_eq!(error.to_string(), "cannot start module absent");
}
