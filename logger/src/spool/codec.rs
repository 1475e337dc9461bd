//! What is in the files of a spool, as bytes; pure, but for reading from whatever is given.
//!
//! ```text
//! segment  records, one after the other:
//!          crc32 | length | number | lines | body          4, 4, 8, 8 bytes, then the body
//! marks    two slots of 2,048 bytes, of which the one of the higher sequence counts:
//!          crc32 | length | sequence | the numbers of `Marks` | hosts, two numbers each
//! ```
//!
//! All numbers are little-endian; a checksum is of everything behind it. A record that was not
//! written to its end, or is not what was written, ends its segment: what stands before it counts.

use std::io::{self, Read};

use spread::stream::{HostId, Tally};

/// What stands before each body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) lines: u64,
    pub(super) len: u32,
}

impl Header {
    pub(super) const LEN: usize = 24;

    /// Appends the record of `body` to `bytes`.
    pub(super) fn encode(number: u64, lines: u64, body: &[u8], bytes: &mut Vec<u8>) {
        let start = bytes.len();
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&lines.to_le_bytes());
        bytes.extend_from_slice(body);
        seal(bytes.get_mut(start..).unwrap_or_default());
    }

    /// Reads a whole record; `None` unless it is as it was written.
    pub(super) fn decode(record: &[u8]) -> Option<(Self, &[u8])> {
        let mut fields = Fields(opened(record)?);
        let header = Self {
            len: fields.u32()?,
            number: fields.u64()?,
            lines: fields.u64()?,
        };
        let is_whole = usize::try_from(header.len) == Ok(fields.0.len());
        is_whole.then_some((header, fields.0))
    }
}

/// 256 KiB: no frame is as long, so a longer body was never written.
const BODY_MAX: u32 = 256 * 1024;

/// Reads records to the end of the segment, or to the first that is none; each is told with the
/// place of its body.
pub(super) fn records(
    mut segment: impl Read,
    mut found: impl FnMut(Header, u64),
) -> io::Result<()> {
    let mut at = 0;
    let mut record = vec![0; Header::LEN];
    loop {
        record.resize(Header::LEN, 0);
        if !read_whole(&mut segment, &mut record)? {
            return Ok(());
        }
        let len = record.get(4..8).and_then(|len| len.try_into().ok());
        let len = len.map_or(u32::MAX, u32::from_le_bytes);
        if len > BODY_MAX {
            return Ok(());
        }
        let whole = Header::LEN + usize::try_from(len).unwrap_or(usize::MAX);
        record.resize(whole, 0);
        let body = record.get_mut(Header::LEN..).unwrap_or_default();
        if !read_whole(&mut segment, body)? {
            return Ok(());
        }
        let Some((header, _)) = Header::decode(&record) else {
            return Ok(());
        };
        found(header, at + Header::LEN as u64);
        at += whole as u64;
    }
}

/// Fills `bytes`; `false` when there are not as many.
fn read_whole(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// How far the instance was, when it was last noted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Marks {
    /// A daemon has taken all up to this number.
    pub(crate) handed: u64,
    /// Below this number nothing is kept.
    pub(crate) retained: u64,
    /// Connections that were tried.
    pub(crate) connections: u64,
    /// In the messages up to `handed`, without those lost.
    pub(crate) written: Tally,
    pub(crate) lost: Tally,
    pub(crate) queue_full: u64,
    pub(crate) cut: u64,
    /// The logging hosts, and up to where each has everything.
    pub(crate) hosts: Vec<(HostId, u64)>,
}

/// 2,048: for 64 hosts and all numbers.
pub(super) const SLOT_LEN: usize = 2048;

/// As many as a stream knows.
const HOSTS_MAX: usize = 64;

impl Marks {
    /// The slot that holds them, as number `sequence`.
    pub(super) fn encode(&self, sequence: u64) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        let (written, lost) = (&self.written, &self.lost);
        let numbers = [
            sequence,
            self.handed,
            self.retained,
            self.connections,
            written.messages,
            written.lines,
            written.bytes,
            lost.messages,
            lost.lines,
            lost.bytes,
            self.queue_full,
            self.cut,
        ];
        let hosts = self.hosts.iter().take(HOSTS_MAX);
        let hosts = hosts.flat_map(|(host, safe)| [host.0, *safe]);
        for number in numbers.into_iter().chain(hosts) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let len = u32::try_from(bytes.len()).unwrap_or_default();
        if let Some(field) = bytes.get_mut(4..8) {
            field.copy_from_slice(&len.to_le_bytes());
        }
        seal(&mut bytes);
        bytes
    }

    /// Reads both slots; `None` when neither is whole.
    pub(super) fn of_slots(slots: &[u8]) -> Option<(u64, Self)> {
        let read = slots.chunks(SLOT_LEN).take(2).filter_map(Self::of_slot);
        read.max_by_key(|(sequence, _)| *sequence)
    }

    fn of_slot(slot: &[u8]) -> Option<(u64, Self)> {
        let len = slot.get(4..8)?.try_into().ok()?;
        let len = usize::try_from(u32::from_le_bytes(len)).ok()?;
        let mut fields = Fields(opened(slot.get(..len)?)?);
        fields.u32()?;
        let sequence = fields.u64()?;
        let mut marks = Self {
            handed: fields.u64()?,
            retained: fields.u64()?,
            connections: fields.u64()?,
            written: fields.tally()?,
            lost: fields.tally()?,
            queue_full: fields.u64()?,
            cut: fields.u64()?,
            hosts: Vec::new(),
        };
        while let Some(host) = fields.u64() {
            marks.hosts.push((HostId(host), fields.u64()?));
        }
        Some((sequence, marks))
    }
}

/// Writes the checksum into the first four bytes.
fn seal(bytes: &mut [u8]) {
    if let Some((field, rest)) = bytes.split_at_mut_checked(4) {
        field.copy_from_slice(&crc32fast::hash(rest).to_le_bytes());
    }
}

/// What is behind the checksum, if that is right.
fn opened(bytes: &[u8]) -> Option<&[u8]> {
    let (field, rest) = bytes.split_at_checked(4)?;
    (field == crc32fast::hash(rest).to_le_bytes()).then_some(rest)
}

/// Numbers, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn tally(&mut self) -> Option<Tally> {
        Some(Tally {
            messages: self.u64()?,
            lines: self.u64()?,
            bytes: self.u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    fn segment(bodies: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for (number, body) in (1..).zip(bodies) {
            Header::encode(number, number * 2, body, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn read(bytes: &[u8]) -> Vec<(u64, u64, Vec<u8>)> {
        let mut found = Vec::new();
        records(bytes, |header, at| {
            let at = usize::try_from(at).unwrap();
            let body = bytes[at..at + header.len as usize].to_vec();
            found.push((header.number, header.lines, body));
        })
        .unwrap();
        found
    }

    fn tally() -> impl Strategy<Value = Tally> {
        any::<[u64; 3]>().prop_map(|[messages, lines, bytes]| Tally {
            messages,
            lines,
            bytes,
        })
    }

    proptest! {
        /// Wherever a segment is cut, and whichever of its bytes is another: what stands before
        /// that is read, and nothing else.
        #[test]
        fn a_torn_tail_costs_only_itself(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..12),
            cut: Index,
            (at, change) in any::<(Index, u8)>(),
        ) {
            let (bytes, ends) = segment(&bodies);
            let whole: Vec<_> = (1..).zip(&bodies).map(|(n, body)| (n, n * 2, body.clone())).collect();
            prop_assert_eq!(&read(&bytes), &whole);

            let cut = cut.index(bytes.len() + 1);
            let left = ends.iter().filter(|end| **end <= cut).count();
            prop_assert_eq!(&read(&bytes[..cut])[..], &whole[..left]);

            if !bytes.is_empty() && change != 0 {
                let at = at.index(bytes.len());
                let mut changed = bytes;
                changed[at] ^= change;
                let left = ends.iter().filter(|end| **end <= at).count();
                prop_assert_eq!(&read(&changed)[..], &whole[..left]);
            }
        }

        /// While one slot is being written, the other is there.
        #[test]
        fn marks_are_the_last_whole_ones(
            numbers: [u64; 5],
            (written, lost) in (tally(), tally()),
            hosts in prop::collection::vec(any::<(u64, u64)>(), 0..64),
            cut: Index,
        ) {
            let [handed, retained, connections, queue_full, cut_lines] = numbers;
            let marks = Marks {
                handed,
                retained,
                connections,
                written,
                lost,
                queue_full,
                cut: cut_lines,
                hosts: hosts.into_iter().map(|(id, safe)| (HostId(id), safe)).collect(),
            };
            let mut slots = vec![0; 2 * SLOT_LEN];
            let first = marks.encode(7);
            prop_assert!(first.len() <= SLOT_LEN);
            slots[SLOT_LEN..][..first.len()].copy_from_slice(&first);
            prop_assert_eq!(Marks::of_slots(&slots), Some((7, marks.clone())));

            let next = Marks { handed: handed ^ 1, ..marks.clone() };
            let second = next.encode(8);
            slots[..second.len()].copy_from_slice(&second);
            prop_assert_eq!(Marks::of_slots(&slots), Some((8, next)));
            slots[cut.index(second.len())] ^= 1;
            prop_assert_eq!(Marks::of_slots(&slots), Some((7, marks)));
        }
    }
}
