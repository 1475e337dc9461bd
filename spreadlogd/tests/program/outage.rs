//! Daemons that are not there, go away and come back.

use crate::held_port::HeldPort;
use crate::support::{Dir, Program, Publisher, TestHub};

#[test]
fn it_comes_back_and_joins_again_when_the_daemon_does() {
    let (dir, place) = (Dir::new(), HeldPort::hold().unwrap());
    let hub = TestHub::start_in(&place);
    let args = ["--spread", &hub.address(), "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");
    Publisher::connect(&hub).send(&["g"], "before\n");

    drop(hub);
    program.wait_for("lost the Spread daemon at");
    program.wait_for("no Spread daemon at");
    let hub = TestHub::start_in(&place);
    program.wait_for("joined g");
    Publisher::connect(&hub).send(&["g"], "after\n");
    let said = program.stop();

    assert_eq!(dir.read("log"), "before\nafter\n");
    assert_eq!(said.matches("no Spread daemon at").count(), 1, "{said}");
}

/// With `-x` every attempt is told, otherwise the first alone.
#[test]
fn a_daemon_that_comes_later_is_found_and_the_wait_is_told_once() {
    let (dir, place) = (Dir::new(), HeldPort::hold().unwrap());
    let port = place.port();
    let address = format!("{port}@127.0.0.1");
    let args = ["-x", "--spread", &address, "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);
    program.wait_for(&format!(
        "no Spread daemon at {address} yet (Connection refused"
    ));
    program.wait_for("cannot connect to");

    let _hub = TestHub::start_in(&place);
    program.wait_for("joined g");
    let said = program.stop();

    assert_eq!(said.matches("no Spread daemon at").count(), 1, "{said}");
    let hint = format!("One comes with: spreadlogd --hub {port}");
    assert_eq!(said.matches(&hint).count(), 1, "{said}");
}

#[test]
fn of_several_addresses_the_first_that_answers_is_taken() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let nobody = HeldPort::hold().unwrap();
    let addresses = format!("{}@127.0.0.1,{}", nobody.port(), hub.address());
    let args = ["--spread", &addresses, "--group", "g", "--file", "log"];
    let mut program = Program::start(dir.path(), &args);

    program.wait_for(&format!("connected to {} as #", hub.address()));
    program.stop();
}

/// One daemon away does not keep lines of another from their file.
#[test]
fn a_missing_daemon_does_not_hinder_the_others() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let nobody = HeldPort::hold().unwrap();
    dir.write(
        "c",
        &format!(
            "Spread {{ Port = {}@127.0.0.1 Log {{ Group = a File = a }} }}\n\
             Spread {{ Port = {}@127.0.0.1 Log {{ Group = b File = b }} }}\n",
            nobody.port(),
            hub.port()
        ),
    );
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined b");

    Publisher::connect(&hub).send(&["b"], "1\n");
    program.stop();

    assert_eq!(
        (dir.read("a"), dir.read("b")),
        (String::new(), "1\n".into())
    );
}
