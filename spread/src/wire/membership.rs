//! The body of a membership message, in the form of 4.x and 5.x and in that of 3.x.
//!
//! ```text
//! 4.x, 5.x   id [12]  num_vs_sets u32  offset u32  then per set: count u32, count names
//! 3.x        id [12]  count u32  count names
//! ```
//!
//! `offset` says where, counted from the first set, the receiver's own set begins. The integers
//! are in the daemon's byte order: the one body that its library swaps.

use bytes::{BufMut, Bytes, BytesMut};

use super::header::{Header, Order};
use super::message::{GroupId, Membership};
use super::{DecodeError, kind};
use crate::name::Name;

/// The form of membership bodies, which goes by the daemon's version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Layout {
    /// Daemons of 3.x.
    V3,
    /// Daemons of 4.x and 5.x.
    #[default]
    V4,
}

/// In the form of 4.x and 5.x, without the members.
pub(super) fn encode(change: &Membership) -> Bytes {
    let mut body = BytesMut::new();
    put_id(change.id, &mut body);
    put_count(change.vs_sets.len(), &mut body);
    let before_own = change.vs_sets.iter().take(change.own_set);
    put_count(before_own.map(|set| set_len(set)).sum(), &mut body);
    for set in &change.vs_sets {
        put_count(set.len(), &mut body);
        for name in set {
            body.put_slice(name.as_field());
        }
    }
    body.freeze()
}

pub(super) fn encode_id(id: GroupId) -> Bytes {
    let mut body = BytesMut::with_capacity(ID_LEN);
    put_id(id, &mut body);
    body.freeze()
}

pub(super) fn decode(
    header: &Header,
    members: Vec<Name>,
    body: &[u8],
    layout: Layout,
) -> Result<Membership, DecodeError> {
    let malformed = DecodeError::BadMembership(body.len());
    let mut reader = Reader {
        order: header.order,
        rest: body,
    };
    let cause = kind::cause(header.kind).ok_or(DecodeError::UnknownType(header.kind))?;
    let id = reader.id().ok_or(malformed)?;
    let (vs_sets, own_set) = match layout {
        Layout::V3 => (vec![reader.set().ok_or(malformed)?], 0),
        Layout::V4 => reader.sets().ok_or(malformed)?,
    };
    Ok(Membership {
        group: header.name,
        cause,
        members,
        id,
        vs_sets,
        own_set,
    })
}

pub(super) fn decode_id(header: &Header, body: &[u8]) -> Result<GroupId, DecodeError> {
    let mut reader = Reader {
        order: header.order,
        rest: body,
    };
    reader.id().ok_or(DecodeError::BadMembership(body.len()))
}

/// Takes integers and names off the front; `None` when there are not enough bytes.
struct Reader<'a> {
    order: Order,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn id(&mut self) -> Option<GroupId> {
        Some(GroupId {
            proc_id: self.order.i32(self.take()?),
            time: self.order.i32(self.take()?),
            index: self.order.i32(self.take()?),
        })
    }

    /// All sets, and which of them begins at the offset.
    fn sets(&mut self) -> Option<(Vec<Vec<Name>>, usize)> {
        let count = self.count()?;
        let offset = self.count()?;
        let mut own_set = None;
        let mut sets = Vec::new();
        let mut at = 0;
        // Each set takes at least its count's bytes, so the body's length bounds the loop.
        for index in 0..count {
            if at == offset {
                own_set = Some(index);
            }
            let set = self.set()?;
            at += set_len(&set);
            sets.push(set);
        }
        Some((sets, own_set?))
    }

    fn set(&mut self) -> Option<Vec<Name>> {
        let count = self.count()?;
        let bytes = count.checked_mul(Name::FIELD_LEN)?;
        let (names, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        let (fields, _) = names.as_chunks();
        Some(fields.iter().map(Name::from_field).collect())
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.order.u32(self.take()?)).ok()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*first)
    }
}

fn put_id(id: GroupId, body: &mut BytesMut) {
    body.put_i32_le(id.proc_id);
    body.put_i32_le(id.time);
    body.put_i32_le(id.index);
}

/// Counts are of names in memory: none comes near 32 bits.
fn put_count(count: usize, body: &mut BytesMut) {
    body.put_u32_le(u32::try_from(count).unwrap_or(u32::MAX));
}

const fn set_len(set: &[Name]) -> usize {
    4 + set.len() * Name::FIELD_LEN
}

/// A group id's three integers.
const ID_LEN: usize = 12;
