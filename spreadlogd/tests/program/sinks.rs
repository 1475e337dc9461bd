//! Sinks under faults: each accounts for every line that it was given, and none keeps those who
//! receive, or another sink, waiting.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use spreadlogd::{ChildCounters, Config, Options};

use crate::embedded::Embedded;
use crate::status::{address, numbers_when};
use crate::support::{DEADLINE, Dir, PROGRAM, Program, Publisher, TestHub};

/// What is given to each sink: more than a command may keep waiting, and than a file.
const MESSAGES: u64 = 300;
const LINES: u32 = 100;

/// How often a program is killed from outside.
const KILL_EVERY: u64 = 20;

/// Programs that die by themselves, each at its own moment, or read nothing.
const FAILING: [&str; 5] = [
    "exit 1",
    "exec ./there-is-no-such-program",
    "read line; exit 0",
    "read line; kill -9 $$",
    "exec sleep 100000",
];

/// Programs that are killed at any moment: some that would read whatever they get, and the
/// interpreters, whose functions end them as well.
const KILLED: [&str; 4] = ["|exec cat > /dev/null", "module reads", "Perl", "Python"];

/// The program of every sink that there can be, as directives before the blocks and as Logs.
struct Sinks {
    head: String,
    logs: Vec<String>,
}

impl Sinks {
    fn new(dir: &Dir) -> Self {
        let mut sinks = Self {
            head: String::new(),
            logs: vec!["File = /dev/full".to_owned()],
        };
        let commands = FAILING.iter().map(|command| format!("File = '|{command}'"));
        sinks.logs.extend(commands);
        sinks.logs.push("File = '|exec cat > /dev/null'".to_owned());
        for (name, script) in [
            ("reads", "exec cat > /dev/null"),
            // In the midst of a frame.
            ("dies", "head -c 1000 > /dev/null; exit 3"),
        ] {
            dir.write(name, &format!("#!/bin/sh\n{script}\n"));
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
            sinks.head += &format!("LoadModule {name}\n");
            sinks.logs.push(format!("ModuleLog = {name}"));
        }
        sinks.head += &format!("ModuleDir = {}\n", dir.path().display());
        sinks.add_interpreters(dir);
        sinks
    }

    /// Those that are installed.
    fn add_interpreters(&mut self, dir: &Dir) {
        let has = |program| Command::new(program).arg("--version").output().is_ok();
        let place = dir.path().display();
        if has("perl") {
            let text = "package Mine; my $n = 0; \
                        sub dies { die 'here' if ++$n % 3 == 0 } \
                        sub ends { kill 9, $$ if ++$n % 5 == 0 } 1;\n";
            dir.write("Mine.pm", text);
            self.head += &format!("PerlLib {place} PerlUse Mine\n");
            let functions = ["dies", "ends", "is_not_there"];
            self.logs
                .extend(functions.map(|function| format!("PerlLog Mine::{function}")));
        }
        if has("python3") {
            let text = "import os\ncount = 0\n\
                        def raises(sender, group, message):\n    global count\n    count += 1\n    \
                        if count % 3 == 0: raise ValueError('here')\n\
                        def ends(sender, group, message):\n    os.kill(os.getpid(), 9)\n";
            dir.write("mine.py", text);
            self.head += &format!("PythonLib {place} PythonImport mine\n");
            let functions = ["raises", "ends", "is_not_there"];
            self.logs
                .extend(functions.map(|function| format!("PythonLog {function}")));
        }
    }

    fn config(&self, dir: &Dir, hub: &TestHub) -> Config {
        let logs = self.logs.iter();
        let logs: String = logs
            .map(|log| format!("Log {{ Group = g {log} }}\n"))
            .collect();
        let text = format!(
            "Ledger = {place}/state\n{}Spread {{ Port = {}@127.0.0.1\n\
             Log {{ Group = g File = {place}/good }}\n{logs}}}\n",
            self.head,
            hub.port(),
            place = dir.path().display(),
        );
        Config::parse(text.as_bytes(), "c").unwrap()
    }
}

fn kill(child: &ChildCounters) {
    let pid = child.pid().and_then(|pid| i32::try_from(pid).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended by itself just now.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// After each message is waited, by counting, until those who receive and the one file that can be
/// written have it: so neither is ever behind, whatever the others do. At the end each sink's own
/// figures have all of its lines.
#[cfg(target_os = "linux")]
#[test]
fn every_line_is_written_or_lost_and_counted_whatever_fails() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let sinks = Sinks::new(&dir);
    let options = Options {
        receive_bytes_max: 24 << 20,
        stop_timeout: Duration::from_secs(2),
        ..Options::default()
    };
    let embedded = Embedded::start_with(&sinks.config(&dir, &hub), &options);
    let counters = embedded.counters.clone();
    let good = counters.files().iter();
    let good = good.clone().find(|file| file.path.ends_with("good"));
    let good = good.unwrap();
    let mut publisher = Publisher::connect(&hub);

    let mut expected = String::new();
    for n in 0..MESSAGES {
        let line = format!("{n:06} {}\n", "x".repeat(640));
        let lines = line.repeat(LINES.try_into().unwrap());
        expected += &lines;
        publisher.send(&["g"], lines);
        let deadline = Instant::now() + DEADLINE;
        while good.lines.now() < (n + 1) * u64::from(LINES) {
            assert!(Instant::now() < deadline, "message {n} does not come");
            thread::yield_now();
        }
        assert_eq!(counters.groups()[0].messages.now(), n + 1);
        let children = counters.children().iter();
        children
            .filter(|child| n % KILL_EVERY == 0 && KILLED.contains(&child.name.as_str()))
            .for_each(|child| kill(child));
    }
    let summary = embedded.stop();

    let given = MESSAGES * u64::from(LINES);
    assert_eq!((summary.messages, summary.lines), (MESSAGES, given));
    assert_eq!(counters.sessions()[0].joined.now(), 1, "it was thrown out");
    assert!(dir.read("good") == expected);
    let files = counters.files().iter();
    let files = files.filter(|file| file.path.is_absolute() && !file.path.ends_with("*"));
    for file in files {
        let (written, lost) = (file.lines.now(), file.lines_lost.now());
        assert_eq!(written + lost, given, "{}", file.path.display());
    }
    for child in counters.children() {
        let (written, lost) = (child.lines_written.now(), child.lines_lost.now());
        let per_function = sinks.logs.iter().filter(|log| {
            let is_of = |kind: &str| child.name == kind && log.starts_with(&format!("{kind}Log"));
            is_of("Perl") || is_of("Python")
        });
        let given = given * (per_function.count().max(1) as u64);
        assert_eq!(child.lines.now(), given, "{}", child.name);
        assert_eq!(written + lost, given, "{}", child.name);
    }
    assert_eq!(
        summary.lines_written + summary.lines_lost,
        given * (1 + sinks.logs.len() as u64)
    );
    let sleeps = counters.children().iter();
    let sleeps = sleeps.clone().find(|child| child.name.contains("sleep"));
    let sleeps = sleeps.unwrap();
    assert!(sleeps.lines_lost.now() > sleeps.lines_unwritten.now() && good.lines_lost.now() == 0);
}

/// A file that may not grow any more, made way for again and again: what it has is what the
/// figures say that it has, at every such moment.
#[test]
fn a_full_disk_is_in_the_figures_to_the_line() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 128; exec \"$0\" \"$@\"", PROGRAM, "-v"])
        .args(["--spread", &hub.address(), "--group", "g", "--file", "log"])
        .args(["--state", "state", "--status", "0"])
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    let address = address(&mut program);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);
    let mut expected = String::new();
    for n in 0..100 {
        let lines: String = (0..250).map(|m| format!("{n:06} {m:04}\n")).collect();
        publisher.queue(&["g"], lines.clone());
        expected += &lines;
    }
    publisher.sync();
    let path = dir.join("log").display().to_string();
    let of = |family: &str| format!("spreadlogd_{family}{{file=\"{path}\"}}");

    let (mut found, mut n) = (String::new(), 0);
    loop {
        program.wait_for("cannot write to");
        let numbers = numbers_when(address, &of("file_failing"), 1);
        let whole = found.clone() + &dir.read("log");
        assert!(expected.starts_with(&whole));
        let lines = whole.lines().count() as u64;
        assert_eq!(numbers[&of("written_lines_total")], lines);
        found = whole;
        dir.rename("log", &format!("log.{n}"));
        n += 1;
        program.signal(Signal::HUP);
        program.wait_for("reopened");
        let left = (expected.len() - found.len()) as u64;
        if left < fs::metadata(dir.join("log.0")).unwrap().len() {
            break;
        }
    }
    let given = expected.lines().count() as u64;
    let numbers = numbers_when(address, &of("written_lines_total"), given);
    program.stop();

    assert_eq!(found + &dir.read("log"), expected);
    assert_eq!(numbers[&of("lost_lines_total")], 0);
    assert!(n > 1, "it was never full");
}

/// A journal that comes to the limit of a file's size goes on in a new one, of which nobody needs
/// to be told.
#[test]
fn a_journal_at_its_limit_is_no_trouble() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\"", PROGRAM, "-v"])
        .args(["--spread", &hub.address(), "--group", "g"])
        .args(["--file", "/dev/null", "--state", "state"])
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);
    let journal = || {
        let names = fs::read_dir(dir.join("state")).unwrap().flatten();
        let names = names.filter_map(|name| name.file_name().into_string().ok());
        let numbers = names.filter_map(|name| name.strip_prefix("journal.")?.parse().ok());
        numbers.max().unwrap_or(0_u64)
    };

    let mut given = 0;
    while journal() < 3 {
        publisher.send(&["g"], "a line\n");
        given += 1;
    }
    let said = program.stop();

    assert!(!said.contains("ledger"), "{said}");
    assert!(
        said.contains(&format!("wrote {given} lines, lost 0")),
        "{said}"
    );
}

/// A checkpoint is no end of it: what waits is not written by that.
#[cfg(target_os = "linux")]
#[test]
fn a_journal_that_takes_nothing_is_told_of_once_and_once_at_its_end() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let journal = |n: u32| dir.join(&format!("state/journal.{n}"));
    fs::create_dir(dir.join("state")).unwrap();
    for n in 1..100 {
        std::os::unix::fs::symlink("/dev/full", journal(n)).unwrap();
    }
    let args = ["--group", "g", "--file", "log", "--state", "state", "-v"];
    let address = hub.address();
    let args = [&["--spread", &address][..], &args].concat();
    let mut program = Program::start(dir.path(), &args);
    program.wait_for("joined g");

    Publisher::connect(&hub).send(&["g"], "a line\n");
    program.wait_for("cannot write the ledger");
    for _ in 0..2 {
        program.signal(Signal::HUP);
        program.wait_for("still the same file");
    }
    (1..100).for_each(|n| drop(fs::remove_file(journal(n))));
    program.wait_for("the ledger is written again");
    let said = program.stop();

    assert_eq!(dir.read("log"), "a line\n");
    for text in ["cannot write the ledger", "the ledger is written again"] {
        assert_eq!(said.matches(text).count(), 1, "{said}");
    }
}

/// Where a file can be opened for no line, each Log has its own figures.
#[test]
fn lines_without_a_file_are_counted_under_their_own_log() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("file", "");
    dir.write(
        "c",
        &format!(
            "Spread {{ Port = {} \n\
             Log {{ Group = g File = log }}\n\
             Log {{ Group = g Match = a VhostDir = file/a }}\n\
             Log {{ Group = g Exclude = a VhostDir = file/b }} }}\n",
            hub.address()
        ),
    );
    let mut program = Program::start(dir.path(), &["-c", "c", "--status", "0"]);
    let address = address(&mut program);
    program.wait_for("joined g");

    Publisher::connect(&hub).send(&["g"], "h a\nh a\nh b\n");

    let path = |name: &str| {
        dir.path()
            .canonicalize()
            .unwrap()
            .join(name)
            .display()
            .to_string()
    };
    let lost = |name: &str| format!("spreadlogd_lost_lines_total{{file=\"{}\"}}", path(name));
    let numbers = numbers_when(address, &lost("file/b/*"), 1);
    assert_eq!(numbers[&lost("file/a/*")], 2);
    assert_eq!(numbers[&lost("log")], 0);
    program.stop();
}
