//! The command line as a whole: what is typed, and what it comes to.

use super::*;
use crate::listen::Listener;

fn read(args: &[&str]) -> Result<Args, clap::Error> {
    let args = [&["rthttpd"], args].concat();
    Args::read(args.into_iter().map(OsString::from))
}

fn settings(args: &[&str]) -> Settings {
    read(args).unwrap().settings().unwrap()
}

fn groups(log: &LogSettings) -> Vec<String> {
    let groups = log.logs.iter().flat_map(|log| log.destination.groups());
    groups.map(ToString::to_string).collect()
}

#[test]
fn the_flags_do_not_contradict_each_other() {
    Args::command().debug_assert();
}

/// Terminals that are no wider, and what is piped from them, are what help is read on.
#[test]
fn help_fits_eighty_columns() {
    let help = Args::command().render_help().to_string();

    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn without_flags_the_defaults_hold() {
    let config = settings(&[]).config;
    let defaults = Config::new(".");

    assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
}

#[test]
fn gzip_is_made_only_when_asked_for() {
    assert!(!settings(&[]).config.encodings.gzip);
    assert!(settings(&["--gzip"]).config.encodings.gzip);
}

#[test]
fn thttpds_letters_mean_what_they_meant() {
    let config = settings(&["-D", "-p", "81", "-h", "::1", "-d", "/srv"]).config;

    let expected = [Listener::from((Some("::1".to_owned()), 81))];
    assert_eq!(format!("{:?}", config.listeners), format!("{expected:?}"));
    assert_eq!(config.root, PathBuf::from("/srv"));
}

#[test]
fn what_is_said_last_holds() {
    let config = settings(&["-p", "81", "--port", "82", "-d", "/a", "-p83", "-d", "/b"]).config;

    let expected = [Listener::from((None, 83))];
    assert_eq!(format!("{:?}", config.listeners), format!("{expected:?}"));
    assert_eq!(config.root, PathBuf::from("/b"));
}

#[test]
fn programs_are_run_as_thttpd_names_them_and_not_in_the_sandbox() {
    let settings = settings(&[
        "-c",
        "/cgi-bin/*",
        "--sandbox",
        "off",
        "--cgi-limit=0",
        "--content-max=2M",
    ]);
    assert_eq!(settings.config.limits.request.content_max, 2 << 20);
    let cgi = settings.config.cgi.unwrap();
    assert_eq!(cgi.pattern.as_str(), "/cgi-bin/*");
    assert_eq!((cgi.limit, cgi.timeout), (0, Duration::from_secs(30)));

    let error = read(&["-c", "**.cgi", "--sandbox=on"]).unwrap().settings();
    assert!(error.unwrap_err().to_string().contains("--cgi"));
}

#[test]
fn the_log_goes_where_it_is_told() {
    assert!(settings(&[]).log.is_none());

    let log = settings(&["--spread", "4803@a,4803", "--spread-service", "fifo"])
        .log
        .unwrap();
    assert_eq!(groups(&log), ["access_log"]);
    let spread = log.spread.unwrap();
    assert!(spread.embedded.is_none());
    assert_eq!(spread.publisher.addresses.to_string(), "4803@a,4803");
    assert_eq!(spread.publisher.service, ::spread::Service::Fifo);

    let log = settings(&["--spread", "4803", "--spread-message-max", "1K"])
        .log
        .unwrap();
    assert_eq!(log.line_len_max, 1024);
}

#[test]
fn logs_are_those_that_are_named_in_place_of_the_one_of_everything() {
    let log = settings(&["--log", "file=/a", "--log", "syslog status=5xx"]).log;
    let log = log.unwrap();
    assert!(log.spread.is_none() && log.are_named);
    assert_eq!(log.logs.len(), 2);

    let args = ["--spread", "4803", "--error-group", "said", "--log"];
    let args = [&args[..], &["group=a file=- vhost=prefix"]].concat();
    let log = settings(&args).log.unwrap();
    assert!(log.is_on_stdout());
    assert_eq!(groups(&log), ["a"]);
    let files = log.files().into_iter();
    let files: Vec<_> = files
        .map(|(group, file)| (group.to_string(), file))
        .collect();
    let expected = ["a", "said"].map(|name| (name.to_owned(), name.to_owned()));
    assert_eq!(files, expected);
    // Half of what there is for each group.
    let publisher = log.spread.unwrap().publisher;
    assert_eq!(publisher.buffer_bytes, 32 << 20);
}

#[test]
fn logs_that_cannot_be_together_are_refused() {
    let spread = ["--spread", "4803"];
    let embedded = ["--spread", "embedded"];
    for (args, said) in [
        (&["--log", "group=a"][..], "needs --spread"),
        (
            &[&spread[..], &["--log", "file=a"]].concat(),
            "no --log says group=NAME",
        ),
        (
            &[
                &spread[..],
                &["--log", "group=a", "--log", "group=a status=404"],
            ]
            .concat(),
            "two logs go to a:",
        ),
        (
            &[&spread[..], &["--log", "group=a", "--error-group", "a"]].concat(),
            "two logs go to a:",
        ),
        (
            &[
                &spread[..],
                &["--log", "group=a vhost=buckets:64", "--log", "group=b"],
            ]
            .concat(),
            "65 groups, files and other places of --log: at most 64",
        ),
        (
            &[
                &spread[..],
                &["--log", "group=a vhost=buckets:9", "--spread-buffer", "1M"],
            ]
            .concat(),
            "--spread-buffer is 1048576 bytes for 9 groups together: choose at least 1179648",
        ),
        (
            &[&embedded[..], &["--log", "group=a/b"]].concat(),
            "group a/b cannot be a file",
        ),
        (&["--server-name", "a b"], "--server-name"),
    ] {
        let error = read(args).unwrap().settings().unwrap_err();
        let error = spread_logger::diagnostics::Chain(&error).to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_log_format_is_a_name_or_a_text_and_anything_else_is_refused_with_its_place() {
    use spread_logger::Format;

    let parse = |format| Args::try_parse_from(["rthttpd", "--spread=4803", "--log-format", format]);
    for (text, format) in [
        ("json", Format::Json),
        ("%h %l %u %t \"%r\" %>s %b", Format::Common),
    ] {
        let log = parse(text).unwrap().settings().unwrap().log.unwrap();
        assert_eq!(log.logs[0].rule.format, format);
    }
    let format = "%{begin:%A, %d %B %Y}t ".repeat(20);
    let args = [
        "rthttpd",
        "--spread=4803",
        "--spread-message-max=512",
        "--log-format",
        &format,
    ];
    let error = Args::try_parse_from(args).unwrap().settings().unwrap_err();
    assert!(error.to_string().contains("and may have 512"), "{error}");
    let error = parse("%h %M").unwrap_err().to_string();
    assert!(error.contains("`%M` at byte 3"), "{error}");
    assert!(error.contains("did you mean %m?"), "{error}");
}

#[test]
fn a_spool_is_made_only_when_asked_for() {
    let log = settings(&["--spread", "4803"]).log.unwrap();
    assert!(log.spread.unwrap().publisher.spool.is_none());

    let log = settings(&["--spread", "4803", "--spool", "/var/spool/rthttpd"]).log;
    let spool = log.unwrap().spread.unwrap().publisher.spool.unwrap();
    assert_eq!(spool.dir, PathBuf::from("/var/spool/rthttpd"));
    assert_eq!(spool.bytes_max, 1 << 30);
}

#[test]
fn status_is_to_be_had_where_it_is_told_and_with_the_embedded_log() {
    for (args, place, is_default) in [
        (&[][..], "none", true),
        (&["--spread", "4803"], "none", true),
        (&["--spread", "embedded"], "127.0.0.1:9803", true),
        (&["--spread", "embedded", "--status", "none"], "none", false),
        (&["--status", "80"], "127.0.0.1:80", false),
        (&["--status", "[::]:80"], "[::]:80", false),
    ] {
        let status = settings(args).status;
        assert_eq!(status.place.to_string(), place, "{args:?}");
        assert_eq!(status.is_default, is_default, "{args:?}");
    }
}

#[test]
fn flags_of_the_log_are_refused_without_one() {
    for flag in [
        "--spread-group=x",
        "--spread-batch=1",
        "--log-format=common",
        "--log-ring=1M",
        "--realtime",
        "--spool=x",
    ] {
        let error = read(&[flag]).unwrap_err();
        assert!(error.to_string().contains("--spread <"), "{error}");
    }
    for args in [
        &["--log-dir", "x"][..],
        &["--log-dir", "x", "--spread", "4803"],
    ] {
        let error = read(args).unwrap().settings().unwrap_err();
        assert!(error.to_string().contains("embedded"), "{error}");
    }
}

/// 8080 is listened on when nothing else is said.
#[test]
fn a_port_is_listened_on_beside_others_only_if_it_is_named() {
    for (args, expected) in [
        (&["--listen", "127.0.0.1:81"][..], 1),
        (&["--listen", "127.0.0.1:81", "--listen", ":82"], 2),
        (&["--listen", "127.0.0.1:81", "-p", "80"], 2),
        (&["-h", "::1", "--listen", "unix:/w"], 2),
    ] {
        assert_eq!(settings(args).config.listeners.len(), expected, "{args:?}");
    }
}

#[test]
fn what_is_no_value_is_refused() {
    for args in [
        ["-p", "65536"],
        ["--listen", "localhost"],
        ["--workers", "0"],
        ["--workers", "1025"],
        ["--connections-per-address", "0"],
        ["--fallback", ""],
        ["--cache-size", "much"],
        ["--idle-timeout", "10"],
        ["--connections-max", "0"],
        ["--spread", "nowhere"],
        ["--spread", "embedded:x"],
        ["--log", "group=a formt=b"],
        ["--log-format", "combnied"],
        ["--status", "here"],
    ] {
        let error = read(&args).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{args:?}");
        let said = error.to_string();
        let has_remedy = !said.contains("zero") && said.contains(args[0]);
        assert!(said.contains(args[1]) && has_remedy, "{said}");
    }
}
