//! The examples of Apache's manual, what is refused and how, and the law of one record, one line.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::option;
use proptest::prelude::*;

use crate::format::FormatReason::{
    Argument, ArgumentMissing, Control, Conversion, NoDirective, Status, Unclosed, Unfinished,
};
use crate::format::{
    Extent, FORMAT_LEN_MAX, Format, FormatError, FormatReason, Formatter, LINE_LEN_MAX, Needs,
    UtcOffset,
};
use crate::record::{Details, Ending, FieldSection, Record};

const REQUEST_FIELDS: &[u8] =
    b"Host: www.example.org:8080\r\nX-Id: a b\r\nX-Empty:\r\nX-Two: 1\r\n\
    Cookie: a=1; Session = \"s=1\" ;none=\r\ncookie: later=x\r\nx-two: 2\r\n";
const RESPONSE_FIELDS: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nETag: \"e\"\r\n\r\n";

fn details() -> Details<'static> {
    Details {
        micros: 45_678,
        duration: Duration::from_micros(2_999_999),
        peer: Some(SocketAddr::from(([10, 0, 0, 9], 49_152))),
        local: Some(SocketAddr::from(([10, 0, 0, 1], 8_080))),
        host: Some(b"www.example.org"),
        named_host: Some(b"Example.ORG:8080"),
        port: Some(80),
        received: 345,
        sent: 1_234,
        requests_before: 3,
        ending: Ending::Kept,
        handler: Some("static"),
        file: Some(b"/srv/www/a b.html"),
        log_id: None,
        request_fields: FieldSection::new(REQUEST_FIELDS),
        response_fields: FieldSection::new(RESPONSE_FIELDS),
    }
}

fn record<'a>(details: Option<&'a Details<'a>>) -> Record<'a> {
    Record {
        client: Some([192, 0, 2, 7].into()),
        user: None,
        time: 1_795_370_940,
        request_line: b"GET /a%20b.html?q=%22 HTTP/1.1",
        status: 200,
        bytes: 1_000,
        referer: None,
        user_agent: Some(b"curl/8"),
        details,
    }
}

fn compile(text: &str) -> Result<Format, FormatError> {
    Format::compile_within(text, &|name| (name == "ROLE").then(|| b"edge\n".to_vec()))
}

fn line(text: &str, record: &Record<'_>) -> String {
    let offset = || UtcOffset::from_minutes(-300);
    let mut line = Vec::new();
    let format = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let extent = Formatter::new(&format, LINE_LEN_MAX).write(record, offset, &mut line);
    assert_eq!(extent, Extent::Whole);
    let line = String::from_utf8(line).unwrap();
    line.strip_suffix('\n').unwrap().to_owned()
}

/// Each directive, in the order of the manual.
const DIRECTIVES: &[(&str, &str)] = &[
    ("%%|%a", "%|192.0.2.7"),
    ("%{c}a", "10.0.0.9"),
    ("%A", "10.0.0.1"),
    ("%B %b", "1000 1000"),
    ("%{session}C", r#"\"s=1\""#),
    ("%{Later}C %{none}C %{other}C", "x - -"),
    ("%D", "2999999"),
    ("%{ROLE}e %{OTHER}e", r"edge\n -"),
    ("%f", "/srv/www/a b.html"),
    ("%h %{c}h", "192.0.2.7 10.0.0.9"),
    ("%H", "HTTP/1.1"),
    ("%{X-Id}i|%{x-empty}i|%{X-No}i|%{X-Two}i", "a b||-|1, 2"),
    ("%{User-agent}i %{referer}i", "curl/8 -"),
    ("%k", "3"),
    ("%l", "-"),
    ("%L %{c}L", "- -"),
    ("%m", "GET"),
    ("%{note}n", "-"),
    ("%{content-type}o %{ETag}o %{No}o", r#"text/html \"e\" -"#),
    ("%p %{canonical}p %{local}p %{remote}p", "80 80 8080 49152"),
    ("%q", "?q=%22"),
    ("%r", "GET /a%20b.html?q=%22 HTTP/1.1"),
    ("%R", "static"),
    ("%s %>s %<s", "200 200 200"),
    ("%t", "[22/Nov/2026:13:09:00 -0500]"),
    ("%{begin}t", "[22/Nov/2026:13:09:00 -0500]"),
    ("%{end}t", "[22/Nov/2026:13:09:03 -0500]"),
    ("%{sec}t %{msec}t", "1795370940 1795370940045"),
    ("%{usec}t", "1795370940045678"),
    ("%{msec_frac}t %{usec_frac}t", "045 045678"),
    ("%{begin:sec}t %{end:sec}t", "1795370940 1795370943"),
    ("%{end:msec_frac}t %{end:%S}t", "045 03"),
    (
        "%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t",
        "22/Nov/2026 13:09:00.045 -0500",
    ),
    ("%T %{s}T %{ms}T %{us}T", "2 2 2999 2999999"),
    ("%u", "-"),
    ("%U", "/a b.html"),
    ("%U%q", "/a b.html?q=%22"),
    ("%{raw}U%q", "/a%20b.html?q=%22"),
    ("%v %V", "www.example.org example.org"),
    ("%X", "+"),
    ("%I %O %S", "345 1234 1579"),
    ("%{T}^ti %{T}^to %^FB", "- - -"),
    // Modifiers, in any order.
    ("%400,501{User-agent}i", "-"),
    ("%!200,304,302{Referer}i", "-"),
    ("%200{User-agent}i", "curl/8"),
    ("%{User-agent}>200i", "curl/8"),
    ("%!400a", "192.0.2.7"),
    // The text between.
    (r#"\"%m\" \\ \t \q a\"#, "\"GET\" \\ \t \\q a\\"),
    ("é %m", "é GET"),
];

#[test]
fn every_directive_of_the_manual_is_written() {
    let details = details();
    for (text, expected) in DIRECTIVES {
        assert_eq!(line(text, &record(Some(&details))), *expected, "{text}");
    }
}

#[test]
fn what_is_not_known_is_a_hyphen() {
    let nothing = Record::default();
    for (text, _) in DIRECTIVES {
        let known = [
            "%%", "%B", "%s", "%t", "sec}t", "begin}t", "%{%", "%U%q", "%q", "\\q", "ROLE",
        ];
        if known.iter().any(|known| text.contains(known)) {
            continue;
        }
        let line = line(&text.replace(['é', '|'], " "), &nothing);
        assert!(
            line.split(' ').all(|word| matches!(word, "-" | "")),
            "{text}: {line}"
        );
    }
    assert_eq!(line("%U%q|%B|%s|%{sec}t", &nothing), "-|0|0|0");
}

#[test]
fn a_process_and_its_threads_have_numbers() {
    let process = std::process::id();

    let text = line("%P %{pid}P %{tid}P %{hextid}P", &record(None));

    let words: Vec<_> = text.split(' ').collect();
    assert_eq!(words[0], process.to_string());
    assert_eq!(words[1], words[0]);
    let thread: u64 = words[2].parse().unwrap();
    assert_eq!(words[3], format!("{thread:x}"));
}

/// A text, the piece that is refused, where, and why.
const REFUSALS: &[(&str, &str, usize, FormatReason)] = &[
    ("", "", 0, NoDirective { nearest: None }),
    ("100%%", "100%%", 0, NoDirective { nearest: None }),
    (
        "combind",
        "combind",
        0,
        NoDirective {
            nearest: Some("combined"),
        },
    ),
    ("%h %", "%", 3, Unfinished),
    ("%h %>200", "%>200", 3, Unfinished),
    ("%h %{Referer", "{Referer", 4, Unclosed),
    ("%h %M", "%M", 3, unknown(Some("%m"))),
    ("%{Referer}I", "%{Referer}I", 0, NO_ARGUMENT),
    ("%{Referer}N", "%{Referer}N", 0, unknown(None)),
    ("%y", "%y", 0, unknown(None)),
    ("é%é", "%é", 2, unknown(None)),
    ("%^", "%^", 0, unknown(None)),
    ("%^XY", "%^XY", 0, unknown(None)),
    ("%{SSL_PROTOCOL}x", "%{SSL_PROTOCOL}x", 0, unknown(None)),
    ("%i", "%i", 0, NAME_MISSING),
    ("%{}i", "%{}i", 0, NAME_MISSING),
    ("%{a b}i", "%{a b}i", 0, Argument("the name of a field")),
    (
        "%{x}h",
        "%{x}h",
        0,
        Argument("{c}, for the connection's, or none"),
    ),
    ("%{x}s", "%{x}s", 0, NO_ARGUMENT),
    ("%{min}T", "%{min}T", 0, Argument("{s}, {ms}, {us} or none")),
    (
        "%{x}p",
        "%{x}p",
        0,
        Argument("{canonical}, {local}, {remote} or none"),
    ),
    (
        "%{x}P",
        "%{x}P",
        0,
        Argument("{pid}, {tid}, {hextid} or none"),
    ),
    ("%{%Q}t", "%{%Q}t", 0, Conversion),
    ("%{%n}t", "%{%n}t", 0, Conversion),
    ("%{%Y\n}t", "%{%Y\\n}t", 0, Control),
    ("%20s", "20", 1, Status),
    ("%200,3040s", "3040", 5, Status),
    ("%h\\n", "\\\\n", 2, Control),
    ("%h\n", "\\n", 2, Control),
    ("%h\r", "\\r", 2, Control),
    ("%h\u{9b}31m", "\\u{9b}", 2, Control),
];

const NO_ARGUMENT: FormatReason = Argument("no argument");
const NAME_MISSING: FormatReason = ArgumentMissing("%{Name}i, of a field of the request");

const fn unknown(nearest: Option<&'static str>) -> FormatReason {
    FormatReason::Unknown { nearest }
}

#[test]
fn a_text_that_is_no_format_is_refused_with_its_place_and_a_reason() {
    for (text, refused, at, reason) in REFUSALS {
        let expected = FormatError {
            refused: (*refused).to_owned(),
            at: *at,
            reason: reason.clone(),
        };
        assert_eq!(compile(text), Err(expected), "{text:?}");
    }
}

#[test]
fn what_would_be_too_long_is_refused() {
    let long = "x".repeat(FORMAT_LEN_MAX + 1);
    let many = "%a".repeat(300);

    assert_eq!(compile(&long).unwrap_err().reason, FormatReason::TooLong);
    assert_eq!(
        compile(&many).unwrap_err().reason,
        FormatReason::LineTooLong
    );
}

#[test]
fn an_error_says_what_to_do() {
    let said = |text: &str| text.parse::<Format>().unwrap_err().to_string();

    assert_eq!(
        said("%h %M"),
        "`%M` at byte 3 of the log format: there is no such directive; did you mean %m?"
    );
    assert_eq!(
        said("combind"),
        "`combind` at byte 0 of the log format: no directive (%…) in it, and no name of a format, \
         which are common, combined, vhost_combined, json, logfmt; did you mean combined?"
    );
}

#[test]
fn a_format_asks_for_what_it_writes_and_nothing_else() {
    let needs = |text| compile(text).unwrap().needs();
    let details = Needs {
        details: true,
        ..Needs::NOTHING
    };
    let exact_time = Needs {
        exact_time: true,
        ..details
    };

    for text in [
        "%h %t %r %s %b %m %U %q %H %u %{sec}t %P",
        "%{Referer}i",
        "%{%T}t",
    ] {
        assert_eq!(needs(text), Needs::NOTHING, "{text}");
    }
    for text in ["%{X}i", "%{X}o", "%{X}C", "%I", "%O", "%k", "%X", "%p"] {
        assert_eq!(needs(text), details, "{text}");
    }
    for text in ["%D", "%T", "%{end}t", "%{msec}t", "%{usec_frac}t"] {
        assert_eq!(needs(text), exact_time, "{text}");
    }
    assert!(needs("%f").file);
    assert!(needs("%v").host && needs("%V").host);
    assert!(needs("%A").addresses && needs("%{remote}p").addresses);
}

/// Texts of formats that are right, and bytes of records that are anything.
fn formats() -> impl Strategy<Value = String> {
    let directive = proptest::sample::select(DIRECTIVES).prop_map(|(text, _)| text.to_owned());
    let piece = prop_oneof![3 => directive, 1 => "[ -$&-~]{0,8}"];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let trouble = proptest::sample::select(b"-\"\\%\n\r,;= ".to_vec());
    let byte = prop_oneof![b'a'..=b'z', trouble, any::<u8>()];
    prop_oneof![Just(b"-".to_vec()), proptest::collection::vec(byte, 0..700)]
}

proptest! {
    #[test]
    fn one_record_is_one_line_within_its_limit_in_every_format(
        text in formats(),
        bytes in proptest::collection::vec(bytes(), 7),
        user in option::of(bytes()),
        facts in (any::<u64>(), any::<u16>(), any::<u64>(), any::<u32>(), any::<Duration>()),
        line_len_max in 0_usize..3000,
        minutes: i16,
    ) {
        let Ok(format) = compile(&text) else {
            return Ok(());
        };
        let fields = [b"X-Id: ", &bytes[0][..], b"\r\nCookie:session=", &bytes[1]].concat();
        let details = Details {
            micros: facts.3,
            duration: facts.4,
            host: Some(&bytes[2]),
            file: Some(&bytes[3]),
            sent: facts.2,
            received: facts.0,
            request_fields: FieldSection::new(&fields),
            response_fields: FieldSection::new(&bytes[4]),
            ..details()
        };
        let record = Record {
            user: user.as_deref(),
            time: facts.0,
            request_line: &bytes[5],
            status: facts.1,
            bytes: facts.2,
            user_agent: Some(&bytes[6]),
            ..record(Some(&details))
        };
        let offset = || UtcOffset::from_minutes(minutes);
        let write = |line_len_max| {
            let mut formatter = Formatter::new(&format, line_len_max);
            let mut line = Vec::new();
            let extent = formatter.write(&record, offset, &mut line);
            (line, extent, formatter.line_len_max())
        };

        let (line, extent, len_max) = write(line_len_max);
        let (whole, ..) = write(LINE_LEN_MAX);

        prop_assert!(line.len() <= len_max, "{} of {}", line.len(), len_max);
        prop_assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1));
        prop_assert!(line.iter().all(|b| !matches!(b, b'\r' | 0)));
        prop_assert_eq!(extent == Extent::Whole, line == whole);
    }

    #[test]
    fn any_text_is_a_format_or_refused_and_its_error_shows_where(text: String) {
        match text.parse::<Format>() {
            Ok(format) => {
                prop_assert!(format.line_len_min() <= LINE_LEN_MAX);
                prop_assert_eq!(format.to_string().parse(), Ok(format));
            }
            Err(error) => {
                prop_assert!(text.is_char_boundary(error.at));
                prop_assert!(error.to_string().lines().count() <= 1);
            }
        }
    }
}
