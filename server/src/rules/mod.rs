//! What the operator wants otherwise for some paths: fields, redirects, a page for the lost,
//! and what other sites may not show.
//!
//! | rule | flag | where |
//! |---|---|---|
//! | further fields in responses | `--header` | `headers` |
//! | a page where there is nothing | `--fallback` | `fallback` |
//! | other places | `--redirect` | `redirect`, `location` |
//! | only from pages of this site | `--referer-pattern` | `referer` |
//!
//! Everything is checked when a rule is made, so that a rule that exists works. What depends on
//! the path of a file alone is worked out when the file is read into the cache; without rules a
//! request pays for none of this.

mod fallback;
mod headers;
mod location;
mod redirect;
mod referer;

pub use self::fallback::FallbackPage;
pub(crate) use self::headers::Fields;
pub use self::headers::{Charset, HeaderRule, HeaderRuleError, Headers};
pub use self::location::TemplateError;
pub use self::redirect::{RedirectRule, RedirectRuleError};
pub use self::referer::RefererRule;

/// The rules of a server.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Fields of responses.
    pub headers: Headers,
    /// Other places for paths, which come before the files; the first that matches counts.
    pub redirects: Vec<RedirectRule>,
    /// A page where there is nothing.
    pub fallback: Option<FallbackPage>,
    /// Paths that only some pages may show.
    pub referers: Option<RefererRule>,
}

impl Rules {
    /// Whether some of them answer a request, whatever there is at its target.
    pub(crate) const fn answer_requests(&self) -> bool {
        !self.redirects.is_empty() || self.referers.is_some()
    }
}
