//! The Basic scheme: a user and a password in base 64 (RFC 7617).

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::USER_LEN_MAX;

/// Longer passwords are wrong without being looked at: SHA-crypt takes the longer the longer a
/// password is, for each of its rounds.
pub const PASSWORD_LEN_MAX: usize = 512;

/// What a client says that it is, and with which password.
#[derive(Clone, Eq, PartialEq)]
pub struct Credentials {
    user: Box<[u8]>,
    password: Box<[u8]>,
}

/// RFC 4648 has the padding, and some clients have not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest that decodes to what can be right.
const ENCODED_LEN_MAX: usize = (USER_LEN_MAX + 1 + PASSWORD_LEN_MAX).div_ceil(3) * 4;

impl Credentials {
    /// A user and its password; `None` if one is longer than any that can be right.
    #[must_use]
    pub fn new(user: &[u8], password: &[u8]) -> Option<Self> {
        let is_short = user.len() <= USER_LEN_MAX && password.len() <= PASSWORD_LEN_MAX;
        is_short.then(|| Self {
            user: user.into(),
            password: password.into(),
        })
    }

    /// Reads the value of an Authorization field. `None` if it is of another scheme, malformed, or
    /// too long for any that can be right.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        // RFC 9110 11.1: the scheme in any case, and one space at least.
        let (scheme, rest) = value.split_at_checked(b"Basic ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let encoded = rest.trim_ascii();
        if encoded.len() > ENCODED_LEN_MAX {
            return None;
        }
        let decoded = BASE64.decode(encoded).ok()?;
        // RFC 7617 2: the first colon ends the user; the password may have others.
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let (user, password) = decoded.split_at_checked(colon)?;
        Self::new(user, password.get(1..)?)
    }

    /// Who it says it is.
    #[must_use]
    pub fn user(&self) -> &[u8] {
        &self.user
    }

    /// What it says that its password is.
    #[must_use]
    pub fn password(&self) -> &[u8] {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.user.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn a_user_and_a_password_are_read() {
        const CASES: &[(&str, Option<(&str, &str)>)] = &[
            ("Basic YTpi", Some(("a", "b"))),
            ("basic YTpi", Some(("a", "b"))),
            ("BASIC  YTpi ", Some(("a", "b"))),
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                Some(("Aladdin", "open sesame")),
            ),
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
                Some(("Aladdin", "open sesame")),
            ),
            // RFC 7617 2.1
            ("Basic dGVzdDoxMjPCow==", Some(("test", "123\u{a3}"))),
            ("Basic YTpiOmM=", Some(("a", "b:c"))),
            ("Basic Og==", Some(("", ""))),
            ("Basic YWI=", None),
            ("Basic", None),
            ("Basic ", None),
            ("Basic YTpi YTpi", None),
            ("Basic YTp=i", None),
            ("Basic !!!!", None),
            ("Bearer YTpi", None),
            ("BasicYTpi", None),
            ("", None),
        ];
        for (value, expected) in CASES {
            let expected = expected.and_then(|(user, password)| {
                Credentials::new(user.as_bytes(), password.as_bytes())
            });
            assert_eq!(Credentials::parse(value.as_bytes()), expected, "{value:?}");
        }
        let shown = format!("{:?}", Credentials::new(b"a", b"secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }

    /// CVE-2001-1496: off by one, in the room for what was decoded.
    #[test]
    fn what_is_too_long_is_wrong_unseen() {
        for (user, password, is_read) in [
            (USER_LEN_MAX, PASSWORD_LEN_MAX, true),
            (USER_LEN_MAX + 1, 1, false),
            (1, PASSWORD_LEN_MAX + 1, false),
            (100_000, 100_000, false),
        ] {
            let text = ["u".repeat(user), "p".repeat(password)].join(":");
            let value = format!("Basic {}", BASE64.encode(text));
            assert_eq!(
                Credentials::parse(value.as_bytes()).is_some(),
                is_read,
                "{user}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(
            user in "[^:]{0,50}",
            password in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let text = [user.as_bytes(), b":", &password].concat();
            let value = format!("Basic {}", BASE64.encode(text));
            let read = Credentials::parse(value.as_bytes());
            prop_assert_eq!(read, Credentials::new(user.as_bytes(), &password));
        }

        #[test]
        fn no_value_is_more_than_wrong(value in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Credentials::parse(&value);
            let _ = Credentials::parse(&[b"Basic ", &value[..]].concat());
        }
    }
}
