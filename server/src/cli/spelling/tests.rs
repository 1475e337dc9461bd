//! Every flag of thttpd's, and every word of its file, by its long name.

use clap::ArgAction;

use super::*;

/// One with every option that thttpd's words stand for, and some of ours.
fn command() -> Command {
    let with_value = SPELLINGS
        .iter()
        .filter_map(|spelling| match spelling.meaning {
            Meaning::Value(name) => Some(Arg::new(name).long(name)),
            Meaning::Set(_) | Meaning::Unset(_) | Meaning::Log => None,
        });
    let alone = ["chroot", "vhosts", "foreground", "no-symlink-check", "gzip"]
        .map(|name| Arg::new(name).long(name).action(ArgAction::SetTrue));
    let mut command = Command::new("test")
        .version("1")
        .args(with_value)
        .args(alone)
        .arg(
            Arg::new("global-password")
                .long("global-password")
                .num_args(0..=1),
        )
        .arg(Arg::new("log").long("log").action(ArgAction::Append))
        .arg(Arg::new("spread").long("spread"))
        .arg(Arg::new(DEFAULTS).long(DEFAULTS).action(ArgAction::SetTrue))
        .arg(Arg::new("header").long("header").num_args(2));
    command.build();
    command
}

/// Where files are read by `open`, and the system has a log.
fn with(
    args: Vec<OsString>,
    command: &Command,
    open: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Result<Vec<OsString>, SpellingError> {
    let has_log = true;
    respell(args, command, &mut System { open, has_log })
}

/// With two files, `one` and `two`.
fn respelt(args: &[&str]) -> Result<Vec<String>, SpellingError> {
    let args = [&["rthttpd"], args].concat();
    let args = args.iter().map(OsString::from).collect();
    let mut open = |path: &Path| match path.to_str() {
        Some("one") => Ok(b"port=1\ndir=/one vhost".to_vec()),
        Some("two") => Ok(b"port=2 novhost".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let words = with(args, &command(), &mut open)?;
    let words = words.into_iter().map(|word| word.into_string().unwrap());
    Ok(words.skip(1).collect())
}

/// A row for every flag, then how they go together.
#[test]
fn every_flag_has_its_long_name() {
    const CASES: &[(&[&str], &[&str])] = &[
        (&["-p", "81"], &["--port=81"]),
        (&["-d", "/srv"], &["--dir=/srv"]),
        (&["-dd", "www"], &["--data-dir=www"]),
        (&["-r"], &["--chroot"]),
        (&["-nor"], &[]),
        (&["-s"], &[]),
        (&["-nos"], &["--no-symlink-check"]),
        (&["-v"], &["--vhosts"]),
        (&["-nov"], &[]),
        (&["-g"], &["--global-password"]),
        (&["-nog"], &[]),
        (&["-u", "www"], &["--user=www"]),
        (&["-c", "/cgi-bin/*"], &["--cgi=/cgi-bin/*"]),
        (&["-t", "t.conf"], &["--throttles=t.conf"]),
        (&["-h", "::1"], &["--host=::1"]),
        (&["-l", "-"], &["--log=format=combined file=\"-\""]),
        (
            &["-l", r#"a "b\c"#],
            &[r#"--log=format=combined file="a \"b\\c""#],
        ),
        (
            &["-l", "a", "--log", "group=g", "-l", "b"],
            &["--log", "group=g", "--log=format=combined file=\"b\""],
        ),
        (&["-l", "a", "-l", "/dev/null"], &[]),
        (&["-l"], &["--log"]),
        (&["-i", "pid"], &["--pid-file=pid"]),
        (&["-T", "utf-8"], &["--charset=utf-8"]),
        (&["-P", "CP=\"NOI\""], &["--p3p=CP=\"NOI\""]),
        (&["-M", "60"], &["--max-age=60"]),
        (&["-V"], &["--version"]),
        (&["-D"], &["--foreground"]),
        // What was said is taken back, however it was said, and may be said again.
        (&["-r", "-v", "-nor"], &["--vhosts"]),
        (&["--chroot", "-nor", "-r"], &["--chroot"]),
        (&["-nos", "-s"], &[]),
        (&["--global-password", "f", "-D", "-nog"], &["--foreground"]),
        (&["--global-password=f", "-nog"], &[]),
        // Values are no flags.
        (&["-d", "-r", "-nor"], &["--dir=-r"]),
        (
            &["--header", "-r", "-v", "-D"],
            &["--header", "-r", "-v", "--foreground"],
        ),
        (&["--dir", "-nos"], &["--dir", "-nos"]),
        // What is missing is said by the parser.
        (&["-p"], &["--port"]),
        // Ours stays as it is.
        (&["-p81", "--gzip", "-x"], &["-p81", "--gzip", "-x"]),
        (&["--", "-r"], &["--", "-r"]),
        (&["command", "-r", "-d"], &["command", "-r", "-d"]),
    ];
    for (args, expected) in CASES {
        assert_eq!(respelt(args).unwrap(), *expected, "{args:?}");
    }
}

#[test]
fn the_help_and_the_documentation_have_every_word() {
    let mut command = <crate::Args as clap::CommandFactory>::command();
    let help = command.render_help().to_string();
    let index = help.split("thttpd's flags").nth(1).unwrap();
    let documentation = include_str!("../../../../docs/from-thttpd.md");
    for spelling in SPELLINGS {
        let flag = spelling.flag;
        let option = format!("--{}", spelling.meaning.option());
        if !flag.is_empty() {
            let mut words = index.split([' ', ',', '\n']);
            assert!(words.any(|word| word == flag), "{flag}");
            assert!(documentation.contains(&format!("`{flag}")), "{flag}");
            assert!(index.contains(&option), "{option}");
        }
        assert!(documentation.contains(&option), "{option}");
        for keyword in spelling.keywords {
            assert!(documentation.contains(&format!("`{keyword}")), "{keyword}");
        }
    }
}

/// thttpd's is the system's, if none is named.
#[test]
fn as_a_thttpd_it_logs_to_the_system() {
    for (args, is_logged) in [
        (&["--thttpd-defaults"][..], true),
        (&["--thttpd-defaults", "-l", "a"], false),
        (&["--thttpd-defaults", "-l", "/dev/null"], false),
        (&["--thttpd-defaults", "--spread=4803"], false),
        (&["--thttpd-defaults", "--log", "group=g"], false),
        (&["--gzip"], false),
    ] {
        let words = respelt(args).unwrap();
        let log = words.iter().find(|word| word.starts_with("--log=syslog"));
        assert_eq!(log.is_some(), is_logged, "{args:?}");
    }
}

/// Statistics are made from its lines, for each host.
#[test]
fn as_a_thttpd_it_logs_the_host_before_the_path() {
    const PATH: &str = "\"%m /%V%{raw}U%q %H\"";
    for (args, has_host) in [
        (&["--thttpd-defaults", "-v"][..], true),
        (&["--thttpd-defaults", "-l", "a", "-v"], true),
        (&["--thttpd-defaults", "-l", "format=combined", "-v"], true),
        (&["--thttpd-defaults", "-v", "-nov"], false),
        (&["-v", "-l", "a"], false),
        (
            &["--thttpd-defaults", "-v", "--log", "file=a format=combined"],
            false,
        ),
    ] {
        let words = respelt(args).unwrap();
        let log = words.iter().find(|word| word.starts_with("--log")).unwrap();
        assert_eq!(log.contains(PATH), has_host, "{log}");
        assert!(!(has_host && log.contains("%r")), "{log}");
    }
}

/// A container has none, and nobody would be told.
#[test]
fn where_the_system_has_no_log_there_is_none() {
    let args = vec!["thttpd".into(), "-D".into()];
    let mut open = |_: &Path| Ok(Vec::new());
    let mut system = System {
        open: &mut open,
        has_log: false,
    };

    let words = respell(args, &command(), &mut system).unwrap();

    assert_eq!(words, ["thttpd", "--thttpd-defaults", "--foreground"]);
}

#[test]
fn a_flag_for_which_there_is_nothing_is_refused() {
    let mut command = Command::new("test").version("1");
    command.build();
    for spelling in SPELLINGS
        .iter()
        .filter(|spelling| !spelling.flag.is_empty())
    {
        let args = ["rthttpd", spelling.flag, "value"].map(OsString::from);

        let outcome = with(args.into(), &command, &mut |_| Ok(Vec::new()));

        match spelling.meaning {
            Meaning::Unset(_) => assert!(outcome.is_ok(), "{spelling:?}"),
            Meaning::Set("version") => assert!(outcome.is_ok(), "{spelling:?}"),
            meaning => {
                let option = meaning.option();
                let error = outcome.unwrap_err().to_string();
                assert!(
                    error.contains(spelling.flag) && error.contains(option),
                    "{error}"
                );
            }
        }
    }
}

#[test]
fn a_file_stands_in_its_place() {
    let syslog = format!("--log={SYSLOG}");
    let of_hosts = syslog.replace("%r", "%m /%V%{raw}U%q %H");
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["-p", "9", "-C", "one", "-p", "8"],
            &[
                "--port=9",
                "--thttpd-defaults",
                "--config=one",
                "--port=1",
                "--dir=/one",
                "--vhosts",
                "--port=8",
                &of_hosts,
            ],
        ),
        (
            &["-v", "--config", "two", "--gzip"],
            &["--config=two", "--port=2", "--gzip"],
        ),
        (&["--config=two"], &["--config=two", "--port=2"]),
        (&["--config"], &["--config"]),
        (&["-C"], &["--thttpd-defaults", "--config", &syslog]),
    ];
    for (args, expected) in cases {
        assert_eq!(respelt(args).unwrap(), *expected, "{args:?}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let error = respelt(&["-C", "three"]).unwrap_err().to_string();
    assert!(error.contains("configuration three"), "{error}");

    let error = respelt(&["-C", "one"].repeat(FILES_MAX + 1)).unwrap_err();
    assert!(matches!(error, SpellingError::Files { .. }), "{error}");

    let args = ["rthttpd", "-C", "long"].map(OsString::from).into();
    let mut open = |_: &Path| Ok(vec![b' '; conf::LEN_MAX + 1]);
    let error = with(args, &command(), &mut open).unwrap_err();
    assert!(matches!(error, SpellingError::Long { .. }), "{error}");
}

/// As a link to it is named where thttpd was.
#[test]
fn who_is_called_thttpd_has_its_defaults() {
    for (name, expected) in [
        ("thttpd", true),
        ("/usr/sbin/thttpd", true),
        ("rthttpd", false),
        ("/opt/thttpd/rthttpd", false),
    ] {
        let args = vec![OsString::from(name), "-p".into(), "1".into()];

        let words = with(args, &command(), &mut |_| Ok(Vec::new())).unwrap();

        assert_eq!(
            words.contains(&"--thttpd-defaults".into()),
            expected,
            "{name}"
        );
    }
}

#[test]
fn words_need_not_be_text() {
    let odd = OsString::from_vec(b"/srv/\xff".to_vec());
    let args = vec!["rthttpd".into(), "-d".into(), odd];

    let words = with(args, &command(), &mut |_| Ok(Vec::new())).unwrap();

    assert_eq!(words.last().unwrap().as_bytes(), b"--dir=/srv/\xff");
}
