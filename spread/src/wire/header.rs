//! The 48 bytes in front of every frame, in either byte order.
//!
//! ```text
//!  0  type           u32   service or kind, and two bits that tell the sender's byte order
//!  4  private_group  [32]  the sender; of a membership: the group
//! 36  num_groups     i32
//! 40  hint           u32   mess_type << 8, and the byte order of whoever sent it first
//! 44  data_len       i32
//! ```
//!
//! The order bits (`arch.h: ENDIAN_TYPE`) read the same from both sides, so they are looked at
//! before anything else. A daemon puts the other integers into its own order and passes the hint
//! on untouched: its bits are the original sender's. We write little-endian, on every machine.

use bytes::{BufMut, BytesMut};

use super::DecodeError;
use crate::name::Name;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// Without the order bits.
    pub(super) kind: u32,
    pub(super) name: Name,
    pub(super) num_groups: usize,
    pub(super) hint: Hint,
    pub(super) data_len: usize,
    /// Of the integers in the rest of the frame that the sender's library would swap.
    pub(super) order: Order,
}

/// Byte order of whoever wrote an integer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    Little,
    Big,
}

/// `mess_type` with the byte order of its sender.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hint(u32);

impl Header {
    pub(super) const LEN: usize = 48;

    pub(super) fn decode(bytes: &[u8; Self::LEN]) -> Result<Self, DecodeError> {
        let (kind, rest) = split::<4>(bytes);
        let (name, rest) = split::<{ Name::FIELD_LEN }>(rest);
        let (num_groups, rest) = split::<4>(rest);
        let (hint, rest) = split::<4>(rest);
        let (data_len, _) = split::<4>(rest);
        let order = Order::of(u32::from_le_bytes(kind));
        Ok(Self {
            kind: without_order(order.u32(kind)),
            name: Name::from_field(&name),
            num_groups: length("num_groups", order.i32(num_groups))?,
            hint: Hint(u32::from_le_bytes(hint)),
            data_len: length("data_len", order.i32(data_len))?,
            order,
        })
    }

    /// Bytes of the groups behind the header. On a machine of 32 bits, what a peer announces may be
    /// more than can be counted.
    pub(super) const fn names_len(&self) -> usize {
        self.num_groups.saturating_mul(Name::FIELD_LEN)
    }

    pub(super) fn encode(&self, to: &mut BytesMut) {
        to.put_u32_le(with_order(self.kind));
        to.put_slice(self.name.as_field());
        to.put_i32_le(i32::try_from(self.num_groups).unwrap_or(i32::MAX));
        to.put_u32_le(self.hint.0);
        to.put_i32_le(i32::try_from(self.data_len).unwrap_or(i32::MAX));
    }
}

impl Order {
    const fn of(kind_as_little: u32) -> Self {
        if kind_as_little & ORDER_MASK == ORDER_MASK {
            Self::Little
        } else {
            Self::Big
        }
    }

    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) const fn i32(self, bytes: [u8; 4]) -> i32 {
        match self {
            Self::Little => i32::from_le_bytes(bytes),
            Self::Big => i32::from_be_bytes(bytes),
        }
    }
}

impl Hint {
    /// No application bits, written by us.
    pub(super) const NONE: Self = Self(ORDER_MASK);

    /// As the sender of `mess_type` wrote it; `foreign` when that was a big-endian machine.
    pub(super) const fn new(mess_type: i16, foreign: bool) -> Self {
        let bits = (mess_type.cast_unsigned() as u32) << 8;
        if foreign {
            Self(bits.swap_bytes())
        } else {
            Self(bits | ORDER_MASK)
        }
    }

    /// The application's 16 bits, and whether their sender's byte order is not ours.
    pub(super) const fn mess_type(self) -> (i16, bool) {
        let foreign = self.0 & ORDER_MASK != ORDER_MASK;
        let bits = if foreign { self.0.swap_bytes() } else { self.0 };
        let [_, low, high, _] = bits.to_le_bytes();
        (i16::from_le_bytes([low, high]), foreign)
    }

    /// The rule of a daemon (`session.c: Sess_validate_read_header`).
    pub(super) const fn check(self) -> Result<(), DecodeError> {
        if self.0 & !0x80ff_ff80 == 0 {
            Ok(())
        } else {
            Err(DecodeError::BadHint(self.0))
        }
    }
}

/// Type bits as we write them, with the bits that tell our byte order.
pub(super) const fn with_order(kind: u32) -> u32 {
    kind | ORDER_MASK
}

/// Type bits without those that tell a byte order.
pub(super) const fn without_order(kind: u32) -> u32 {
    kind & !ORDER_MASK
}

fn length(field: &'static str, value: i32) -> Result<usize, DecodeError> {
    usize::try_from(value).map_err(|_| DecodeError::NegativeLength { field, value })
}

/// The first `N` bytes of a slice known to have them, and the rest.
fn split<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    match bytes.split_first_chunk::<N>() {
        Some((first, rest)) => (*first, rest),
        None => ([0; N], &[]),
    }
}

/// `arch.h: ENDIAN_TYPE` of a little-endian machine; all clear on a big-endian one.
const ORDER_MASK: u32 = 0x8000_0080;
