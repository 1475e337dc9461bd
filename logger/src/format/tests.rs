//! The lines of the formatter, and the laws between writing and reading.

use std::net::IpAddr;

use proptest::option;
use proptest::prelude::*;

use super::classic::FIXED_LEN_MAX;
use super::*;
use crate::record::{Details, Record};

const AGENT: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn record() -> Record<'static> {
    Record {
        client: Some(IpAddr::from([192, 0, 2, 7])),
        user: None,
        time: 1_795_370_940,
        request_line: b"GET /index.html?q=1 HTTP/1.1",
        status: 200,
        bytes: 1024,
        referer: Some(b"http://www.example.org/"),
        user_agent: Some(AGENT),
        details: None,
    }
}

fn written(format: &Format, line_len_max: usize, record: &Record<'_>) -> (Vec<u8>, Extent) {
    let mut line = Vec::new();
    let extent = Formatter::new(format, line_len_max).write(record, UtcOffset::default, &mut line);
    (line, extent)
}

fn text(format: &Format, record: &Record<'_>) -> String {
    String::from_utf8(written(format, LINE_LEN_MAX, record).0).unwrap()
}

#[test]
fn lines_are_those_of_apache() {
    assert_eq!(
        text(&Format::Common, &record()),
        "192.0.2.7 - - [22/Nov/2026:18:09:00 +0000] \"GET /index.html?q=1 HTTP/1.1\" 200 1024\n"
    );
    assert_eq!(
        text(&Format::Combined, &record()),
        "192.0.2.7 - - [22/Nov/2026:18:09:00 +0000] \"GET /index.html?q=1 HTTP/1.1\" 200 1024 \
         \"http://www.example.org/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 \
         Firefox/140.0\"\n"
    );
}

#[test]
fn a_line_with_its_virtual_host_is_that_of_debians_apache() {
    let details = Details {
        host: Some(b"www.example.org"),
        port: Some(80),
        sent: 1_300,
        ..Details::default()
    };
    let whole = Record {
        details: Some(&details),
        ..record()
    };

    assert_eq!(
        text(&Format::VhostCombined, &whole),
        "www.example.org:80 192.0.2.7 - - [22/Nov/2026:18:09:00 +0000] \"GET /index.html?q=1 \
         HTTP/1.1\" 200 1300 \"http://www.example.org/\" \"Mozilla/5.0 (X11; Linux x86_64; \
         rv:140.0) Gecko/20100101 Firefox/140.0\"\n"
    );
}

#[test]
fn what_is_absent_is_a_hyphen_and_what_reads_so_is_not() {
    let absent = Record {
        client: None,
        request_line: b"",
        status: 408,
        bytes: 0,
        referer: None,
        user_agent: None,
        ..record()
    };
    let present = Record {
        client: "2001:db8::1".parse().ok(),
        user: Some(b"-"),
        request_line: b"-",
        referer: Some(b"-"),
        user_agent: Some(b""),
        ..absent
    };

    assert_eq!(
        text(&Format::Combined, &absent),
        "- - - [22/Nov/2026:18:09:00 +0000] \"-\" 408 - \"-\" \"-\"\n"
    );
    assert_eq!(
        text(&Format::Combined, &present),
        "2001:db8::1 - \\x2d [22/Nov/2026:18:09:00 +0000] \"\\x2d\" 408 - \"\\x2d\" \"\"\n"
    );
}

#[test]
fn a_user_is_one_word() {
    for (user, word) in [(&b"a b"[..], r"a\x20b"), (b" ", r"\x20"), (b"", r#""""#)] {
        let record = Record {
            user: Some(user),
            ..record()
        };

        let line = text(&Format::Common, &record);

        assert!(line.starts_with(&format!("192.0.2.7 - {word} [")), "{line}");
    }
}

#[test]
fn a_long_field_leaves_the_short_ones_whole() {
    let target = [&b"GET /"[..], &[b'a'; 20_000], b" HTTP/1.1"].concat();
    let record = Record {
        request_line: &target,
        ..record()
    };

    let (line, extent) = written(&Format::Combined, LINE_LEN_MAX, &record);
    let read = Format::Combined.parse(&line).unwrap();

    assert_eq!(extent, Extent::Cut);
    assert!(line.len() <= LINE_LEN_MAX && line.len() > LINE_LEN_MAX - FIXED_LEN_MAX);
    assert_eq!(read.referer.as_deref(), record.referer);
    assert_eq!(read.user_agent.as_deref(), record.user_agent);
    assert!(read.request_line.starts_with(b"GET /aaa"));
    assert!(read.request_line.ends_with(b"aaa..."));
}

#[test]
fn lines_of_apache_and_nginx_are_read() {
    let line =
        b"::1 ident frank [10/Oct/2000:13:55:36 -0700] \"GET /\\xC3\\xA9\\x22 HTTP/1.0\" 200 0";

    let read = Format::Common.parse(line).unwrap();

    assert_eq!(read.user.as_deref(), Some(&b"frank"[..]));
    assert_eq!(read.time, 971_211_336);
    assert_eq!(read.request_line, "GET /é\" HTTP/1.0".as_bytes());
    assert_eq!(read.bytes, 0);
}

#[test]
fn parse_says_what_is_missing_and_where() {
    const CASES: &[(&str, &str, usize)] = &[
        ("", "client address", 0),
        ("localhost - -", "client address", 0),
        ("::1", "space", 3),
        ("::1 -  ", "user", 6),
        ("::1 - - ", "time in brackets", 8),
        (
            "::1 - - [01/Jan/1970:00:00:00 +0000] GET",
            "quoted request line",
            37,
        ),
        (
            "::1 - - [01/Jan/1970:00:00:00 +0000] \"\\\"",
            "quoted request line",
            37,
        ),
        (
            "::1 - - [01/Jan/1970:00:00:00 +0000] \"\\q\"",
            "quoted request line",
            37,
        ),
        (
            "::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" +20",
            "status",
            41,
        ),
        (
            "::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 65536",
            "status",
            41,
        ),
        (
            "::1 - - [01/Jan/1970:00:00:00 +0000] \"-\" 200 1 \"-\"",
            "line end",
            46,
        ),
    ];
    for &(line, expected, at) in CASES {
        assert_eq!(
            Format::Common.parse(line.as_bytes()),
            Err(ParseError { expected, at }),
            "{line}"
        );
    }
}

/// Bytes as clients send them: mostly text, some of it nothing but trouble.
fn bytes(len_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let trouble = proptest::sample::select(br#"-"\ []x"#.to_vec());
    let byte = prop_oneof![b'a'..=b'z', trouble, any::<u8>()];
    prop_oneof![
        Just(b"-".to_vec()),
        proptest::collection::vec(byte, 0..len_max)
    ]
}

fn records(len_max: usize) -> impl Strategy<Value = OwnedRecord> {
    let fields = (
        option::of(bytes(len_max)),
        bytes(len_max),
        option::of(bytes(len_max)),
        option::of(bytes(len_max)),
    );
    let facts = (
        any::<Option<IpAddr>>(),
        0_u64..200_000_000_000,
        any::<u16>(),
        any::<u64>(),
    );
    (facts, fields).prop_map(
        |((client, time, status, bytes), (user, request_line, referer, user_agent))| OwnedRecord {
            client,
            user,
            time,
            request_line,
            status,
            bytes,
            referer,
            user_agent,
            ..OwnedRecord::default()
        },
    )
}

fn is_what_is_left(read: &[u8], of: &[u8]) -> bool {
    read == of
        || read
            .strip_suffix(CUT_MARK)
            .is_some_and(|head| of.starts_with(head))
}

/// What the quick way writes of a record.
fn quickly(format: &Format, line_len_max: usize, record: &Record<'_>) -> Option<Vec<u8>> {
    let mut formatter = Formatter::new(format, line_len_max);
    let line = formatter.usual(record, UtcOffset::default);
    line.map(<[u8]>::to_vec)
}

#[test]
fn a_usual_line_is_written_the_quick_way_and_is_the_same() {
    for format in [Format::Common, Format::Combined] {
        for len in (0..70).chain([800]) {
            let field = vec![b'~'; len];
            let usual = Record {
                request_line: b"GET / HTTP/1.1",
                referer: Some(&field),
                user_agent: (len > 7).then_some(AGENT),
                bytes: if len % 2 == 0 { 0 } else { u64::MAX },
                ..record()
            };
            let line = quickly(&format, LINE_LEN_MAX, &usual);
            assert_eq!(line, Some(written(&format, LINE_LEN_MAX, &usual).0));
        }
    }
}

#[test]
fn a_line_that_is_not_usual_is_not_written_the_quick_way() {
    let long = [b'a'; 1000];
    let others = [
        Record {
            client: None,
            ..record()
        },
        Record {
            client: "::1".parse().ok(),
            ..record()
        },
        Record {
            user: Some(b"user"),
            ..record()
        },
        Record {
            status: 99,
            ..record()
        },
        Record {
            request_line: b"",
            ..record()
        },
        Record {
            request_line: b"-",
            ..record()
        },
        Record {
            referer: Some(b"-"),
            ..record()
        },
        Record {
            user_agent: Some(b"-"),
            ..record()
        },
        Record {
            user_agent: Some(&long),
            ..record()
        },
    ];
    for record in &others {
        assert_eq!(
            quickly(&Format::Combined, LINE_LEN_MAX, record),
            None,
            "{record:?}"
        );
    }
    let middling = Record {
        user_agent: Some(&long[..500]),
        ..record()
    };
    assert!(quickly(&Format::Combined, LINE_LEN_MAX, &middling).is_some());
    assert_eq!(quickly(&Format::Combined, LINE_LEN_MIN, &middling), None);
    assert_eq!(quickly(&Format::Json, LINE_LEN_MAX, &record()), None);
}

/// Wherever it stands.
#[test]
fn one_byte_that_needs_an_escape_is_enough_for_the_general_way() {
    for len in 1..50 {
        for at in 0..len {
            for byte in [b'"', b'\\', b'\n', 0x7f, 0xe9] {
                let mut field = vec![b'a'; len];
                field[at] = byte;
                let record = Record {
                    request_line: &field,
                    ..record()
                };
                assert_eq!(quickly(&Format::Combined, LINE_LEN_MAX, &record), None);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_quick_way_writes_what_the_general_one_does(
        record in records(60),
        texts in proptest::array::uniform3("[ -~]{0,400}"),
        is_plain: bool,
        is_combined: bool,
        line_len_max in LINE_LEN_MIN..LINE_LEN_MAX,
    ) {
        let [line, referer, agent] = texts.map(String::into_bytes);
        let plain = OwnedRecord {
            client: Some(IpAddr::from([192, 0, 2, 7])),
            user: None,
            request_line: line,
            referer: Some(referer),
            user_agent: Some(agent),
            ..record.clone()
        };
        let record = if is_plain { plain } else { record };
        let format = if is_combined { Format::Combined } else { Format::Common };

        if let Some(line) = quickly(&format, line_len_max, &record.as_record()) {
            prop_assert_eq!(line, written(&format, line_len_max, &record.as_record()).0);
        }
    }

    #[test]
    fn parse_undoes_write(record in records(300), minutes in -840_i16..=840) {
        let mut line = Vec::new();
        let mut formatter = Formatter::new(&Format::Combined, LINE_LEN_MAX);

        let offset = || UtcOffset::from_minutes(minutes);
        let extent = formatter.write(&record.as_record(), offset, &mut line);

        prop_assert_eq!(extent, Extent::Whole);
        prop_assert_eq!(Format::Combined.parse(&line), Ok(record));
    }

    #[test]
    fn common_is_combined_without_its_last_two_fields(record in records(50)) {
        let (line, _) = written(&Format::Common, LINE_LEN_MAX, &record.as_record());

        let expected = OwnedRecord { referer: None, user_agent: None, ..record };
        prop_assert_eq!(Format::Common.parse(&line), Ok(expected));
    }

    #[test]
    fn a_virtual_host_stands_before_combined_and_all_bytes_in_it(
        record in records(50),
        host in option::of(bytes(50)),
        port: Option<u16>,
        sent: u64,
    ) {
        let record = OwnedRecord { bytes: 0, host, port, sent: Some(sent), ..record };
        let details = record.details();
        let whole = Record { details: Some(&details), ..record.as_record() };

        let (line, extent) = written(&Format::VhostCombined, LINE_LEN_MAX, &whole);

        prop_assert_eq!(extent, Extent::Whole);
        prop_assert_eq!(Format::VhostCombined.parse(&line), Ok(record));
    }

    #[test]
    fn one_record_is_one_line_within_its_limit_and_what_is_left_parses(
        record in records(400),
        line_len_max in LINE_LEN_MIN..2000,
    ) {
        let (line, extent) = written(&Format::Combined, line_len_max, &record.as_record());
        let (whole, _) = written(&Format::Combined, LINE_LEN_MAX, &record.as_record());
        let read = Format::Combined.parse(&line).unwrap();

        prop_assert!(line.len() <= line_len_max);
        prop_assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1));
        prop_assert_eq!(extent == Extent::Whole, line == whole);
        prop_assert!(extent == Extent::Whole || whole.len() > line_len_max - FIXED_LEN_MAX);
        prop_assert!(is_what_is_left(&read.request_line, &record.request_line));
        for (read, of) in [
            (read.user, record.user),
            (read.referer, record.referer),
            (read.user_agent, record.user_agent),
        ] {
            prop_assert_eq!(read.is_some(), of.is_some());
            prop_assert!(is_what_is_left(&read.unwrap_or_default(), &of.unwrap_or_default()));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(line: Vec<u8>) {
        drop(Format::Combined.parse(&line));
    }
}

#[test]
fn the_time_of_a_line_is_found_in_any_layout() {
    const CASES: &[(&str, Option<u64>)] = &[
        (
            "- - - [22/Nov/2026:18:09:00 +0000] \"\" 1 -",
            Some(1_795_370_940),
        ),
        (
            "www - - - [22/Nov/2026:23:39:00 +0530]",
            Some(1_795_370_940),
        ),
        (
            "[::1] - [a [22/Nov/2026:18:09:00 +0000]",
            Some(1_795_370_940),
        ),
        (
            "{\"time\":\"2026-11-22T18:09:00.123456Z\",\"path\":\"[22/Nov/2020:18:09:00 +0000]\"}",
            Some(1_795_370_940),
        ),
        (
            "time=2026-11-22T19:09:00+01:00 client=::1",
            Some(1_795_370_940),
        ),
        ("time=now", None),
        ("- - - [22/Nov/2026:18:09:00 +0000", None),
        ("- - - [31/Feb/2026:18:09:00 +0000]", None),
        ("[", None),
        ("", None),
    ];
    for (line, time) in CASES {
        assert_eq!(time_of(line.as_bytes()), *time, "{line}");
    }
}
