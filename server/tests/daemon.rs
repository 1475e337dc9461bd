//! What a program is to the system around it: its pid file, its user, its root.
//!
//! Who may start it as root has all of this tested; others have what they can be refused.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot look at the system has failed"
)]

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{self, Command};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use support::program::{Program, refused};
use support::{Client, Root, get};

/// A directory in which everybody may read, with a file `a`.
fn readable() -> Root {
    let root = Root::with(&[("a", b"one")]);
    fs::set_permissions(root.path("."), Permissions::from_mode(0o755)).unwrap();
    root
}

/// The numbers behind `name:` in the kernel's account of each thread of the program.
fn of_each_thread(program: &Program, name: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let status = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("status")).unwrap();
    let texts = threads.map(|thread| status(thread.unwrap()));
    let line = |text: String| {
        let mut lines = text.lines();
        let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    texts.map(line).collect()
}

fn id(option: &str, name: &str) -> String {
    let output = Command::new("id").args([option, name]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_pid_file_names_it_while_it_serves() {
    let (root, run) = (readable(), Root::new());
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
    // A check is for one that runs too.
    let ended = refused(&["-d", &root.dir(), "-p", "0", "-i", path, "--check"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[test]
fn a_user_that_there_is_not_refuses_the_start() {
    let root = readable();
    let dir = root.dir();
    for more in [&[][..], &["--check"]] {
        let args = [&["-d", &*dir, "-p", "0", "-u", "no such user"], more].concat();

        let ended = refused(&args);

        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("no user no such user"),
            "{}",
            ended.stderr
        );
    }
}

/// `-C` is how thttpd is told, and nobody whom it becomes.
#[test]
fn root_becomes_the_user_in_every_thread() {
    let (root, run) = (readable(), Root::new());
    run.file("conf", format!("dir={}\nport=0", root.dir()).as_bytes());
    let (pid, conf) = (run.path("pid"), run.path("conf"));
    let (pid, conf) = (pid.to_str().unwrap(), conf.to_str().unwrap());
    for args in [
        &["-d", &*root.dir(), "-p", "0", "-u", "nobody"][..],
        &["-C", conf, "-D"],
    ] {
        let program = Program::start(&[args, &["-i", pid, "--workers", "3"]].concat());

        assert_eq!(program.connect().get("/a").content, b"one");
        let is_root = geteuid().is_root();
        if is_root {
            let (uid, gid) = (id("-u", "nobody"), id("-g", "nobody"));
            for (name, id) in [("Uid", uid), ("Gid", gid)] {
                let expected = [&*id; 4].join(" ");
                let found = of_each_thread(&program, name);
                assert!(
                    found.len() > 3 && found.iter().all(|id| *id == expected),
                    "{found:?}"
                );
            }
            let groups = of_each_thread(&program, "Groups");
            assert!(
                groups.iter().all(|is| *is == id("-G", "nobody")),
                "{groups:?}"
            );
            let capabilities = of_each_thread(&program, "CapPrm");
            assert!(
                capabilities
                    .iter()
                    .all(|is| is.trim_matches('0').is_empty())
            );
        }
        program.signal(Signal::TERM);
        let ended = program.wait();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        if is_root {
            // The directory is root's, so that the file can be emptied and not removed.
            assert_eq!(fs::read_to_string(pid).unwrap(), "");
        } else {
            let is_other = geteuid().as_raw().to_string() != id("-u", "nobody");
            let is_told = ended.stderr.contains("-u is for root alone");
            assert_eq!(is_told, is_other && args.contains(&"-u"));
        }
    }
}

#[test]
fn a_root_that_the_user_cannot_read_refuses_the_start() {
    let root = Root::with(&[("a", b"one")]);
    fs::set_permissions(root.path("."), Permissions::from_mode(0o700)).unwrap();
    if !geteuid().is_root() {
        return;
    }

    let ended = refused(&["-d", &root.dir(), "-p", "0", "-u", "nobody"]);

    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("readable for the user that serves it"),
        "{}",
        ended.stderr
    );
}

#[test]
fn in_a_chroot_nothing_else_is_seen() {
    let root = readable();
    fs::create_dir_all(root.path("www/sub")).unwrap();
    fs::write(root.path("www/b"), b"two").unwrap();
    symlink("/etc/passwd", root.path("www/out")).unwrap();
    let dir = &*root.dir();
    if !geteuid().is_root() {
        let ended = refused(&["-d", dir, "-p", "0", "-r"]);
        assert_eq!(ended.status, Some(1), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("start it as root"),
            "{}",
            ended.stderr
        );
        return;
    }

    for (args, file, content) in [
        (&["-r"][..], "/a", b"one"),
        (&["-r", "-u", "nobody"], "/a", b"one"),
        (&["-r", "-dd", "www"], "/b", b"two"),
        (&["-r", "-dd", "/www", "-u", "nobody"], "/b", b"two"),
        (&["-r", "-nor", "-dd", "www"], "/b", b"two"),
    ] {
        let program = Program::start(&[&["-d", dir, "-h", "127.0.0.1", "-p", "0"], args].concat());

        let seen = fs::read_link(format!("/proc/{}/root", program.pid())).unwrap();
        let is_chrooted = !args.contains(&"-nor");
        assert_eq!(seen.to_str() == Some(dir), is_chrooted, "{seen:?}");
        let mut client = program.connect();
        assert_eq!(client.get(file).content, content, "{args:?}");
        assert_ne!(client.get("/out").status, 200);
        program.signal(Signal::TERM);
        let ended = program.wait();
        assert_eq!((ended.status, &*ended.stderr), (Some(0), ""));
    }
}

/// The hub, its socket and the log are the user's, and beneath the chroot if there is one.
#[cfg(feature = "embedded")]
#[test]
fn the_log_is_written_as_it_can_be_opened_again() {
    if !geteuid().is_root() {
        return;
    }
    let place = readable();
    for dir in ["www", "log", "tmp"] {
        fs::create_dir(place.path(dir)).unwrap();
        fs::set_permissions(place.path(dir), Permissions::from_mode(0o777)).unwrap();
    }
    fs::write(place.path("www/a"), b"one").unwrap();
    let (logs, sockets) = (place.path("log"), place.path("tmp"));
    let log = [
        "--status=none",
        "--spread",
        "embedded:0",
        "--log-dir",
        logs.to_str().unwrap(),
        "--spread-socket-dir",
        sockets.to_str().unwrap(),
    ];
    let dir = &*place.dir();
    for args in [
        &["-d", dir, "-dd", "www", "-u", "nobody"][..],
        &["-d", dir, "-dd", "www", "-u", "nobody", "-r"],
        &["-d", dir, "-dd", "www", "--sandbox", "off", "-u", "nobody"],
        &["-d", dir, "-dd", "www", "-r"],
    ] {
        let program = Program::start(&[args, &["-h", "127.0.0.1", "-p", "0"], &log].concat());
        assert_eq!(program.connect().get("/a").status, 200);
        let file = place.path("log/access_log");
        fs::rename(&file, place.path("log/before")).unwrap();

        program.signal(Signal::HUP);
        while !file.exists() {
            std::thread::yield_now();
        }
        program.signal(Signal::TERM);

        let ended = program.wait();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let [before, after] = [place.path("log/before"), file].map(fs::read_to_string);
        assert_eq!(
            (before.unwrap() + &after.unwrap())
                .matches("GET /a")
                .count(),
            1
        );
        fs::remove_dir_all(&logs).unwrap();
        fs::create_dir(&logs).unwrap();
        fs::set_permissions(&logs, Permissions::from_mode(0o777)).unwrap();
    }
}

/// The threads that serve and those of the log may do nothing but that; the log is written all the
/// same, and opened again.
#[cfg(feature = "embedded")]
#[test]
fn in_the_sandbox_it_serves_and_writes_its_log() {
    let (root, place) = (readable(), Root::new());
    let (dir, logs, sockets) = (root.dir(), place.path("to/logs"), place.dir());
    let pid = place.path("pid");
    let args = [
        "-d",
        &*dir,
        "-h",
        "127.0.0.1",
        "-p",
        "0",
        "--sandbox",
        "on",
        "-i",
        pid.to_str().unwrap(),
        "--status=none",
        "--spread",
        "embedded:0",
        "--log-dir",
        logs.to_str().unwrap(),
        "--spread-socket-dir",
        &*sockets,
    ];
    if refused(&[&args[..], &["--check"]].concat())
        .stderr
        .contains("no sandbox")
    {
        return;
    }
    let program = Program::start(&args);
    assert_eq!(program.connect().get("/a").status, 200);
    let held = of_each_thread(&program, "NoNewPrivs");
    // The publisher, the hub's, the server's, and one that serves at least.
    assert!(held.iter().filter(|is| *is == "1").count() >= 4, "{held:?}");
    let file = logs.join("access_log");
    fs::rename(&file, logs.join("before")).unwrap();

    program.signal(Signal::HUP);
    while !file.exists() {
        std::thread::yield_now();
    }
    program.signal(Signal::TERM);

    let ended = program.wait();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let [before, after] = [logs.join("before"), file].map(fs::read_to_string);
    assert_eq!(
        (before.unwrap() + &after.unwrap())
            .matches("GET /a")
            .count(),
        1
    );
    assert!(!pid.exists());
}

/// The configuration, the throttle file and the password file are outside the document root.
#[test]
fn in_the_sandbox_it_reads_again_what_it_goes_by() {
    let (root, place) = (readable(), Root::with(&[("rules", b"** 1000000")]));
    place.file("users", format!("anna:{SHA_OF_A}").as_bytes());
    let [conf, rules, users] = ["conf", "rules", "users"].map(|name| place.path(name));
    let text = format!(
        "dir={} host=127.0.0.1 port=0 throttles={} global_password={} sandbox=on \
         wrong_passwords_per_address=1000/s",
        root.dir(),
        rules.display(),
        users.display()
    );
    place.file("conf", text.as_bytes());
    let args = ["--config", conf.to_str().unwrap()];
    if refused(&[&args[..], &["--check"]].concat())
        .stderr
        .contains("no sandbox")
    {
        return;
    }
    let (reader, writer) = std::io::pipe().unwrap();
    let program = Program::start_with_stderr(writer, &args);
    let mut lines = BufReader::new(reader).lines();
    let status = |credentials: &str| {
        let mut client = program.connect();
        let field = format!("Authorization: Basic {credentials}\r\nHost");
        client.send(get("/a").replace("Host", &field));
        client.response().status
    };
    assert_eq!((status(ANNA), status(OTTO)), (200, 401));

    place.file("users", format!("otto:{SHA_OF_A}").as_bytes());
    place.file("rules", b"** 2000000");
    place.file("conf", format!("{text} max_age=60").as_bytes());
    program.signal(Signal::HUP);

    let told = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("now as")));
    let told = told.unwrap().unwrap();
    assert!(told.contains("--max-age, --throttles"), "{told}");
    while status(OTTO) != 200 {}
    assert_eq!(status(ANNA), 401);
}

/// Of the password `a`.
const SHA_OF_A: &str = "{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=";

/// `anna:a` and `otto:a`.
const ANNA: &str = "YW5uYTph";
const OTTO: &str = "b3R0bzph";

/// A process in the background, which nobody else would end.
struct Background {
    pid: Pid,
    address: SocketAddr,
}

impl Background {
    /// Starts it, as whoever waits for it to be ready.
    fn start(args: &[&str], pid_file: &Path) -> Self {
        let ended = refused(args);
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let pid = fs::read_to_string(pid_file).unwrap();
        let url = ended.stdout.split("http://").nth(1).unwrap();
        Self {
            pid: Pid::from_raw(pid.trim().parse().unwrap()).unwrap(),
            address: url.split('/').next().unwrap().parse().unwrap(),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = kill_process(self.pid, Signal::KILL);
    }
}

#[test]
fn in_the_background_it_serves_when_the_start_has_ended() {
    let (root, run) = (readable(), Root::new());
    let (dir, pid_file) = (root.dir(), run.path("pid"));
    let pid = pid_file.to_str().unwrap();
    run.file(
        "conf",
        format!("dir={dir} host=127.0.0.1 port=0 pidfile={pid}").as_bytes(),
    );
    let conf = run.path("conf");
    let by_flag = [
        "-d",
        &*dir,
        "-h",
        "127.0.0.1",
        "-p",
        "0",
        "-i",
        pid,
        "-D",
        "--daemon",
    ];
    for args in [&by_flag[..], &["-C", conf.to_str().unwrap()]] {
        let background = Background::start(args, &pid_file);

        let mut client = Client::connect(background.address);
        assert_eq!(client.get("/a").content, b"one");
        let of = |name: &str| format!("/proc/{}/{name}", background.pid);
        for descriptor in ["fd/0", "fd/1", "fd/2"] {
            let opened = fs::read_link(of(descriptor));
            // Whoever has become nobody is not to be looked at by others.
            if let Ok(opened) = opened {
                assert_eq!(opened, Path::new("/dev/null"), "{descriptor}");
            }
        }
        // Its own session, without a terminal: the fields behind the name are state, parent,
        // group, session.
        let stat = fs::read_to_string(of("stat")).unwrap();
        let session = stat.rsplit(") ").next().unwrap().split(' ').nth(3).unwrap();
        assert_eq!(session, background.pid.to_string());

        kill_process(background.pid, Signal::TERM).unwrap();
        client.expect_close();
        while fs::read_to_string(&pid_file).is_ok_and(|text| !text.is_empty()) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_start_in_the_background_that_fails_is_seen_to_fail() {
    for (args, status) in [
        (&["--daemon", "-d", "/no/such/directory", "-p", "0"][..], 2),
        (&["--daemon", "-d", ".", "-h", "192.0.2.1", "-p", "0"], 2),
    ] {
        let ended = refused(args);

        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
        assert_ne!(ended.stderr, "");
        assert_eq!(ended.stdout, "");
    }
}
