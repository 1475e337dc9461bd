//! What happens to a ledger, and its form in the journal.
//!
//! ```text
//! +--------+-------+------+---------+---------+
//! | length | CRC32 | kind | seconds | payload |      all integers little-endian
//! +--------+-------+------+---------+---------+
//!     4        4       1       8                    length and CRC are of what follows
//! ```
//!
//! A source is written once, when it is first named, and known by its place from then on: a
//! message costs 30 bytes, whatever its length. What is torn, as by a crash in the midst of a
//! write, is not there: the [`Decoder`] ends before it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use bytes::{Buf, BufMut};
use spread::GroupName;
use spread::stream::{Cause, Instance};

use super::Source;
use crate::sink::Identity;

/// Something that changes a ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Event {
    /// A stream is heard of for the first time, and counts from `base` on.
    Begun { source: Source, base: u64 },
    /// Its publisher has said how far it is: the JSON.
    Heard { source: Source, control: Vec<u8> },
    /// These are missing.
    Missing {
        source: Source,
        range: RangeInclusive<u64>,
    },
    /// These will not come any more.
    Lost {
        source: Source,
        range: RangeInclusive<u64>,
        cause: Cause,
    },
    /// A stream is not kept any more.
    Forgotten { source: Source },
    /// A message of which no file is to have anything: it has no lines, or the configuration
    /// leaves them out.
    LeftOut {
        source: Source,
        number: u64,
        lines: u32,
        len: u32,
    },
    /// Of a message that is settled, these lines are not in a file that they belong in: none could
    /// be opened for them, and they are not asked for again.
    Unplaced {
        source: Source,
        number: u64,
        lines: u32,
    },
    /// A file has been opened; `file` is what the events after this call it.
    Opened {
        file: u32,
        identity: Identity,
        is_ours: bool,
        length: u64,
        path: PathBuf,
    },
    /// These messages are about to be written to a file, from `offset` on.
    Write {
        file: u32,
        offset: u64,
        entries: Vec<Entry>,
    },
    /// Of the last of these only those that end at `at` or before were written.
    Cut { file: u32, at: u64 },
}

/// A message on its way into a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) source: Source,
    /// 0 without one.
    pub(crate) number: u64,
    /// Lines and bytes in this file.
    pub(crate) lines: u32,
    pub(crate) len: u32,
    /// How many files it goes to, or parts of it do.
    pub(crate) files: u16,
    /// Lines and bytes of the whole message as it came.
    pub(crate) message_lines: u32,
    pub(crate) message_len: u32,
}

/// Writes events; knows which sources it has named.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    sources: HashMap<Source, u32, foldhash::fast::RandomState>,
}

impl Encoder {
    pub(crate) fn encode(&mut self, event: &Event, at: u64, out: &mut Vec<u8>) {
        match event {
            Event::Begun { source, base } => {
                let id = self.name(*source, at, out);
                record(out, BEGUN, at, |out| {
                    out.put_u32_le(id);
                    out.put_u64_le(*base);
                });
            }
            Event::Heard { source, control } => {
                let id = self.name(*source, at, out);
                record(out, HEARD, at, |out| {
                    out.put_u32_le(id);
                    out.put_slice(control);
                });
            }
            Event::Missing { source, range } => {
                let id = self.name(*source, at, out);
                record(out, MISSING, at, |out| put_range(out, id, range));
            }
            Event::Lost {
                source,
                range,
                cause,
            } => {
                let (id, cause) = (self.name(*source, at, out), cause_code(*cause));
                record(out, LOST, at, |out| {
                    put_range(out, id, range);
                    out.put_u8(cause);
                });
            }
            Event::Forgotten { source } => {
                let id = self.name(*source, at, out);
                record(out, FORGOTTEN, at, |out| out.put_u32_le(id));
            }
            Event::LeftOut {
                source,
                number,
                lines,
                len,
            } => {
                let id = self.name(*source, at, out);
                let amount = (*lines, *len);
                record(out, LEFT_OUT, at, |out| {
                    put_message(out, id, *number, amount);
                });
            }
            Event::Unplaced {
                source,
                number,
                lines,
            } => {
                let id = self.name(*source, at, out);
                record(out, UNPLACED, at, |out| {
                    out.put_u32_le(id);
                    out.put_u64_le(*number);
                    out.put_u32_le(*lines);
                });
            }
            Event::Opened { .. } | Event::Write { .. } | Event::Cut { .. } => {
                self.encode_of_file(event, at, out);
            }
        }
    }

    /// What is a matter of files.
    fn encode_of_file(&mut self, event: &Event, at: u64, out: &mut Vec<u8>) {
        match event {
            Event::Opened {
                file,
                identity,
                is_ours,
                length,
                path,
            } => record(out, OPENED, at, |out| {
                out.put_u32_le(*file);
                out.put_u64_le(identity.device);
                out.put_u64_le(identity.inode);
                out.put_u8((*is_ours).into());
                out.put_u64_le(*length);
                out.put_slice(path.as_os_str().as_bytes());
            }),
            Event::Write {
                file,
                offset,
                entries,
            } => self.encode_write((*file, *offset, entries), at, out),
            Event::Cut { file, at: end } => record(out, CUT, at, |out| {
                out.put_u32_le(*file);
                out.put_u64_le(*end);
            }),
            _ => {}
        }
    }

    /// As [`Event::Write`], of entries that are somebody else's.
    pub(crate) fn encode_write(
        &mut self,
        (file, offset, entries): (u32, u64, &[Entry]),
        at: u64,
        out: &mut Vec<u8>,
    ) {
        for entry in entries {
            self.name(entry.source, at, out);
        }
        record(out, WRITE, at, |out| {
            out.put_u32_le(file);
            out.put_u64_le(offset);
            for entry in entries {
                // Named just now.
                let id = self.sources.get(&entry.source).copied().unwrap_or_default();
                put_message(out, id, entry.number, (entry.lines, entry.len));
                out.put_u16_le(entry.files);
                out.put_u32_le(entry.message_lines);
                out.put_u32_le(entry.message_len);
            }
        });
    }

    /// The place of a source, which is named first if it is new.
    fn name(&mut self, source: Source, at: u64, out: &mut Vec<u8>) -> u32 {
        if let Some(id) = self.sources.get(&source) {
            return *id;
        }
        // As many as the receiver remembers, some hundred thousand.
        let id = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.sources.insert(source, id);
        record(out, SOURCE, at, |out| {
            out.put_u16_le(source.block);
            match source.instance {
                Some(instance) => out.put_slice(instance.as_bytes()),
                None => out.put_bytes(0, Instance::LEN),
            }
            out.put_slice(source.group.as_bytes());
        });
        id
    }
}

/// Reads events back, as far as they are whole.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    bytes: &'a [u8],
    sources: Vec<Source>,
}

impl<'a> Decoder<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            sources: Vec::new(),
        }
    }

    /// What is left that is no whole event.
    #[cfg(test)]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next record's kind, time and payload, if its checksum holds.
    fn record(&mut self) -> Option<(u8, u64, &'a [u8])> {
        let mut bytes = self.bytes;
        let len = usize::try_from(bytes.try_get_u32_le().ok()?).ok()?;
        let sum = bytes.try_get_u32_le().ok()?;
        let (mut record, rest) = bytes.split_at_checked(len)?;
        if crc32fast::hash(record) != sum {
            return None;
        }
        let kind = record.try_get_u8().ok()?;
        let at = record.try_get_u64_le().ok()?;
        self.bytes = rest;
        Some((kind, at, record))
    }

    fn event(&self, kind: u8, mut payload: &[u8]) -> Option<Event> {
        let p = &mut payload;
        Some(match kind {
            OPENED => Event::Opened {
                file: p.try_get_u32_le().ok()?,
                identity: Identity {
                    device: p.try_get_u64_le().ok()?,
                    inode: p.try_get_u64_le().ok()?,
                },
                is_ours: p.try_get_u8().ok()? != 0,
                length: p.try_get_u64_le().ok()?,
                path: OsString::from_vec(p.to_vec()).into(),
            },
            CUT => Event::Cut {
                file: p.try_get_u32_le().ok()?,
                at: p.try_get_u64_le().ok()?,
            },
            WRITE => {
                let file = p.try_get_u32_le().ok()?;
                let offset = p.try_get_u64_le().ok()?;
                let mut entries = Vec::with_capacity(p.len() / ENTRY_LEN);
                while p.has_remaining() {
                    entries.push(self.entry(p)?);
                }
                Event::Write {
                    file,
                    offset,
                    entries,
                }
            }
            _ => {
                let source = self.source(p)?;
                match kind {
                    BEGUN => Event::Begun {
                        source,
                        base: p.try_get_u64_le().ok()?,
                    },
                    HEARD => Event::Heard {
                        source,
                        control: p.to_vec(),
                    },
                    MISSING => Event::Missing {
                        source,
                        range: range(p)?,
                    },
                    LOST => Event::Lost {
                        source,
                        range: range(p)?,
                        cause: cause_of(p.try_get_u8().ok()?)?,
                    },
                    FORGOTTEN => Event::Forgotten { source },
                    LEFT_OUT => Event::LeftOut {
                        source,
                        number: p.try_get_u64_le().ok()?,
                        lines: p.try_get_u32_le().ok()?,
                        len: p.try_get_u32_le().ok()?,
                    },
                    UNPLACED => Event::Unplaced {
                        source,
                        number: p.try_get_u64_le().ok()?,
                        lines: p.try_get_u32_le().ok()?,
                    },
                    _ => return None,
                }
            }
        })
    }

    fn entry(&self, p: &mut &[u8]) -> Option<Entry> {
        Some(Entry {
            source: self.source(p)?,
            number: p.try_get_u64_le().ok()?,
            lines: p.try_get_u32_le().ok()?,
            len: p.try_get_u32_le().ok()?,
            files: p.try_get_u16_le().ok()?,
            message_lines: p.try_get_u32_le().ok()?,
            message_len: p.try_get_u32_le().ok()?,
        })
    }

    fn source(&self, p: &mut &[u8]) -> Option<Source> {
        let id = usize::try_from(p.try_get_u32_le().ok()?).ok()?;
        self.sources.get(id).copied()
    }
}

impl Iterator for Decoder<'_> {
    /// An event and its time, in seconds since 1970.
    type Item = (Event, u64);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let before = self.bytes;
            let (kind, at, payload) = self.record()?;
            if kind == SOURCE {
                if let Some(source) = named(payload) {
                    self.sources.push(source);
                    continue;
                }
            } else if let Some(event) = self.event(kind, payload) {
                return Some((event, at));
            }
            // Of a later version, or nonsense with a right sum: nothing behind it can be trusted.
            self.bytes = before;
            return None;
        }
    }
}

fn named(mut payload: &[u8]) -> Option<Source> {
    let block = payload.try_get_u16_le().ok()?;
    let (instance, group) = payload.split_at_checked(Instance::LEN)?;
    Some(Source {
        block,
        instance: if instance.iter().all(|&byte| byte == 0) {
            None
        } else {
            Some(Instance::of_characters(instance)?)
        },
        group: GroupName::new(group).ok()?,
    })
}

/// Appends a record whose payload `fill` appends.
fn record(out: &mut Vec<u8>, kind: u8, at: u64, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_bytes(0, HEAD_LEN);
    out.put_u8(kind);
    out.put_u64_le(at);
    fill(out);
    let Some((mut head, body)) = out
        .get_mut(start..)
        .and_then(|record| record.split_at_mut_checked(HEAD_LEN))
    else {
        return;
    };
    // A record is a flush at most: some megabytes.
    head.put_u32_le(u32::try_from(body.len()).unwrap_or(u32::MAX));
    head.put_u32_le(crc32fast::hash(body));
}

fn put_message(out: &mut Vec<u8>, id: u32, number: u64, (lines, len): (u32, u32)) {
    out.put_u32_le(id);
    out.put_u64_le(number);
    out.put_u32_le(lines);
    out.put_u32_le(len);
}

fn put_range(out: &mut Vec<u8>, id: u32, range: &RangeInclusive<u64>) {
    out.put_u32_le(id);
    out.put_u64_le(*range.start());
    out.put_u64_le(*range.end());
}

fn range(p: &mut &[u8]) -> Option<RangeInclusive<u64>> {
    let start = p.try_get_u64_le().ok()?;
    let end = p.try_get_u64_le().ok()?;
    // Numbers begin at 1.
    (1 <= start && start <= end).then_some(start..=end)
}

pub(super) const fn cause_code(cause: Cause) -> u8 {
    match cause {
        Cause::Gone => 1,
        Cause::Jump => 2,
        Cause::TooMany => 3,
        Cause::Silence => 4,
    }
}

pub(super) const fn cause_of(code: u8) -> Option<Cause> {
    Some(match code {
        1 => Cause::Gone,
        2 => Cause::Jump,
        3 => Cause::TooMany,
        4 => Cause::Silence,
        _ => return None,
    })
}

/// Length and checksum.
const HEAD_LEN: usize = 8;

/// A message of a [`Event::Write`].
const ENTRY_LEN: usize = 30;

const SOURCE: u8 = 1;
const BEGUN: u8 = 2;
const HEARD: u8 = 3;
const MISSING: u8 = 4;
const LOST: u8 = 5;
const FORGOTTEN: u8 = 6;
const OPENED: u8 = 8;
const CUT: u8 = 10;
// 7 and 9 were these in an earlier form.
const LEFT_OUT: u8 = 11;
const WRITE: u8 = 12;
const UNPLACED: u8 = 13;
