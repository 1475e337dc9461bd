//! What was wrong with the original spreadlogd 2.0.1, and the test here that it is not.
//!
//! | the original | here |
//! |---|---|
//! | ended by a message to its private group, or to several with a strange one first | `hostile::messages_to_its_private_group_or_first_to_a_strange_one_do_no_harm` |
//! | opened `../../x` as a virtual host, and ended when it could not open one | `logs::hosts_have_files_of_their_own_and_nothing_else`, [`a_host_whose_file_cannot_be_opened`], [`one_message_of_more_hosts_than_files_may_be_open`] |
//! | ended when two hosts had the same sum of characters | [`ten_thousand_hosts_of_one_sum_of_characters`] |
//! | matched and took the host from what an earlier message had left in memory | [`a_message_is_matched_by_its_own_bytes`] |
//! | heard signals with the next message only | `rotation::hup_opens_a_relative_path_again_at_once_and_loses_nothing`, `stopping::term_writes_what_was_delivered_before` |
//! | took no notice of failed and short writes | `writing::a_full_disk_is_said_counted_and_survived`, `rotation::lines_that_the_old_file_could_not_take_are_whole_in_the_new_one` |
//! | died of SIGPIPE, never started a command again | `sinks::every_line_is_written_or_lost_and_counted_whatever_fails` |
//! | had one name for all its sessions, cut to ten characters | `writing::spread_blocks_are_sessions_of_their_own_to_one_daemon_or_several` |
//! | spun after a reconnection, with its socket in its children | `outage`; descriptors are closed on exec: [`a_command_has_no_descriptor_of_ours`] |
//! | opened relative paths from `/` after HUP | `rotation::hup_opens_a_relative_path_again_at_once_and_loses_nothing` |
//! | wrote the time of its zone as `+0000` | [`the_time_has_the_zone_of_the_process`] |
//! | cut the end off a line whose time got longer | [`the_time_has_the_zone_of_the_process`], `steps::timestamp` |
//! | took the number of `-b` for its configuration | `writing::the_longest_message_that_spread_carries_is_written_whole` |
//! | aborted on a bad expression | [`a_bad_expression_is_shown`] |
//! | went on as a second logger where a command could not be executed | `sinks::every_line_is_written_or_lost_and_counted_whatever_fails` |
//! | dropped all lines of a file that it could not open | `options::a_file_that_cannot_be_written_is_named` |
//! | compared the keys of blocks wrongly | there are none: blocks are counted |
//! | crashed on `Log { }` | `config::tests::every_mistake_is_told_with_its_place` |
//! | took errno of another call for the session's | there is no errno: each error is of its call; `outage` |
//! | allocated by the message without a look at the result | the length of a message is checked by `spread::wire` before it is waited for |
//! | joined on a mailbox that was never set, every 5 s | joined is once for each session: `outage` |
//! | wrote debug text for each VhostDir | [`the_time_has_the_zone_of_the_process`] says nothing without `-v` |
//! | dropped 20 KB, glued, split at NUL | `writing::the_longest_message_that_spread_carries_is_written_whole`, `writing::a_message_without_a_newline_gets_one` |
//! | ended when Perl died or a function was not there | `sinks::every_line_is_written_or_lost_and_counted_whatever_fails` |
//! | stood still while a client of `online` had sent half a request | `online::tests::half_a_request_freezes_nobody` |
//! | lost what came while it was away or slow | `streams`, `killed`, for numbered senders; stopped for a while: `cargo faults`, a logging host that stands still |

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Dir, PROGRAM, Program, Publisher, TestHub};

/// The program with these Logs and limits.
fn start(dir: &Dir, hub: &TestHub, ulimit: &str, logs: &str) -> Program {
    let text = format!("Spread {{ Port = {}@127.0.0.1 {logs} }}\n", hub.port());
    dir.write("c", &text);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{ulimit} exec \"$0\" \"$@\""), PROGRAM])
        .args(["-c", "c", "--stop-timeout", "50"])
        .env("TZ", "America/New_York")
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    program.wait_for("joined");
    program
}

fn lines_of(dir: &Dir) -> BTreeMap<String, String> {
    let files = fs::read_dir(dir.join("hosts")).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    });
    files.collect()
}

#[test]
fn ten_thousand_hosts_of_one_sum_of_characters() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    fs::create_dir(dir.join("hosts")).unwrap();
    let program = start(
        &dir,
        &hub,
        "ulimit -n 256;",
        "Log { Group = g VhostDir = hosts }",
    );
    let mut publisher = Publisher::connect(&hub);

    // Each digit, and what it lacks to nine.
    let host = |n: usize| format!("www.{n:04}-{:04}.example", 9_999 - n);
    let mut expected = BTreeMap::new();
    for round in 0..2 {
        let all: Vec<usize> = (0..10_000).collect();
        for some in all.chunks(50) {
            let lines = some.iter().map(|&n| format!("{} {round} {n}\n", host(n)));
            publisher.queue(&["g"], lines.collect::<String>());
            for &n in some {
                let text: &mut String = expected.entry(host(n)).or_default();
                *text += &format!("{round} {n}\n");
            }
        }
        publisher.sync();
    }
    let said = program.stop();

    assert!(!said.contains("cannot"), "{said}");
    assert!(said.contains("wrote 20000 lines, lost 0"), "{said}");
    assert!(lines_of(&dir) == expected);
}

/// None of them gets into the file of another; those without a place go to the file for all others.
#[test]
fn one_message_of_more_hosts_than_files_may_be_open() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    fs::create_dir(dir.join("hosts")).unwrap();
    let program = start(
        &dir,
        &hub,
        "ulimit -n 64;",
        "Log { Group = g VhostDir = hosts }",
    );
    let mut publisher = Publisher::connect(&hub);
    let lines: String = (0..200).map(|n| format!("h{n} of h{n}\n")).collect();

    for _ in 0..3 {
        publisher.send(&["g"], lines.clone());
    }
    let said = program.stop();

    assert!(said.contains("wrote 600 lines, lost 0"), "{said}");
    let mut count = 0;
    for (host, text) in lines_of(&dir) {
        let own = format!("of {host}");
        let is_own = |line: &str| line == own || host == "_other_";
        assert!(text.lines().all(is_own), "{host}: {text}");
        count += text.lines().count();
    }
    assert_eq!(count, 600);
}

#[test]
fn a_host_whose_file_cannot_be_opened() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    fs::create_dir_all(dir.join("hosts/a.example")).unwrap();
    let mut program = start(&dir, &hub, "", "Log { Group = g VhostDir = hosts }");
    let mut publisher = Publisher::connect(&hub);

    publisher.send(&["g"], "a.example 1\nb.example 2\n");
    program.wait_for("hosts/a.example: ");
    fs::remove_dir(dir.join("hosts/a.example")).unwrap();
    program.signal(Signal::HUP);
    // The HUP is heard before what comes then, or after; then it is in the file for all others.
    for n in 3.. {
        publisher.send(&["g"], format!("a.example {n}\n"));
        if dir.join("hosts/a.example").exists() {
            break;
        }
    }
    program.stop();

    let files = lines_of(&dir);
    assert_eq!(files["b.example"], "2\n");
    assert!(files["_other_"].starts_with("1\n"), "{files:?}");
    assert!(!files["a.example"].is_empty());
}

#[test]
fn a_message_is_matched_by_its_own_bytes() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let log = "Log { Group = g File = log Match = '\\.gif' } \
               Log { Group = g VhostDir = hosts }";
    let program = start(&dir, &hub, "", log);
    let mut publisher = Publisher::connect(&hub);
    let short = "S".repeat(300) + "\n";
    let long = format!("host {}.gif\n", "x".repeat(300));

    publisher.queue(&["g"], long.clone());
    publisher.queue(&["g"], short.clone());
    publisher.queue(&["g"], "alone");
    publisher.queue(&["g"], "");
    publisher.sync();
    program.stop();

    assert_eq!(dir.read("log"), long);
    assert_eq!(dir.read("hosts/_other_"), short + "alone\n");
}

#[test]
fn the_time_has_the_zone_of_the_process() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let logs = "Log { Group = g File = log RewriteTimestamp = CommonLogFormat } \
                Log { Group = g VhostDir = hosts RewriteTimestamp = '[a much longer time than it was: %z]' }";
    let program = start(&dir, &hub, "", logs);

    Publisher::connect(&hub).send(
        &["g"],
        "h ::1 - - [28/Nov/2026:09:30:00 +0000] \"GET /[x] HTTP/1.1\" 200 5\n",
    );
    let said = program.stop();

    let log = dir.read("log");
    assert!(
        log.contains(" -0500] \"GET /[x] ") || log.contains(" -0400] \"GET /[x] "),
        "{log}"
    );
    let host = dir.read("hosts/h");
    assert!(
        host.contains("[a much longer time than it was: -0"),
        "{host}"
    );
    assert!(
        host.ends_with("00] \"GET /[x] HTTP/1.1\" 200 5\n"),
        "{host}"
    );
    assert!(!said.contains("opened"), "{said}");
}

#[test]
fn a_bad_expression_is_shown() {
    let dir = Dir::new();
    dir.write("c", "Spread { Log { Group = g File = log Match = '(' } }\n");

    let (status, said) = Program::start(dir.path(), &["-c", "c"]).end();

    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("c:1:"), "{said}");
    assert!(!dir.join("log").exists());
}

/// The original's children had the session's socket, and those of all logs.
#[cfg(target_os = "linux")]
#[test]
fn a_command_has_no_descriptor_of_ours() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let logs = "Log { Group = g File = log } \
                Log { Group = g File = '|ls -l /proc/self/fd > fds; cat > /dev/null' }";
    let program = start(&dir, &hub, "", logs);
    Publisher::connect(&hub).send(&["g"], "1\n");
    program.stop();

    let fds = dir.read("fds");
    assert!(!fds.contains("socket:") && !fds.contains("/log"), "{fds}");
}
