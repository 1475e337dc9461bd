//! The five kinds of name in Spread, each a type that cannot hold a wrong one.
//!
//! On the wire every name is a field of 32 bytes, padded with NULs ([`Name`]). What may
//! stand in it depends on who chose it:
//!
//! ```text
//! GroupName     access_log       1..31 bytes of 0x24..0x7e   chosen by applications
//! PrivateName   Lq8w3kd0x1       1..10 bytes of 0x24..0x7e   chosen by a client when it connects
//! DaemonName    web              1..19 bytes of 0x24..0x7e   chosen by whoever runs the daemon
//! PrivateGroup  #Lq8w3kd0x1#web  `#` private name `#` daemon  made by the daemon, a session's address
//! ```
//!
//! A `Name` decoded from a peer can be anything (a 5.0.1 daemon checks no group name), so it
//! promises nothing but its length. The rules are those of `sp.c: valid_name` and
//! `session.c: Sess_validate_names`.

use std::fmt;
use std::str::FromStr;

/// A name as it stands in a frame: at most 31 bytes, any bytes but NUL.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name {
    field: [u8; Self::FIELD_LEN],
}

impl Name {
    /// Bytes of a name field on the wire (`sp.h: MAX_GROUP_NAME`).
    pub const FIELD_LEN: usize = 32;
    /// Bytes of the longest name; the last of the field is always NUL.
    pub const LEN_MAX: usize = Self::FIELD_LEN - 1;
    /// The field of no name at all.
    pub const EMPTY: Self = Self {
        field: [0; Self::FIELD_LEN],
    };

    /// Reads a field from the wire: the bytes before the first NUL, at most 31.
    ///
    /// What follows the first NUL is dropped, so equal names have equal fields.
    #[must_use]
    pub fn from_field(field: &[u8; Self::FIELD_LEN]) -> Self {
        let mut field = *field;
        let [.., last] = &mut field;
        *last = 0;
        let (words, _) = field.as_chunks_mut::<8>();
        let mut open = u64::MAX;
        for word in words {
            let bytes = u64::from_le_bytes(*word);
            let kept = before_nul(bytes);
            *word = (bytes & kept & open).to_le_bytes();
            if kept != u64::MAX {
                open = 0;
            }
        }
        Self { field }
    }

    /// The field as it is written to the wire, padded with NULs.
    #[must_use]
    pub const fn as_field(&self) -> &[u8; Self::FIELD_LEN] {
        &self.field
    }

    /// The bytes before the padding; empty for [`Name::EMPTY`].
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let len = self.field.iter().position(|&b| b == 0);
        self.field
            .get(..len.unwrap_or(Self::LEN_MAX))
            .unwrap_or(&[])
    }

    /// Whether it begins with `#`, that is, addresses one session rather than a group.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.field[0] == b'#'
    }

    fn from_checked(bytes: &[u8]) -> Self {
        let mut name = Self::EMPTY;
        for (to, from) in name.field.iter_mut().zip(bytes).take(Self::LEN_MAX) {
            *to = *from;
        }
        name
    }
}

impl fmt::Display for Name {
    /// Printable bytes as they are, all others as `\xHH`: safe in a log or on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// A group that can be joined, left and sent to.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GroupName(Name);

impl GroupName {
    /// Bytes of the longest group name.
    pub const LEN_MAX: usize = Name::LEN_MAX;

    /// Checks `bytes` against the rules of `sp.c: valid_name`.
    ///
    /// # Errors
    /// When they are none, more than 31, or one is outside 0x24..0x7e.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let bytes = bytes.as_ref();
        check("group name", bytes, Self::LEN_MAX)?;
        Ok(Self(Name::from_checked(bytes)))
    }

    /// The name's bytes, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// What a client asks to be called; unique among the sessions of one daemon.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PrivateName(Name);

impl PrivateName {
    /// Bytes of the longest private name (`sp.h: MAX_PRIVATE_NAME`).
    pub const LEN_MAX: usize = 10;

    /// Checks `bytes` against the rules of a daemon's handshake.
    ///
    /// # Errors
    /// When they are none, more than 10, or one is outside 0x24..0x7e.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let bytes = bytes.as_ref();
        check("private name", bytes, Self::LEN_MAX)?;
        Ok(Self(Name::from_checked(bytes)))
    }

    /// The name's bytes, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// What a daemon calls itself: the last part of all its sessions' private groups.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DaemonName(Name);

impl DaemonName {
    /// Bytes of the longest daemon name (`session.h: MAX_PROC_NAME`), which leaves room for the
    /// longest private name and the two `#` in a field of 31.
    pub const LEN_MAX: usize = 19;

    /// Checks `bytes` as the other names are checked.
    ///
    /// # Errors
    /// When they are none, more than 19, or one is outside 0x24..0x7e.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let bytes = bytes.as_ref();
        check("daemon name", bytes, Self::LEN_MAX)?;
        Ok(Self(Name::from_checked(bytes)))
    }

    /// The name's bytes, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The address of one session, `#name#daemon`: the sender in every message it sends.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PrivateGroup(Name);

impl PrivateGroup {
    /// Reads `#name#daemon`.
    ///
    /// # Errors
    /// When it has not that form, or is longer than 31 bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, NameError> {
        let bytes = bytes.as_ref();
        let parts = bytes.strip_prefix(b"#").and_then(split_at_hash);
        let well_formed = parts.is_some_and(|(name, daemon)| {
            (1..=PrivateName::LEN_MAX).contains(&name.len()) && !daemon.is_empty()
        });
        if !well_formed || bytes.len() > Name::LEN_MAX || bytes.contains(&0) {
            return Err(NameError::new("private group", bytes, Name::LEN_MAX));
        }
        Ok(Self(Name::from_checked(bytes)))
    }

    /// The address of the session that calls itself `name` at `daemon`.
    #[must_use]
    pub fn of(name: PrivateName, daemon: DaemonName) -> Self {
        let address = [b"#", name.as_bytes(), b"#", daemon.as_bytes()].concat();
        Self(Name::from_checked(&address))
    }

    /// The private name of the session, the part between the two `#`.
    #[must_use]
    pub fn private_name(&self) -> &[u8] {
        self.parts().0
    }

    /// The name of the session's daemon, the part after the second `#`.
    #[must_use]
    pub fn daemon(&self) -> &[u8] {
        self.parts().1
    }

    /// The whole address, without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let name = self.0.as_bytes().strip_prefix(b"#");
        name.and_then(split_at_hash).unwrap_or((&[], &[]))
    }
}

/// Bytes that were refused as a name, and why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{kind} {}: must be 1 to {len_max} printable ASCII characters without space, `\"` and `#`",
    Shown(refused)
)]
pub struct NameError {
    kind: &'static str,
    refused: Vec<u8>,
    len_max: usize,
}

/// What was refused, fit for a log; of a text that is no name at all, its beginning.
struct Shown<'b>(&'b [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..2 * Name::FIELD_LEN) {
            Some(start) => write!(f, "{}…", start.escape_ascii()),
            None => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

impl NameError {
    fn new(kind: &'static str, refused: &[u8], len_max: usize) -> Self {
        Self {
            kind,
            refused: refused.to_vec(),
            len_max,
        }
    }
}

/// All ones in the bytes before the first that is zero: a mask for eight bytes at once, as names
/// are most of what is decoded.
const fn before_nul(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The lowest bit set is the high one of the first zero byte (higher ones may be wrong).
    let zeros = bytes.wrapping_sub(ONES) & !bytes & HIGHS;
    ((zeros & zeros.wrapping_neg()) >> 7).wrapping_sub(1)
}

fn check(kind: &'static str, bytes: &[u8], len_max: usize) -> Result<(), NameError> {
    let printable = bytes.iter().all(|b| (0x24..=0x7e).contains(b));
    if bytes.is_empty() || bytes.len() > len_max || !printable {
        return Err(NameError::new(kind, bytes, len_max));
    }
    Ok(())
}

fn split_at_hash(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&b| b == b'#')?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

macro_rules! name_traits {
    ($($kind:ident)*) => {$(
        impl FromStr for $kind {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<Name> for $kind {
            type Error = NameError;

            fn try_from(name: Name) -> Result<Self, NameError> {
                Self::new(name.as_bytes())
            }
        }

        impl From<$kind> for Name {
            fn from(name: $kind) -> Self {
                name.0
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

name_traits! { GroupName PrivateName DaemonName PrivateGroup }

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DaemonName, GroupName, Name, PrivateGroup, PrivateName};

    proptest! {
        /// Whatever a peer sends: it is cut at the first NUL, or at 31 bytes.
        #[test]
        fn a_field_says_what_is_before_its_first_nul(
            // Of bytes that are easily taken for NULs, and NULs.
            field in prop::array::uniform32(prop::sample::select(vec![0_u8, 1, 0x80, 0x81, 0xff])),
            len in 0..=32_usize,
        ) {
            let mut field = field;
            field.iter_mut().take(len).filter(|b| **b == 0).for_each(|b| *b = b'x');
            let name = Name::from_field(&field);

            let expected = field[..31].split(|&b| b == 0).next().unwrap();
            prop_assert_eq!(name.as_bytes(), expected);
            prop_assert_eq!(Name::from_field(name.as_field()), name);
            prop_assert!(name.as_field()[expected.len()..].iter().all(|&b| b == 0));
        }

        /// Of any bytes, what is taken as an address is its parts and two `#`.
        #[test]
        fn an_address_is_its_two_parts(bytes in "[#$-~]{0,33}") {
            if let Ok(address) = PrivateGroup::new(&bytes) {
                let parts = [b"#", address.private_name(), b"#", address.daemon()].concat();
                prop_assert_eq!(address.as_bytes(), &parts[..]);
                prop_assert_eq!(parts, bytes.as_bytes());
            }
        }

        #[test]
        fn the_address_of_a_session_has_its_names(name in "[$-~]{1,10}", daemon in "[$-~]{1,19}") {
            let (name, daemon) = (name.parse().unwrap(), daemon.parse().unwrap());

            let address = PrivateGroup::of(name, daemon);

            prop_assert_eq!(PrivateGroup::new(address.as_bytes()), Ok(address));
            prop_assert_eq!(address.private_name(), name.as_bytes());
            prop_assert_eq!(address.daemon(), daemon.as_bytes());
        }
    }

    #[test]
    fn a_name_has_its_length_and_no_more() {
        let long = |len| "x".repeat(len);

        assert!(GroupName::new(long(31)).is_ok() && GroupName::new(long(32)).is_err());
        assert!(PrivateName::new(long(10)).is_ok() && PrivateName::new(long(11)).is_err());
        assert!(DaemonName::new(long(19)).is_ok() && DaemonName::new(long(20)).is_err());
        assert!(GroupName::new("").is_err());
    }

    #[test]
    fn a_name_is_of_the_bytes_that_daemons_take() {
        for byte in 0..=u8::MAX {
            let taken = (0x24..=0x7e).contains(&byte);

            assert_eq!(GroupName::new([byte]).is_ok(), taken, "{byte:#04x}");
            assert_eq!(PrivateName::new([byte]).is_ok(), taken, "{byte:#04x}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "#", "##", "#a", "#a#", "##d", "a#d", "#elevenbytes#d"] {
            let error = PrivateGroup::new(text).unwrap_err();

            assert!(error.to_string().contains(text), "{error}");
        }
    }

    /// A name from a peer is shown in logs and on terminals.
    #[test]
    fn a_name_is_shown_without_control_bytes() {
        let mut field = [0; 32];
        field[..5].copy_from_slice(b"a\x1b[1\n");

        assert_eq!(Name::from_field(&field).to_string(), r"a\x1b[1\n");
        let error = GroupName::new("x\ny").unwrap_err().to_string();
        assert!(
            error.starts_with(r"group name x\ny: must be 1 to 31"),
            "{error}"
        );
    }
}
