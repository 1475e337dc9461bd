//! Objects as they are written, and the laws between writing and reading.

use std::net::IpAddr;
use std::time::Duration;

use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use crate::format::{Extent, Format, Formatter, LINE_LEN_MAX, LINE_LEN_MIN, ParseError, UtcOffset};
use crate::record::{Details, OwnedRecord, Record};

const STYLES: [Format; 2] = [Format::Json, Format::Logfmt];

fn written(format: &Format, line_len_max: usize, record: &Record<'_>) -> (String, Extent) {
    let mut line = Vec::new();
    let extent = Formatter::new(format, line_len_max).write(record, UtcOffset::default, &mut line);
    (String::from_utf8(line).unwrap(), extent)
}

fn text(format: &Format, record: &Record<'_>) -> String {
    let (line, extent) = written(format, LINE_LEN_MAX, record);
    assert_eq!(extent, Extent::Whole);
    line.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn every_fact_has_its_key_and_its_type() {
    let details = Details {
        micros: 45_678,
        duration: Duration::from_micros(118),
        host: Some(b"www.example.org"),
        port: Some(443),
        ..Details::default()
    };
    let record = Record {
        client: Some(IpAddr::from([192, 0, 2, 7])),
        user: Some(b"frank"),
        time: 1_795_370_940,
        request_line: b"GET /a/b.html?q=1 HTTP/1.1",
        status: 200,
        bytes: 1043,
        referer: Some("http://é.example/".as_bytes()),
        user_agent: Some(b"a \"b\" \\ c\x7f"),
        details: Some(&details),
    };

    assert_eq!(
        text(&Format::Json, &record),
        r#"{"time":"2026-11-22T18:09:00.045678Z","client":"192.0.2.7","user":"frank","#.to_owned()
            + r#""host":"www.example.org","port":443,"method":"GET","path":"/a/b.html","#
            + r#""query":"q=1","protocol":"HTTP/1.1","status":200,"bytes":1043,"duration_us":118,"#
            + r#""referer":"http://é.example/","user_agent":"a \"b\" \\ c\u007f"}"#
    );
    assert_eq!(
        text(&Format::Logfmt, &record),
        "time=2026-11-22T18:09:00.045678Z client=192.0.2.7 user=frank ".to_owned()
            + "host=www.example.org port=443 method=GET path=/a/b.html query=\"q=1\" "
            + "protocol=HTTP/1.1 status=200 bytes=1043 duration_us=118 "
            + "referer=\"http://é.example/\" user_agent=\"a \\\"b\\\" \\\\ c\\u007f\""
    );
}

#[test]
fn what_is_absent_is_left_out_and_what_has_no_parts_stays_whole() {
    let mut record = Record {
        request_line: b"\x16\x03\x01\\x00",
        status: 400,
        ..Record::default()
    };
    assert_eq!(
        text(&Format::Json, &record),
        r#"{"time":"1970-01-01T00:00:00Z","request":"\u0016\u0003\u0001\\x5cx00","status":400,"bytes":0}"#
    );
    assert_eq!(
        text(&Format::Logfmt, &record),
        r#"time=1970-01-01T00:00:00Z request="\u0016\u0003\u0001\\x5cx00" status=400 bytes=0"#
    );
    record.request_line = b"";
    assert_eq!(
        text(&Format::Logfmt, &record),
        "time=1970-01-01T00:00:00Z status=400 bytes=0"
    );
}

/// Bytes that are no UTF-8 are told from texts that look like what they become.
#[test]
fn no_byte_is_lost() {
    const CASES: &[(&[u8], &str)] = &[
        (b"\xff", r"\xff"),
        (br"\xff", r"\x5cxff"),
        (b"\\\xff", r"\\xff"),
        (br"C:\new", r"C:\new"),
        (b"\xe2\x82", r"\xe2\x82"),
        ("€\u{85}\u{2028}".as_bytes(), "€\u{85}\u{2028}"),
    ];
    for (bytes, expected) in CASES {
        let record = Record {
            user_agent: Some(bytes),
            ..Record::default()
        };

        let line = text(&Format::Json, &record);

        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["user_agent"], *expected, "{line}");
        let read = Format::Json.parse(line.as_bytes()).unwrap();
        assert_eq!(read.user_agent.as_deref(), Some(*bytes), "{line}");
        assert!(!line.contains(['\u{85}', '\u{2028}']), "{line}");
    }
}

#[test]
fn objects_of_others_are_read_and_what_is_none_is_refused() {
    let read = Format::Json
        .parse(br#" {"status":200,"more":[{}],"time":"2026-11-22T19:09:00+01:00","bytes":null} "#)
        .unwrap();
    assert_eq!((read.time, read.status), (1_795_370_940, 200));
    let read = Format::Logfmt
        .parse(b"  level=info time=2026-11-22T18:09:00Z  msg=\"a \\\" b\" status=404")
        .unwrap();
    assert_eq!((read.time, read.status), (1_795_370_940, 404));

    const REFUSED: &[(Format, &str, &str, usize)] = &[
        (Format::Json, "", "JSON object", 0),
        (Format::Json, "[]", "JSON object", 0),
        (Format::Json, "{\"a\":1", "JSON object", 5),
        (Format::Json, "{}", "time", 0),
        (
            Format::Json,
            "{\"status\":-1}",
            "value that its key can have",
            0,
        ),
        (
            Format::Json,
            "{\"bytes\":[]}",
            "value that its key can have",
            0,
        ),
        (Format::Logfmt, "", "time", 0),
        (Format::Logfmt, "a=1 b", "key and equals sign", 4),
        (Format::Logfmt, "a=\"", "value", 2),
        (
            Format::Logfmt,
            "a=\"\\q\"",
            "value that its key can have",
            2,
        ),
        (
            Format::Logfmt,
            "a=1 time=now",
            "value that its key can have",
            9,
        ),
    ];
    for (format, line, expected, at) in REFUSED {
        let error = ParseError { expected, at: *at };
        assert_eq!(format.parse(line.as_bytes()), Err(error), "{line}");
    }
}

const KEYS: &[&str] = &[
    "client",
    "user",
    "host",
    "port",
    "request",
    "method",
    "path",
    "query",
    "protocol",
    "status",
    "bytes",
    "duration_us",
    "referer",
    "user_agent",
    "more",
];

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[a-z? \\\\]{0,5}".prop_map(Value::from),
        any::<u16>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        Just(Value::Null),
    ]
}

/// Bytes as clients send them: mostly text, some of it nothing but trouble.
fn bytes(len_max: usize) -> impl Strategy<Value = Vec<u8>> {
    let trouble = proptest::sample::select(b"-\"\\ ={}x?,:\n\xc3\xa9".to_vec());
    let byte = prop_oneof![b'a'..=b'z', trouble, any::<u8>()];
    proptest::collection::vec(byte, 0..len_max)
}

fn records(len_max: usize) -> impl Strategy<Value = OwnedRecord> {
    let word = || "[a-z?/]{0,5}";
    let line = prop_oneof![
        bytes(len_max),
        (word(), word(), word()).prop_map(|(a, b, c)| format!("{a} {b} {c}").into_bytes()),
    ];
    let texts = (
        option::of(bytes(len_max)),
        line,
        option::of(bytes(len_max)),
        option::of(bytes(len_max)),
        option::of(bytes(len_max)),
    );
    let facts = (
        any::<Option<IpAddr>>(),
        0_u64..200_000_000_000,
        any::<(u16, u64, Option<u16>)>(),
        0_u32..1_000_000,
        any::<u64>().prop_map(Duration::from_micros),
    );
    (facts, texts).prop_map(|((client, time, numbers, micros, duration), texts)| {
        let (user, request_line, referer, user_agent, host) = texts;
        let (status, bytes, port) = numbers;
        OwnedRecord {
            client,
            user,
            time,
            micros,
            request_line,
            status,
            bytes,
            referer,
            user_agent,
            host,
            port,
            duration: Some(duration),
            sent: None,
        }
    })
}

proptest! {
    #[test]
    fn reading_undoes_writing(record in records(100)) {
        let details = record.details();
        let whole = Record { details: Some(&details), ..record.as_record() };
        for format in &STYLES {
            let line = text(format, &whole);

            prop_assert_eq!(format.parse(line.as_bytes()), Ok(record.clone()), "{}", line);
        }
    }

    #[test]
    fn one_record_is_one_object_on_one_line_within_its_limit(
        record in records(300),
        line_len_max in LINE_LEN_MIN..2000,
    ) {
        let details = record.details();
        let record = Record { details: Some(&details), ..record.as_record() };
        for format in &STYLES {
            let (line, extent) = written(format, line_len_max, &record);
            let (whole, _) = written(format, LINE_LEN_MAX, &record);

            prop_assert!(line.len() <= line_len_max);
            prop_assert!(line.chars().all(|c| !c.is_control() || c == '\n'));
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert_eq!(extent == Extent::Whole, line == whole);
            prop_assert!(format.parse(line.as_bytes()).is_ok(), "{}", line);
            if *format == Format::Json {
                prop_assert!(serde_json::from_str::<Value>(&line).is_ok());
            }
        }
    }

    /// Objects of others may say more, less, or otherwise; ours of them says the same.
    #[test]
    fn what_was_read_of_an_object_is_read_of_its_line_again(
        time in "[0-9]{4}-0[1-9]-[012][1-9]T[01][0-9]:[0-5][0-9]:(60|[0-5][0-9])(\\.[0-9]{1,9})?(Z|[+-]0[0-9]:30)",
        pairs in proptest::collection::vec((0..KEYS.len(), values()), 0..KEYS.len()),
    ) {
        let mut object = serde_json::Map::new();
        object.insert("time".to_owned(), time.into());
        object.extend(pairs.into_iter().map(|(key, value)| (KEYS[key].to_owned(), value)));
        let line = serde_json::to_vec(&object).unwrap();
        let Ok(mut read) = Format::Json.parse(&line) else {
            return Ok(());
        };
        for format in &STYLES {
            let details = read.details();
            let record = Record { details: Some(&details), ..read.as_record() };
            let line = text(format, &record);
            read.duration.get_or_insert_default();

            prop_assert_eq!(format.parse(line.as_bytes()), Ok(read.clone()), "{}", line);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(line: Vec<u8>, text in "[a-z=\" \\\\{}:]{0,20}") {
        for format in &STYLES {
            drop(format.parse(&line));
            drop(format.parse(text.as_bytes()));
        }
    }
}
