//! The laws of what is read back from disk, for any bytes: what the fuzz targets call. It is built
//! for them and for tests, and is no part of the library.

use crate::audit::{Audit, Look, laws};
use crate::journal::Keeper;
use crate::ledger::{Decoder, Encoder, Event, Found, Ledger, Replay, read_image, write_image};

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
        assert!(tails.iter().all(|tail| tail.file < ledger.files.len()));
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
    for keeper in [Keeper::Runs(None), Keeper::Gone(1_000)] {
        let look = Look {
            place: "ledger".to_owned(),
            now: 2_000,
            keeper,
            settled: None,
            recounts: Vec::new(),
        };
        laws::hold(&Audit::of(ledger, look));
    }
}
