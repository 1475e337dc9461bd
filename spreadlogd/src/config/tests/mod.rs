//! Laws of the grammar, and the exact text an operator sees for each mistake.

use proptest::prelude::*;

use super::*;
use crate::steps::{Condition, Pattern};

mod directives;
mod originals;

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text.as_bytes(), "spreadlogd.conf")
}

/// Address, group and destination of every Log, one per line, and what else is said of it.
fn outline(config: &Config) -> String {
    let mut lines = Vec::new();
    for spread in config.spreads() {
        for log in spread.logs() {
            let to = match log.destination() {
                None => "nowhere".to_owned(),
                Some(Destination::Command(command)) => format!("|{}", command.to_string_lossy()),
                Some(path) => path.fixed().map_or("many".to_owned(), |path| {
                    path.to_string_lossy().into_owned()
                }),
            };
            let (address, group) = (spread.addresses(), log.group());
            lines.push(format!("{address} {group} {to}{}", details(log)));
        }
    }
    lines.join("\n")
}

fn details(log: &Log) -> String {
    let words = |patterns: &[Pattern]| {
        let words: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
        words.join(" or ")
    };
    let plain = Log::plain(log.group(), None);
    let mut text = String::new();
    let mut say = |name: &str, value: Option<String>| {
        text.extend(value.map(|value| format!(" {name}:{value}")));
    };
    let texts = |patterns: &[Pattern]| (!patterns.is_empty()).then(|| words(patterns));
    say("match", texts(log.matches()));
    say("exclude", texts(log.excludes()));
    let wheres: Vec<&str> = log.wheres().iter().map(Condition::as_str).collect();
    say("where", (!wheres.is_empty()).then(|| wheres.join(" and ")));
    say(
        "vhosts",
        log.vhost_dir()
            .map(|dir| dir.to_string_lossy().into_owned()),
    );
    say(
        "time",
        log.rewrite().map(|rewrite| rewrite.as_str().to_owned()),
    );
    say(
        "modules",
        (!log.modules().is_empty()).then(|| log.modules().join(",")),
    );
    say("perl", log.perl_log().map(str::to_owned));
    say("hup", log.perl_hup().map(str::to_owned));
    say("python", log.python_log().map(str::to_owned));
    say("size", log.rotate().size.map(|size| size.to_string()));
    say(
        "every",
        log.rotate().every.map(|every| format!("{every:?}")),
    );
    say("compress", log.compress().map(|form| format!("{form:?}")));
    say("files", log.keep().files.map(|files| files.to_string()));
    say("age", log.keep().age.map(|age| format!("{age:?}")));
    say("mode", log.mode().map(|mode| format!("{mode:o}")));
    say(
        "sync",
        (log.sync() != plain.sync()).then(|| format!("{:?}", log.sync())),
    );
    say(
        "format",
        (log.format() != plain.format()).then(|| format!("{:?}", log.format())),
    );
    text
}

/// The text, and what it means.
const ACCEPTED: &[(&str, &str)] = &[
    ("Spread { Log { Group = a File = b } }", "4803 a b"),
    (
        "Spread { Port = 4913@gollum.example.net Log { Group = taub-12 File = /tmp/foo } }",
        "4913@gollum.example.net taub-12 /tmp/foo",
    ),
    (
        "Spread { Host = h Log { Group = a File = b } }",
        "4803@h a b",
    ),
    (
        "Spread { Host = h Port = 1 Log { Group = a File = b } }",
        "1@h a b",
    ),
    (
        "Spread { Port = /run/spread Log { Group = a File = b } }",
        "/run/spread a b",
    ),
    (
        "Spread { Port = 1@a,2@b Log { Group = a File = b } }",
        "1@a,2@b a b",
    ),
    // Comments, quotes, line ends; the `#` ends a bare word.
    (
        "# x\r\nSpread{#y\r\nLog{Group = \"a\" File = 'b # c'}}",
        "4803 a b # c",
    ),
    // The original needs blanks around `=`.
    ("Spread{Log{Group=a File= b}}", "4803 a b"),
    ("Spread{Log{Group =a File=\"b c\"}}", "4803 a b c"),
    ("Spread{Log{Group = '=' File = a=b}}", "4803 = a=b"),
    // The original needs quotes around these.
    (
        "Spread { Log { Group = Log File = File } }",
        "4803 Log File",
    ),
    // The original has Port before Log, and BufferSize before Spread.
    (
        "Spread { Log { File = b Group = a } Port = 1 } BufferSize = 65536",
        "1 a b",
    ),
    // The last of several counts, as in the original.
    (
        "Spread { Log { Group = a Group = b File = c File = d } }",
        "4803 b d",
    ),
    (
        "Spread { Log { Group = a File = b } Log { Group = a File = c } } Spread { Port = 1 }",
        "4803 a b\n4803 a c",
    ),
];

#[test]
fn what_the_original_accepts_means_the_same() {
    for (text, expected) in ACCEPTED {
        let config = parse(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));

        assert_eq!(&outline(&config), expected, "{text}");
        assert_read_back(&config);
    }
}

/// The text, and the titles of its problems in order, each with line and column.
const REFUSED: &[(&str, &[&str])] = &[
    ("", &["1:1 no Spread block"]),
    ("BufferSize = 1\n", &["1:15 no Spread block"]),
    (
        "Spread { Log { } }",
        &[
            "1:10 this Log block has no Group",
            "1:10 this Log block has no File",
        ],
    ),
    (
        "Spread {\n Log {\n  Group =\n  File = x } }",
        &["3:3 `Group` needs a value"],
    ),
    (
        "Spread { Log { Group a File = x } }",
        &["1:16 expected `=` after `Group`"],
    ),
    (
        "Spread { Log { Group = a\nFile = \"/tmp/x } }\n",
        &["2:8 this quote is not closed"],
    ),
    (
        "Spread { Log { Group = a File = '/tmp'/x } }",
        &["1:33 text directly after a closing quote"],
    ),
    (
        "Spread { Log { Group = a File = '/tmp\n/x' } }",
        &["1:33 `/tmp\\n/x` cannot be the name of a file"],
    ),
    (
        "Spread { Log { Group = a File = '' } }",
        &["1:33 `` cannot be the name of a file"],
    ),
    (
        "Spread { Log { Group = a File = '| ' } }",
        &["1:33 there is no command after `|`"],
    ),
    (
        "Spread { Log { Group = 'a b' File = '%Q' Mode = 9 } }",
        &[
            "1:24 group name a b: must be 1 to 31 printable ASCII characters without space, `\"` and `#`",
            "1:38 this `File` is no path",
            "1:49 `Mode` cannot be `9`",
        ],
    ),
    (
        "Spread { Port = 1@h Host = x }",
        &["1:28 Port is a whole address, so that Host has no place beside it"],
    ),
    (
        "BufferSize = 0\nBufferSize = abc\nSpread { }",
        &[
            "1:14 BufferSize `0` is not a number of bytes",
            "2:14 BufferSize `abc` is not a number of bytes",
        ],
    ),
    ("Spread {\n", &["1:1 this Spread block is not closed"]),
    (
        "Spread Log { Group = a File = x } }",
        &["1:1 expected `{` after `Spread`"],
    ),
    (
        "Spread { }\n}\n{ Group }\n= x\nLog { Group = x }\nPort = 1",
        &[
            "2:1 `}` without a block to close",
            "3:1 expected a directive, found `{`",
            "4:1 expected a directive, found `=`",
            "5:1 `Log` belongs in a Spread block",
            "6:1 `Port` belongs in a Spread block",
        ],
    ),
    (
        "Spread { Log { Group = a File = b Port = 1 BufferSize = 2 } }",
        &[
            "1:35 `Port` belongs in a Spread block",
            "1:44 `BufferSize` belongs outside all blocks",
        ],
    ),
    ("VhostGroup = a", &["1:1 unknown directive `VhostGroup`"]),
    (
        "\"Spread\" { }",
        &["1:1 expected a directive, found `\"Spread\"`"],
    ),
];

fn titles(errors: &ConfigErrors) -> Vec<String> {
    let text = errors.render(false);
    let value = |line: &str, mark: &str| line.trim_start().strip_prefix(mark).map(str::to_owned);
    let titles = text.lines().filter_map(|line| value(line, "error: "));
    let places = text
        .lines()
        .filter_map(|line| value(line, "--> spreadlogd.conf:"));
    places
        .zip(titles)
        .map(|(place, title)| format!("{place} {title}"))
        .collect()
}

#[test]
fn every_mistake_is_told_with_its_place() {
    for (text, expected) in REFUSED {
        let errors = parse(text).expect_err(text);

        assert_eq!(&titles(&errors), expected, "{text}");
    }
}

#[test]
fn a_misspelt_directive_is_shown_as_rustc_would() {
    let errors = parse("Spread {\n\tLog {\n\t\tGrup = access_log\n\t\tFile = a\n\t}\n}\n");

    assert_eq!(
        errors.unwrap_err().to_string(),
        "\
error: unknown directive `Grup`
 --> spreadlogd.conf:3:3
  |
3 |         Grup = access_log
  |         ^^^^ did you mean `Group`?

"
    );
}

#[test]
fn a_group_over_31_bytes_is_marked() {
    let errors = parse("Spread { Log { Group = abcdefghijklmnopqrstuvwxyz012345 File = x } }");

    let text = errors.unwrap_err().to_string();
    assert!(
        text.starts_with("error: group name abcdefghijklmnopqrstuvwxyz012345: must be 1 to 31"),
        "{text}"
    );
    assert!(
        text.contains(&format!("\n  |{}{}\n", " ".repeat(24), "^".repeat(32))),
        "{text}"
    );
}

#[test]
fn a_forgotten_brace_is_marked_where_it_belongs() {
    let errors = parse("Spread {\n  Log { Group = a File = b }\nSpread { }\n");

    assert_eq!(
        errors.unwrap_err().to_string(),
        "\
error: this Spread block is not closed
 --> spreadlogd.conf:1:1
  |
1 | Spread {
  | ^^^^^^ opened here
2 |   Log { Group = a File = b }
3 | Spread { }
  | ------ a `}` is missing before this

"
    );
}

#[test]
fn what_was_surely_not_meant_is_a_warning() {
    let config = parse("BufferSize = 1\nBufferSize = 2\nSpread { Port = 1\n Port = 2 }").unwrap();

    let text = config.warnings().render(false);

    assert_eq!(
        text,
        "\
warning: `BufferSize` is given twice; the first one counts
 --> spreadlogd.conf:2:14
  |
1 | BufferSize = 1
  |              - this one counts
2 | BufferSize = 2
  |              ^

warning: this Spread block has no Log, so nothing is written from it
 --> spreadlogd.conf:3:1
  |
3 | Spread { Port = 1
  | ^^^^^^

warning: `Port` is given twice; the last one counts
 --> spreadlogd.conf:4:9
  |
3 | Spread { Port = 1
  |                 - this one does not
4 |  Port = 2 }
  |         ^

"
    );
}

#[test]
fn bytes_that_are_not_text_are_kept_in_names_of_files() {
    let text = b"# caf\xe9\nSpread { Log { Group = a File = /caf\xe9 } }";

    let config = Config::parse(text, "x").unwrap();

    let file = config.spreads()[0].logs()[0].destination().unwrap().fixed();
    assert_eq!(
        file.unwrap().into_os_string().into_encoded_bytes(),
        b"/caf\xe9"
    );
}

#[test]
fn the_limits_are_named() {
    let log = "Log { Group = a File = b }\n";
    let cases = [
        (" ".repeat(BYTES_MAX + 1), Some("1048577 bytes")),
        (" ".repeat(LINE_BYTES_MAX) + "\nSpread { }", None),
        (
            "\n".to_owned() + &" ".repeat(LINE_BYTES_MAX + 1),
            Some("line 2 of 8193 bytes"),
        ),
        ("Spread { }".repeat(SPREADS_MAX), None),
        (
            "Spread { }".repeat(SPREADS_MAX + 1),
            Some("more than 64 Spread blocks"),
        ),
        (format!("Spread {{ {} }}", log.repeat(LOGS_MAX)), None),
        (
            format!("Spread {{ {} }}", log.repeat(LOGS_MAX + 1)),
            Some("more than 4096 Log blocks"),
        ),
        ("x\n".repeat(1_000), Some("and more: mend these first")),
    ];
    for (text, expected) in cases {
        let message = parse(&text).map_or_else(|errors| errors.to_string(), |_| String::new());

        match expected {
            Some(expected) => assert!(message.contains(expected), "{message}"),
            None => assert_eq!(message, ""),
        }
    }
}

/// Nothing that a megabyte can be made of goes too deep or costs more than in proportion.
#[test]
fn the_longest_text_is_answered() {
    const UNITS: &[&str] = &[
        "{", "}", "=", "a\n", "a ", "\"", "' ", "\" ' ", "Spread{", "Group=", "a{",
    ];
    for unit in UNITS {
        let line = unit.repeat(LINE_BYTES_MAX / unit.len()) + "\n";
        let text = line.repeat(BYTES_MAX / line.len());

        let errors = parse(&text).expect_err(unit);

        assert!(errors.to_string().len() > 10, "{unit}");
    }
}

/// What is accepted can be written down, and is read as the same.
fn assert_read_back(config: &Config) {
    let Some(text) = written::written(config) else {
        return;
    };
    let again = parse(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(written::written(&again), Some(text));
    assert_eq!(outline(&again), outline(config));
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Spread",
        "Log",
        "Group",
        "File",
        "Port",
        "Host",
        "BufferSize",
        "LoadModule",
        "Match",
        "Grup",
        "ModuleLog",
        "PerlUse",
        "PerlLog",
        "VhostDir",
        "RewriteTimestamp",
        "CommonLogFormat",
        "Where",
        "Rotate",
        "Keep",
        "Compress",
        "Mode",
        "Sync",
        "Exclude",
        "status >= 500",
        "10M",
        "90d",
        "(",
        "gzip",
        "%",
        "{",
        "}",
        "{",
        "}",
        "=",
        "=",
        "\n",
        " ",
        "\t",
        "#",
        "{",
        "}",
        "=",
        "\"",
        "'",
        "a",
        "/x y",
        "|",
        "4803",
        "@",
        "\u{e9}",
        "\u{200d}",
        "\0",
        "\u{1b}",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

/// As it may be written: bare or in quotes.
fn spelt(word: &str, style: u8) -> String {
    match style {
        0 => format!(" = \"{word}\""),
        1 => format!("='{word}'"),
        _ => format!(" = {word}"),
    }
}

proptest! {
    /// Any bytes are accepted or refused with a text; nothing panics, rendering included.
    #[test]
    fn any_bytes_are_answered(text in prop::collection::vec(any::<u8>(), 0..300)) {
        match Config::parse(&text, "x") {
            Ok(config) => prop_assert!(config.warnings().render(true).is_ascii()),
            Err(errors) => prop_assert!(!errors.render(true).is_empty()),
        }
    }

    /// The same for text made of the grammar's own words.
    #[test]
    fn any_words_are_answered(text in words()) {
        match parse(&text) {
            Ok(config) => {
                prop_assert!(!config.spreads().is_empty());
                assert_read_back(&config);
            }
            Err(errors) => prop_assert!(errors.render(true).contains("spreadlogd.conf")),
        }
    }

    /// What is written into a file is what is read from it.
    #[test]
    fn parse_reads_what_was_written(
        logs in prop::collection::vec(("[$%a-zA-Z0-9_.-]{1,31}", "[a-zA-Z0-9_./-][a-zA-Z0-9_./=-]{0,40}"), 1..8),
        style in 0_u8..3,
    ) {
        let mut text = "Spread {".to_owned();
        let mut expected = Vec::new();
        for (group, file) in &logs {
            let (g, f) = (spelt(group, style), spelt(file, style));
            text.push_str(&format!("Log {{ Group{g}\nFile{f} # {group}\n}}"));
            expected.push(format!("4803 {group} {file}"));
        }
        text.push('}');

        let config = parse(&text).map_err(|e| TestCaseError::fail(e.to_string()))?;

        prop_assert_eq!(outline(&config), expected.join("\n"));
    }
}
