//! Reads the recordings of `tests/data`: what sessions and a real daemon said to each other.
//!
//! `tests/data/README.md` has the format and tells what each recording shows.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Bytes before the content of a record: its kind, the session, the content's length.
const HEAD_LEN: usize = 6;

/// What a record says about its session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The client wrote `bytes`, in one piece.
    Sent,
    /// The client read `bytes`: one step of the handshake, or one frame.
    Delivered,
    /// The client closed the connection, without a word before.
    ClosedByClient,
    /// The client read the end of the connection, or its reset.
    ClosedByDaemon,
}

/// One step of a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    /// Which connection; a number is used anew only after its connection was closed.
    pub(crate) session: u8,
    pub(crate) bytes: Vec<u8>,
}

/// The recording `name` (without `.rec`) made with the daemon of `version`.
///
/// # Errors
/// When it cannot be read, or is not a whole number of records.
pub(crate) fn read(version: &str, name: &str) -> Result<Vec<Record>> {
    let file = directory(version).join(name).with_extension("rec");
    let content = fs::read(&file)?;
    parse(&content).ok_or_else(|| {
        let reason = format!("{} is not a recording", file.display());
        Error::new(ErrorKind::InvalidData, reason)
    })
}

/// The names of all recordings made with the daemon of `version`, in order.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn names(version: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory(version))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        names.extend(stem.map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

fn directory(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(version)
}

fn parse(mut content: &[u8]) -> Option<Vec<Record>> {
    let mut records = Vec::new();
    while let Some((head, rest)) = content.split_first_chunk::<HEAD_LEN>() {
        let [kind, session, len @ ..] = *head;
        let kind = match kind {
            b'>' => Kind::Sent,
            b'<' => Kind::Delivered,
            b'x' => Kind::ClosedByClient,
            b'|' => Kind::ClosedByDaemon,
            _ => return None,
        };
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(len) as usize)?;
        records.push(Record {
            kind,
            session,
            bytes: bytes.to_vec(),
        });
        content = rest;
    }
    content.is_empty().then_some(records)
}
