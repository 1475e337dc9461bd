//! `--referer-pattern`: paths that only pages of this site, or of others that are named, may show.
//!
//! It keeps others from having pictures served by us in their pages; it keeps nothing secret, as
//! whoever asks can name any page. A Referer that names no host, as some privacy settings send
//! it, counts as none; who sends none has typed the address, or hides where it was.

use http::{Pattern, PatternError, host_name};

/// Which paths want a local page before them, and which pages are local.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefererRule {
    pattern: Pattern,
    /// Hosts whose pages are local; the one that is asked, if there is none.
    local: Option<Pattern>,
    wants_referer: bool,
}

impl RefererRule {
    /// The rule for paths that `pattern` matches: their Referer must be of a host that `local`
    /// matches, or of the host that they are asked of. `wants_referer`: it must be there.
    ///
    /// # Errors
    /// When one of the patterns is none.
    pub fn new(
        pattern: &str,
        local: Option<&str>,
        wants_referer: bool,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            pattern: pattern.parse()?,
            local: local.map(str::parse).transpose()?,
            wants_referer,
        })
    }

    /// Whether a request for `path`, as [`http::Target::rule_path`] has it, of `host`, as the
    /// request names it, is refused for its `referer`.
    pub(crate) fn refuses(&self, path: &[u8], host: Option<&[u8]>, referer: Option<&[u8]>) -> bool {
        if !self.pattern.matches(path) {
            return false;
        }
        let Some(authority) = referer.and_then(authority) else {
            return self.wants_referer;
        };
        let Some(from) = host_name(authority) else {
            return true;
        };
        match &self.local {
            Some(local) => !local.matches(from.as_bytes()),
            None => host.and_then(host_name).is_none_or(|own| own != from),
        }
    }
}

/// The host and port of a URI; `None` if it has none.
fn authority(uri: &[u8]) -> Option<&[u8]> {
    let begin = uri.windows(2).position(|two| two == b"//")? + 2;
    let rest = uri.get(begin..)?;
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\'));
    let authority = rest.get(..end.unwrap_or(rest.len()))?;
    // What stands before an `@` is a user, whatever it looks like.
    let host = authority.rsplit(|&byte| byte == b'@').next()?;
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_referer_is_of_the_site_or_not() {
        const CASES: &[(&str, Option<&str>, bool)] = &[
            ("pic.png", Some("http://www.example/page"), false),
            ("pic.png", Some("https://WWW.example:8443/"), false),
            ("pic.png", Some("http://www.example"), false),
            ("pic.png", Some("//www.example/"), false),
            ("pic.png", Some("http://www.example.?a"), false),
            ("pic.png", None, false),
            ("pic.png", Some(""), false),
            ("pic.png", Some("about:blank"), false),
            ("pic.png", Some("http:///page"), false),
            ("pic.png", Some("http://other.example/"), true),
            ("pic.png", Some("http://example/"), true),
            ("pic.png", Some("http://www.example.evil.example/"), true),
            ("pic.png", Some("http://www.example:80@evil.example/"), true),
            ("pic.png", Some("http://evil.example\\@www.example/"), true),
            ("pic.png", Some("http://evil.example#@www.example/"), true),
            ("pic.png", Some("http://evil.example//www.example/"), true),
            ("pic.png", Some("http://%77ww.example/"), true),
            ("page.html", Some("http://other.example/"), false),
        ];
        let rule = RefererRule::new("**.png", None, false).unwrap();
        for (path, referer, expected) in CASES {
            let referer = referer.map(str::as_bytes);
            let refused = rule.refuses(path.as_bytes(), Some(b"www.example:80"), referer);
            assert_eq!(refused, *expected, "{path} {referer:?}");
        }
        let refused = |referer| rule.refuses(b"a.png", None, referer);
        assert!(refused(Some(b"http://www.example/")) && !refused(None));
    }

    #[test]
    fn others_can_be_local_and_all_can_be_asked_for_a_referer() {
        let rule = RefererRule::new("**", Some("*.example|friend.test"), true).unwrap();
        let host = Some(&b"www.example"[..]);
        for (referer, expected) in [
            (Some("http://a.example/"), false),
            (Some("http://friend.test/"), false),
            (Some("http://example/"), true),
            (Some("http://a.friend.test/"), true),
            (Some("none"), true),
            (None, true),
        ] {
            let refused = rule.refuses(b"x", host, referer.map(str::as_bytes));
            assert_eq!(refused, expected, "{referer:?}");
        }
        assert!(RefererRule::new(&"*".repeat(21), None, false).is_err());
    }
}
