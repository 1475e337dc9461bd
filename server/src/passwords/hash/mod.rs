//! A password's hash, as a password file has it, and whether a password gives it.
//!
//! | begins with | made by |
//! |---|---|
//! | `$2y$`, `$2b$`, `$2a$` | bcrypt: `rthttpd htpasswd`, `htpasswd -B` |
//! | `$6$`, `$5$` | SHA-crypt: `rthttpd htpasswd --method sha512`, `htpasswd -5`, `mkpasswd` |
//! | `$apr1$` | Apache's MD5: `htpasswd` without an option |
//! | `$1$` | MD5-crypt: merecat's `htpasswd` |
//! | `{SHA}` | SHA-1 without a salt: `htpasswd -s` |
//!
//! thttpd's own `htpasswd` made those of DES, of which a computer of today tries all within a day;
//! they are refused by name. What would take longer than a second or so to verify is refused too:
//! whoever can write a password file could otherwise stop the server with it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq as _;

use super::sha_crypt::{ROUNDS_MAX, ShaCrypt, Width};
use super::{crypt64, md5_crypt, sha_crypt};

/// The greatest cost of bcrypt that is taken: a second or two.
pub const COST_MAX: u32 = 15;

/// What bcrypt itself has as the least.
pub(crate) const COST_MIN: u32 = 4;

/// A hash of a password. Its own form does not show it to whoever prints it.
#[derive(Clone, Eq, PartialEq)]
pub struct Hash(Kind);

#[derive(Clone, Eq, PartialEq)]
enum Kind {
    Bcrypt(Box<str>),
    ShaCrypt(ShaCrypt),
    Md5Crypt {
        magic: &'static str,
        salt: Box<str>,
        digits: Box<str>,
    },
    Sha1([u8; 20]),
}

/// How a new hash is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// bcrypt, with a cost of [`COST_MAX`] at most.
    Bcrypt {
        /// How often the work doubles.
        cost: u32,
    },
    /// SHA-crypt with SHA-512.
    Sha512,
}

/// Why a text is no hash that can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// crypt(3) of old.
    #[error(
        "the hash is one of DES (crypt), which is broken: have the password set anew with \
         `rthttpd htpasswd`"
    )]
    Des,
    /// One of the known kinds, badly written.
    #[error("the {kind} hash is malformed or cut off")]
    Malformed {
        /// The kind.
        kind: &'static str,
    },
    /// It would take too long to verify.
    #[error("the {kind} hash would take too long to verify: at most {max} are taken")]
    TooExpensive {
        /// The kind.
        kind: &'static str,
        /// The most that is taken.
        max: &'static str,
    },
    /// A kind that is not known here.
    #[error(
        "the hash is of no kind that is known here (bcrypt, $5$, $6$, $apr1$, $1$, {{SHA}}): have \
         the password set anew with `rthttpd htpasswd`"
    )]
    Unknown,
    /// There is none.
    #[error("the hash is empty: who has no password cannot enter")]
    Empty,
}

impl Hash {
    /// Reads a hash.
    ///
    /// # Errors
    /// When it is none that could be verified.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let kind = if let Some(digest) = text.strip_prefix("{SHA}") {
            let bytes = STANDARD.decode(digest).ok();
            let digest = bytes.and_then(|bytes| bytes.try_into().ok());
            Kind::Sha1(digest.ok_or(HashError::Malformed { kind: "{SHA}" })?)
        } else if let Some(rest) = text.strip_prefix("$5$") {
            Kind::ShaCrypt(parse_sha_crypt(Width::Sha256, "$5$", rest)?)
        } else if let Some(rest) = text.strip_prefix("$6$") {
            Kind::ShaCrypt(parse_sha_crypt(Width::Sha512, "$6$", rest)?)
        } else if let Some(rest) = text.strip_prefix("$apr1$") {
            parse_md5_crypt("$apr1$", rest)?
        } else if let Some(rest) = text.strip_prefix("$1$") {
            parse_md5_crypt("$1$", rest)?
        } else if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|id| text.starts_with(id))
        {
            parse_bcrypt(text)?
        } else if text.is_empty() {
            return Err(HashError::Empty);
        } else if text.len() == 13 && crypt64::is_digits(text) {
            return Err(HashError::Des);
        } else {
            return Err(HashError::Unknown);
        };
        Ok(Self(kind))
    }

    /// Whether `password` gives this hash: found out in a time that does not depend on how nearly
    /// it does.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.0 {
            Kind::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Kind::ShaCrypt(hash) => is_same(&hash.digits_of(password), hash.digits()),
            Kind::Md5Crypt {
                magic,
                salt,
                digits,
            } => {
                let given = md5_crypt::digits(password, magic.as_bytes(), salt.as_bytes());
                is_same(&given, digits)
            }
            Kind::Sha1(digest) => {
                let given: [u8; 20] = Sha1::digest(password).into();
                given.ct_eq(digest).into()
            }
        }
    }

    /// A hash of `password` as it is written, with the salt made of `random`.
    ///
    /// # Errors
    /// When bcrypt does not have the cost.
    pub fn make(password: &[u8], method: Method, random: [u8; 16]) -> Result<String, HashError> {
        match method {
            Method::Bcrypt { cost } => {
                let made = bcrypt::hash_with_salt(password, cost, random);
                let made = made.map_err(|_| HashError::Malformed { kind: "bcrypt" })?;
                Ok(made.format_for_version(bcrypt::Version::TwoY))
            }
            Method::Sha512 => Ok(sha_crypt::make(password, &crypt64::salt(&random))),
        }
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Bcrypt(_) => "bcrypt",
            Kind::ShaCrypt(_) => "SHA-crypt",
            Kind::Md5Crypt { magic, .. } => magic,
            Kind::Sha1(_) => "{SHA}",
        };
        write!(f, "Hash({kind})")
    }
}

fn parse_bcrypt(text: &str) -> Result<Kind, HashError> {
    let kind = "bcrypt";
    let parts = text.parse::<bcrypt::HashParts>();
    let cost = parts.map_err(|_| HashError::Malformed { kind })?.get_cost();
    match cost {
        COST_MIN..=COST_MAX => Ok(Kind::Bcrypt(text.into())),
        0..COST_MIN => Err(HashError::Malformed { kind }),
        _ => Err(HashError::TooExpensive {
            kind,
            max: "a cost of 15",
        }),
    }
}

fn parse_sha_crypt(width: Width, kind: &'static str, rest: &str) -> Result<ShaCrypt, HashError> {
    let rounds = rest.strip_prefix("rounds=");
    let rounds = rounds.and_then(|rest| rest.split('$').next()?.parse::<u64>().ok());
    if rounds.is_some_and(|rounds| rounds > ROUNDS_MAX.into()) {
        let max = "1,000,000 rounds";
        return Err(HashError::TooExpensive { kind, max });
    }
    ShaCrypt::parse(width, rest).ok_or(HashError::Malformed { kind })
}

fn parse_md5_crypt(magic: &'static str, rest: &str) -> Result<Kind, HashError> {
    let malformed = HashError::Malformed { kind: magic };
    let (salt, digits) = rest.split_once('$').ok_or(malformed)?;
    if digits.len() != md5_crypt::DIGITS || !crypt64::is_digits(digits) {
        return Err(malformed);
    }
    Ok(Kind::Md5Crypt {
        magic,
        salt: salt.into(),
        digits: digits.into(),
    })
}

#[cfg(test)]
mod tests;
