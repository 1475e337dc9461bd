//! Numbered streams through every kind of Log, killed at any moment: what is wanted is in its file
//! once, whatever else the same message was in, and wherever rotation has put it.
//!
//! Chance decides on the moments, and each run tries others: a few with every `cargo test`, and many
//! with `cargo test -p spreadlogd --test program killed -- --ignored`.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::numbered::Numbered;
use crate::support::{Dir, PROGRAM, Program, TestHub};

const HOSTS: u64 = 50;

/// How often it is killed: so that the test takes some three seconds.
const FEW: u64 = 3;

/// And so that it takes a minute.
const MANY: u64 = 50;

/// Lines that are to be in a file, by its name.
type Expected = BTreeMap<String, Vec<String>>;

/// Sends to a program with `logs`, which is killed `times`, and has all of it in the end. `names`
/// tells the files of a line, `limit` how many may be open.
fn run(
    times: u64,
    limit: u32,
    logs: &str,
    names: impl Fn(u64, &str) -> Vec<String>,
) -> (Dir, Expected) {
    let (dir, hub) = (Dir::new(), TestHub::start());
    fs::create_dir(dir.join("hosts")).unwrap();
    let port = hub.port();
    let text = format!("Ledger = state Spread {{ Port = {port}@127.0.0.1 {logs} }}\n");
    dir.write("c", &text);
    let mut publishers = [0, 1].map(|instance| Numbered::connect(&hub, instance));
    let mut expected = Expected::new();
    let mut count = 0;
    // As many steps as chance will have it: with a write, within one, behind one.
    let chance = RandomState::new();

    let mut push = |publisher: &mut Numbered, messages: u64, expected: &mut Expected| {
        for _ in 0..messages {
            let mut body = String::new();
            for n in count..count + 3 {
                let host = format!("host{}", n * 7 % HOSTS);
                let line = format!("line {n:08}");
                body += &format!("{host} {line}\n");
                for name in names(n, &host) {
                    let is_split = name.starts_with("hosts/");
                    let line = if is_split {
                        line.clone()
                    } else {
                        format!("{host} {line}")
                    };
                    expected.entry(name).or_default().push(line);
                }
            }
            count += 3;
            publisher.push(body);
        }
    };
    for round in 0..times {
        let program = start(&dir, limit);
        let steps = chance.hash_one(round) % 80;
        for step in 0..=steps {
            for publisher in &mut publishers {
                push(publisher, if step % 8 == 0 { 20 } else { 1 }, &mut expected);
                publisher.step();
            }
            if chance.hash_one((round, step)) % 16 == 0 {
                program.signal(Signal::HUP);
            }
        }
        program.signal(Signal::KILL);
        program.end();
        for publisher in &mut publishers {
            push(publisher, 10, &mut expected);
            publisher.step();
        }
    }
    let program = start(&dir, limit);
    for publisher in &mut publishers {
        // A message shows at once what is missing before it; a control comes after seconds.
        push(publisher, 1, &mut expected);
    }
    Numbered::run_until_all_of_all_is_safe(&mut publishers);
    for publisher in publishers {
        publisher.leave();
    }
    let open = descriptors(&program);
    assert!(open < 150, "{open} descriptors");
    let said = program.stop();
    assert!(!said.contains("cannot"), "{said}");
    (dir, expected)
}

/// The program, which may have so many files open.
fn start(dir: &Dir, limit: u32) -> Program {
    let limit = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &limit, PROGRAM, "-c", "c"])
        .current_dir(dir.path());
    let mut program = Program::spawn(&mut command);
    program.wait_for("joined g");
    program
}

/// How many files it has open; where that cannot be told, none.
fn descriptors(program: &Program) -> usize {
    let open = fs::read_dir(format!("/proc/{}/fd", program.pid()));
    open.map_or(0, Iterator::count)
}

/// Every line of a file, of what was put aside of it too.
fn lines_of(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut text = String::new();
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap().path();
        let other = entry.file_name().unwrap().to_str().unwrap();
        let rest = other.strip_prefix(name);
        let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(".2")) else {
            continue;
        };
        assert!(!rest.ends_with(".tmp"), "{} is left", entry.display());
        let file = fs::File::open(&entry).unwrap();
        let read = if rest.ends_with(".gz") {
            flate2::read::GzDecoder::new(file).read_to_string(&mut text)
        } else {
            (&file).read_to_string(&mut text)
        };
        read.unwrap();
    }
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn check(dir: &Dir, expected: Expected) {
    let mut wrong = Vec::new();
    for (name, mut expected) in expected {
        expected.sort_unstable();
        let mut found: BTreeMap<String, i32> = BTreeMap::new();
        for line in lines_of(&dir.join(&name)) {
            *found.entry(line).or_default() += 1;
        }
        for line in expected {
            *found.entry(line).or_default() -= 1;
        }
        found.retain(|_, count| *count != 0);
        wrong.extend(
            found
                .into_iter()
                .map(|(line, count)| (name.clone(), line, count)),
        );
    }
    let listing = || {
        let output = Command::new("ls").args(["-lR"]).arg(dir.path()).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert!(
        wrong.is_empty(),
        "{} lines are too often (+) or too seldom (-): {:#?}\n{}",
        wrong.len(),
        &wrong[..wrong.len().min(20)],
        listing(),
    );
    let mut audit = Command::new(PROGRAM);
    audit.args(["audit", "-c", "c"]).current_dir(dir.path());
    let output = audit.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(
        output.status.success() && said.contains("Nothing is missing"),
        "{said}"
    );
}

/// More hosts than files may be open, so that they are closed and opened again all the time.
fn hosts_that_take_turns(times: u64) {
    let logs = "Log { Group = g VhostDir = hosts Rotate = 2K }";
    let (dir, expected) = run(times, 64, logs, |_, host| vec![format!("hosts/{host}")]);
    check(&dir, expected);
}

fn hosts_and_all_of_them_together(times: u64) {
    let logs = "Log { Group = g VhostDir = hosts } Log { Group = g File = all }";
    let (dir, expected) = run(times, 1_000, logs, |_, host| {
        vec![format!("hosts/{host}"), "all".to_owned()]
    });
    check(&dir, expected);
}

fn files_that_are_put_aside_and_compressed(times: u64) {
    let logs = "Log { Group = g File = all Rotate = 1K Compress = gzip }";
    let (dir, expected) = run(times, 1_000, logs, |_, _| vec!["all".to_owned()]);
    check(&dir, expected);
}

/// What is left out is not asked for.
fn halves(times: u64) {
    let logs = "Log { Group = g File = half Match = '[01234]$' }";
    let wanted = |n: u64, _: &str| {
        if n % 10 < 5 {
            vec!["half".to_owned()]
        } else {
            Vec::new()
        }
    };
    let (dir, expected) = run(times, 1_000, logs, wanted);
    check(&dir, expected);
}

fn hosts_put_aside_and_halves_beside_them(times: u64) {
    let logs = "Log { Group = g VhostDir = hosts Rotate = 1K Compress = gzip } \
                Log { Group = g File = half Match = '[01234]$' Rotate = 2K } \
                Log { Group = g File = rest Exclude = '[01234]$' }";
    let names = |n: u64, host: &str| {
        let half = if n % 10 < 5 { "half" } else { "rest" };
        vec![format!("hosts/{host}"), half.to_owned()]
    };
    let (dir, expected) = run(times, 1_000, logs, names);
    check(&dir, expected);
}

#[test]
fn hosts_that_take_turns_have_each_line_once() {
    hosts_that_take_turns(FEW);
}

#[test]
fn hosts_and_all_of_them_together_have_each_line_once() {
    hosts_and_all_of_them_together(FEW);
}

#[test]
fn files_that_are_put_aside_and_compressed_have_each_line_once() {
    files_that_are_put_aside_and_compressed(FEW);
}

#[test]
fn of_what_is_left_out_nothing_is_missing() {
    halves(FEW);
}

#[test]
fn hosts_put_aside_and_halves_beside_them_have_each_line_once() {
    hosts_put_aside_and_halves_beside_them(FEW);
}

#[test]
#[ignore = "takes some minutes: each kind of Log, killed fifty times"]
fn each_line_is_there_once_however_often_it_is_killed() {
    hosts_that_take_turns(MANY);
    hosts_and_all_of_them_together(MANY);
    files_that_are_put_aside_and_compressed(MANY);
    halves(MANY);
    hosts_put_aside_and_halves_beside_them(MANY);
}
