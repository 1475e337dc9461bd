//! The laws of what is read back from disk, and of what is done with lines, for any bytes: what the
//! fuzz targets call. It is built for them and for tests, and is no part of the library.

use std::net::Ipv4Addr;
use std::time::UNIX_EPOCH;

use serde_json::{Map, Value};
use spread_logger::format::{Formatter, LINE_LEN_MAX, UtcOffset};
use spread_logger::{Details, Format, Record};

use crate::audit::{Audit, Look, laws};
use crate::journal::Keeper;
use crate::ledger::{Decoder, Encoder, Event, Found, Ledger, Replay, read_image, write_image};
use crate::online::Hit;
use crate::steps::{
    Condition, Form, Hosts, Line, Message, OTHER, Object, Parts, PathTemplate, Pattern, Place,
    Rewrite, Steps,
};

pub use crate::config::written::written;

/// A journal: what is whole in it reads back, and repeating it gives a ledger whose books add up,
/// whatever the files turn out to be.
pub fn journal(bytes: &[u8]) {
    repeat(bytes);
    // Random bytes seldom have a right checksum.
    repeat(&framed(bytes));
}

/// An image: what is accepted can be written and read back, and its books add up.
pub fn image(text: &[u8]) {
    if let Ok((ledger, _)) = read_image(text) {
        check(&ledger);
    }
}

/// A pattern, a condition, a time and a path, each on a line, then a message: what of them is
/// accepted makes one line of a line or leaves it out, and no file but those of safe names.
pub fn steps(bytes: &[u8]) {
    let mut texts = bytes.splitn(5, |&b| b == b'\n');
    let mut next = || texts.next().unwrap_or_default();
    let parts = Parts {
        matches: Pattern::parse(next()).into_iter().collect(),
        wheres: str::from_utf8(next())
            .ok()
            .and_then(|text| Condition::parse(text).ok())
            .into_iter()
            .collect(),
        rewrite: Rewrite::parse(next()).ok(),
        ..Parts::default()
    };
    let template = PathTemplate::parse(next()).ok();
    let body = next();
    let count = body.split_inclusive(|&b| b == b'\n').count() as u64;
    for hosts in [Hosts::Unused, Hosts::Split, Hosts::Named] {
        for form in [Form::Raw, Form::Json] {
            let parts = parts.clone();
            let message = Message {
                body,
                group: "access_log",
                sender: "#rth#web1",
                now: UNIX_EPOCH,
            };
            let mut written = 0;
            let left_out = Steps::new(Parts {
                hosts,
                form,
                ..parts
            })
            .apply(message, |place, line| {
                written += 1;
                check_line(line, form);
                check_place(place, template.as_ref());
            });
            assert_eq!(written + left_out, count);
        }
    }
}

/// A line, and a record made of the same bytes: the line has fields or none; the record's are read
/// as they were written, and are the same in all formats.
pub fn lines(bytes: &[u8]) {
    let _ = Line::of(bytes).map(|line| shown(&line));
    let _ = Hit::read(bytes, None);
    let mut texts = bytes.splitn(5, |&b| b == b'\n');
    let mut next = || texts.next().unwrap_or_default();
    let there = |text: &'_ [u8]| (text != b"0").then(|| text.to_vec());
    let [user, referer, agent, host] = [(); 4].map(|()| there(next()));
    let number = |n: usize| u16::from(bytes.get(n).copied().unwrap_or_default());
    let details = Details {
        host: host.as_deref(),
        port: Some(number(3)),
        ..Details::default()
    };
    let record = Record {
        client: (number(0) % 3 > 0).then_some(Ipv4Addr::new(192, 0, 2, 7).into()),
        user: user.as_deref(),
        time: 1_795_370_940,
        request_line: next(),
        status: number(1) * 3,
        bytes: u64::from(number(2)) << 20,
        referer: referer.as_deref(),
        user_agent: agent.as_deref(),
        details: Some(&details),
    };
    let lines = [Format::Json, Format::Logfmt, Format::Combined].map(|format| {
        let mut line = Vec::new();
        Formatter::new(&format, LINE_LEN_MAX).write(&record, UtcOffset::default, &mut line);
        line
    });
    let [json, logfmt, _] = &lines;
    check_objects(json, logfmt, &record);
    check_same(&record, &lines);
}

fn check_objects(json: &[u8], logfmt: &[u8], record: &Record<'_>) {
    let values: Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    for line in [json, logfmt] {
        for (key, text) in Object::of(line).iter().flat_map(Object::texts) {
            let text = text.map(|text| [b"\"", text, b"\""].concat());
            let text: Option<String> = text.and_then(|text| serde_json::from_slice(&text).ok());
            let value = values.get(key).and_then(Value::as_str);
            assert_eq!(text.as_deref(), value, "{key}");
        }
        let object = Line::of(line);
        assert!(matches!(object, Some(Line::Object(_))));
        let numbers = object.map(|line| (line.status_number(), line.bytes_number()));
        let expected = (Some(record.status.into()), Some(record.bytes));
        assert_eq!(numbers, Some(expected));
    }
}

/// Each format has escapes of its own, and some mark texts that are a dash: of others the same is
/// read, and the same visitor was on the same page.
fn check_same(record: &Record<'_>, lines: &[Vec<u8>; 3]) {
    let is_plain = |text: &[u8]| {
        let is_plain = |b: &u8| (b' '..=b'~').contains(b) && !br#""\"#.contains(b);
        text.iter().all(is_plain) && text != b"-"
    };
    let request = Some(record.request_line);
    let texts = [record.user, record.referer, record.user_agent, request];
    let is_plain = texts.iter().flatten().all(|text| is_plain(text));
    let is_word = |text: &[u8]| !text.is_empty() && !text.contains(&b' ');
    if !is_plain || !record.user.is_none_or(is_word) || record.request_line.len() > 1_000 {
        return;
    }
    // The original splits at spaces, whatever quotes there are.
    let words = record.request_line.split(|&b| b == b' ');
    let is_whole = words.clone().count() == 3 && words.clone().all(|word| !word.is_empty());
    let [json, logfmt, combined] = lines.each_ref().map(|line| {
        let hit = Hit::read(line, None).filter(|_| is_whole);
        (Line::of(line).map(|line| shown(&line)), hit)
    });
    assert_eq!(json, combined);
    assert_eq!(logfmt, combined);
}

/// The fields that all formats have.
fn shown(line: &Line<'_>) -> (Vec<Vec<u8>>, [Option<u64>; 2]) {
    let texts = [line.path(), line.referer(), line.agent()];
    let texts = texts.map(Option::unwrap_or_default);
    let texts = [line.client(), line.user(), line.method()]
        .into_iter()
        .chain(texts);
    let texts = texts.map(<[u8]>::to_vec).collect();
    (texts, [line.status_number(), line.bytes_number()])
}

fn check_line(line: &[u8], form: Form) {
    assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1));
    if form == Form::Json {
        assert!(serde_json::from_slice::<Value>(line).is_ok());
    }
}

fn check_place(place: Place<'_>, template: Option<&PathTemplate>) {
    let host = match place {
        Place::Vhost(host) => host.name,
        Place::Main | Place::CatchAll => OTHER,
    };
    assert!(!host.is_empty() && !host.contains('/') && !host.starts_with('.'));
    if let Some(template) = template {
        let depth = |host: &str| {
            let path = template.expand(UNIX_EPOCH, Some(host.as_bytes()), "g", "#a#b");
            path.components().count()
        };
        assert_eq!(depth(host), depth("a"));
    }
}

fn repeat(bytes: &[u8]) {
    let events: Vec<(Event, u64)> = Decoder::new(bytes).collect();
    let (mut encoder, mut again) = (Encoder::default(), Vec::new());
    for (event, at) in &events {
        encoder.encode(event, *at, &mut again);
    }
    assert!(Decoder::new(&again).eq(events.iter().cloned()));
    let middle = events.len() as u64;
    let lengths = [0, middle, u64::MAX].map(Found::Length);
    for found in [&lengths[..], &[Found::Unknowable, Found::Gone]].concat() {
        let mut replay = Replay::new(Ledger::default());
        for (event, at) in &events {
            replay.apply(event.clone(), *at);
        }
        let (ledger, tails) = replay.finish(|_| found);
        assert!(
            tails
                .iter()
                .all(|tail| ledger.files.get(tail.file).is_some())
        );
        check(&ledger);
    }
}

/// Bytes as records, each of as many as its first byte says.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((len, rest)) = bytes.split_first() {
        let (record, rest) = rest.split_at(rest.len().min((*len).into()));
        out.extend(u32::try_from(record.len()).unwrap_or(0).to_le_bytes());
        out.extend(crc32fast::hash(record).to_le_bytes());
        out.extend(record);
        bytes = rest;
    }
    out
}

fn check(ledger: &Ledger) {
    let written = write_image(ledger, 1).ok();
    let read = written.and_then(|text| read_image(&text).ok());
    assert_eq!(read.as_ref(), Some(&(ledger.clone(), 1)));
    for (keeper, since) in [(Keeper::Runs(None), None), (Keeper::Gone(1_000), Some(500))] {
        let look = Look {
            place: "ledger".to_owned(),
            now: 2_000,
            keeper,
            settled: None,
            since,
            recounts: Vec::new(),
        };
        laws::hold(&Audit::of(ledger, look));
    }
}
