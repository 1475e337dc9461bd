//! What a program is to the system around it: its pid file.

mod support;

use std::fs;
use std::process;

use rustix::process::Signal;
use support::Root;
use support::program::{Program, refused};

#[test]
fn the_pid_file_names_it_while_it_serves() {
    let (root, run) = (Root::with(&[("a", b"one")]), Root::new());
    let pid_file = run.path("pid");
    // Of a process that was killed.
    fs::write(&pid_file, "2147483647\n").unwrap();
    for flag in ["-i", "--pid-file"] {
        let path = pid_file.to_str().unwrap();
        let program = Program::start(&["-d", &root.dir(), "-p", "0", flag, path]);

        assert_eq!(
            fs::read_to_string(&pid_file).unwrap(),
            format!("{}\n", program.pid())
        );
        program.signal(Signal::TERM);
        assert_eq!(program.wait().stderr, "");
        assert!(!pid_file.exists());
    }
}

#[test]
fn a_pid_file_of_a_running_process_refuses_the_start() {
    let (root, run) = (Root::new(), Root::new());
    let pid_file = run.path("pid");
    fs::write(&pid_file, format!("{}\n", process::id())).unwrap();
    let path = pid_file.to_str().unwrap();

    let ended = refused(&["-d", &root.dir(), "-p", "0", "-i", path]);

    assert_eq!(ended.status, Some(1), "{}", ended.stderr);
    let said = format!("process {} is running, says {path}", process::id());
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert!(pid_file.exists());
}
