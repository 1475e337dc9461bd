//! The program with a real Spread daemon, by TCP and by its Unix socket, and over a restart.

use crate::daemon::Daemon;
use crate::support::{Dir, Program, Publisher};

fn address(daemon: &Daemon) -> String {
    format!("{}@127.0.0.1", daemon.port())
}

/// The echoes of a session without memberships are all there is to know by that it has joined, and
/// that it has read everything: they must be in one order with the lines.
#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn every_line_that_a_real_daemon_delivers_is_written_before_the_end() {
    let (dir, daemon) = (Dir::new(), Daemon::start().unwrap());
    let port = daemon.port();
    dir.write(
        "c",
        &format!(
            "Spread {{ Port = {port}@127.0.0.1 Log {{ Group = g File = tcp }} }}\n\
             Spread {{ Port = {port} Log {{ Group = g File = unix }} }}\n"
        ),
    );
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    let mut private_groups = Vec::new();
    for _ in 0..2 {
        let line = program.wait_for("joined g");
        let word = line.split_whitespace().find(|word| word.starts_with('#'));
        private_groups.push(word.unwrap().trim_end_matches(',').to_owned());
    }
    let mut publisher = Publisher::connect_to(&address(&daemon));

    let mut expected = String::new();
    for n in 0..2_000 {
        let lines = format!("{n}\n").repeat(100);
        match n % 3 {
            0 => publisher.queue(&["g", "+1"], lines.clone()),
            1 => publisher.queue(&["zzz-other", "g"], lines.clone()),
            _ => publisher.queue(&["g"], lines.clone()),
        }
        publisher.queue(&[&private_groups[n % 2]], "to you alone\n");
        expected += &lines;
    }
    publisher.sync();
    let said = program.stop();

    assert!(dir.read("tcp") == expected, "{said}");
    assert!(dir.read("unix") == expected, "{said}");
}

#[test]
#[ignore = "needs a Spread daemon: set SPREAD_DAEMON"]
fn it_joins_again_when_a_real_daemon_comes_back() {
    let (dir, mut daemon) = (Dir::new(), Daemon::start().unwrap());
    let address = address(&daemon);
    let args = ["--spread", &address, "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    Publisher::connect_to(&address).send(&["g"], "before\n");

    daemon.stop().unwrap();
    daemon.start_again().unwrap();
    program.wait_for("lost the Spread daemon at");
    program.wait_for("joined g");
    Publisher::connect_to(&address).send(&["g"], "after\n");
    program.stop();

    // Only what the first daemon had delivered when it was killed.
    let log = dir.read("log");
    assert!(log == "before\nafter\n" || log == "after\n", "{log}");
}
