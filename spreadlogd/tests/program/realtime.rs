//! Real-time scheduling, as the operator asks for it. Whether the system lets us is not the test's
//! to choose: either every thread that is meant is read back, or what is said names the remedy.

use std::fs;
use std::process::{Command, Output};

use crate::support::{Dir, PROGRAM, Program, TestHub};

fn realtime(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PROGRAM);
    let output: Output = command.arg("realtime").args(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Policy and priority of each thread: the fields 41 and 40 of proc_pid_stat(5), counted behind
/// the name, which may have anything in it.
fn threads(pid: u32) -> Vec<(u32, u32)> {
    let scheduling = |text: String| {
        let fields = text.rsplit_once(')').unwrap().1;
        let fields: Vec<_> = fields.split_whitespace().collect();
        (fields[38].parse().unwrap(), fields[37].parse().unwrap())
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .map(|task| scheduling(fs::read_to_string(task.unwrap().path().join("stat")).unwrap()))
        .collect()
}

const ORDINARY: (u32, u32) = (0, 0);
const FIFO: u32 = 1;

fn start(dir: &Dir, hub: &TestHub, realtime: &[&str]) -> Program {
    let args = ["--file", "log", "--spread", &hub.address()];
    let mut program = Program::start(dir.path(), &[&args, realtime].concat());
    program.wait_for("joined");
    program
}

#[test]
fn a_running_process_is_put_under_it_with_all_its_threads_and_back() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start(&dir, &hub, &[]);
    let pid = program.pid().to_string();

    let (status, said) = realtime(&[&pid, "12"]);

    let set = threads(program.pid());
    assert!(set.len() > 1, "it has a thread that writes");
    if status == Some(0) {
        assert!(set.iter().all(|&thread| thread == (FIFO, 12)), "{set:?}");
        assert!(said.contains(&format!("{} threads", set.len())), "{said}");
    } else {
        assert!(said.contains("CAP_SYS_NICE"), "{said}");
    }
    let (status, said) = realtime(&[&pid, "--off"]);
    assert_eq!(status, Some(0), "{said}");
    let set = threads(program.pid());
    assert!(set.iter().all(|&thread| thread == ORDINARY), "{set:?}");
    program.stop();
}

#[test]
fn the_thread_that_reads_is_put_under_it_alone() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start(&dir, &hub, &["--realtime=11"]);

    let set = threads(program.pid());
    let said = program.stop();

    let fifo = set.iter().filter(|&&thread| thread == (FIFO, 11)).count();
    if said.contains("reading at real-time priority 11") {
        assert_eq!(fifo, 1, "{set:?}");
    } else {
        assert_eq!(fifo, 0, "{set:?}");
        assert!(said.contains("reading at ordinary priority"), "{said}");
        assert!(said.contains("CAP_SYS_NICE"), "{said}");
    }
}

#[test]
fn a_process_that_is_not_there_is_a_failure() {
    // Over what the kernel gives out at most (2^22).
    let (status, said) = realtime(&["4194305"]);

    assert_eq!(status, Some(1));
    assert!(said.contains("there is no process 4194305"), "{said}");
}
