//! What a Log makes of its lines, and where it puts them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

use rustix::process::Signal;

use crate::numbered::Numbered;
use crate::support::{Dir, Program, Publisher, TestHub, until};

/// A running program with one Log of group g, `log` being its directives.
fn start(dir: &Dir, hub: &TestHub, log: &str) -> Program {
    let port = hub.port();
    dir.write(
        "c",
        &format!("Spread {{ Port = {port}@127.0.0.1 Log {{ Group = g {log} }} }}\n"),
    );
    let mut program = Program::start(dir.path(), &["-v", "-c", "c"]);
    program.wait_for("joined g");
    program
}

fn line(host: &str, method: &str, path: &str, status: u16) -> String {
    format!(
        "{host} 192.0.2.7 - - [28/Nov/2026:09:30:00 +0000] \"{method} {path} HTTP/1.1\" {status} 5 \"-\" \"-\"\n"
    )
}

/// The original looked at a message as one line, and at what was left of the last one behind it.
#[test]
fn lines_are_chosen_one_by_one() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let log = "File = log Match = '\\.html ' Match = '\\.gif ' Exclude = 'robots' \
               Where = 'status < 400 and not method = HEAD'";
    let program = start(&dir, &hub, log);
    let mut publisher = Publisher::connect(&hub);

    let kept = [
        line("a", "GET", "/x.html", 200),
        line("a", "GET", "/y.gif", 304),
    ];
    let left_out = [
        line("a", "GET", "/x.html", 404),
        line("a", "HEAD", "/x.html", 200),
        line("a", "GET", "/x.png", 200),
        line("a", "GET", "/robots.html", 200),
    ];
    let [first, second] = &kept;
    publisher.queue(&["g"], first.clone() + &left_out[0] + second + &left_out[1]);
    publisher.queue(&["g"], left_out[2].clone() + left_out[3].trim_end());
    publisher.sync();
    program.stop();

    assert_eq!(dir.read("log"), kept.concat());
}

/// The original's worst: it opened whatever a client called its host, ended when it could not, and
/// when two names had the same sum of characters.
#[test]
fn hosts_have_files_of_their_own_and_nothing_else() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    fs::create_dir(dir.join("hosts")).unwrap();
    let mut program = start(&dir, &hub, "VhostDir = hosts");
    let mut publisher = Publisher::connect(&hub);

    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    for n in 0..40 {
        for host in [
            "www.site0.com",
            "www.site1.com",
            "WWW.ab.com:80",
            "www.ba.com.",
        ] {
            publisher.queue(&["g"], format!("{host} {n}\n"));
            let name = host.to_lowercase();
            let name = name
                .trim_end_matches(":80")
                .trim_end_matches('.')
                .to_owned();
            *expected.entry(name).or_default() += &format!("{n}\n");
        }
    }
    let strange = [
        "../../logs/etc/x 1\n",
        "sub/dir 2\n",
        ".. 3\n",
        ". 4\n",
        "alone\n",
        "\0 5\n",
    ];
    for line in strange {
        publisher.queue(&["g"], line);
    }
    publisher.sync();
    expected.insert("_other_".to_owned(), strange.concat());
    // They came last.
    program.wait_for("hosts/_other_");
    program.signal(Signal::HUP);
    program.wait_for("closed");
    publisher.send(&["g"], "www.site0.com after\n");
    expected
        .get_mut("www.site0.com")
        .unwrap()
        .push_str("after\n");
    program.stop();

    let files = fs::read_dir(dir.join("hosts")).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    });
    assert_eq!(files.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn a_path_may_be_made_of_host_group_and_time() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let logs = "File = 'logs/%{group}/%{host}/access_log' } \
                Log { Group = g File = 'logs/%{group}-%{host}-%{sender}.log'";
    let program = start(&dir, &hub, logs);
    let mut publisher = Publisher::connect(&hub);

    let lines = ["a.example", "B.example", "a.example"].map(|host| line(host, "GET", "/", 200));
    publisher.send(&["g"], lines.concat());
    program.stop();

    assert_eq!(
        dir.read("logs/g/a.example/access_log"),
        lines[0].clone() + &lines[2]
    );
    assert_eq!(dir.read("logs/g/b.example/access_log"), lines[1]);
    let names = fs::read_dir(dir.join("logs")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".log")).collect();
    names.sort();
    let hosts = ["g-a.example-", "g-b.example-"];
    assert!(
        names.len() == 2
            && names
                .iter()
                .zip(hosts)
                .all(|(name, host)| name.starts_with(host))
    );
}

#[test]
fn what_is_put_aside_is_compressed_and_kept_as_asked() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let log = "File = log Rotate = 1K Compress = gzip Keep = 2 Mode = 0600";
    let program = start(&dir, &hub, log);
    let mut publisher = Publisher::connect(&hub);

    let mut all = String::new();
    for n in 0..5 {
        // Each is written before the next is sent: what comes together is put aside together.
        let lines: String = (0..60).map(|m| format!("{n} {m:014}\n")).collect();
        publisher.send(&["g"], lines.clone());
        // Between two files there is none for a moment.
        let written = || fs::read_to_string(dir.join("log")).unwrap_or_default();
        while !written().ends_with(&lines) {
            publisher.sync();
        }
        all += &lines;
    }
    program.stop();

    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("log."))
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.iter().all(|name| name.ends_with(".gz")), "{names:?}");
    let mut kept = String::new();
    // Those of one second have a number, which sorts before the dot.
    names.sort_by_key(|name| name.replace(".gz", ""));
    for name in &names {
        let file = fs::File::open(dir.join(name)).unwrap();
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut kept)
            .unwrap();
    }
    kept += &dir.read("log");
    assert!(all.ends_with(&kept), "{kept}");
    assert_eq!(kept.len(), 3 * all.len() / 5);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(dir.join("log")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

/// Killed before it was compressed, within that, and before the original was deleted.
#[test]
fn what_a_killed_one_has_put_aside_is_compressed_by_the_next() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let old = |n: u32| format!("log.20261128T09300{n}");
    for n in 0..3 {
        dir.write(&old(n), &format!("{n}\n"));
    }
    dir.write(&(old(1) + ".tmp"), "half of it");
    dir.write(&(old(2) + ".gz"), "whole");
    dir.write("other.20261128T093000", "not ours\n");

    start(&dir, &hub, "File = log Rotate = 1K Compress = gzip").stop();

    for n in 0..2 {
        let file = fs::File::open(dir.join(&(old(n) + ".gz"))).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(file)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, format!("{n}\n"));
    }
    assert_eq!(dir.read(&(old(2) + ".gz")), "whole");
    assert_eq!(dir.read("other.20261128T093000"), "not ours\n");
    let is_left = |name: String| dir.join(&name).exists();
    assert!(!(0..3).map(old).any(is_left));
    assert!(!is_left(old(1) + ".tmp"));
}

/// Not before the ledger knows of it, and not only by the next process.
#[test]
fn what_is_put_aside_while_the_ledger_fails_is_compressed_when_it_is_written_again() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let log = "File = log Rotate = 1K Compress = gzip";
    let text = format!(
        "Ledger = state Spread {{ Port = {} Log {{ Group = g {log} }} }}\n",
        hub.address()
    );
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined g");
    let mut publisher = Publisher::connect(&hub);
    let names = || {
        let entries = fs::read_dir(dir.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("log.2")).collect();
        names.sort_unstable();
        names
    };
    let old = "old line\n".repeat(100);
    publisher.send(&["g"], old.clone());
    until(&|| dir.read("log") == old);

    dir.rename("state", "away");
    program.signal(Signal::HUP);
    program.wait_for("cannot write the ledger");
    publisher.send(&["g"], "new line\n".repeat(100));
    // The next is begun behind that.
    until(&|| !names().is_empty() && dir.join("log").exists());
    publisher.send(&["g"], "newer line\n");
    assert!(names().iter().all(|name| !name.ends_with(".gz")) && dir.read("log").is_empty());
    dir.rename("away", "state");
    until(&|| names()[0].ends_with(".gz"));
    program.stop();

    let mut found = String::new();
    let file = fs::File::open(dir.join(&names()[0])).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut found)
        .unwrap();
    assert_eq!(found, old);
}

#[test]
fn a_command_is_fed_and_started_again_for_hup() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start(
        &dir,
        &hub,
        "File = '|cat >> out; echo ended >> out' Match = 1",
    );
    let mut publisher = Publisher::connect(&hub);

    publisher.send(&["g"], "1\n2\n");
    while !dir.join("out").exists() || dir.read("out") != "1\n" {
        publisher.sync();
    }
    program.signal(Signal::HUP);
    while dir.read("out") != "1\nended\n" {
        publisher.sync();
    }
    publisher.send(&["g"], "21\n");
    program.stop();

    assert_eq!(dir.read("out"), "1\nended\n21\nended\n");
}

/// With its sender and its group, whatever `Match` says of the file.
#[test]
fn functions_of_perl_are_called_with_each_line() {
    if std::process::Command::new("perl")
        .arg("-v")
        .output()
        .is_err()
    {
        println!("perl is not installed: nothing is tried");
        return;
    }
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write(
        "Mine.pm",
        "package Mine; sub log { my ($s, $g, $m) = @_; open my $f, '>>', 'out'; \
         print $f \"$g \", ($s =~ /^#/ ? 'ok' : $s), \" $m\"; close $f; die if $m =~ /two/ } 1;\n",
    );
    let port = hub.port();
    let text = format!(
        "PerlLib . PerlUse Mine Spread {{ Port = {port}@127.0.0.1 \
         Log {{ Group = g File = log Match = nothing PerlLog Mine::log }} }}\n"
    );
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined g");

    Publisher::connect(&hub).send(&["g"], "one\ntwo\nthree\n");
    program.stop();

    // The one that it dies of is the only one that is not done with.
    assert_eq!(dir.read("out"), "g ok one\ng ok two\ng ok three\n");
    assert_eq!(dir.read("log"), "");
}

/// What was not wanted is accounted for, so that nobody asks for it again.
#[test]
fn json_and_rewritten_times_are_what_the_file_gets() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let program = start(
        &dir,
        &hub,
        "File = log Format = json RewriteTimestamp = '[now]'",
    );
    Publisher::connect(&hub).send(&["g"], line("a", "GET", "/", 200));
    program.stop();

    let object: serde_json::Value = serde_json::from_str(&dir.read("log")).unwrap();
    assert_eq!(object["group"], "g");
    assert_eq!(
        object["line"],
        "a 192.0.2.7 - - [now] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\""
    );
}

/// What was sent before anybody knew of the group is asked for.
#[test]
fn groups_that_nobody_names_are_written_when_they_are_announced() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    let text = format!(
        "Spread {{ Port = {}@127.0.0.1 Default {{ Base = farm }} Log {{ Group = g File = log }} }}\n",
        hub.port()
    );
    dir.write("c", &text);
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    program.wait_for("joined g");
    let mut publishers = [(1, "one"), (2, "g"), (3, "two.\\")]
        .map(|(n, group)| (group, Numbered::connect_to(&hub, n, group)));

    for round in 0..3 {
        for (group, publisher) in &mut publishers {
            publisher.push(format!("{group} {round}\n"));
            publisher.run_until_all_is_safe();
        }
    }
    let said = program.stop();

    let expected = |group: &str| {
        (0..3)
            .map(|round| format!("{group} {round}\n"))
            .collect::<String>()
    };
    assert_eq!(dir.read("log"), expected("g"));
    assert_eq!(dir.read("farm/one"), expected("one"));
    assert!(said.contains("group one is announced"), "{said}");
    let strange = fs::read_dir(dir.join("farm")).unwrap();
    let strange = strange
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "one");
    let strange: Vec<_> = strange.collect();
    assert_eq!(strange.len(), 1, "{strange:?}");
    let path = dir.join("farm").join(&strange[0]);
    assert_eq!(fs::read_to_string(path).unwrap(), expected("two.\\"));

    // They are known when it starts again.
    let mut program = Program::start(dir.path(), &["-c", "c"]);
    let line = program.wait_for("joined ");
    assert!(line.contains("one"), "{line}");
    program.stop();
}
