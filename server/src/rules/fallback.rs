//! `--fallback`: a page for paths that name nothing, for sites whose pages are made in the
//! browser.
//!
//! Only who may be looking for a page gets it, so that a missing script or picture is still
//! missing: a path whose last segment has no dot, or a client that names text/html among what it
//! accepts. A dotfile, and what is not there below `/.well-known/`, is not found as ever: who
//! asks for those asks whether they exist (RFC 8615).

use std::fmt;

use http::{Reject, Request, Target, accept, escape};

/// The page, by its path beneath the document root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FallbackPage {
    /// As a request would name it.
    raw: Box<[u8]>,
}

impl FallbackPage {
    /// The file at `page`, relative to the document root; a slash before it changes nothing.
    /// Whether it is there is seen when the server is bound.
    #[must_use]
    pub fn new(page: &str) -> Self {
        let mut raw = vec![b'/'];
        escape::path(&mut raw, page.strip_prefix('/').unwrap_or(page).as_bytes());
        Self { raw: raw.into() }
    }

    /// What a request for it would be for.
    ///
    /// # Errors
    /// When no request could name it, because it is outside the document root.
    pub(crate) fn target(&self) -> Result<Target<'_>, Reject> {
        Target::parse(&self.raw)
    }

    /// Whether it is for `request`, if nothing is at its `target`.
    pub(crate) fn is_for(&self, request: &Request<'_>, target: &Target<'_>) -> bool {
        let mut segments = target.path().split(|&byte| byte == b'/');
        if segments.any(|segment| segment.starts_with(b".")) {
            return false;
        }
        let name = target.path().rsplit(|&byte| byte == b'/').next();
        let has_dot = name.is_some_and(|name| name.contains(&b'.'));
        !has_dot || accept::names_html(&request.fields.accept())
    }
}

impl fmt::Display for FallbackPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.raw))
    }
}

#[cfg(test)]
mod tests {
    use super::FallbackPage;
    use http::{Limits, Request, Target};

    #[test]
    fn the_page_is_for_those_who_may_be_looking_for_one() {
        const CASES: &[(&str, &str, bool)] = &[
            ("/", "*/*", true),
            ("/route", "*/*", true),
            ("/v1.2/route", "*/*", true),
            ("/route/", "application/json", true),
            ("/app.js", "*/*", false),
            ("/app.js", "text/*", false),
            (
                "/user/a.b",
                "text/html,application/xhtml+xml,*/*;q=0.8",
                true,
            ),
            ("/user/a.b", "text/html;q=0", false),
            ("/.env", "text/html", false),
            ("/.git/config", "text/html", false),
            ("/.well-known/change-password", "text/html", false),
        ];
        let page = FallbackPage::new("/index.html");
        assert_eq!(page.target().unwrap().path(), b"index.html");
        for (target, accept, expected) in CASES {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\n\r\n");
            let request = Request::parse(head.as_bytes(), &Limits::default());
            let request = request.unwrap().unwrap();
            let target = Target::parse(request.target).unwrap();
            assert_eq!(page.is_for(&request, &target), *expected, "{head}");
        }
    }
}
