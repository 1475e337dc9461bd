//! HUP reads the configuration again.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;

use crate::held_port::HeldPort;
use crate::numbered::Numbered;
use crate::status::{address, ask, numbers_when};
use crate::support::{DEADLINE, Dir, PROGRAM, Program, Publisher, TestHub, config};

fn start(dir: &Dir, text: &str, more: &[&str]) -> Program {
    dir.write("c", text);
    Program::start(dir.path(), &[&["-v", "-c", "c"], more].concat())
}

/// With group g in its file, joined.
fn at_work(dir: &Dir, hub: &TestHub) -> Program {
    let mut program = start(dir, &plain(hub), &[]);
    program.wait_for("joined g");
    program
}

fn plain(hub: &TestHub) -> String {
    config(&[(hub, &[("g", "log")])])
}

/// A HUP that is heard, with another configuration.
fn begin_to_change(program: &mut Program, dir: &Dir, text: &str) {
    dir.write("c", text);
    program.signal(Signal::HUP);
    program.wait_for("the configuration has changed");
}

#[test]
fn a_changed_configuration_is_at_work_at_once() {
    let (dir, hub, other) = (Dir::new(), TestHub::start(), TestHub::start());
    let mut program = start(&dir, &config(&[(&hub, &[("g", "log"), ("h", "old")])]), &[]);
    program.wait_for("joined");
    Publisher::connect(&hub).send(&["g", "h"], "1\n");

    let logs: [&[_]; 2] = [&[("g", "log")], &[("i", "sub/new")]];
    fs::create_dir(dir.join("sub")).unwrap();
    dir.write("c", &config(&[(&hub, logs[0]), (&other, logs[1])]));
    program.signal(Signal::HUP);
    program.wait_for("the new configuration is at work");
    program.wait_for("connected to");
    program.wait_for("connected to");
    Publisher::connect(&hub).send(&["g"], "2\n");
    Publisher::connect(&hub).send(&["h"], "3\n");
    Publisher::connect(&other).send(&["i"], "4\n");
    let said = program.stop();

    // Relative paths begin where they began.
    let files = ["log", "old", "sub/new"].map(|name| dir.read(name));
    assert_eq!(files, ["1\n2\n", "1\n", "4\n"], "{said}");
    // It has gone on, rather than stopped.
    assert_eq!(said.matches("stopping").count(), 1, "{said}");
}

#[test]
fn a_wrong_one_is_shown_and_changes_nothing_but_opens_the_files_again() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let good = plain(&hub);
    let mut program = at_work(&dir, &hub);
    let directory = config(&[(&hub, &[("g", "c/log")])]);
    let module =
        format!("LoadModule absent\n{good}").replace("File =", "ModuleLog = absent File =");

    for (wrong, why) in [
        (Some(good.replace("File", "Flie")), "did you mean `File`?"),
        (Some(directory), "error: c is no directory"),
        (Some(module), "error: cannot find module ./absent"),
        (None, "cannot read c: No such file"),
    ] {
        match wrong {
            Some(text) => dir.write("c", &text),
            None => fs::remove_file(dir.join("c")).unwrap(),
        }
        dir.rename("log", "log.1");
        program.signal(Signal::HUP);
        program.wait_for(why);
        program.wait_for("the configuration of before stays");
        program.wait_for("reopened");
        assert!(dir.join("log").exists());
    }
    Publisher::connect(&hub).send(&["g"], "1\n");
    program.stop();

    assert_eq!(dir.read("log"), "1\n");
}

/// Who looks before a HUP is told what the HUP would tell.
#[test]
fn a_hup_says_what_check_says() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let good = plain(&hub);
    let mut program = at_work(&dir, &hub);
    let used = |module: &str| {
        let log = good.replace("File =", "ModuleLog = online File =");
        format!("{module}\n{log}")
    };
    let mut said_by_check = Vec::new();

    for (text, is_right) in [
        (good.replace("File", "Flie"), false),
        (good.replace("log", "no/such/log"), false),
        (good.replace("log", "c/log"), false),
        (format!("LoadModule absent\n{good}"), false),
        (used("LoadModule online cookie=0"), false),
        (format!("{good}Bogus = 1\n"), false),
        (good.replace("Log {", "Log { Compress = gzip"), true),
        (good.replace("Log {", "Log { RewriteTimestamp = CLF"), true),
    ] {
        dir.write("c", &text);
        let mut check = Command::new(PROGRAM);
        check.args(["--check", "-c", "c"]).current_dir(dir.path());
        let check = check.output().unwrap();
        let said = String::from_utf8(check.stderr).unwrap();
        assert_eq!(check.status.success(), is_right, "{text}\n{said}");
        program.signal(Signal::HUP);
        if is_right {
            program.wait_for("the new configuration is at work");
            program.wait_for("joined g");
        } else {
            program.wait_for("the configuration of before stays");
        }
        said_by_check.push(said);
    }

    let said = program.stop();
    for text in said_by_check {
        assert!(said.contains(&text), "{text}\nis not in\n{said}");
    }
}

/// What only the start shows: an address that is taken.
#[test]
fn one_that_cannot_be_put_to_work_is_named_and_the_one_before_goes_on() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let good = plain(&hub);
    let mut program = at_work(&dir, &hub);
    let taken = hub.port();
    let bad = format!("LoadModule online 127.0.0.1:{taken}\n{good}")
        .replace("File =", "ModuleLog = online File =");

    dir.write("c", &bad);
    program.signal(Signal::HUP);
    program.wait_for("module online cannot listen at");
    program.wait_for("the configuration of before stays");
    program.wait_for("joined g");
    Publisher::connect(&hub).send(&["g"], "1\n");
    dir.write("c", &good);
    program.signal(Signal::HUP);
    program.wait_for("still the same file");
    program.stop();

    assert_eq!(dir.read("log"), "1\n");
}

/// Numbered messages that come in between are asked for: none is lost, none is written twice.
#[test]
fn what_is_numbered_is_written_once_over_any_number_of_changes() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let texts = [("g", "log"), ("h", "other")];
    let texts = [1, 2].map(|logs| config(&[(&hub, &texts[..logs])]));
    let mut program = start(&dir, &texts[0], &[]);
    program.wait_for("joined g");
    let mut publisher = Numbered::connect(&hub, 0);
    let mut expected = Vec::new();

    for n in 0..6 {
        dir.write("c", &texts[(n + 1) % 2]);
        program.signal(Signal::HUP);
        for m in 0..50 {
            let line = format!("{n}.{m}");
            publisher.push(line.clone() + "\n");
            publisher.step();
            expected.push(line);
        }
        program.wait_for("the new configuration is at work");
    }
    publisher.run_until_all_is_safe();
    program.stop();

    let log = dir.read("log");
    let mut found: Vec<&str> = log.lines().collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// A Log's files are other ones after each change, and lines of hosts wait for company when it comes.
#[test]
fn each_line_is_in_one_file_whatever_a_change_makes_of_its_files() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    for name in ["hosts", "others", "by"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    let files = [
        "VhostDir = hosts",
        "File = all",
        "VhostDir = others",
        "File = 'by/%{host}'",
    ];
    let text = |files: &str| {
        let port = hub.port();
        format!("Ledger = state Spread {{ Port = {port}@127.0.0.1 Log {{ Group = g {files} }} }}\n")
    };
    let mut program = start(&dir, &text(files[3]), &[]);
    program.wait_for("joined g");
    let mut numbered = Numbered::connect(&hub, 0);
    let mut publisher = Publisher::connect(&hub);
    let mut expected = Vec::new();

    for n in 0..8 {
        dir.write("c", &text(files[n % files.len()]));
        for m in 0..20 {
            let lines = ["numbered", "not"].map(|kind| format!("line {kind} {n}.{m}"));
            publisher.queue(&["g"], format!("host{} {}\n", m % 7, lines[1]));
            numbered.push(format!("host{} {}\n", m % 7, lines[0]));
            numbered.step();
            expected.extend(lines);
        }
        publisher.sync();
        program.signal(Signal::HUP);
        program.wait_for("the new configuration is at work");
        program.wait_for("joined g");
    }
    numbered.run_until_all_is_safe();
    program.stop();

    let mut found = Vec::new();
    for place in ["", "hosts", "others", "by"] {
        for entry in fs::read_dir(dir.join(place)).unwrap().flatten() {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let lines = text
                .lines()
                .filter_map(|line| line.find("line ").map(|at| &line[at..]));
            found.extend(lines.map(str::to_owned));
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// The last of several HUPs counts, whenever it comes.
#[test]
fn a_hup_during_a_change_is_not_lost() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let mut program = at_work(&dir, &hub);

    begin_to_change(&mut program, &dir, &config(&[(&hub, &[("h", "one")])]));
    dir.write("c", &config(&[(&hub, &[("i", "two")])]));
    program.signal(Signal::HUP);
    program.wait_for("joined i");

    Publisher::connect(&hub).send(&["i"], "1\n");
    program.stop();
    assert_eq!(dir.read("two"), "1\n");
}

#[test]
fn a_stop_during_a_change_is_a_stop() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let mut program = at_work(&dir, &hub);

    begin_to_change(&mut program, &dir, &config(&[(&hub, &[("h", "one")])]));

    program.stop();
}

/// As whoever watches them takes it that they do, until the process starts again.
#[test]
fn counters_go_on_over_any_number_of_changes() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let daemon = hub.address();
    let text = |more: &str| {
        format!(
            "Spread {{ Port = {daemon} Log {{ Group = g File = log }} \
             Log {{ Group = g File = '|cat > /dev/null' }} {more} }}\n"
        )
    };
    let more = "Log { Group = h VhostDir = hosts }";
    fs::create_dir(dir.join("hosts")).unwrap();
    let mut program = start(&dir, &text(""), &["--status", "0"]);
    let address = address(&mut program);
    let file = dir.join("log").display().to_string();
    let [received, written, joined, read] = [
        "received_lines_total{group=\"g\"}".to_owned(),
        format!("written_lines_total{{file=\"{file}\"}}"),
        format!("connections_total{{daemon=\"{daemon}\"}}"),
        "program_lines_total{program=\"|cat > /dev/null\"}".to_owned(),
    ]
    .map(|name| "spreadlogd_".to_owned() + &name);

    for n in 1..=4 {
        program.wait_for("joined g");
        Publisher::connect(&hub).send(&["g"], "1\n2\n");
        numbers_when(address, &written, 2 * n);
        let numbers = numbers_when(address, &read, 2 * n);
        assert_eq!((numbers[&received], numbers[&joined]), (2 * n, n));
        dir.write("c", &text(if n % 2 == 0 { "" } else { more }));
        program.signal(Signal::HUP);
    }
    program.wait_for("joined g");
    let said = program.stop();

    assert!(said.contains("received 8 lines"), "{said}");
}

/// Its own hub, the status listener and module online go on; the page tells of the new files.
#[test]
fn what_is_asked_of_it_is_asked_of_the_new_one() {
    let dir = Dir::new();
    let (place, hub_place) = (HeldPort::hold().unwrap(), HeldPort::hold().unwrap());
    let online = SocketAddr::from(([127, 0, 0, 1], place.port()));
    let text = |hub: &str, log: &str| {
        format!(
            "LoadModule online {online}\n\
             Spread {{ Port = {hub} Log {{ Group = g File = {log} ModuleLog = online }} }}\n"
        )
    };
    let sockets = dir.path().to_str().unwrap().to_owned();
    let port = hub_place.port();
    let hub = format!("{port}@127.0.0.1");
    let args = [
        "--hub",
        &port.to_string(),
        "--spread-socket-dir",
        &sockets,
        "--status",
        "0",
    ];
    let mut program = start(&dir, &text(&hub, "one"), &args);
    let address = address(&mut program);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect_to(&hub);
    let line =
        "192.0.2.7 - ann [28/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 9 \"-\" \"x\"\n";
    publisher.send(&["g"], line);
    let file = |name: &str| {
        let path = dir.join(name);
        format!(
            "spreadlogd_written_lines_total{{file=\"{}\"}}",
            path.display()
        )
    };
    numbers_when(address, &file("one"), 1);

    dir.write("c", &text(&hub, "two"));
    program.signal(Signal::HUP);
    program.wait_for("joined g");
    publisher.send(&["g"], line);

    let numbers = numbers_when(address, &file("two"), 1);
    assert!(!numbers.contains_key(&file("one")), "{numbers:#?}");
    assert!(ask(address, "/").contains("two"));
    // The visitor of before is remembered, with what was seen since.
    online_says(address, "\"lines\":2");

    // Told otherwise it begins anew, at the same address.
    let quoted = format!("\"{online} cookie=9\"");
    dir.write(
        "c",
        &text(&hub, "two").replace(&online.to_string(), &quoted),
    );
    program.signal(Signal::HUP);
    program.wait_for("joined g");
    online_says(address, "\"lines\":0");
    TcpStream::connect(online).unwrap();

    dir.write("c", &config_without_online(&hub));
    program.signal(Signal::HUP);
    program.wait_for("joined g");
    assert!(TcpStream::connect(online).is_err());
    program.stop();
}

/// Asks until that is said: the module counts some time after a line is written.
fn online_says(address: SocketAddr, what: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let json = ask(address, "/online");
        if json.contains(what) {
            return;
        }
        assert!(Instant::now() < deadline, "{json}");
    }
}

fn config_without_online(hub: &str) -> String {
    format!("Spread {{ Port = {hub} Log {{ Group = g File = two }} }}\n")
}
