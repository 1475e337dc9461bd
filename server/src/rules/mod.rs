//! What the operator wants otherwise for some paths: fields, redirects, a page for the lost.
//!
//! | rule | flag | where |
//! |---|---|---|
//! | further fields in responses | `--header` | `headers` |
//!
//! Everything is checked when a rule is made, so that a rule that exists works. What depends on
//! the path of a file alone is worked out when the file is read into the cache; without rules a
//! request pays for none of this.

mod headers;

pub(crate) use self::headers::Fields;
pub use self::headers::{HeaderRule, HeaderRuleError, Headers};

/// The rules of a server.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Fields of responses.
    pub headers: Headers,
}
