//! The laws of what is read back from disk, and of what is done with lines, for any bytes: what the
//! fuzz targets call. It is built for them and for tests, and is no part of the library.

use std::time::UNIX_EPOCH;

use crate::audit::{Audit, Look, laws};
use crate::journal::Keeper;
use crate::ledger::{Decoder, Encoder, Event, Found, Ledger, Replay, read_image, write_image};
use crate::steps::{
    Condition, Form, Hosts, Message, OTHER, Parts, PathTemplate, Pattern, Place, Rewrite, Steps,
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

fn check_line(line: &[u8], form: Form) {
    assert_eq!(line.iter().position(|&b| b == b'\n'), Some(line.len() - 1));
    if form == Form::Json {
        assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok());
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
