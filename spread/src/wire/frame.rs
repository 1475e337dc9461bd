//! Frames in both directions: what is behind the header, and where one frame ends.
//!
//! ```text
//! +--------+-------------------------+-----------------+
//! | header | group name × num_groups | data × data_len |
//! +--------+-------------------------+-----------------+
//!     48         32 each
//! ```
//!
//! A reject has four more bytes between header and groups, which `data_len` does not count.
//! Decoders take one whole frame off the front of a buffer, or leave it as it is.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::header::{self, Header, Hint};
use super::membership::{self, Layout};
use super::message::{Delivery, Message, Outgoing, Reject, Request};
use super::{DecodeError, kind};
use crate::name::{GroupName, Name, PrivateGroup};

/// A frame to be written: two pieces, so that a body is shared by all who get it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// The header and what else is not the body.
    pub head: Bytes,
    /// The body of a message; empty in other frames.
    pub body: Bytes,
}

impl Frame {
    /// The bytes of both pieces.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether both pieces are empty, as those of a frame that was written and advanced over are.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a decoder takes before it calls the peer broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Names in one frame.
    pub groups_max: usize,
    /// Bytes of the body and of the names together.
    pub bytes_max: usize,
}

impl Limits {
    /// What a daemon takes from a client: 100 groups, and 143,151 bytes, the most that a 5.0.1
    /// daemon survives (it means to allow 143,952).
    pub const REQUEST: Self = Self {
        groups_max: GROUPS_MAX,
        bytes_max: 143_151,
    };

    fn check(&self, header: &Header) -> Result<(), DecodeError> {
        if header.num_groups > self.groups_max {
            return Err(DecodeError::TooManyGroups {
                count: header.num_groups,
                max: self.groups_max,
            });
        }
        let len = header.names_len().saturating_add(header.data_len);
        if len > self.bytes_max {
            return Err(DecodeError::TooLong {
                len,
                max: self.bytes_max,
            });
        }
        Ok(())
    }
}

/// Groups that one message may be addressed to (`sess_types.h: MAX_GROUPS_PER_MESSAGE`).
pub const GROUPS_MAX: usize = 100;

impl Request {
    /// The frame of this request, sent by the session whose address is `from`.
    #[must_use]
    pub fn encode(&self, from: PrivateGroup) -> Frame {
        let about =
            |kind, group: Name| encode(kind, from.into(), &[group], Hint::NONE, &Bytes::new());
        match self {
            Self::Join(group) => about(kind::JOIN, (*group).into()),
            Self::Leave(group) => about(kind::LEAVE, (*group).into()),
            Self::Disconnect => about(kind::KILL, from.into()),
            Self::Multicast(message) => message.encode(from.into()),
        }
    }

    /// Takes one request of the session `from` off `buffer`; `None` while it is not all there.
    ///
    /// A message gets `from` as its sender, and loses all type bits but its service and
    /// `SELF_DISCARD`, so that no client can send what looks like a membership.
    ///
    /// # Errors
    /// When a daemon would end the session for it (`session.c: Sess_validate_read_header`).
    pub fn decode(
        buffer: &mut BytesMut,
        from: PrivateGroup,
        limits: &Limits,
    ) -> Result<Option<Self>, DecodeError> {
        let Some(header) = peek(buffer)? else {
            return Ok(None);
        };
        let asked = header.kind & kind::REQUEST_MASK;
        if asked.count_ones() != 1 {
            return Err(DecodeError::UnknownType(header.kind));
        }
        if header.name != from.into() {
            return Err(DecodeError::NotTheSender(header.name));
        }
        header.hint.check()?;
        limits.check(&header)?;
        let Some(rest) = take(buffer, &header, 0) else {
            return Ok(None);
        };
        Ok(Some(match asked {
            kind::JOIN => Self::Join(rest.only_group()?),
            kind::LEAVE => Self::Leave(rest.only_group()?),
            kind::KILL => Self::Disconnect,
            _ => Self::Multicast(rest.into_message(&header)?),
        }))
    }
}

impl Delivery {
    /// The frame of this delivery, as a daemon of version 4 or 5 writes it.
    #[must_use]
    pub fn encode(&self) -> Frame {
        let nothing = Bytes::new();
        match self {
            Self::Message(message) => message.encode(message.sender),
            Self::Membership(change) => encode(
                kind::of_membership(change.cause),
                change.group,
                &change.members,
                Hint::NONE,
                &membership::encode(change),
            ),
            Self::Transition { group, id } => {
                let body = membership::encode_id(*id);
                encode(kind::TRANSITION, *group, &[], Hint::NONE, &body)
            }
            Self::SelfLeave { group } => {
                encode(kind::SELF_LEAVE, *group, &[], Hint::NONE, &nothing)
            }
            Self::Reject(reject) => reject.encode(),
        }
    }

    /// Takes one delivery off `buffer`; `None` while it is not all there.
    ///
    /// # Errors
    /// When what the daemon sent is no delivery, or beyond `limits`.
    pub fn decode(
        buffer: &mut BytesMut,
        layout: Layout,
        limits: &Limits,
    ) -> Result<Option<Self>, DecodeError> {
        let Some(header) = peek(buffer)? else {
            return Ok(None);
        };
        limits.check(&header)?;
        let rejected = header.kind & kind::REJECT != 0;
        let extra = if rejected { ORIGINAL_TYPE_LEN } else { 0 };
        let Some(rest) = take(buffer, &header, extra) else {
            return Ok(None);
        };
        let delivery = match header.kind {
            _ if rejected => Self::Reject(rest.into_reject(&header)),
            // A client of a 5.0.1 daemon can add membership bits to its message, so the service
            // bits are looked at first: what has one was sent by a client.
            data if data & kind::SERVICE_MASK != 0 => Self::Message(rest.into_message(&header)?),
            change if change & kind::REG_MEMB != 0 => Self::Membership(membership::decode(
                &header,
                rest.groups,
                &rest.body,
                layout,
            )?),
            transition if transition & kind::TRANSITION != 0 => Self::Transition {
                group: header.name,
                id: membership::decode_id(&header, &rest.body)?,
            },
            leave if leave & kind::SELF_LEAVE != 0 => Self::SelfLeave { group: header.name },
            unknown => return Err(DecodeError::UnknownType(unknown)),
        };
        Ok(Some(delivery))
    }
}

impl Message {
    /// The frame of this message as `sender`'s.
    pub(crate) fn encode(&self, sender: Name) -> Frame {
        let kind = kind::of_message(self.service, self.self_discard);
        let hint = Hint::new(self.mess_type, self.foreign_endian);
        encode(kind, sender, &self.groups, hint, &self.body)
    }
}

impl Outgoing<'_> {
    /// The frame of this message, sent by the session whose address is `from`: the same as that
    /// of the [`Request`], without a list of groups of its own.
    #[must_use]
    pub fn encode(&self, from: PrivateGroup) -> Frame {
        let kind = kind::of_message(self.service, self.self_discard);
        let hint = Hint::new(self.mess_type, false);
        encode(kind, from.into(), self.groups, hint, &self.body)
    }
}

impl Reject {
    /// As a daemon writes it (`session.c: Sess_create_reject_message`).
    fn encode(&self) -> Frame {
        let kind = kind::REJECT | kind::of_self_discard(self.self_discard);
        let hint = Hint::new(self.mess_type, self.foreign_endian);
        let original = kind::of_refused(self.refused, self.self_discard);
        let extra = header::with_order(original).to_le_bytes();
        encode_with(kind, self.sender, &self.groups, (hint, &extra), &self.body)
    }
}

fn encode(kind: u32, name: Name, groups: &[Name], hint: Hint, body: &Bytes) -> Frame {
    encode_with(kind, name, groups, (hint, &[]), body)
}

fn encode_with(
    kind: u32,
    name: Name,
    groups: &[Name],
    (hint, extra): (Hint, &[u8]),
    body: &Bytes,
) -> Frame {
    let header = Header {
        kind,
        name,
        num_groups: groups.len(),
        hint,
        data_len: body.len(),
        order: header::Order::Little,
    };
    let len = Header::LEN + extra.len() + groups.len() * Name::FIELD_LEN;
    let mut head = BytesMut::with_capacity(len);
    header.encode(&mut head);
    head.put_slice(extra);
    for group in groups {
        head.put_slice(group.as_field());
    }
    Frame {
        head: head.freeze(),
        body: body.clone(),
    }
}

/// What is behind the header.
struct Rest {
    /// Of a reject.
    original_type: [u8; ORIGINAL_TYPE_LEN],
    groups: Vec<Name>,
    body: Bytes,
}

impl Rest {
    /// The group of a join or leave; a daemon looks at the first only.
    fn only_group(&self) -> Result<GroupName, DecodeError> {
        let first = self.groups.first().copied().unwrap_or(Name::EMPTY);
        GroupName::try_from(first).map_err(|_| DecodeError::BadGroup(first))
    }

    fn into_message(self, header: &Header) -> Result<Message, DecodeError> {
        let service = kind::service(header.kind).ok_or(DecodeError::UnknownType(header.kind))?;
        let (mess_type, foreign_endian) = header.hint.mess_type();
        Ok(Message {
            service,
            self_discard: header.kind & kind::SELF_DISCARD != 0,
            sender: header.name,
            groups: self.groups,
            mess_type,
            foreign_endian,
            body: self.body,
        })
    }

    /// Its header has no service bits: what was asked for is in the original type alone.
    fn into_reject(self, header: &Header) -> Reject {
        let original = header.order.u32(self.original_type);
        let (mess_type, foreign_endian) = header.hint.mess_type();
        Reject {
            refused: kind::refused(header::without_order(original)),
            self_discard: header.kind & kind::SELF_DISCARD != 0,
            sender: header.name,
            groups: self.groups,
            mess_type,
            foreign_endian,
            body: self.body,
        }
    }
}

fn peek(buffer: &BytesMut) -> Result<Option<Header>, DecodeError> {
    buffer.first_chunk().map(Header::decode).transpose()
}

/// Takes the whole frame off the buffer, once all of it is there.
fn take(buffer: &mut BytesMut, header: &Header, extra: usize) -> Option<Rest> {
    let names_at = Header::LEN + extra;
    let body_at = names_at.saturating_add(header.names_len());
    let len = body_at.saturating_add(header.data_len);
    if buffer.len() < len {
        return None;
    }
    let mut frame = buffer.split_to(len).freeze();
    let behind_header = frame.get(Header::LEN..).and_then(<[u8]>::first_chunk);
    let original_type = behind_header.copied().unwrap_or_default();
    let (fields, _) = frame.get(names_at..body_at).unwrap_or(&[]).as_chunks();
    let groups = fields.iter().map(Name::from_field).collect();
    frame.advance(body_at);
    Some(Rest {
        original_type,
        groups,
        // An empty slice would keep the receive buffer alive, too.
        body: if frame.is_empty() {
            Bytes::new()
        } else {
            frame
        },
    })
}

/// A reject's original type, in the daemon's byte order.
const ORIGINAL_TYPE_LEN: usize = 4;
