//! The directives of a Log block and those about what is run beside it: values, and what must
//! hold between them.

use super::*;

fn log(directives: &str) -> String {
    format!("Spread {{ Log {{ Group = g {directives} }} }}")
}

/// What stands in a Log block, and what it means.
const MEANT: &[(&str, &str)] = &[
    (
        "File = f Exclude = \"\\.gif\" Exclude = bot Where = \"status >= 500 and method = GET\"",
        "f exclude:\\.gif or bot where:status >= 500 and method = GET",
    ),
    ("File = f Rotate = 100M", "f size:104857600"),
    (
        "File = f Rotate = 1G Rotate = daily",
        "f size:1073741824 every:Daily",
    ),
    ("File = f Rotate = hourly", "f every:Hourly"),
    ("File = f Rotate = weekly", "f every:Weekly"),
    ("File = f Rotate = 6h", "f every:Duration(21600s)"),
    (
        "File = f Rotate = 1K Compress = zstd Keep = 30 Keep = 90d",
        "f size:1024 compress:Zstd files:30 age:7776000s",
    ),
    (
        "VhostDir = v Rotate = 7d Compress = gzip",
        "nowhere vhosts:v every:Duration(604800s) compress:Gzip",
    ),
    (
        "File = f Mode = 0640 Sync = always",
        "f mode:640 sync:Always",
    ),
    (
        "File = f Sync = 5s Format = json",
        "f sync:Every(5s) format:Json",
    ),
    (
        "File = f Sync = never Format = raw Mode = 7777",
        "f mode:7777",
    ),
    (
        "File = \"|cat\" Format = json Match = a",
        "|cat match:a format:Json",
    ),
    ("VhostDir = v Match = a", "nowhere match:a vhosts:v"),
    ("VhostDir=v", "nowhere vhosts:v"),
    ("PerlLog ::log", "nowhere perl:::log"),
    (
        "PerlLog = log PerlHup=main::hup",
        "nowhere perl:log hup:main::hup",
    ),
    ("PythonLog 'a.b.c'", "nowhere python:a.b.c"),
    ("File = %Y/%m.log", "many"),
    ("File = 100%%", "100%"),
    // The last of a kind counts.
    (
        "File = f Rotate = 1M Rotate = 2M Rotate = 1d Rotate = daily",
        "f size:2097152 every:Daily",
    ),
];

#[test]
fn directives_mean_what_they_say() {
    for (text, expected) in MEANT {
        let config = parse(&log(text)).unwrap_or_else(|errors| panic!("{text}\n{errors}"));

        assert_eq!(outline(&config), format!("4803 g {expected}"), "{text}");
        assert_read_back(&config);
    }
}

/// What stands in a Log block, its problem, where that begins, and what stands beside it.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "File = f Match = \"a(b\"",
        "this `Match` is no regular expression",
        "(b",
        "unclosed group",
    ),
    (
        "File = f Exclude = *",
        "this `Exclude` is no regular expression",
        "*",
        "repetition operator missing expression",
    ),
    (
        "File = f Where = \"stat = 5\"",
        "this `Where` is no condition",
        "stat",
        "",
    ),
    (
        "File = f Where = status >= 500",
        "this `Where` is no condition",
        " >=",
        "",
    ),
    (
        "File = f Compress = zst",
        "`Compress` cannot be `zst`",
        "zst",
        "did you mean `zstd`?",
    ),
    (
        "File = f Compress = GZIP",
        "`Compress` cannot be `GZIP`",
        "GZIP",
        "did you mean `gzip`?",
    ),
    (
        "File = f Compress = bzip2",
        "`Compress` cannot be `bzip2`",
        "bzip2",
        "",
    ),
    (
        "File = f Compress = xz",
        "`Compress` cannot be `xz`",
        "xz",
        "expected gzip or zstd",
    ),
    (
        "File = f Format = jsn",
        "`Format` cannot be `jsn`",
        "jsn",
        "did you mean `json`?",
    ),
    (
        "File = f Format = row",
        "`Format` cannot be `row`",
        "row",
        "did you mean `raw`?",
    ),
    (
        "File = f Sync = alway",
        "`Sync` cannot be `alway`",
        "alway",
        "did you mean `always`?",
    ),
    (
        "File = f Sync = Never",
        "`Sync` cannot be `Never`",
        "Never",
        "did you mean `never`?",
    ),
    (
        "File = f Sync = 5",
        "`Sync` cannot be `5`",
        "5",
        "expected never, always or a time (5s, 1m)",
    ),
    (
        "File = f Rotate = dayly",
        "`Rotate` cannot be `dayly`",
        "dayly",
        "did you mean `daily`?",
    ),
    (
        "File = f Rotate = 100",
        "`Rotate` cannot be `100`",
        "100",
        "expected a size from 1K",
    ),
    (
        "File = f Rotate = 0K",
        "`Rotate` cannot be `0K`",
        "0K",
        "expected a size from 1K",
    ),
    (
        "File = f Rotate = daily Keep = 0",
        "`Keep` cannot be `0`",
        "0",
        "expected a number of files from 1",
    ),
    (
        "File = f Rotate = daily Keep = all",
        "`Keep` cannot be `all`",
        "all",
        "expected a number",
    ),
    (
        "File = f Mode = 0680",
        "`Mode` cannot be `0680`",
        "0680",
        "expected octal digits",
    ),
    (
        "File = f Mode = 17777",
        "`Mode` cannot be `17777`",
        "17777",
        "expected octal digits",
    ),
    (
        "File = f PerlLog my-log",
        "`PerlLog` cannot be `my-log`",
        "my-log",
        "expected a Perl function",
    ),
    (
        "File = f PerlHup a.b",
        "`PerlHup` cannot be `a.b`",
        "a.b",
        "expected a Perl function",
    ),
    (
        "File = f PerlLog a::",
        "`PerlLog` cannot be `a::`",
        "a::",
        "expected a Perl function",
    ),
    (
        "File = f PythonLog a::b",
        "`PythonLog` cannot be `a::b`",
        "a::b",
        "expected a name in Python",
    ),
    (
        "File = f ModuleLog ../x",
        "`ModuleLog` cannot be `../x`",
        "../x",
        "expected `online`",
    ),
    (
        "File = f ModuleLog online",
        "the module `online` is not loaded",
        "online",
        "",
    ),
    (
        "File = f Keep = 3",
        "`Keep` without `Rotate`: there are no files to keep",
        "Keep",
        "",
    ),
    (
        "File = '|c' Rotate = 1d",
        "`Rotate` is for files, and this Log writes none",
        "Rotate",
        "",
    ),
    (
        "File = '|c' Compress = gzip",
        "`Compress` is for files, and this Log writes none",
        "Compress",
        "",
    ),
    (
        "PerlLog l Keep = 3",
        "`Keep` is for files, and this Log writes none",
        "Keep",
        "",
    ),
    ("File = a%", "this `File` is no path", "%", ""),
    (
        "VhostDir = ''",
        "`` cannot be the name of a file",
        "''",
        "is a quote missing?",
    ),
];

#[test]
fn wrong_values_are_told_with_their_place() {
    for (directives, title, place, label) in WRONG {
        let text = log(directives);
        let errors = parse(&text).expect_err(directives);

        let [first, ..] = errors.problems() else {
            panic!("{directives}");
        };
        assert_eq!(&first.problem.to_string(), title, "{directives}");
        let rest = text.get(first.span.start..).unwrap();
        assert!(rest.starts_with(place), "{directives}: {rest}");
        assert!(errors.to_string().contains(label), "{errors}");
    }
}

#[test]
fn a_bad_pattern_is_marked_where_it_is_bad() {
    let errors = parse("Spread { Log { Group = g File = f\n  Match = \"\\.(gif|jpe{2,1}g)\" } }");

    assert_eq!(
        errors.unwrap_err().to_string(),
        "\
error: this `Match` is no regular expression
 --> spreadlogd.conf:2:22
  |
2 |   Match = \"\\.(gif|jpe{2,1}g)\" } }
  |                      ^^^^^ invalid repetition count range, the start must be <= the end

"
    );
}

#[test]
fn a_value_of_several_words_wants_quotes() {
    let errors =
        parse("Spread { Log { Group = g\nFile = /my logs/a b\nMode = 0640 } }").unwrap_err();

    assert_eq!(
        errors.to_string(),
        "\
error: unknown directive `logs/a`
 --> spreadlogd.conf:2:12
  |
2 | File = /my logs/a b
  |            ^^^^^^ a value of several words needs quotes

"
    );
}

#[test]
fn a_module_that_is_not_loaded_is_answered_with_one_that_is() {
    let text = "LoadModule online localhost:8989\nSpread { Log { Group = g\nModuleLog onlin } }";

    let errors = parse(text).unwrap_err();

    assert_eq!(
        errors.to_string(),
        "\
error: the module `onlin` is not loaded
 --> spreadlogd.conf:3:11
  |
3 | ModuleLog onlin } }
  |           ^^^^^ did you mean `online`?
  |
  = help: load it outside all blocks: LoadModule NAME [ARGUMENT]

"
    );
}

/// The whole text, and the titles of its warnings.
const DOUBTFUL: &[(&str, &str)] = &[
    (
        "Spread { Log { Group = g File = f Compress = gzip } }",
        "`Compress` without `Rotate`: nothing is compressed",
    ),
    (
        "Spread { Log { Group = g File = '|c' VhostDir = v } }",
        "this command is not run",
    ),
    (
        "Spread { Log { Group = g File = f RewriteTimestamp = CommonLogformat } }",
        "did you mean `CommonLogFormat`?",
    ),
    (
        "LoadModule m Spread { Log { Group = g File = f } }",
        "the module `m` is handed no lines",
    ),
    (
        "LoadModule m Spread { Log { Group = g ModuleLog m ModuleLog m } }",
        "the module `m` is handed every line of this Log twice",
    ),
    (
        "LoadModule m 1 LoadModule m 2 Spread { Log { Group = g ModuleLog m } }",
        "`LoadModule` is given twice; the last one counts",
    ),
    (
        "Spread { Log { Group = g File = f Rotate = 1h Rotate = 2h } }",
        "`Rotate` is given twice; the last one counts",
    ),
];

#[test]
fn what_is_doubtful_is_a_warning() {
    for (text, expected) in DOUBTFUL {
        let config = parse(text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));

        let warnings = config.warnings().render(false);
        assert!(warnings.contains(expected), "{text}\n{warnings}");
        assert_eq!(warnings.matches("warning: ").count(), 1, "{warnings}");
    }
}

/// The text before `Spread { }`, and the module it loads or the problem it has.
const LOADED: &[(&str, &str)] = &[
    ("LoadModule a", "a"),
    ("LoadModule a b", "a(b)"),
    ("LoadModule a\n'b c'", "a(b c)"),
    ("LoadModule a\nLoadModule b", "a b"),
    (
        "LoadModule a\nBufferSiz = 3",
        "unknown directive `BufferSiz`",
    ),
    ("LoadModule = a", "a"),
    ("LoadModule a x=1", "a(x=1)"),
    ("LoadModule a/b", "`LoadModule` cannot be `a/b`"),
    ("LoadModule ''", "`LoadModule` cannot be ``"),
    ("LoadModule", "`LoadModule` needs a value"),
    ("PerlUse 'a; system'", "`PerlUse` cannot be `a; system`"),
    ("PerlUse 'POSIX qw(strftime)'", ""),
    ("PythonImport a-b", "`PythonImport` cannot be `a-b`"),
    ("PythonLib /x PerlLib y ModuleDir = z", ""),
    ("ModuleDir /x", "expected `=` after `ModuleDir`"),
];

#[test]
fn modules_are_loaded_by_name() {
    for (text, expected) in LOADED {
        let said = match parse(&format!("{text}\nSpread {{ }}")) {
            Ok(config) => {
                let words = config.modules().iter().map(|module| {
                    let argument = module.argument().map(|argument| format!("({argument})"));
                    module.name().to_owned() + &argument.unwrap_or_default()
                });
                words.collect::<Vec<_>>().join(" ")
            }
            Err(errors) => errors.problems()[0].problem.to_string(),
        };

        assert_eq!(&said, expected, "{text}");
    }
}

#[test]
fn more_modules_than_a_host_needs_are_refused() {
    let loads = |count: usize| {
        let lines = (0..count).map(|n| format!("LoadModule m{n}\n"));
        parse(&(lines.collect::<String>() + "Spread { }"))
    };

    assert_eq!(loads(MODULES_MAX).unwrap().modules().len(), MODULES_MAX);
    let text = loads(MODULES_MAX + 1).unwrap_err().to_string();
    assert!(text.contains("more than 64 modules"), "{text}");
}

#[test]
fn there_is_no_limit_of_ten_patterns() {
    let many = "Match = a\n".repeat(1_000);

    let config = parse(&log(&format!("File = f {many}"))).unwrap();

    assert_eq!(config.spreads()[0].logs()[0].matches().len(), 1_000);
}

fn written_pattern() -> impl Strategy<Value = String> {
    "[a-z]{1,8}(\\.[a-z]{1,3})?( [0-9]{3})?"
}

proptest! {
    /// What a Log block says is what is read from it, however its directives are ordered.
    #[test]
    fn a_log_is_read_as_it_was_written(
        (matches, excludes) in (
            prop::collection::vec(written_pattern(), 0..4),
            prop::collection::vec(written_pattern(), 0..4),
        ),
        rotate in prop::option::of(1_u64..1_000),
        keep in prop::option::of(1_u32..1_000),
        mode in prop::option::of(0_u32..=0o7777),
        reversed in any::<bool>(),
    ) {
        let mut lines = vec!["File = f".to_owned()];
        lines.extend(matches.iter().map(|text| format!("Match = \"{text}\"")));
        lines.extend(excludes.iter().map(|text| format!("Exclude='{text}'")));
        lines.extend(rotate.map(|size| format!("Rotate = {size}M")));
        lines.extend(keep.filter(|_| rotate.is_some()).map(|files| format!("Keep = {files}")));
        lines.extend(mode.map(|mode| format!("Mode = 0{mode:o}")));
        if reversed {
            lines.reverse();
        }

        let config = parse(&log(&lines.join("\n")));

        let config = config.map_err(|errors| TestCaseError::fail(errors.to_string()))?;
        let log = &config.spreads()[0].logs()[0];
        let (mut matches, mut excludes) = (matches, excludes);
        if reversed {
            matches.reverse();
            excludes.reverse();
        }
        prop_assert!(log.matches().iter().map(Pattern::as_str).eq(matches));
        prop_assert!(log.excludes().iter().map(Pattern::as_str).eq(excludes));
        prop_assert_eq!(log.rotate().size, rotate.map(|size| size << 20));
        prop_assert_eq!(log.keep().files, keep.filter(|_| rotate.is_some()));
        prop_assert_eq!(log.mode(), mode);
    }
}
