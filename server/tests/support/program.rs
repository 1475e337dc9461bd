//! The program as a user starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getrlimit, kill_process, prlimit, waitid,
};

use super::{Client, PATIENCE};

/// A running rthttpd.
pub(crate) struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Unless it is the test's own.
    stderr: Option<ChildStderr>,
    /// The lines it began with.
    pub(crate) banner: Vec<String>,
    pub(crate) address: SocketAddr,
}

/// What a program that has ended leaves.
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Starts it on a port of its own, and waits until it has said where.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::begin(command(args), args)
    }

    /// The same, with so many descriptors at most.
    pub(crate) fn start_with_descriptors(descriptors: u32, args: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_rthttpd")]);
        Self::begin(with(shell, args), args)
    }

    /// The same, with a standard error of the test's.
    pub(crate) fn start_with_stderr(stderr: impl Into<Stdio>, args: &[&str]) -> Self {
        let mut command = command(args);
        command.stderr(stderr);
        Self::begin(command, args)
    }

    /// Starts it with a socket as a service manager hands it over, and further variables.
    pub(crate) fn start_with_socket(
        socket: impl Into<OwnedFd>,
        variables: &[(&str, &str)],
        args: &[&str],
    ) -> Self {
        let mut command = command_with_socket(socket, args);
        command.envs(variables.iter().copied());
        Self::begin(command, args)
    }

    fn begin(mut command: Command, args: &[&str]) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take();
        let mut banner = Vec::new();
        // The last line is the log's; or that of the status page, or the place, without one.
        let last = if args.contains(&"--spread") || args.contains(&"--log") {
            "log"
        } else if args.contains(&"--status") {
            "status"
        } else {
            "at"
        };
        let last = if args.iter().any(|arg| arg.starts_with("embedded")) {
            "join"
        } else {
            last
        };
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                stderr.map(|mut stderr| stderr.read_to_string(&mut said));
                panic!("it ended at once: {said}");
            }
            let is_last = line.starts_with(last);
            banner.push(line.trim_end().to_owned());
            if is_last {
                break;
            }
        }
        let url = banner
            .iter()
            .find_map(|line| line.split("http://").nth(1))
            .unwrap();
        let address = url.split('/').next().unwrap().parse().unwrap();
        Self {
            child,
            stdout,
            stderr,
            banner,
            address,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Leaves it so many descriptors, now that it runs.
    pub(crate) fn limit_descriptors(&self, descriptors: u64) {
        let limit = Rlimit {
            current: Some(descriptors),
            maximum: getrlimit(Resource::Nofile).maximum,
        };
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        prlimit(pid, Resource::Nofile, limit).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Ended {
        let status = wait(&mut self.child);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        if let Some(pipe) = &mut self.stderr {
            pipe.read_to_string(&mut stderr).unwrap();
        }
        Ended {
            status: status.code(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs it with arguments that it cannot start with.
pub(crate) fn refused(args: &[&str]) -> Ended {
    ended(command(args))
}

/// The same, started in the directory `dir`.
pub(crate) fn refused_in(dir: &str, args: &[&str]) -> Ended {
    let mut command = command(args);
    command.current_dir(dir);
    ended(command)
}

/// Runs it with what a service manager should not hand over.
pub(crate) fn refused_with_socket(socket: impl Into<OwnedFd>) -> Ended {
    ended(command_with_socket(socket, &[]))
}

fn ended(mut command: Command) -> Ended {
    let mut child = command.spawn().unwrap();
    let status = wait(&mut child);
    let output = child.wait_with_output().unwrap();
    Ended {
        status: status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn command(args: &[&str]) -> Command {
    with(Command::new(env!("CARGO_BIN_EXE_rthttpd")), args)
}

fn command_with_socket(socket: impl Into<OwnedFd>, args: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    // The shell's pid is that of the program it becomes.
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 0</dev/null";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_rthttpd")]);
    let mut command = with(shell, args);
    command.stdin(socket.into());
    command
}

fn with(mut command: Command, args: &[&str]) -> Command {
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for its end; kills it when it does not come.
fn wait(child: &mut Child) -> ExitStatus {
    let pid = Pid::from_child(child);
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        // NOWAIT: the child is collected below, where its pid cannot be another's yet.
        let outcome = waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        );
        let _ = ended.send(outcome.is_ok());
    });
    if end.recv_timeout(PATIENCE).is_err() {
        let _ = child.kill();
        panic!("it does not end");
    }
    child.wait().unwrap()
}
