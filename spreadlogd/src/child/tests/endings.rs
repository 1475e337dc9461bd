//! HUP and the end: in order, and never for ever.

use std::io::Read as _;

use rustix::process::{Pid, test_kill_process};

use super::*;

const SHORT: Patience = Patience {
    write: Duration::from_millis(1),
    end: Duration::from_millis(1),
    term: Duration::from_millis(1),
};

#[test]
fn reopening_changes_the_process_between_two_lines() {
    let place = Place::new();
    let said = place.fifo("said");
    let script = "echo start | tee -a out > said; exec cat >> out";
    let child = place.start(script, Limits::default());
    let mut all = String::from("start\n");
    for part in 0..3 {
        for line in 0..1_000 {
            let line = format!("{part} {line}\n");
            all.push_str(&line);
            child.push(lines(&line)).unwrap();
        }
        if part < 2 {
            child.reopen();
            all.push_str("start\n");
        }
    }
    // The end is not begun before: then it does not matter any more.
    said.expect(&["start"; 3]);

    let counted = finish(child);

    assert_eq!(place.text("out"), all);
    assert_eq!((counted.written, counted.restarts), (3_000, 2));
}

/// The first does not read, or not any more; the second does.
#[test]
fn one_that_does_not_end_for_a_reopening_is_ended_and_its_lines_go_on() {
    for stuck in [
        "exec tail -f /dev/null",
        "trap '' TERM; exec tail -f /dev/null",
    ] {
        let place = Place::new();
        let said = place.fifo("said");
        let script = format!(
            "if [ -e mark ]; then echo second > said; exec cat >> out; fi; \
             : > mark; echo first > said; {stuck}"
        );
        let limits = Limits {
            reopening: SHORT,
            ..Limits::default()
        };
        let child = place.start(&script, limits);
        said.expect(&["first"]);
        child.push(lines("before")).unwrap();
        child.reopen();
        child.push(lines("after")).unwrap();
        said.expect(&["second"]);

        let counted = finish(child);

        assert_eq!(place.text("out"), "before\nafter\n", "{stuck}");
        assert_eq!((counted.written, counted.restarts), (2, 1));
    }
}

#[test]
fn one_that_closes_its_standard_input_is_replaced() {
    let place = Place::new();
    let said = place.fifo("said");
    let script = "if [ -e mark ]; then exec cat > said; fi; : > mark; \
                  exec <&-; exec tail -f /dev/null";
    let limits = Limits {
        reopening: SHORT,
        ..Limits::default()
    };
    let child = place.start(script, limits);

    child.push(lines("one")).unwrap();
    said.expect(&["one"]);

    let counted = finish(child);
    assert_eq!((counted.written, counted.restarts), (1, 1));
}

#[test]
fn stopping_ends_a_command_that_ignores_term() {
    let place = Place::new();
    let said = place.fifo("said");
    let script = "trap '' TERM; echo ready > said; exec tail -f /dev/null";
    let child = place.start(script, Limits::default());
    said.expect(&["ready"]);
    let pid = i32::try_from(child.counters().pid().unwrap()).unwrap();
    child.push(lines("one\ntwo\n")).unwrap();
    let inbox = Arc::clone(&child.inbox);

    child.stop(SHORT);
    assert_eq!(child.push(lines("too late")), Err(Full));
    child.join();

    assert!(test_kill_process(Pid::from_raw(pid).unwrap()).is_err());
    let counted = Counted::of(inbox.counters());
    assert_eq!((counted.written, counted.lost), (0, 3));
}

/// The original's commands had its socket, and each other's pipes: none ever came to the end of
/// its own.
#[test]
fn a_command_comes_to_the_end_of_its_input_though_others_run_on() {
    let place = Place::new();
    let said = place.fifo("said");
    let first = place.start("cat > /dev/null; echo end > said", Limits::default());
    let second = place.start("exec cat > /dev/null", Limits::default());
    first.push(lines("one")).unwrap();

    let counted = finish(first);

    said.expect(&["end"]);
    assert_eq!((counted.written, counted.restarts), (1, 0));
    assert_eq!(finish(second).given, 0);
}

/// A command's own children are in its group.
#[test]
fn stopping_ends_what_a_command_has_started() {
    let place = Place::new();
    let path = place.bare_fifo("held");
    let script = "tail -f /dev/null > held & wait";
    let child = place.start(script, Limits::default());
    // Waits for the writer.
    let mut held = File::open(&path).unwrap();

    child.stop(SHORT);
    child.join();

    // Its end is when nobody has it open for writing.
    assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0);
}

/// What is given just before the end is read, also by the process after one that has ended.
#[test]
fn stopping_goes_on_with_another_process_while_there_are_lines() {
    let place = Place::new();
    let script = "IFS= read -r line; printf '%s\\n' \"$line\" >> out";
    let child = place.start(script, Limits::default());
    for line in ["one", "two", "three"] {
        child.push(lines(line)).unwrap();
    }

    let counted = finish(child);

    assert_eq!(place.text("out"), "one\ntwo\nthree\n");
    assert_eq!((counted.written, counted.lost), (3, 0));
}
