//! Files, and the flags that they come to.

use proptest::prelude::*;

use clap::ArgAction;

use super::*;

fn command() -> Command {
    let value = |name: &'static str| Arg::new(name).long(name);
    let alone = |name: &'static str| value(name).action(ArgAction::SetTrue);
    let port = value("port").value_parser(clap::value_parser!(u16));
    let mut command = Command::new("test")
        .args([port, value("dir"), value("user"), value("max-age")])
        .args([value("log-format").value_parser(["common", "combined"])])
        .args([
            value("config"),
            alone("check"),
            alone("vhosts"),
            alone("gzip"),
        ])
        .arg(value("header").num_args(2).action(ArgAction::Append))
        .arg(value("realtime").num_args(0..=1).require_equals(true))
        .arg(value("spread-group").requires("spread"))
        .arg(value("spread"));
    command.build();
    command
}

fn flags(text: &[u8]) -> Result<Vec<OsString>, String> {
    let command = command();
    let mut said = Words::new(&command);
    match read(text, Path::new("t.conf"), &mut said) {
        Ok(()) => Ok(said.finish().collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn a_file_comes_to_flags() {
    const CASES: &[(&str, &[&str])] = &[
        ("", &[]),
        ("port=81", &["--port=81"]),
        ("PORT=81 Dir=/a\n", &["--port=81", "--dir=/a"]),
        ("max_age=60", &["--max-age=60"]),
        ("max-age=60", &["--max-age=60"]),
        ("vhost novhost", &[]),
        (
            "novhost nochroot symlinkcheck noglobalpasswd vhost",
            &["--vhosts"],
        ),
        ("vhosts", &["--vhosts"]),
        ("gzip", &["--gzip"]),
        ("spread=4803@localhost", &["--spread=4803@localhost"]),
        ("spread_group=x", &["--spread-group=x"]),
        ("realtime realtime=20", &["--realtime", "--realtime=20"]),
        ("dir=-x", &["--dir=-x"]),
        (
            "header=\"**\"\n  \"X-A: b=c\" gzip",
            &["--header", "**", "X-A: b=c", "--gzip"],
        ),
    ];
    for (text, expected) in CASES {
        assert_eq!(flags(text.as_bytes()).unwrap(), *expected, "{text}");
    }
}

#[test]
fn every_mistake_is_told_with_its_line_and_what_to_do() {
    const CASES: &[(&str, &str)] = &[
        (
            "\nprot=81",
            "t.conf:2: prot=81: there is no such setting; did you mean port?",
        ),
        ("vhots", "did you mean vhost"),
        (
            "banana=1",
            "t.conf:1: banana=1: there is no such setting: every long option",
        ),
        (
            "port",
            "t.conf:1: port: a value is missing: write port=VALUE",
        ),
        ("port = 81", "with no blanks around the sign"),
        (
            "vhost=yes",
            "t.conf:1: vhost=yes: it takes no value: write vhost alone",
        ),
        ("gzip=on", "write gzip alone"),
        (
            "port=x",
            "t.conf:1: port=x: invalid value 'x' for '--port <port>'",
        ),
        ("port=65536", "65535"),
        ("log_format=odd", "[possible values: common, combined]"),
        ("header=a", "it needs 2 values"),
        ("header=a port=81", "it needs 2 values"),
        ("config=other", "command line alone"),
        ("check", "command line alone"),
        ("dir=\"a", "t.conf:1: the quotation mark is not closed"),
        ("dir=\"a\"b", "a blank must follow"),
        ("x\x1b[2J", "t.conf:1: x?[2J: "),
        ("port=\x1b", "t.conf:1: port=?: invalid value"),
        ("a\nb\nport=1 c", "t.conf:3: c: "),
    ];
    for (text, expected) in CASES {
        let error = flags(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

/// A picture in the place of a file is no reason to fill the terminal.
#[test]
fn only_so_many_mistakes_are_told() {
    let error = flags("x ".repeat(1_000).as_bytes()).unwrap_err();

    assert_eq!(error.lines().count(), PROBLEMS_MAX + 1);
    let long = flags(&b"x".repeat(LEN_MAX)).unwrap_err();
    assert!(long.len() < 1_000, "{long}");
}

proptest! {
    #[test]
    fn any_bytes_are_flags_or_mistakes(text: Vec<u8>) {
        law(&text, &command());
    }

    #[test]
    fn words_of_the_language_in_any_order_are_flags_or_mistakes(
        words in proptest::collection::vec("(port|dir|vhost|header|p|=|\"|#|\\\\| |\n|80|\\PC){1,5}", 0..8)
    ) {
        law(words.concat().as_bytes(), &command());
    }

    /// What is written as words comes to the flags one means.
    #[test]
    fn any_value_reaches_its_option(value in "[^\n\0\"\\\\]{0,20}") {
        let text = format!("user=\"{value}\"");

        prop_assert_eq!(flags(text.as_bytes()).unwrap(), [OsString::from(format!("--user={value}"))]);
    }
}
