//! The command line, the configuration file and what is wrong with either.

use std::process::{Command, Output};

use crate::support::{Dir, PROGRAM, Program, TestHub, config};

fn run(dir: &Dir, args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(dir.path()).output().unwrap()
}

/// Exit status, and what it says on standard error.
fn refusal(dir: &Dir, args: &[&str]) -> (Option<i32>, String) {
    let output = run(dir, args);
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Whoever listens on 4803 of this machine, if anybody: the file is made in any case.
#[test]
fn without_options_it_writes_access_log() {
    let dir = Dir::new();
    let mut program = Program::start(dir.path(), &[]);

    program.wait_for("writing to ");
    program.stop();

    assert!(dir.join("logs/access_log").exists());
}

#[test]
fn a_wrong_configuration_is_shown_where_it_is_wrong() {
    let dir = Dir::new();
    dir.write(
        "spreadlogd.conf",
        "Spread {
    Port = 4803
    Log {
        Gruop = access_log
        File  = /var/log/access_log
    }
    Log {
        Group = a_group_whose_name_is_too_long_for_spread
        File  = \"| rotatelogs /var/log/access_log\"
        Match = \"\\.(html\"
    }
}
",
    );

    let (status, said) = refusal(&dir, &["-c", "spreadlogd.conf"]);

    assert_eq!(status, Some(2));
    assert_eq!(
        said,
        "\
error: unknown directive `Gruop`
 --> spreadlogd.conf:4:9
  |
4 |         Gruop = access_log
  |         ^^^^^ did you mean `Group`?

error: group name a_group_whose_name_is_too_long_for_spread: must be 1 to 31 printable ASCII characters without space, `\"` and `#`
 --> spreadlogd.conf:8:17
  |
8 |         Group = a_group_whose_name_is_too_long_for_spread
  |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

error: this `Match` is no regular expression
  --> spreadlogd.conf:10:20
   |
10 |         Match = \"\\.(html\"
   |                    ^ unclosed group

"
    );
}

#[test]
fn bad_usage_is_named_and_exits_with_2() {
    let dir = Dir::new();
    dir.write("conf", "Spread { Port = 65536 }");
    let cases: &[(&[&str], &str)] = &[
        (&["-c", "missing"], "cannot read missing: No such file"),
        (&["-c", "conf"], "\"65536\" is no Spread address"),
        (
            &["--spread", "localhost"],
            "\"localhost\" is no Spread address",
        ),
        (&["--hub", "x"], "`x` is not PORT or PORT@ADDRESS"),
        (&["--group", "a b", "--file", "x"], "group name a b"),
        (&["--group", "a"], "--file"),
        (&["--nonsense"], "--nonsense"),
    ];
    for (args, expected) in cases {
        let (status, said) = refusal(&dir, args);

        assert_eq!(status, Some(2), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn check_reads_the_configuration_and_touches_nothing_else() {
    let dir = Dir::new();
    dir.write("good", "Spread { Log { Group = g File = logs/log } }");
    dir.write("odd", "BufferSize = 1 BufferSize = 2 Spread { }");
    dir.write("bad", "Spread {");

    // What the text alone does not show, as the start would find it out.
    for (text, why) in [
        (
            "LoadModule absent Spread { Log { Group = g ModuleLog absent } }",
            "cannot find module ./absent",
        ),
        (
            "LoadModule online nowhere:x Spread { Log { Group = g ModuleLog online } }",
            "`nowhere:x` is no place",
        ),
        (
            "Spread { Log { Group = g File = no/such/log } }",
            "there is no directory no/such",
        ),
        (
            "Spread { Log { Group = g File = good/log } }",
            "good is no directory",
        ),
        ("Spread { Log { Group = g File = . } }", ". is a directory"),
    ] {
        dir.write("wrong", text);
        for args in [&["--check", "-c", "wrong"][..], &["-c", "wrong"]] {
            let (status, said) = refusal(&dir, args);

            assert_eq!(status, Some(2), "{text}: {said}");
            assert!(said.contains(&format!("error: {why}")), "{said}");
            assert!(said.contains(" --> wrong:1:"), "{said}");
        }
    }
    let (status, said) = refusal(&dir, &["--check", "--group", "g", "--file", "no/such/log"]);
    assert_eq!(status, Some(2));
    assert!(
        said.starts_with("error: there is no directory no/such"),
        "{said}"
    );

    let checked = ["good", "odd", "bad"].map(|name| refusal(&dir, &["--check", "-c", name]));

    assert_eq!(checked[0], (Some(0), String::new()));
    assert_eq!(checked[1].0, Some(0));
    assert!(
        checked[1]
            .1
            .contains("warning: `BufferSize` is given twice")
    );
    assert_eq!(checked[2].0, Some(2));
    assert!(!dir.join("logs").exists());
}

#[test]
fn the_sample_configuration_is_accepted() {
    let dir = Dir::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/spreadlogd.conf");

    let checked = refusal(&dir, &["--check", "-c", sample]);

    assert_eq!(checked, (Some(0), String::new()));
}

#[test]
fn help_and_version_are_answers() {
    let dir = Dir::new();
    for (flag, expected) in [
        ("--help", "[default: ./logs/access_log]"),
        ("-h", "--hub"),
        (
            "--version",
            concat!("spreadlogd ", env!("CARGO_PKG_VERSION")),
        ),
        ("-V", concat!("spreadlogd ", env!("CARGO_PKG_VERSION"))),
    ] {
        let output = run(&dir, &[flag]);

        assert_eq!(output.status.code(), Some(0), "{flag}");
        assert!(
            String::from_utf8(output.stdout).unwrap().contains(expected),
            "{flag}"
        );
    }
}

/// Two writers of one file would write every line twice.
#[test]
fn a_file_of_a_running_spreadlogd_is_refused_and_its_process_named() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("c", &config(&[(&hub, &[("g", "log")])]));
    let mut first = Program::start(dir.path(), &["-c", "c"]);
    first.wait_for("joined g");

    let (status, said) = refusal(&dir, &["-c", "c"]);

    assert_eq!(status, Some(1), "{said}");
    let file = dir.path().canonicalize().unwrap().join("log");
    let start = format!("the log file {} is being written by ", file.display());
    assert!(said.contains(&start), "{said}");
    #[cfg(target_os = "linux")]
    assert!(
        said.contains(&format!("process {} (spreadlogd)", first.pid())),
        "{said}"
    );

    let mut unlocked = Program::start(dir.path(), &["-s", "-c", "c", "--state", "s"]);
    unlocked.wait_for("joined g");
    unlocked.stop();
    first.stop();
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let dir = Dir::new();

    let (status, said) = refusal(&dir, &["--group", "g", "--file", "no/such/log"]);

    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("cannot make the directory "), "{said}");
    assert!(
        said.contains("no/such: No such file or directory"),
        "{said}"
    );
}

#[test]
fn a_port_with_a_daemon_needs_no_hub() {
    let (dir, hub) = (Dir::new(), TestHub::start());

    let (status, said) = refusal(&dir, &["--hub", &hub.port().to_string()]);

    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("a Spread daemon or hub is running there already"),
        "{said}"
    );
    let instead = format!("use that one with --spread {}@", hub.port());
    assert!(said.contains(&instead), "{said}");
}
